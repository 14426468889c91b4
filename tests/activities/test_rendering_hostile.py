"""A thousand hostile strings in every field that a customer, a shop or our staff can fill."""

from __future__ import annotations

import os
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest

from activities.rendering import Background, Drafted, Rendered, registry, render
from activities.rendering.purchases import Parcel
from activities.rendering.samples import COMPLAINT, INQUIRY
from activities.rendering.sms import segments
from activities.rendering.values import clean
from tests.activities.rendering import PUBLIC, Page, a_person, a_purchase, facts
from tests.activities.test_rendering_fuzz import (
    ADDRESS,
    HEADERS,
    LOOKS_LIKE_A_LINK,
    OURS,
    PIECES,
    SHIPMENTS,
    SUPPORT,
    UNSEEN,
    assert_harmless,
    body,
    through_the_post,
)

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
LANGUAGES = ("en", "de")
FORMATS = [
    *("%n", "%1$s", "{0.__class__}", "{{ links.unsubscribe }}", "{{ secret }}", "{% for %}"),
    *("{{ [].append(1) }}", "{{ cycler.__init__.__globals__ }}", '=HYPERLINK("http://evil.com")'),
    *("<svg onload=alert(1)>", "</title><script>", "--><b>", '"><a href=http://evil.com>'),
    *("<![endif]-->", "&#106;avascript&colon;alert(1)", "xn--evil-1.com", "\u0301" * 60, "STOP"),
    *("Ada" * 400, "\u2066http://evil.com\u2069", "http\u200b://evil.com", "\U0001f3f4\U000e0067"),
]
EVERY = [
    (template.name, channel, about, language)
    for template in registry().values()
    for channel, language in product(template.channels, LANGUAGES)
    for about in (("", *template.variants) if channel == "email" else ("",))
]
CASES = max(1000, 12 * len(EVERY))  # each template, language and channel is met a dozen times


def hostile(dice: Random) -> str:
    return "".join(dice.choices([*PIECES, *UNSEEN, *FORMATS, "Ada ", "é"], k=dice.randint(1, 8)))


def stranger(dice: Random) -> dict[str, Any]:
    """A customer and an order of whom every word is an attack."""
    counts = (1, "2", hostile(dice))
    items = [
        {"name": hostile(dice), "sku": hostile(dice), "quantity": dice.choice(counts)}
        for _ in range(dice.randint(0, 3))
    ]
    return {
        "customer": a_person(
            name=hostile(dice),
            preferred_name=dice.choice([None, hostile(dice)]),
            company=hostile(dice),
            time_zone=dice.choice([None, hostile(dice)]),
        ),
        "order": a_purchase(
            id=hostile(dice),
            reference=dice.choice([None, hostile(dice)]),
            items=items,
            total=dice.choice(["94", hostile(dice)]),
            currency=dice.choice(["GBP", hostile(dice)]),
            fulfilment="digital",
            shipments=[
                SHIPMENTS[0]
                | {
                    "carrier": hostile(dice),
                    "tracking_number": hostile(dice),
                    "estimated_delivery": dice.choice([None, "2026-11-26", hostile(dice)]),
                }
            ],
        ),
        "background": Background(
            times=dice.choice([0, 1, 3]),
            years=dice.choice([0, 1, 3]),
            asked=dice.choice([(), ("experience",), ("satisfaction",), (hostile(dice),)]),
            case=dice.choice([None, COMPLAINT, INQUIRY]),
            agent=hostile(dice),
        ),
    }


@cache
def usual(
    template: str, channel: str, about: str, language: str, *, lost: bool = False
) -> Rendered:
    """What a friendly customer gets; `lost`: about a shipment that is none of the order's."""
    known = OURS | {"about": about}
    return render(template, language, channel, known | {"shipment": Parcel()} if lost else known)


def assert_plain(sent: Rendered, known: Rendered) -> None:
    """A text message, or a script for a call: no address but ours, and an end to it."""
    text = ADDRESS.sub("", sent.text).replace(SUPPORT, "")
    assert set(ADDRESS.findall(sent.text)) == set(ADDRESS.findall(known.text))
    assert not LOOKS_LIKE_A_LINK.search(text)
    assert "1337" not in text
    assert "\0" not in sent.text
    page, mine = Page(sent.html), Page(known.html)
    assert page.tags["a"] == mine.tags["a"]
    assert set(page.tags) <= set(mine.tags)
    assert page.attributes <= mine.attributes


@pytest.mark.parametrize("part", range(10))
def test_a_thousand_hostile_strangers(part: int) -> None:
    """Every template, language and channel: nothing is executed, no link and no header is gained,
    no mark takes effect, and a message does not grow without bounds."""
    cases = range(part, CASES * DOSE, 10)
    for case in cases:
        dice = Random(case)
        template, channel, about, language = EVERY[case % len(EVERY)]
        said = stranger(dice)
        known = facts(**said, about=dice.choice([about, hostile(dice)]))
        if dice.random() < 0.5:  # even a name that we would not say
            known |= {"name": clean(said["customer"].name)}
        sent = render(template, dice.choice([language, hostile(dice)]), channel, known)
        about = known["about"] if known["about"] == about else ""
        lost = not known["shipment"].link
        ours = usual(template, channel, about, sent.locale, lost=lost)
        if channel == "email":
            assert_harmless(sent, ours)
        else:
            assert_plain(sent, ours)
        assert len(sent.subject) <= 200
        assert len(sent.text) <= len(ours.text) + 1200
        assert segments(sent.text) >= 1


@pytest.mark.parametrize("part", range(4))
def test_a_thousand_hostile_drafts(part: int) -> None:
    """What staff paste is sent as they see it: nothing in it is filled in, nothing is active."""
    written = [at for at in EVERY if at[1] != "call"]
    for case in range(part, CASES * DOSE, 4):
        dice = Random(f"draft {case}")
        template, channel, _, language = written[case % len(written)]
        draft = Drafted(f"Hello {hostile(dice)}", f"Hello {hostile(dice)}\n\n{hostile(dice)}")
        sent = render(template, language, channel, OURS, draft)
        assert "1337" not in sent.text + sent.subject
        assert not {letter for letter in sent.text + sent.subject if letter in "\0\u202e\u2066\x1b"}
        if channel == "email":
            mail = through_the_post(sent)
            assert sorted(header.lower() for header in mail.keys()) == sorted(HEADERS)  # noqa: SIM118
            page = Page(body(mail, "html"))
            assert set(page.tags) <= TAGS
            assert not [name for name in page.attributes if name.startswith("on")]
            assert all(link.startswith(("http://", "https://", "mailto:")) for link in page.links)
            assert PUBLIC in sent.text or registry()[template].kind == "transactional"


TAGS = set(Page(usual("welcome", "email", "", "en").html).tags) | set(
    "em strong blockquote code hr br ul ol li h1 h2 h3 h4 h5 h6 a".split()
)
