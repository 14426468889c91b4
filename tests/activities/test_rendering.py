"""From template and facts to what a customer reads."""
# ruff: noqa: RUF001 - customers use the letters they use

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

from activities.crm.house import Company, HouseRules, Links
from activities.crm.tables import message_id
from activities.rendering import (
    TEMPLATES,
    Drafted,
    TemplateFault,
    draft_for,
    lint,
    offers,
    registry,
    render,
    tokens,
)
from activities.rendering.colours import NIGHT, at_night, contrast
from activities.rendering.facts import spoken_name
from activities.rendering.sms import BASIC, CHEAP, EXTENDED, segments
from tests.activities.rendering import KEY, PUBLIC, SECRET, Page, a_person, a_purchase, facts
from workflows.vocabulary import Kind


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """The templates, to be changed."""
    return copytree(TEMPLATES, tmp_path / "templates")


def fault(*args: object, **kwargs: object) -> str:
    with pytest.raises(TemplateFault) as caught:
        render(*args, **kwargs)  # type: ignore[arg-type]
    assert str(caught.value) == caught.value.code
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value.code


# -- whom we greet, and how ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferred", "full", "spoken"),
    [
        ("Ada", "Augusta Ada King", "Ada"),
        (None, "Ada Lovelace", "Ada"),
        ("  ", "Ada Lovelace", "Ada"),
        (None, "Lovelace, Ada", "Ada"),
        (None, "Dr. Ada Lovelace", "Ada"),
        ("Jean-Luc", None, "Jean-Luc"),
        ("Mary Ann", None, "Mary Ann"),
        (None, "O’Neill", "O’Neill"),
        (None, "李雷", "李雷"),
        (None, "José", "José"),
        (None, None, ""),
        (None, "", ""),
        (None, "None", ""),
        (None, "N/A", ""),
        (None, "Mr", ""),
        (None, "ada@example.com", ""),
        (None, "www.evil.com", ""),
        (None, "<b>[x](http://evil)</b>", ""),
        ("\u202e\u200b", "Ada", "Ada"),
        ("ㅤ", "...", ""),
        ("win a prize " * 9, None, ""),
    ],
)
def test_the_name_we_say(preferred: str | None, full: str | None, spoken: str) -> None:
    """The preferred name, else the first name, else none: never a placeholder, never a link."""
    assert spoken_name(preferred, full) == spoken


def test_nobody_is_called_none() -> None:
    """Without a name the greeting stands by itself, in every template."""
    for name, template in registry().items():
        for channel in template.channels:
            sent = render(name, "en", channel, facts(a_person(name=None), a_purchase()))
            both = sent.subject + sent.text
            assert "None" not in both
            assert "Hello ," not in both
            assert " ," not in both


# -- parts, links, languages ----------------------------------------------------------------


def test_the_welcome_names_the_order_and_its_items() -> None:
    """5.1.2: it confirms the transaction, and so can carry the thank-you as well."""
    sent = render("welcome", "en", "email", facts(order=a_purchase()))
    assert sent.subject == "Welcome to Our Shop: order 1042 is confirmed"
    assert "Thank you for your order" in sent.text
    assert "- 1 × Kettle\n- 2 × Teapot" in sent.text
    assert "Total: £94.00" in sent.text


def test_the_welcome_confirms_a_sign_up() -> None:
    """5.1.2: whoever bought nothing yet is told so of the account, not of an order."""
    sent = render("welcome", "en", "email", facts())
    assert "account" in sent.subject
    assert "order" not in sent.text.replace("order or your account", "")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (None, True),
        (a_purchase(fulfilment="digital"), True),
        (a_purchase(fulfilment="service"), True),
        (a_purchase(fulfilment="ship"), False),
        (a_purchase(fulfilment="pickup"), False),
        (a_purchase(fulfilment=None), False),
    ],
)
def test_access_is_explained_if_applicable(order: object, told: bool) -> None:
    """5.1.2: access details go to those who got access, and never hold a password."""
    sent = render("welcome", "en", "email", facts(order=order))  # type: ignore[arg-type]
    assert (HouseRules().links.access in sent.text) is told


