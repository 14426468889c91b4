"""Letters on paper: what they are read from, where the address stands, and what cannot be set."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.crm.house import HouseRules
from activities.rendering import paper, postal, printed, prose, render
from activities.rendering.paper import Letter, UnprintableError
from activities.rendering.samples import samples

MADE = datetime(2026, 11, 23, 12, tzinfo=UTC)
VIENNA = {"line1": "Hauptstraße 1", "city": "Wien", "postal_code": "1010", "country": "AT"}
LONDON = {"line1": "1 High St", "city": "London", "postal_code": "SW1A 1AA", "country": "GB"}
NEW_YORK = {
    "line1": "350 Fifth Ave",
    "line2": "Apt 3",
    "city": "New York",
    "region": "NY",
    "postal_code": "10118",
    "country": "US",
}
WORDS = "Dear Ada,\n\nwe *seldom* write **letters**:\n\n- one\n- [two](https://example.com/x)\n\n---\n\nEve"
HOSTILE = [
    '#panic("gotcha")',
    '"); #read("/etc/passwd")',
    "$ x^2 $ @ref <label> // comment /* more",
    "*not* _marked_ `code` = heading",
    "\\u{1F600} \\n",
    "#set page(width: 1cm)",
    "https://example.com/" + "x" * 400,
    "Привет, Ελληνικά, Ünïcödé, Łódź, Türkiye ğış, Việt Nam",
]


def a_letter(**fields: Any) -> Letter:
    told = printed.taken_apart(prose.read(WORDS).html)
    known: dict[str, Any] = {
        "form": postal.DIN,
        "company": "Our Shop",
        "sender": "1 High Street, London, United Kingdom",
        "colour": "#1f5f5b",
        "address": postal.lines("Ada Lovelace", None, VIENNA, "DE"),
        "date": "23 November 2026",
        "subject": "Thank you, Ada",
        "headed": False,
        "body": told.body,
        "foot": told.foot,
        "locale": "en-GB",
        "made": MADE,
    }
    return Letter(**known | fields)


def pages_of(pdf: bytes) -> int:
    """How many pages it has, by its own count, wherever that is packed away."""
    found, rest = [pdf], pdf
    while b"stream\n" in rest:
        rest = rest.partition(b"stream\n")[2]
        try:
            found.append(zlib.decompressobj().decompress(rest))
        except zlib.error:
            continue
    whole = b"\n".join(found).replace(b" ", b"")
    return whole.count(b"/Type/Page\n") + whole.count(b"/Type/Page/")


def pages_or_reason(letter: Letter) -> int | str:
    """How many pages it has, or why it cannot be printed."""
    try:
        return pages_of(paper.letter(letter))
    except UnprintableError as fault:
        return fault.reason


def text_of(blocks: list[printed.Block]) -> str:
    said = []
    for block in blocks:
        said += [run.get("text", "|") for run in block.get("runs", ())]
        said += [text_of(item) for item in block.get("items", ())]
        said.append(text_of(block.get("blocks", [])))
    return "".join(said).replace(printed.BREAK, "")


# -- what it is read from ------------------------------------------------------------------------


def test_a_page_is_taken_apart_into_what_it_says() -> None:
    """Paragraphs, lists in lists, marks, links with where they lead; no more than that."""
    html = prose.read(
        "# Head\n\nOne *two* **three**  \nfour [here](https://example.com/y) <me@example.com>\n\n"
        "3. first\n4. second\n   - inner\n\n> quoted\n\n---\n\nEnd"
    ).html
    body = printed.taken_apart(html).body
    assert [one["is"] for one in body] == [
        "heading",
        "paragraph",
        "list",
        "quote",
        "rule",
        "paragraph",
    ]
    runs = body[1]["runs"]
    assert [run["text"] for run in runs if run.get("stressed")] == ["two"]
    assert [run["text"] for run in runs if run.get("strong")] == ["three"]
    assert [run["text"] for run in runs if run["is"] == "address"] == ["https://example.com/y"]
    assert sum(run["is"] == "break" for run in runs) == 1
    ordered = body[2]
    assert (ordered["ordered"], ordered["start"], len(ordered["items"])) == (True, 3, 2)
    assert ordered["items"][1][1]["items"]
    assert text_of(body[3]["blocks"]) == "quoted"


def test_the_letterhead_is_not_said_twice() -> None:
    """The brand is the paper's own; the small print comes apart; what is unseen stays so."""
    html = (
        "<html><head><style>x</style><title>t</title></head><body><p class='brand'>B <b>r</b></p>"
        "<p>Words</p><script>alert(1)</script><div class='foot'><p>Small</p></div></body></html>"
    )
    told = printed.taken_apart(html)
    assert (text_of(told.body), text_of(told.foot)) == ("Words", "Small")


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_whatever_it_is_fed_it_reads_on(text: str) -> None:
    """Broken pages are read as far as they go."""
    printed.taken_apart(text)
    printed.taken_apart(f"<ul><li>{text}</p></li><li></ul></div><p>{text}")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=200))
