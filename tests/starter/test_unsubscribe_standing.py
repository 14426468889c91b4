"""What the page of choices says is what the gate does; what a wish says is what is wished."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from activities.crm.house import HouseRules
from activities.crm.tables import Customer
from activities.permission import Standing as GateStanding
from activities.permission import Way, way_for
from activities.rendering import registry
from starter.inbound.standing import CHANNELS, WAYS, Standing, Topic, Wish, changes, topics_of
from workflows.vocabulary import Kind

REGISTER = list(registry().values())
TOPICS = [
    *topics_of(REGISTER),
    Topic("newsletter", frozenset({(Kind.MARKETING, "email"), (Kind.MARKETING, "sms")})),
    Topic("mixed", frozenset({(Kind.MARKETING, "email"), (Kind.RELATIONSHIP, "sms")})),
]
SCOPES = [
    *("all", "relationship", "email", "sms", "email_marketing", "sms_marketing"),
    *("topic:marketing", "topic:relationship"),
    *(topic.scope for topic in TOPICS),
]
said = st.dictionaries(st.sampled_from(SCOPES), st.booleans())
somebody = st.builds(
    Standing,
    own=said,
    others=st.just(frozenset()),
    reached=st.just(frozenset(WAYS)),
    asked_first=st.booleans(),
)
wishes = st.builds(
    Wish,
    topics=st.dictionaries(st.sampled_from([topic.name for topic in TOPICS]), st.booleans()),
    channels=st.dictionaries(st.sampled_from(CHANNELS), st.booleans()),
)


@given(somebody, st.frozensets(st.sampled_from(SCOPES), max_size=2), st.booleans())
def test_the_page_says_what_the_gate_does(
    standing: Standing, others: frozenset[str], sensitive: bool
) -> None:
    """For every template and every way there is, whoever refused what."""
    standing = replace(standing, others=others, sensitive=sensitive)
    customer = Customer(
        id="c",
        email="a@example.com",
        phone="+442079460000",
        address={"line1": "1 High Street"},
        country="DE",
        sensitive=sensitive,
    )
    gate = GateStanding(customer, standing.said, {})
    rules = HouseRules(relationship_needs_consent=("DE",) if standing.asked_first else ())
    for template in REGISTER:
        if template.kind is Kind.TRANSACTIONAL:
            continue
        for way in WAYS:
            alone = template.model_copy(update={"channels": (way,)})
            goes = isinstance(way_for(alone, gate, rules), Way)
            topic = Topic(template.topic, frozenset({(template.kind, way)}))
            assert (way in standing.ways(topic)) == goes, (template.name, way)


@given(somebody, wishes)
def test_a_wish_comes_true_and_nothing_else_does(standing: Standing, wish: Wish) -> None:
    """What was ticked comes, what was unticked does not, and the rest stays as it was."""
    after = replace(standing, own={**standing.own, **changes(standing, TOPICS, wish)})
    for topic in TOPICS:
        assert after.wants(topic) == wish.topics.get(topic.name, standing.wants(topic)), topic.name
    for channel in CHANNELS:
        assert after.is_on(channel) == wish.channels.get(channel, standing.is_on(channel))


@given(somebody)
def test_a_page_saved_as_it_is_says_nothing(standing: Standing) -> None:
    """No consent is ever made of a box that was left alone."""
    wish = Wish(
        {topic.name: standing.wants(topic) for topic in TOPICS},
        {channel: standing.is_on(channel) for channel in CHANNELS},
    )
    assert changes(standing, TOPICS, wish) == {}


def test_what_others_refused_at_the_address_stays_off() -> None:
    """Their word is theirs: it is said to be so, and not overruled."""
    tips = next(topic for topic in TOPICS if topic.name == "tips")
    standing = Standing({}, frozenset({"email"}), frozenset({"email"}), asked_first=False)
    assert standing.shared
    assert standing.ways(tips) == []
    said = changes(standing, TOPICS, Wish({}, {"email": True}))
    after = replace(standing, own=said)
    assert (said, after.is_on("email")) == ({"email": True}, False)
    assert not replace(standing, own={"email": False}).shared