def test_a_long_order_is_cut_short() -> None:
    """Ten items are named, the others counted; a quantity of none is no item."""
    items = [{"name": f"Thing {n}", "quantity": n} for n in range(14)]
    sent = render("welcome", "en", "email", facts(order=a_purchase(items=items)))
    assert "- 10 × Thing 10\n- and 3 more" in sent.text
    assert "Thing 0" not in sent.text


@pytest.mark.parametrize(
    ("total", "currency", "locale", "said"),
    [
        ("1234.5", "GBP", "en", "£1,234.50"),
        ("1234.5", "USD", "en", "US$1,234.50"),  # the office is in Britain,
        ("1234.5", "USD", "en-US", "$1,234.50"),  # the customer is not
        ("1234.5", "EUR", "de", "1.234,50 €"),
        ("1234.5", "EUR", "de-AT", "€ 1.234,50"),
        ("1234.5", "CHF", "de_CH", "CHF 1’234.50"),
        ("1234.5", "EUR", "fr-FR", "€1,234.50"),  # who reads English reads English amounts
        ("1234.5", "JPY", "en", "JP¥1,234"),
        ("10", "sek", "de", "10,00 SEK"),
        (None, "GBP", "en", ""),
        ("10", None, "en", ""),
        ("10", "KISS", "en", ""),
        ("NaN", "GBP", "en", ""),
        ("much", "GBP", "en", ""),
        ("1e999", "GBP", "en", ""),
    ],
)
def test_totals(total: str | None, currency: str | None, locale: str, said: str) -> None:
    """A total is written as people of the country write it, or left out."""
    sent = render(
        "welcome", locale, "email", facts(order=a_purchase(total=total, currency=currency))
    )
    word = "Summe" if sent.locale == "de" else "Total"
    assert (f"{word}: {said}\n" in sent.text) if said else (word not in sent.text)