@settings(max_examples=150, deadline=None)
def test_a_place_to_break_takes_no_letter_away(text: str) -> None:
    """Taken out again, the words are the same."""
    plain = text.replace(printed.BREAK, "")
    assert printed.breakable(plain).replace(printed.BREAK, "") == plain


@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_shipped_letter_is_printed(locale: str) -> None:
    """The note to thank, for customers of every sort."""
    rules = HouseRules()
    for facts in samples(rules):
        html = render("thank-you-note", locale, "letter", facts).html
        told = printed.taken_apart(html or "")
        pdf = paper.letter(a_letter(body=told.body, foot=told.foot, headed=True, locale=locale))
        assert pages_of(pdf) == 1


# -- how it is set -------------------------------------------------------------------------------


def test_the_same_letter_has_the_same_bytes() -> None:
    """And another has others; it is PDF/A, for archives, and PDF/UA, to be read aloud."""
    first = paper.letter(a_letter())
    assert first == paper.letter(a_letter())
    assert first != paper.letter(a_letter(subject="Another"))
    assert first.startswith(b"%PDF-1.")
    assert b"<pdfaid:part>2</pdfaid:part>" in first
    assert b"<pdfuaid:part>1</pdfuaid:part>" in first
    assert b"Thank you, Ada" in first  # its title, for who has it read aloud
    assert first != paper.letter(a_letter(made=MADE + timedelta(days=1)))


def test_a_long_letter_goes_on() -> None:
    """As many pages as it needs, numbered from the second on."""
    body = printed.taken_apart(prose.read("\n\n".join([WORDS] * 9)).html).body
    assert pages_of(paper.letter(a_letter())) == 1
    assert pages_of(paper.letter(a_letter(body=body))) == 3
    assert pages_of(paper.letter(a_letter(body=body, form=postal.US))) >= 3


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("where", ["subject", "company", "sender", "date", "address", "body"])
def test_words_are_never_markup(words: str, where: str) -> None:
    """Whatever stands in them is set as it stands, and runs nothing."""
    value: Any = words
    if where == "address":
        value = ("Ada Lovelace", words[:60], "Wien")
    if where == "body":
        value = printed.taken_apart(prose.read(words).html).body
    if "Việt" in words and where == "address":
        value = ("Ada Lovelace", "Việt Nam")
    pages = pages_or_reason(a_letter(**{where: value}))
    assert pages in (1, 2) or (where, pages) == ("address", "address_too_long")


@pytest.mark.parametrize(
    ("words", "letters"), [("Dear 山田", "山田"), ("Hello 😀!", "😀"), ("a \ue123 b", "\ue123")]
)
def test_letters_that_no_font_has_are_named(words: str, letters: str) -> None:
    """Never a box in silence."""
    with pytest.raises(UnprintableError) as caught:
        paper.letter(a_letter(subject=words))
    assert (caught.value.reason, caught.value.letters) == ("no_glyph", letters)
    assert words not in str(caught.value)


