"""E-mail away for three days: what a customer must have comes, what is stale is explained.

The same customers live the same weeks twice, once without the outage, to see what it cost.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from activities.crm import tables as t
from activities.fakes.channels import Fault
from starter.rehearse.stage import DAY, HOUR, Stage, stage
from starter.reports import Reports
from starter.reports.paging import Cursor
from tests.rehearsals.life import S0, Life, begin

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
PEOPLE = 10 * DOSE
AGES = (19, -1, 1, 7, -0.5, -0.1, 2, 15, 18, 14)  # days, when it begins: in each something is due
BEGINS, LASTS = AGES[0] * DAY, 3 * DAY  # after the first customer
RATE = 0.05  # e-mails a second: the catching up takes its time
ZONES = ("Europe/London", "Asia/Kathmandu", "America/Los_Angeles")
MOST = 11  # events that it may add to a history; or decisions about one step
TOO_LATE = ("stale", "cap", "quiet_hours")  # its moment passed; no slot was left before that


@dataclass
class Town:
    """What became of everybody."""

    events: dict[str, int] = field(default_factory=dict)  # of each history
    messages: dict[str, t.Message] = field(default_factory=dict)  # by key
    accepted: list[t.Outbox] = field(default_factory=list)
    decisions: list[t.Decision] = field(default_factory=list)
    whys: dict[str, str] = field(default_factory=dict)  # what `why` says of what was left out
    asked: int = 0  # requests to the provider while it was away
    away: datetime | None = None
    back: datetime | None = None

    @property
    def took(self) -> Counter[str]:
        return Counter(row.key for row in self.accepted)

    def since(self, moment: datetime, channel: str) -> list[t.Outbox]:
        return [r for r in self.accepted if r.accepted_at >= moment and r.channel == channel]


@pytest.mark.timeout(120 + 120 * DOSE)
async def test_three_days_without_email(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost or doubled, no history grows by much, and nobody else waits."""
    usual, town = await live(outage=False), await live(outage=True)
    assert town.away is not None
    assert town.back is not None
    assert set(town.took.values()) == set(usual.took.values()) == {1}
    assert {m.state for m in town.messages.values()} <= {"sent", "refused", "covered"}
    nothing_is_lost(usual, town)
    what_came_too_late_is_explained(usual, town)
    nobody_else_waits(usual, town)
    figures = [its_return_is_orderly(town), histories_stay_small(usual, town)]
    with capsys.disabled():
        print(f"\n  outage: {PEOPLE} customers; " + "; ".join(figures))  # noqa: T201


# -- the story -------------------------------------------------------------------------


async def live(*, outage: bool) -> Town:
    """All of them, from the first one's purchase to the last one's end."""
    async with stage(sops=S0) as built:
        await built.end_work()
        built.house.settings = built.house.settings.model_copy(update={"email_rate": RATE})
        await built.begin_work()
        lives, town = {0: await begin(built, **person(0))}, Town()
        first = built.clock.now()
        post = built.house.channels["email"]
        for at, what, number in agenda():
            await built.sleep_until(first + at)
            match what:
                case "buys":
                    lives[number] = await begin(
                        built, at_once=True, neighbour=False, **person(number)
                    )
                case "struggles":
                    await lives[number].event("issue.detected", data={"topic": "set-up"})
                case "away" if outage:
                    town.away, post.always = built.clock.now(), Fault.AWAY
                    post.asked.clear()
                case "back" if outage:
                    town.back, post.always = built.clock.now(), None
                    town.asked = len(post.asked)
        for life in lives.values():
            await life.end(within=90)
        await take_down(town, built, list(lives.values()))
    return town


def person(number: int) -> dict[str, Any]:
    """Every fifth wants SMS, every fifth can have either; they live around the world."""
    who: dict[str, Any] = {
        "id": f"C-{number}",
        "email": f"customer-{number}@example.com",
        "time_zone": ZONES[number % 3],
        "order": {"id": f"order-{number}"},
        "policy": {"grace": "1d"} if number == 0 else {},
    }
    if number % 5 in (1, 4):
        who["phone"] = f"+4477009{number:05}"
    if number % 5 == 4:
        who["preferred_channel"] = "sms"
    return who