@pytest.mark.parametrize(
    ("locale", "zone", "said"),
    [
        ("en", None, "Kettle and 2 × Teapot (order 1042, 31 December 2026)"),
        ("en-US", "America/New_York", "Kettle and 2 × Teapot (order 1042, December 31, 2026)"),
        ("de", "Europe/Berlin", "Kettle und 2 × Teapot (Bestellung 1042, 1. Januar 2027)"),
        ("de-CH", "nowhere", "Kettle und 2 × Teapot (Bestellung 1042, 31. Dezember 2026)"),
    ],
)
def test_dates_and_lists(locale: str, zone: str | None, said: str) -> None:
    """A day is the customer's own, and is named, like a list, as their language does."""
    order = a_purchase(confirmed_at=datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    known = facts(a_person(time_zone=zone), order)
    assert said in render("sales-outreach", locale, "call", known).text


def test_a_locale_is_whatever_a_shop_sends() -> None:
    """What is no language at all is English as the office writes it."""
    for odd in (
        "de-1901",
        "EN",
        "en-ZZ",
        "x",
        "../..",
        "{{ 7 }}",
        "de\r\n",
        "en-\0",
        "😀",
        "-" * 99,
    ):
        sent = render("welcome", odd, "email", facts(order=a_purchase(total="1234")))
        assert ("£1,234.00" in sent.text) or (sent.locale == "de" and "1.234,00 £" in sent.text)


def test_what_is_odd_in_an_item_is_survived() -> None:
    """Items are as the shop sent them, once upon a time."""
    items = ["?", {}, {"sku": "tea-1", "quantity": None}, {"name": "Cup", "quantity": "2"}]
    order = facts(order=a_purchase(items=items))["order"]
    assert [(item.name, item.quantity) for item in order.items] == [("tea-1", 1), ("Cup", 2)]


def test_both_parts_lead_to_the_same_places() -> None:
    """Whoever reads the text part misses nothing."""
    for name, template in registry().items():
        sent = render(name, "en", template.channels[0], facts(order=a_purchase()))
        links = Page(sent.html).links
        assert all(link.removeprefix("mailto:") in sent.text for link in links)
        assert set(template.links) <= set(vars(facts()["links"]))


def test_the_text_part_reads_like_text() -> None:
    """Marks are gone, links are followed by their address."""
    draft = Drafted(
        "Hello",
        "# Head\n\nA **bold** [word](https://a.example/x), and\nso on\n\n"
        "1. one\n   - [b](https://b.example)\n2. two\n\n"
        "> said `code`\n\n---\n\n[Where?](https://d.example)\n\n[Last](https://c.example)",
    )
    text = render("welcome", "en", "email", facts(), draft).text
    assert text.startswith(
        "Head\n\nA bold word (https://a.example/x), and\nso on\n\n"
        "1. one\n  - b: https://b.example\n2. two\n\nsaid code\n\n---\n\n"
        "Where? https://d.example\n\nLast: https://c.example"
    )


def test_feedback_and_unsubscribe_links_are_signed() -> None:
    """The feedback link knows its message, the unsubscribe link its customer."""
    links = facts()["links"]
    feedback, leave = links.feedback, links.unsubscribe
    assert feedback.startswith(f"{PUBLIC}/f/")
    assert leave.startswith(f"{PUBLIC}/u/")
    answered = tokens.read_short(SECRET, "feedback", feedback.rpartition("/")[2])
    assert answered == message_id(KEY)
    assert len(feedback) == len(PUBLIC) + len("/f/") + 36
    assert tokens.read(SECRET, "unsubscribe", leave.rpartition("/")[2]) == "cus_1"


def test_without_a_secret_nothing_is_signed() -> None:
    """An empty key would let anybody unsubscribe anybody."""
    with pytest.raises(TemplateFault, match="secret_key_missing"):
        facts(secret="")


@pytest.mark.parametrize("kind", list(Kind))
def test_who_can_leave_sees_how(kind: Kind) -> None:
    """Relationship and marketing carry an unsubscribe link; all carry the postal address. A script
    is read by a colleague."""
    for name, template in registry().items():
        if template.kind is kind and template.channels != ("call",):
            sent = render(name, "en", template.channels[0], facts())
            leaves = any("/u/" in link for link in Page(sent.html).links)
            assert leaves is (kind is not Kind.TRANSACTIONAL)
            assert ("/u/" in sent.text) is leaves
            address = HouseRules().company.postal_address
            assert address in sent.text
            assert address in Page(sent.html).words


@pytest.mark.parametrize(
    ("asked", "got"),
    [("en", "en"), ("en-GB", "en"), ("en_AU", "en"), ("de-AT", "de"), ("DE", "de"), (None, "en"),
     ("fr", "en"), ("../../etc", "en"), ("", "en"), ("d\0e", "en")],
)  # fmt: skip
def test_languages_fall_back(asked: str | None, got: str) -> None:
    """The customer's own if there is one, else English."""
    sent = render("welcome", asked, "email", facts())
    assert sent.locale == got
    assert f'<html lang="{got}">' in (sent.html or "")


def test_a_country_may_have_words_of_its_own(room: Path) -> None:
    """Austria's welcome goes to Austria; everything else it has is German."""
    austrian = (room / "access.de.md").read_text("utf-8").replace("Guten Tag", "Grüß Gott")
    (room / "access.de-at.md").write_text(austrian, "utf-8")
    assert "Grüß Gott Ada" in render("access", "de-AT", "email", facts(), root=room).text
    assert "Guten Tag Ada" in render("access", "de-CH", "email", facts(), root=room).text
    assert lint(room) == []


def test_tips_are_about_their_topic() -> None:
    """5.3.3: each common issue has its own tip; an unknown one gets the general tip."""
    subjects = {
        about: render("targeted-tips", "en", "email", facts(about=about)).subject
        for about in ("", *registry()["targeted-tips"].variants, "no-such", "../welcome")
    }
    assert len(set(subjects.values())) == len(registry()["targeted-tips"].variants) + 1
    assert subjects[""] == subjects["no-such"] == subjects["../welcome"]


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("name", ["Ada", "Maximiliane", "O’Neill", None])
def test_an_sms_is_short_and_says_how_to_stop(locale: str, name: str | None) -> None:
    """No subject, no HTML, two segments at most, whatever one is normally called."""
    known = facts(a_person(name=None, preferred_name=name), a_purchase(total="1249"))
    for template in registry().values():
        if "sms" in template.channels:
            sent = render(template.name, locale, "sms", known)
            assert (sent.subject, sent.html) == ("", None)
            assert segments(sent.text) <= 2
            assert set(sent.text) <= CHEAP
            stop = {"en": "Reply STOP to opt out.", "de": "STOP zum Abmelden"}[locale]
            assert (stop in sent.text) is (template.kind is not Kind.TRANSACTIONAL)


@pytest.mark.parametrize("name", ["Zoë", "Łukasz", "李雷", "Ёлка", "Nguyễn"])
def test_a_name_no_telephone_has_letters_for_is_kept(name: str) -> None:
    """It costs more, and is counted so; nobody's name is respelt."""
    sent = render("check-in", "de", "sms", facts(a_person(preferred_name=name)))
    assert f"Guten Tag {name}, " in sent.text
    assert segments(sent.text) == -(-len(sent.text) // 67)


def test_the_call_brief_has_no_letterhead() -> None:
    """5.5.3: who calls gets a script, not a mail."""
    sent = render("sales-outreach", "en", "call", facts(order=a_purchase()))
    assert sent.subject == "Call: Ada about advanced solutions"
    assert "Listen" in sent.text
    assert HouseRules().company.postal_address not in (sent.html or "") + sent.text
    page = Page(sent.html)
    assert (page.tags["html"], page.tags["h1"], page.title) == (1, 1, sent.subject)


def test_a_letter_is_printed(room: Path) -> None:
    """On the letterhead, with its links spelt out for whoever holds it in hand."""
    register = room / "registry.toml"
    said = register.read_text("utf-8")
    register.write_text(
        said.replace('channels = ["email", "sms"]', 'channels = ["letter"]'), "utf-8"
    )
    text = "Just checking\n\nDear {{ name }},\n\n[tell us]({{ links.feedback }})"
    (room / "check-in.en.letter.md").write_text(text, "utf-8")
    known = facts(a_person(name="<Ada>", preferred_name="*Ada*"))
    sent = render("check-in", "de", "letter", known | {"name": "*Ada* <b>"}, root=room)
    page = Page(sent.html)
    assert (sent.subject, sent.locale, page.tags["h1"], page.tags["b"]) == (
        "Just checking",
        "en",
        1,
        0,
    )
    for part in (sent.text, page.words):
        assert "Dear *Ada* <b>," in part
        assert HouseRules().company.postal_address in part
    assert f"tell us: {known['links'].feedback}" in sent.text
    assert {str(known["links"].feedback), str(known["links"].unsubscribe)} == set(page.links)
    written = render("check-in", "en", "letter", known, Drafted("Hi", "By hand"), root=room)
    assert known["links"].feedback in written.text
    (room / "check-in.en.letter.md").write_text("Just checking\n\nDear you", "utf-8")
    assert fault("check-in", "en", "letter", known, root=room) == "link_missing"


# -- a person's draft ---------------------------------------------------------------------------


def test_a_draft_takes_the_place_of_the_template() -> None:
    """What the person wrote is sent, inside the layout, with the feedback link it forgot."""
    sent = render("check-in", "en", "email", facts(), Drafted("Hi", "How is the *kettle*?"))
    assert sent.subject == "Hi"
    assert "<em>kettle</em>" in (sent.html or "")
    assert "Tell us how it is going: https://care.example.org/f/" in sent.text
    assert "/u/" in sent.text


def test_a_draft_as_proposed_changes_nothing() -> None:
    """Whoever sends the proposal untouched sends the template."""
    for name, template in registry().items():
        known, on = facts(order=a_purchase(items=[{"name": "_K_ & <T> [1](2)"}])), "email"
        on = on if on in template.channels else template.channels[0]
        proposed = draft_for(name, "en", known)
        assert render(name, "en", on, known, proposed) == render(name, "en", on, known)


def test_a_draft_is_no_template() -> None:
    """Braces in a draft are braces; HTML in it is text; only honest links are links."""
    body = (
        "{{ links }} {% for %} <script>x</script> <b>b</b> [a](javascript:x) [d](data:text/html,x) "
        "![i](https://p.example/i.png) [ok](https://ok.example)\u202e\0"
    )
    sent = render("welcome", "en", "email", facts(), Drafted("{{ 7*7 }}\r\nBcc: x", body))
    assert sent.subject == "{{ 7*7 }} Bcc: x"
    page = Page(sent.html)
    assert not {"script", "b", "img"} & set(page.tags)
    assert "https://ok.example" in page.links
    assert not [link for link in page.links if not link.startswith("https://")]
    assert "{{ links }} {% for %} <script>x</script>" in page.words
    assert "\0" not in sent.text
    assert "\u202e" not in sent.text


def test_a_draft_for_a_text_message() -> None:
    """Markdown becomes words, and the link the SOP demands is there."""
    sent = render("check-in", "en", "sms", facts(), Drafted("-", "All **well**?"))
    assert sent.text.startswith("All well? https://care.example.org/f/")


def test_an_empty_draft_is_refused() -> None:
    """Nobody gets a letter without words."""
    assert fault("check-in", "en", "email", facts(), Drafted("Hi", "\u200b \n")) == "draft_empty"
    assert fault("check-in", "en", "email", facts(), Drafted(" ", "Hello")) == "draft_empty"


# -- what cannot be sent -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hi\n\n{{ nmae }} @", "variable_unknown"),
        ("Hi\n\n{{ order.number }} @", "variable_unknown"),
        ("{{ company.nmae }}\n\n@", "variable_unknown"),
        ("Hi\n\n{% if %} @", "syntax"),
        ("Hi\n\n{{ name.__class__.__mro__ }} @", "refused"),
        ("Hi\n\n{{ 1 / 0 }} @", "failed"),
        ("Hi\n\n{{ order }} @", "value_missing"),
        ("{{ name if false else '' }}\n\n@", "subject_missing"),
        ("Hi\n\nno links at all", "link_missing"),
    ],
)
def test_a_broken_template_is_a_code(room: Path, text: str, code: str) -> None:
    """A template that cannot be filled is not sent, and says why without saying to whom."""
    links = "[a]({{ links.portal }}) [b]({{ links.faq }}) [c]({{ links.getting_started }})"
    (room / "welcome.en.md").write_text(text.replace("@", links), "utf-8")
    assert fault("welcome", "en", "email", facts(), root=room) == code


