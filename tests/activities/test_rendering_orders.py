"""What each text about an order or a case says, and what it leaves out where little is known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.crm.house import HouseRules, Taxonomy
from activities.crm.tables import Case
from activities.rendering import Background, Template, draft_for, lacks, registry, render
from activities.rendering.background import reference
from activities.rendering.offers import offers
from activities.rendering.sms import segments
from tests.activities.rendering import Page, a_person, a_purchase, facts

DHL = {
    "id": "shp-1",
    "carrier": "DHL",
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://dhl.example/track?id=00340434161094042557",
    "estimated_delivery": "2026-11-27T00:00:00Z",
}
SECOND = {"id": "shp-2", "carrier": "UPS", "tracking_number": "1Z2345", "tracking_url": None}
BARE = {"id": "shp-3"}
OPENED = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
COMPLAINT = Case(id="case_3f9a21bc4d5e6f708192", kind="complaint", opened_at=OPENED)
INQUIRY = Case(id="case_7c04d5e14d5e6f708192", kind="inquiry", opened_at=OPENED)


def shipped(*shipments: dict[str, Any], about: str = "", **order: Any) -> dict[str, Any]:
    return facts(order=a_purchase(shipments=list(shipments), **order), about=about)


def said(name: str, locale: str = "en", channel: str = "email", **known: Any) -> str:
    order = known.pop("order", a_purchase())
    person, about = known.pop("person", None), known.pop("about", "")
    learnt = Background(**known)
    sent = render(name, locale, channel, facts(person, order, about=about, background=learnt))
    return f"{sent.subject}\n{sent.text}"


# -- thanks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_the_thanks_name_customer_product_and_order(channel: str) -> None:
    """S1 1: the preferred name, and the specific order or product."""
    text = said("thank-you", channel=channel, person=a_person(preferred_name="Countess"))
    for word in ("Countess", "Kettle", "1042"):
        assert word in text


def test_who_comes_back_is_recognised() -> None:
    """S1 6: by how many orders it has been; a first order says nothing of it."""
    assert "order number 3 of yours" in said("thank-you", times=3)
    assert "Bestellung Nummer 3" in said("thank-you", "de", times=3)
    for times in (0, 1):
        assert "number" not in said("thank-you", times=times)
        assert "back" not in said("thank-you", channel="sms", times=times)


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("template", ["thank-you", "thank-you-note"])
def test_the_general_words_hold_where_nothing_is_known(locale: str, template: str) -> None:
    """Where the policy allows them: no name, no product, and no gap where they would stand."""
    for channel in registry()[template].channels:
        nobody = a_person(name=None)
        text = said(template, locale, channel, person=nobody, order=a_purchase(items=[]))
        assert "Kettle" not in text
        for gap in ("  ", " ,", " .", "()", ": \n", "None"):
            assert gap not in text.replace("\n-- \n", "")


@pytest.mark.parametrize(
    ("name", "items", "lacking"),
    [
        ("Ada", [{"name": "Kettle"}], False),
        (None, [{"name": "Kettle"}], True),
        ("Ada", [], True),
        ("Ada", [{"name": "Kettle", "gone": True}], True),
        ("guest", [{"name": "Kettle"}], True),
    ],
)
def test_what_is_impersonal(name: str | None, items: list[Any], lacking: bool) -> None:
    """A greeting without a name, or for a product nobody can name; others need neither."""
    person, order = a_person(name=name), a_purchase(items=items)
    assert lacks(registry()["thank-you"], person, order) is lacking
    assert not lacks(registry()["satisfaction-check"], person, order)
    assert lacks(registry()["thank-you"], a_person(), None)


def test_the_note_has_room_for_a_signature() -> None:
    """S1 1: a letter, to be signed by hand; the draft is the letter's own words."""
    known = facts(order=a_purchase(confirmed_at=OPENED))
    page = Page(render("thank-you-note", "en", "letter", known).html)
    assert page.tags["hr"] == 1
    assert "You chose Kettle on 27 November 2026, and more besides." in page.words
    assert draft_for("thank-you-note", "en", known).body.startswith("Dear Ada,")


# -- on its way ------------------------------------------------------------------------------------


def test_a_shipment_is_told_with_all_that_is_known() -> None:
    """S1 2: tracking, estimated delivery, and whom to ask."""
    sent = render("order-shipped", "en", "email", shipped(DHL))
    assert sent.subject == "Your order 1042 is on its way"
    for line in ("with DHL.", "27 November 2026", "00340434161094042557", "Kettle and 2"):
        assert line in sent.text
    links = Page(sent.html).links
    assert DHL["tracking_url"] in links
    assert "mailto:support@example.com" in links
    assert (sent.html or "").count('class="button"') == 1