@given(st.text(max_size=120))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_set_or_refused(text: str) -> None:
    """With a reason, and no other fault."""
    body = printed.taken_apart(prose.read(text).html).body
    assert pages_or_reason(a_letter(subject=text, body=body)) in (1, 2, "no_glyph")


# -- where it goes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "home", "lines"),
    [
        (VIENNA, "AT", ["Ada Lovelace", "Hauptstraße 1", "1010 Wien"]),
        (VIENNA, "DE", ["Ada Lovelace", "Hauptstraße 1", "1010 Wien", "ÖSTERREICH"]),
        (VIENNA, "GB", ["Ada Lovelace", "Hauptstraße 1", "1010 Wien", "AUSTRIA"]),
        (LONDON, "GB", ["Ada Lovelace", "1 High St", "London", "SW1A 1AA"]),
        (
            NEW_YORK,
            "DE",
            [
                "Ada Lovelace",
                "350 Fifth Ave",
                "Apt 3",
                "New York, NY 10118",
                "VEREINIGTE STAATEN",
            ],
        ),
        ({"line1": "Where\r\nEver 1\u202e"}, "DE", ["Ada Lovelace", "Where Ever 1"]),
        ({"city": "Rome", "country": "Italy"}, "ZZ", ["Ada Lovelace", "Rome", "ITALY"]),
        ({}, "DE", ["Ada Lovelace"]),
    ],
)
def test_an_address_is_written_as_its_country_does(
    address: dict[str, Any], home: str, lines: list[str]
) -> None:
    """The country in capitals, in the language of who handles it first, if it goes abroad."""
    assert list(postal.lines("Ada Lovelace", None, address, home)) == lines


@pytest.mark.parametrize(
    ("country", "name"),
    [("DE", "din"), ("at", "din"), ("CH", "din"), ("GB", "uk"), ("US", "us"), ("FR", "din")],
)
def test_the_offices_country_decides_on_the_envelope(country: str, name: str) -> None:
    """By what is sold there."""
    assert postal.form(country).name == name


@pytest.mark.parametrize("form", [postal.DIN, postal.UK, postal.US])
def test_the_address_stands_in_the_window(form: postal.Form) -> None:
    """Wherever in its envelope the folded sheet lies, the block is seen; nothing else is."""
    tall, wide = (297.0, 210.0) if form.paper == "a4" else (279.4, 215.9)
    # Envelope and window: its height and width; the window's distance from above and from the left.
    height, width, above, left, high, broad = {
        "din": (110.0, 220.0, 50.0, 20.0, 45.0, 90.0),
        "uk": (110.0, 220.0, 57.0, 20.0, 35.0, 90.0),
        "us": (104.8, 241.3, 63.5, 22.2, 28.6, 114.3),
    }[form.name]
    panel = form.folds[0]
    slack_y, slack_x = height - panel, width - wide
    assert 0 <= slack_y < 15
    assert form.left >= left - slack_x
    assert form.left + form.width <= left + broad
    assert form.top >= above - slack_y - 1  # seen when the sheet lies on the envelope's edge
    assert form.top + form.height <= above + high
    assert form.begins > form.top + form.height
    assert all(fold < tall for fold in (*form.folds, form.punch))


def test_an_address_shrinks_until_it_fits_or_is_refused() -> None:
    """It is never cut."""
    long = ("Gesellschaft für sehr lange Namen und noch längere Anschriften GmbH & Co. KG",) * 4
    assert pages_of(paper.letter(a_letter(address=long))) == 1
    for form in (postal.DIN, postal.UK, postal.US):
        for address in (long * 5, ("x" * 200,)):
            with pytest.raises(UnprintableError, match="address_too_long"):
                paper.letter(replace(a_letter(), form=form, address=address))