def test_what_is_not_there_is_a_code(room: Path) -> None:
    """An unknown template, a missing file, a channel it has not, a register that is no TOML."""
    assert fault("farewell", "en", "email", facts(), root=room) == "template_unknown"
    assert fault("welcome", "en", "letter", facts(), root=room) == "channel_unknown"
    (room / "welcome.en.md").unlink()
    assert fault("welcome", "en", "email", facts(), root=room) == "file_missing"
    (room / "access.en.md").write_bytes(b"\xff\xfe")
    assert fault("access", "en", "email", facts(), root=room) == "file_unreadable"
    (room / "layout.html").unlink()
    assert fault("check-in", "en", "email", facts(), root=room) == "layout_missing"
    (room / "check-in.en.sms.txt").write_text("no link", "utf-8")
    assert fault("check-in", "en", "sms", facts(), root=room) == "link_missing"
    (room / "registry.toml").write_text("[", "utf-8")
    assert fault("welcome", "en", "email", facts(), root=room) == "registry_unreadable"


def test_a_mended_template_is_used_at_once(room: Path) -> None:
    """No restart: the next attempt reads what is there now."""
    path = room / "access.en.md"
    good = path.read_text("utf-8")
    path.write_text("{{ nobody }}", "utf-8")
    assert fault("access", "en", "email", facts(), root=room) == "variable_unknown"
    path.write_text(good, "utf-8")
    assert render("access", "en", "email", facts(), root=room).subject


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://x", "//x", "x.example"])
def test_a_link_that_is_none_is_not_sent(address: str) -> None:
    """House links lead to web pages."""
    rules = HouseRules(links=Links(portal=address))
    assert fault("welcome", "en", "email", facts(rules=rules)) == "link_invalid"