def test_a_part_of_an_order_is_called_one() -> None:
    """Split shipments: each is told of by itself, and of what is in it nothing is claimed."""
    sent = render("order-shipped", "en", "email", shipped(DHL, SECOND, about="shp-2"))
    assert sent.subject == "Part of your order 1042 is on its way"
    assert "with UPS." in sent.text
    assert "1Z2345" in sent.text
    assert "DHL" not in sent.text
    assert "Kettle" not in sent.text
    text = render("order-shipped", "de", "sms", shipped(DHL, SECOND, about="shp-2")).text
    assert "Ein Teil Ihrer Bestellung 1042 ist unterwegs mit UPS. Sendungsnummer: 1Z2345" in text


@pytest.mark.parametrize("about", ["", "shp-3", "shp-9"])
def test_without_tracking_it_says_so(about: str) -> None:
    """Nothing is invented: no number, no day, no carrier; and whom to ask stays."""
    sent = render("order-shipped", "en", "email", shipped(BARE, about=about))
    assert "cannot be followed" in sent.text
    assert "a day for its arrival" in sent.text
    assert 'class="button"' not in (sent.html or "").partition("<body")[2]
    assert "mailto:support@example.com" in Page(sent.html).links
    sms = render("order-shipped", "en", "sms", shipped(BARE, about=about)).text
    assert sms == "Our Shop: your order 1042 is on its way. Help: https://example.com/support"


def test_german_dates() -> None:
    """A day as Germans, Austrians and Swiss write it."""
    text = render("order-shipped", "de", "email", shipped(DHL)).text
    assert "Voraussichtlich bei Ihnen: 27. November 2026" in text
    order = a_purchase(delivered_at=OPENED, confirmed_at=OPENED)
    berlin = a_person(time_zone="Europe/Berlin")
    assert "am 28. November 2026" in said(
        "satisfaction-survey", "de-AT", "call", order=order, person=berlin
    )


@pytest.mark.parametrize(
    ("day", "zone", "written"),
    [
        ("2026-11-27T00:00:00Z", "America/New_York", "27 November 2026"),  # a bare day, as kept
        ("2026-11-27T00:00:00+00:00", "Pacific/Auckland", "27 November 2026"),
        ("2026-11-27T02:00:00Z", "America/New_York", "26 November 2026"),
        ("soon", None, ""),
        (None, None, ""),
    ],
)
def test_an_expected_day_is_where_it_arrives(day: Any, zone: str | None, written: str) -> None:
    """A bare day is that day wherever it is read; a moment is one in the customer's zone."""
    order = a_purchase(shipments=[DHL | {"estimated_delivery": day}])
    text = render("order-shipped", "en", "email", facts(a_person(time_zone=zone), order)).text
    assert (f"Expected at your door: {written}\n" in text) if written else ("door" not in text)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "ftp://x.example/1", "//x.example", "x.example", "https://",
        "https://bank.example@evil.example/", "https://[", "https://x.example/" + "1" * 300, 7, "",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_fit_is_no_link(address: Any) -> None:
    """What a shop passes on of a carrier's is a web page in plain sight, or left out."""
    sent = render("order-shipped", "en", "email", shipped(DHL | {"tracking_url": address}))
    links = Page(sent.html).links
    assert not [link for link in links if "example.com" not in link and link]
    assert "00340434161094042557" in sent.text


def test_a_tracking_address_stays_one_link() -> None:
    """Brackets and quotes in it neither end it nor open another."""
    odd = DHL | {"tracking_url": 'https://dhl.example/a(b)c?x="1"&y=[2]'}
    sent = render("order-shipped", "en", "email", shipped(odd))
    assert "https://dhl.example/a%28b%29c?x=%221%22&y=%5B2%5D" in Page(sent.html).links


def test_what_is_to_be_picked_up() -> None:
    """S1 2: ready, what is in it, what to bring, whom to ask."""
    text = said("ready-for-pickup")
    for words in ("1042 is ready for you", "Kettle and 2 × Teapot", "bring the order number"):  # noqa: RUF001
        assert words in text


def test_what_was_given_back_is_not_spoken_of() -> None:
    """Partial refund: the item leaves every text, and the total with it."""
    items = [{"name": "Kettle", "quantity": 1, "gone": True}, {"name": "Teapot", "quantity": 1}]
    order = a_purchase(items=items, total="94")
    for name, template in registry().items():
        for channel in template.channels:
            text = said(name, channel=channel, order=order)
            assert "Kettle" not in text
            assert "94.00" not in text
    assert "your Teapot" in said("satisfaction-check", order=order)


# -- asking ----------------------------------------------------------------------------------------

ASKED = ("satisfaction-check", "satisfaction-survey", "order-experience", "check-in")


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("name", ASKED)
def test_nothing_is_asked_twice(name: str, locale: str) -> None:
    """Who was asked for their satisfaction is only offered help; it is short all the same."""
    for channel in registry()[name].channels:
        fresh = said(name, locale, channel)
        again = said(name, locale, channel, asked=("satisfaction",))
        assert fresh != again
        for word in ("satisfied with", "happy with", "how is it", "zufrieden mit dem"):
            if channel != "call":
                assert word not in again
        if channel == "sms":
            assert segments(again.strip()) <= 2


