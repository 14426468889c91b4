"""The templates as we ship them honour what the SOP says of them."""

from __future__ import annotations

import re

import pytest

from activities.rendering import TEMPLATES, lint, registry, render
from activities.rendering.colours import NIGHT, PAPER, READABLE, contrast
from activities.rendering.facts import in_words
from activities.rendering.offers import LINKS
from tests.activities.rendering import Page, a_purchase, facts
from workflows.vocabulary import Kind

S0 = {
    "welcome": Kind.TRANSACTIONAL,
    "access": Kind.TRANSACTIONAL,
    "getting-started": Kind.RELATIONSHIP,
    "product-tips": Kind.RELATIONSHIP,
    "re-engagement": Kind.RELATIONSHIP,
    "targeted-tips": Kind.RELATIONSHIP,
    "check-in": Kind.RELATIONSHIP,
    "check-in-follow-up": Kind.RELATIONSHIP,
    "upgrade-your-plan": Kind.MARKETING,
    "discover-add-ons": Kind.MARKETING,
    "sales-outreach": Kind.MARKETING,
    "loyalty-offer": Kind.MARKETING,
    "review-request": Kind.RELATIONSHIP,
}
KNOWN = facts(order=a_purchase())


def test_the_lint_finds_nothing() -> None:
    """No template leaves the house with a problem we know how to find."""
    assert lint() == []


def test_every_template_of_the_sop_is_there() -> None:
    """Names and kinds are what workflows and gate rely on."""
    assert {name: template.kind for name, template in registry().items()} == S0


def test_every_clause_that_sends_has_its_template() -> None:
    """The register says which clauses a template honours; none of S0's is forgotten."""
    honoured = {clause for template in registry().values() for clause in template.clauses}
    assert honoured == set(
        "5.1.1 5.1.2 5.1.3 5.2.1 5.2.2 5.2.3 5.3.2 5.3.3 5.4.1 5.4.2 5.4.3 5.5.2 5.5.3 5.6.2 "
        "5.6.3".split()
    )


def test_what_must_reach_even_a_sensitive_customer() -> None:
    """Only what order and account require is required."""
    required = {name for name, template in registry().items() if template.required}
    assert required == {"welcome", "access"}


def test_selling_is_a_topic_of_its_own() -> None:
    """Whoever leaves `offers` hears no offer more; tips and reviews can be left as well."""
    topics = {name: template.topic for name, template in registry().items()}
    for name, template in registry().items():
        assert (topics[name] == "offers") is (template.kind is Kind.MARKETING)
    assert topics["targeted-tips"] == "tips"
    assert topics["review-request"] == "reviews"


def test_the_welcome_leads_to_portal_and_faq() -> None:
    """5.1.3, and 5.1.2's first steps."""
    links = Page(render("welcome", "en", "email", KNOWN).html).links
    house = KNOWN["links"]
    assert {house.portal, house.faq, house.getting_started} <= set(links)


@pytest.mark.parametrize(
    "name", ["getting-started", "product-tips", "upgrade-your-plan", "discover-add-ons"]
)
def test_guides_and_campaigns_call_to_action(name: str) -> None:
    """5.2.3: one thing to do, and it stands out."""
    sent = render(name, "en", "email", KNOWN)
    assert (sent.html or "").count('class="button"') == 1


def test_the_check_in_asks_helps_and_invites() -> None:
    """5.4.2: how are you getting on, can we help, tell us."""
    text = render("check-in", "en", "email", KNOWN).text
    assert text.count("?") >= 2
    assert "anything we can do" in text
    assert KNOWN["links"].feedback in text


@pytest.mark.parametrize(
    ("letters", "page"),
    [
        ("#23292b", PAPER),  # by day
        ("#586164", "#eef1f1"),
        ("#e6e9ea", NIGHT),  # by night
        ("#a3abae", "#111315"),
    ],
)
def test_the_layout_can_be_read(letters: str, page: str) -> None:
    """WCAG AA by day and by night; the company's colour has a rule of its own in the lint."""
    layout = (TEMPLATES / "layout.html").read_text("utf-8")
    assert letters in layout
    assert page in layout or page == NIGHT
    assert contrast(letters, page) >= READABLE


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_inbox_shows_what_a_message_is_about(language: str) -> None:
    """Beside the subject stands the first sentence, not the company and a greeting."""
    for name in registry():
        page = Page(render(name, language, "email", KNOWN).html)
        first = next(line for line in page.words.splitlines() if line.strip())
        assert not first.endswith(",")
        assert 30 <= len(first) <= 122
        assert KNOWN["name"] not in first


def test_nothing_leads_from_help_to_the_till() -> None:
    """Outside marketing no link leads to anything for sale."""
    for name, template in registry().items():
        if template.kind is not Kind.MARKETING:
            links = Page(render(name, "en", "email", KNOWN).html).links
            assert not {getattr(KNOWN["links"], link) for link in LINKS} & set(links)


def test_no_password_is_ever_sent() -> None:
    """5.1.2: access details, yes; there is not even a variable for a password."""
    assert not [name for name in KNOWN if "password" in name]
    assert "never" in render("access", "en", "email", KNOWN).text.lower()


def test_the_readme_lists_what_a_template_may_use() -> None:
    """A manager finds every variable, and every code of the lint's, explained."""
    readme = (TEMPLATES / "README.md").read_text("utf-8")
    said = set(re.findall(r"`([a-z_.]+)`", readme))
    order, company, links = in_words(KNOWN, "en", "en")["order"], KNOWN["company"], KNOWN["links"]
    wanted = {"name", "product", "access", "about", "order", "item.name", "item.quantity"}
    wanted |= {f"order.{field}" for field in vars(order)}
    wanted |= {f"company.{field}" for field in vars(company)}
    wanted |= {f"links.{field}" for field in vars(links)}
    assert wanted <= said
