"""What the page of choices shows, and what its form says."""

from __future__ import annotations

from typing import Any

from activities.crm.consents import EVERYTHING
from activities.crm.tables import Customer
from activities.rendering import TemplateFault, registry
from starter.inbound import pages
from starter.inbound.forms import Fields, UnreadableError
from starter.inbound.standing import CHANNELS, Scopes, Standing, Topic, Wish, changes, topics_of
from starter.reports.words import masked


def shown(language: str, customer: Customer, standing: Standing) -> dict[str, Any]:
    """What the page shows of a customer: their addresses only as far as they know them anyway."""
    words = pages.words()[language]
    addresses = {"email": masked(customer.email), "sms": masked(customer.phone)}
    known = {way: address for way, address in addresses.items() if address}
    known_topics, topics = _topics(), []
    for topic in known_topics:
        title, about = pages.topic_title(language, topic.name)
        ways = [words["ways"][way] for way in standing.ways(topic)]
        now = words["comes"].format(ways=pages.listed(ways, words["or"])) if ways else ""
        topics.append(
            {
                "name": topic.name,
                "title": title,
                "about": about,
                "on": standing.wants(topic),
                "now": now or words["stays_away"],
            }
        )
    return {
        "addresses": pages.listed(list(known.values()), words["and"]) if known else "",
        "shared": standing.shared,
        "stopped": standing.said.get(EVERYTHING) is False,
        "quiet": not any(standing.ways(topic) for topic in known_topics),
        "topics": topics,
        "channels": [
            {
                "name": way,
                "address": address,
                "on": standing.is_on(way),
                "hint": _hint(way, standing),
            }
            for way, address in known.items()
        ],
    }


def read(language: str, standing: Standing, fields: Fields) -> tuple[Scopes, str, str]:
    """What the form says, scope by scope; in the words that were read; and what came of it."""
    words = pages.words()[language]
    choice = [said for name, said in fields if name == "choice"]
    if choice == ["all"]:
        scopes = {} if standing.own.get(EVERYTHING) is False else {EVERYTHING: False}
        return scopes, words["stop_button"], "saved_all"
    topics = _topics()
    names = {topic.scope for topic in topics} | set(CHANNELS)
    on = {said for name, said in fields if name == "on"}
    shown = {said for name, said in fields if name == "shown"} | on
    if choice != ["save"] or not shown <= names:
        raise UnreadableError(400)
    wish = Wish(
        {topic.name: topic.scope in on for topic in topics if topic.scope in shown},
        {channel: channel in on for channel in CHANNELS if channel in shown},
    )
    return changes(standing, topics, wish), _wording(language, wish), "saved"


def _hint(channel: str, standing: Standing) -> str:
    if channel not in standing.reached:
        return "lost"
    if channel == "sms":
        return "sms_hint" if standing.is_on(channel) else "sms_off_hint"
    return ""


def _topics() -> list[Topic]:
    try:
        return topics_of(registry().values())
    except TemplateFault:  # with the register broken, one may still leave
        return []


def _wording(language: str, wish: Wish) -> str:
    """The page as it was filled in: each choice by its title."""
    words = pages.words()[language]
    choices = {pages.topic_title(language, name)[0]: on for name, on in wish.topics.items()}
    choices |= {words["channels"][name]: on for name, on in wish.channels.items()}
    said = (
        f"{title}: {words['turned_on' if on else 'turned_off']}" for title, on in choices.items()
    )
    return f"{words['title']} {'; '.join(said)}"