def agenda() -> Iterator[tuple[timedelta, str, int]]:
    """Who buys when, up to the end of the outage; in it, some have a question."""
    days = [(BEGINS - age(number), "buys", number) for number in range(1, PEOPLE)]
    asking = [number for number in range(PEOPLE) if number % 10 in (2, 3)]
    days += [(BEGINS + DAY + number * HOUR / PEOPLE, "struggles", number) for number in asking]
    yield from sorted([*days, (BEGINS, "away", 0), (BEGINS + LASTS, "back", 0)])


def age(number: int) -> timedelta:
    """How long ago they had bought when the outage began."""
    return (AGES[number % len(AGES)] - number / PEOPLE) * DAY


async def take_down(town: Town, built: Stage, lives: list[Life]) -> None:
    reports = Reports(built.store, built.clock)
    async with built.store.reading() as session:
        town.messages = {m.key: m for m in (await session.execute(select(t.Message))).scalars()}
        outbox = select(t.Outbox).order_by(t.Outbox.accepted_at, t.Outbox.id)
        town.accepted = list((await session.execute(outbox)).scalars())
        town.decisions = list((await session.execute(select(t.Decision))).scalars())
    for life in lives:
        town.events[life.follow_up] = len((await life.history()).events)
    for message in town.messages.values():
        if message.state == "refused":
            town.whys[message.key] = await why(reports, message)


async def why(reports: Reports, message: t.Message) -> str:
    """What the reader of the checklist is told."""
    for clause in (message.clause, None):
        page = await reports.why(message.follow_up, clause, cursor=Cursor(100))
        assert page is not None
        if "provider" in (said := " ".join(line.words for line in page.data)):
            break
    return said


# -- what must hold ----------------------------------------------------------------------


def nothing_is_lost(usual: Town, town: Town) -> None:
    """Whatever would have gone has gone, or was left out as stale; what they must have has gone."""
    for key, message in usual.messages.items():
        became = town.messages[key]
        if message.state == "sent" and became.state != "sent":
            assert became.reason in TOO_LATE, (key, became.state, became.reason)
            assert became.kind != "transactional", key


def what_came_too_late_is_explained(usual: Town, town: Town) -> None:
    """By its own clause, if it came due meanwhile; else by the one that it waited for."""
    late = [key for key in town.whys if was_sent(usual, key)]
    assert late, "the outage made nothing stale: it was too short"
    for key in late:
        assert "provider" in town.whys[key], town.whys[key]


def was_sent(usual: Town, key: str) -> bool:
    return key in usual.messages and usual.messages[key].state == "sent"


def nobody_else_waits(usual: Town, town: Town) -> None:
    """SMS go as ever; and so does what people must have, to whom it can."""
    assert town.away is not None
    assert town.back is not None
    texts = {
        m.key: m.sent_at for m in usual.messages.values() if m.via == "failing-sms" and m.sent_at
    }
    due = [key for key, at in texts.items() if town.away < at < town.back]
    assert due
    for key in due:
        sent_at = town.messages[key].sent_at
        assert sent_at is not None
        assert abs(sent_at - texts[key]) < timedelta(minutes=1), key
    for number in range(1, PEOPLE, 10):  # bought meanwhile, and can have either
        welcome = town.messages[f"online-customer.C-{number}/welcome"]
        assert welcome.sent_at is not None
        assert (welcome.channel, welcome.sent_at < town.back) == ("sms", True)


def its_return_is_orderly(town: Town) -> str:
    """What waited goes at the provider's rate, and first what people must have; but for the one or
    two that try whether the provider is back."""
    assert town.back is not None
    after = town.since(town.back, "email")
    gaps = [(b.accepted_at - a.accepted_at).total_seconds() for a, b in pairwise(after)]
    assert min(gaps) >= 1 / RATE - 1
    waited = [town.messages[row.key] for row in after]
    kinds = [message.kind for message in waited if message.created_at < town.back]
    last = max(place for place, kind in enumerate(kinds) if kind == "transactional")
    assert last <= kinds.count("transactional") + 2
    return f"{len(kinds)} e-mails waited, {town.asked} requests in vain"


def histories_stay_small(usual: Town, town: Town) -> str:
    extra = [town.events[name] - count for name, count in usual.events.items()]
    assert max(extra) <= MOST
    said = Counter(decision.key for decision in town.decisions)
    assert max(said.values()) <= MOST  # each attempt in vain is no news
    grown = ", ".join(f"{count} by {more}" for more, count in sorted(Counter(extra).items()))
    return f"histories grew: {grown} events"