def test_a_link_that_the_house_has_not_is_missed() -> None:
    """5.1.3 is not honoured by an empty address."""
    rules = HouseRules(links=Links(faq=""))
    assert fault("welcome", "en", "email", facts(rules=rules)) == "variable_unknown"


def test_a_link_with_odd_letters_stays_one_link() -> None:
    """Brackets, spaces and quotes in a house link do not end it."""
    odd = 'https://ok.example/a(b)c?d="e f"&g=<h>|_i_*j*'
    sent = render("access", "en", "email", facts(rules=HouseRules(links=Links(access=odd))))
    found = [link for link in Page(sent.html).links if "ok.example" in link]
    assert found == ["https://ok.example/a%28b%29c?d=%22e%20f%22&g=%3Ch%3E%7C_i_*j*"]


def test_the_house_is_quoted_as_it_writes_itself() -> None:
    """A company called booking.example keeps its dot; its marks are no Markdown."""
    rules = HouseRules(company=Company(name="*Tea.co.uk* <& Sons>"))
    sent = render("welcome", "en", "email", facts(rules=rules))
    assert "*Tea.co.uk* <& Sons>" in sent.subject
    assert "Welcome to *Tea.co.uk* <& Sons>" in sent.text
    assert Page(sent.html).words.count("*Tea.co.uk* <& Sons>") >= 3