def test_who_was_asked_about_ordering_is_asked_about_the_product_alone() -> None:
    """S1 3 and S3 4.1 after the order's experience: one question is left."""
    for name in ("satisfaction-check", "satisfaction-survey"):
        both, one = said(name), said(name, asked=("experience",))
        assert ("everything around it" in both) or ("the rest: ordering" in both)
        assert "everything around it" not in one
        assert "the rest: ordering" not in one
        assert "Kettle" in one


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("channel", ["email", "sms", "call"])
def test_the_order_s_experience_is_not_the_product_s(locale: str, channel: str) -> None:
    """S3 4.1 before delivery: no word about what was bought."""
    text = said("order-experience", locale, channel, order=a_purchase(items=[{"name": "Kettle"}]))
    for word in ("Kettle", "product", "Produkt"):
        assert word not in text


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("name", ["satisfaction-survey", "order-experience"])
def test_the_script_has_four_parts(name: str, locale: str) -> None:
    """S3 7: greeting, purpose, feedback, closure, with both names; and where the answers go."""
    text = said(name, locale, "call", agent="Jo Miller")
    parts = [text.index(f"\n{number}. ") for number in (1, 2, 3, 4)]
    assert parts == sorted(parts)
    assert "Jo Miller" in text
    assert "Our Shop" in text
    assert ("overall" in text) or ("insgesamt" in text)
    assert "…" in said(name, locale, "call")


# -- feedback, years -------------------------------------------------------------------------------


def test_the_thanks_for_feedback_say_what_becomes_of_it() -> None:
    """S1 5: by what it is about; anything else gets the general words."""
    abouts = ("", *registry()["feedback-thanks"].variants, "other")
    texts = {about: said("feedback-thanks", about=about) for about in abouts}
    assert len(set(texts.values())) == 6
    assert texts["other"] == texts[""]
    assert set(Taxonomy().types) == set(abouts) - {""}
    assert "Kettle" in texts["product"]


@pytest.mark.parametrize(
    ("years", "locale", "subject"),
    [
        (0, "en", "A year together: thank you, Ada"),
        (1, "en", "A year together: thank you, Ada"),
        (7, "en", "7 years together: thank you, Ada"),
        (1, "de", "Ein Jahr miteinander: Danke, Ada"),
        (7, "de", "7 Jahre miteinander: Danke, Ada"),
    ],
)
def test_an_anniversary(years: int, locale: str, subject: str) -> None:
    """S1 6: how long, how many orders, and no offer."""
    text = said("anniversary", locale, order=None, years=years, times=9)
    assert text.startswith(subject)
    assert "9" in text
    assert not offers(text)


# -- cases -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["complaint-received", "inquiry-received"])
def test_an_acknowledgement_promises_what_the_matrix_keeps(name: str) -> None:
    """24 hours; more where the house gives itself more. It has a reference, and asks nothing."""
    text = said(name, case=COMPLAINT)
    assert "within 24 hours" in text
    assert "3F9A21BC" in text
    assert "within 72 hours" in said(name, case=COMPLAINT, answered_in=72)
    assert "innerhalb von 72 Stunden" in said(name, "de", "sms", case=INQUIRY, answered_in=72)


@pytest.mark.parametrize("name", ["case-answer", "case-message", "case-progress"])
def test_mail_of_a_case_says_which(name: str) -> None:
    """A complaint is called one, a question is not."""
    complaint, inquiry = said(name, case=COMPLAINT), said(name, case=INQUIRY)
    assert "complaint" in complaint.lower()
    assert "complaint" not in inquiry.lower()
    for text, case in ((complaint, COMPLAINT), (inquiry, INQUIRY)):
        assert reference(case.id) in text
        assert "27 November 2026" in text
    assert "reference" not in said(name)


@pytest.mark.parametrize("name", ["complaint-resolved", "complaint-resolved-reminder"])
def test_whether_it_is_put_right_is_asked(name: str) -> None:
    """S3 4.4: yes or no, by link and by reply; it stands out."""
    known = facts(background=Background(case=COMPLAINT))
    sent = render(name, "en", "email", known)
    assert "yes or no" in sent.text.lower()
    assert "reply" in sent.text
    assert (sent.html or "").count('class="button"') == 1
    assert str(known["links"].feedback) in sent.text


def test_case_mail_is_about_the_case() -> None:
    """It is the complaint's own mail: it goes to whoever holds everything else back."""
    rules = HouseRules()
    for name in ("complaint-received", "case-answer", "complaint-resolved"):
        template: Template = registry()[name]
        assert (template.kind, template.required, template.topic) == ("transactional", True, "")
        assert rules.company.name in said(name, channel="sms")
