"""The templates as we ship them honour what the SOP says of them."""

from __future__ import annotations

import re

import pytest

from activities.rendering import TEMPLATES, Template, lint, registry, render
from activities.rendering.colours import NIGHT, PAPER, READABLE, contrast
from activities.rendering.facts import in_words
from activities.rendering.offers import LINKS
from tests.activities.rendering import Page, a_purchase, facts
from workflows.sops import PROCEDURES
from workflows.vocabulary import Kind

KINDS = {
    Kind.TRANSACTIONAL: """welcome access order-shipped ready-for-pickup feedback-thanks
        complaint-received inquiry-received case-answer case-message case-progress
        complaint-resolved complaint-resolved-reminder onboarding-invitation onboarding-moved
        onboarding-cancelled onboarding-reminder onboarding-call""",
    Kind.RELATIONSHIP: """getting-started product-tips re-engagement targeted-tips check-in
        check-in-follow-up review-request thank-you thank-you-note satisfaction-check
        satisfaction-survey order-experience anniversary personal-message onboarding-survey
        onboarding-survey-reminder sales-follow-up sales-experience sales-call
        regular-follow-up""",
    Kind.MARKETING: """upgrade-your-plan discover-add-ons sales-outreach loyalty-offer
        referral-request""",
}
CASES = "complaint-received inquiry-received case-answer case-message case-progress".split()
CASES += ["complaint-resolved", "complaint-resolved-reminder"]
CALLS = [f"onboarding-{name}" for name in "invitation moved cancelled reminder call".split()]
KNOWN = facts(order=a_purchase())
IN_WRITING = [name for name, template in registry().items() if "email" in template.channels]
IN_THEIR_OWN_WORDS = "personal-message"  # nothing stands in it but what a colleague writes


def test_the_lint_finds_nothing() -> None:
    """No template leaves the house with a problem we know how to find."""
    assert lint() == []


def test_every_template_of_the_sops_is_there() -> None:
    """Names and kinds are what workflows and gate rely on."""
    said = {name: kind for kind, names in KINDS.items() for name in names.split()}
    assert {name: template.kind for name, template in registry().items()} == said


def test_whatever_a_procedure_sends_has_its_template() -> None:
    """No step of any procedure calls for a text that nobody wrote; and none is written in vain."""
    called = {
        (name, procedure.name)
        for procedure in PROCEDURES.values()
        for names in procedure.steps.values()
        for name in names
    }
    assert {name for name, _ in called} == set(registry())
    assert {(name, template.sop) for name, template in registry().items()} <= called


@pytest.mark.parametrize(
    ("sop", "clauses"),
    [
        ("online-customer", """5.1.1 5.1.2 5.1.3 5.2.1 5.2.2 5.2.3 5.3.2 5.3.3 5.4.1 5.4.2 5.4.3
                               5.5.2 5.5.3"""),
        ("keep-in-touch", "5.4 5.6.2 5.6.3 6 6.2"),
        ("order-thanks", "1 1.1 1.2 1.3 1.4 2 2.1 2.2 3 3.1 3.2 3.3 5 5.1 5.2 4.4 4.4.2"),
        ("satisfaction", "4.1 4.1.1 4.1.2 4.2 4.2.1 7.1 7.2 7.3 7.4"),
        ("sales-follow-up", "2 4.1.1 4.1.2 5.2"),
        ("onboarding", "4.3 4.3.1 4.4 4.4.1 8.2"),
        ("case", "1 2 4 6"),
        ("correspondence", "1"),
    ],
)  # fmt: skip
def test_every_clause_that_sends_has_its_template(sop: str, clauses: str) -> None:
    """The register says which clauses a template honours; none of a document's is forgotten."""
    mine = [template for template in registry().values() if template.sop == sop]
    assert {clause for template in mine for clause in template.clauses} == set(clauses.split())


def test_what_must_reach_even_a_sensitive_customer() -> None:
    """Only what order, account, the customer's own case and call require is required."""
    required = {name for name, template in registry().items() if template.required}
    assert required == {"welcome", "access", "order-shipped", "ready-for-pickup", *CASES, *CALLS}


def test_one_question_is_asked_by_whoever_comes_first() -> None:
    """What asks the same has the same name for it; the welcome's thanks are S1's."""
    asks: dict[str, set[str]] = {}
    for name, template in registry().items():
        if template.asks:
            asks.setdefault(template.asks, set()).add(name)
    assert asks == {
        "thanks": {"thank-you"},
        "satisfaction": {
            "check-in",
            "satisfaction-check",
            "satisfaction-survey",
            "sales-follow-up",
        },
        "experience": {"order-experience", "sales-experience"},
        "review": {"review-request"},
    }
    assert registry()["welcome"].carries == ("thanks",)
    assert {name for name, template in registry().items() if template.personal} == {
        "thank-you",
        "thank-you-note",
    }


def test_selling_is_a_topic_of_its_own() -> None:
    """Whoever leaves `offers` hears no offer more; tips and reviews can be left as well."""
    topics = {name: template.topic for name, template in registry().items()}
    for name, template in registry().items():
        assert (topics[name] == "offers") is (template.kind is Kind.MARKETING)
    assert topics["targeted-tips"] == "tips"
    assert topics["review-request"] == "reviews"
    assert topics["satisfaction-check"] == topics["check-in"] == "check-ins"
    assert topics["thank-you"] == topics["anniversary"] == "thanks"


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
    for name in set(IN_WRITING) - {IN_THEIR_OWN_WORDS}:
        page = Page(render(name, language, "email", KNOWN).html)
        first = next(line for line in page.words.splitlines() if line.strip())
        assert not first.endswith(",")
        assert 30 <= len(first) <= 122
        assert KNOWN["name"] not in first


def test_nothing_leads_from_help_to_the_till() -> None:
    """Outside marketing no link leads to anything for sale."""
    for name, template in registry().items():
        if template.kind is not Kind.MARKETING:
            links = Page(render(name, "en", template.channels[0], KNOWN).html).links
            assert not {getattr(KNOWN["links"], link) for link in LINKS} & set(links)


def test_no_password_is_ever_sent() -> None:
    """5.1.2: access details, yes; there is not even a variable for a password."""
    assert not [name for name in KNOWN if "password" in name]
    assert "never" in render("access", "en", "email", KNOWN).text.lower()


def test_the_readme_lists_what_a_template_may_use() -> None:
    """A manager finds every variable, and every code of the lint's, explained."""
    readme = (TEMPLATES / "README.md").read_text("utf-8")
    said = set(re.findall(r"`([a-z_.]+)`", readme))
    spoken = in_words(KNOWN, "en", "en")
    wanted = {*spoken, "item.name", "item.quantity"}
    for fact in ("order", "shipment", "case", "company", "links"):
        wanted |= {f"{fact}.{field}" for field in vars(spoken[fact])}
    assert wanted <= said
    assert set(Template.model_fields) - {"name", "title", "sop", "clauses", "version"} <= said