def test_the_brand_can_be_read_at_night() -> None:
    """Every company colour is lightened until it stands out on a dark page."""
    for colour in ("#000000", "#1f5f5b", "#7a0000", "#ffffff", "#0000ff"):
        assert contrast(at_night(colour), NIGHT) >= 7


def test_segments_are_counted_as_networks_do() -> None:
    """160 letters of GSM-7, 70 of UCS-2, fewer when joined; no letter is cut in two."""
    assert (len(BASIC), len(EXTENDED), BASIC & EXTENDED) == (127, 10, frozenset())  # 3GPP TS 23.038
    assert [segments("a" * n) for n in (0, 160, 161, 306, 307)] == [1, 1, 2, 2, 3]
    assert [segments("ж" * n) for n in (70, 71, 134, 135)] == [1, 2, 2, 3]
    assert [segments("€" * n) for n in (80, 81, 152, 153)] == [1, 2, 2, 3]
    assert [segments(letter * 160) for letter in "äöüßÄÖÜñàÇΩ@\n"] == [1] * 13
    assert [segments(letter + "a" * 159) for letter in "ç`“–\t\u00a0áêÁ^€"] == [3] * 9 + [2] * 2
    assert [segments("a" * n + "😀") for n in (68, 69, 130, 132)] == [1, 2, 2, 2]
    assert segments("a" * 66 + "😀" + "a" * 66) == 3  # a pair that does not fit goes on
    assert segments("😀" * 35) == 1
    assert segments("😀" * 67) == 3


@pytest.mark.parametrize(
    ("words", "sells"),
    [
        ("Get 20 % off", True), ("now only £9", True), ("our best offer", True),
        ("upgrade today", True), ("use this voucher", True),
        ("we offer help gladly", False), ("take advantage of our help", False),
        ("a great deal of time", False),
        ("unser Angebot für Sie", True), ("Treueangebote", True), ("10 € Rabatt", True),
        ("ein größerer Tarif", True), ("zum Sonderpreis", True), ("Gutschein", True),
        ("wir helfen gern", False), ("Dank für Ihre Treue!", True), ("Ihr Vertrauen", False),
    ],
)  # fmt: skip
def test_what_sells_is_noticed(words: str, sells: bool) -> None:
    """A template, or a draft, with an offer in it is marketing."""
    assert bool(offers(words)) is sells
