"""`--demo`: a handful of customers, played through the desk like any others, and a ticker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from activities.crm.house import house_rules
from activities.crm.tables import Setting
from activities.settings import Settings
from starter.answers import Refusal
from starter.bootstrap import open_desk
from starter.desk import Desk
from starter.reports import Reports
from starter.reports.paging import Cursor
from starter.up.directory import command
from starter.up.ticker import Show, Ticker
from workflows.vocabulary import Pace, Role

DEMO = "demo"
DEMO_PACE = "1d=2s"
GLANCE = 0.4  # seconds between two looks at the tables
STAFF_TAKES = timedelta(hours=3)
DAY = timedelta(days=1)
FRIDAY = 4
EMAIL = {"channel": "email"}
CASE = {**EMAIL, "reference": "RMA-1"}


@dataclass(frozen=True)
class Life:
    """One customer: who they are, and what they do when."""

    says: str
    customer: dict[str, Any]
    does: tuple[tuple[timedelta, str, dict[str, Any]], ...]
    staffed: bool = True  # somebody does the tasks about them
    logs_in: tuple[int, ...] = field(default=())  # on these days


def _customer(id_: str, name: str, country: str, zone: str, **more: Any) -> dict[str, Any]:
    email = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    consent = {"email_marketing": True, "source": "checkout", "wording": "Keep me posted"}
    known = {"id": id_, "name": name, "email": email, "country": country, "time_zone": zone}
    return {**known, "consent": consent, **more}


def _order(id_: str, total: str, name: str, fulfilment: str = "ship") -> dict[str, Any]:
    item = {"sku": id_, "name": name, "quantity": 1, "price": total}
    order = {"id": id_, "first": True, "total": total, "currency": "GBP", "items": [item]}
    return {"order": {**order, "fulfilment": fulfilment}}


def _after(days: float = 0, **more: float) -> timedelta:
    return timedelta(days=days, **more)


CAST = (
    Life(
        "says nothing at all",
        _customer("C-1001", "Ada Byron", "GB", "Europe/London"),
        ((_after(), "order.paid", _order("1001", "49.00", "Loom, first steps")),),
    ),
    Life(
        "answers the check-in",
        _customer("C-1002", "Grace Hopper", "US", "America/New_York"),
        (
            (_after(hours=3), "order.paid", _order("1002", "120.00", "Compiler, annual")),
            (_after(16), "reply.received", {"data": {"text": "All well, thank you!", **EMAIL}}),
        ),
        logs_in=(1, 2, 4, 5, 8, 12, 13, 14),
    ),
    Life(
        "complains, and is satisfied in the end",
        _customer("C-1003", "Charles Babbage", "GB", "Europe/London"),
        (
            (_after(hours=5), "order.paid", _order("1003", "900.00", "Difference engine")),
            (_after(4), "complaint.opened", {"data": {"text": "It arrived in pieces.", **CASE}}),
            (
                _after(9),
                "complaint.resolved",
                {"data": {"text": "A new one came, it runs.", **CASE}},
            ),
        ),
        logs_in=(10, 11, 12),
    ),
    Life(
        "opts out of marketing",
        _customer("C-1004", "Mary Somerville", "GB", "Europe/London"),
        (
            (_after(1), "order.paid", _order("1004", "35.00", "Star atlas")),
            (_after(3, hours=2), "consent.changed", {"data": {"email_marketing": False}}),
        ),
        staffed=False,
        logs_in=(9, 12, 14, 16, 17, 18),
    ),
    Life(
        "buys again",
        _customer("C-1005", "Alan Turing", "GB", "Europe/London", tier="premium"),
        (
            (_after(1, hours=4), "order.paid", _order("1005", "75.00", "Paper tape")),
            (
                _after(11),
                "order.paid",
                {"order": {**_order("1006", "240.00", "Tape reader")["order"], "first": False}},
            ),
        ),
        logs_in=(3, 4, 5, 6, 7, 9, 10, 12, 13, 14, 15, 17, 18, 19),
    ),
    Life(
        "waits for access to what she bought",
        _customer("C-1007", "Katherine Johnson", "US", "America/Chicago"),
        (
            (_after(2), "order.paid", _order("1007", "60.00", "Orbits, online", "digital")),
            (_after(2, hours=20), "account.provisioned", {"order": {"id": "1007"}}),
        ),
        logs_in=(3, 5, 6, 8),
    ),
)


@dataclass(frozen=True, order=True)
class Moment:
    after: timedelta
    id: str
    event: dict[str, Any] = field(compare=False)


def opening(now: datetime) -> datetime:
    """Ten o'clock of the next working day in London: a demonstration begins in office hours."""
    morning = now.astimezone(ZoneInfo("Europe/London")).replace(hour=10, minute=0, second=0)
    while morning <= now or morning.weekday() > FRIDAY:
        morning += DAY  # by the wall clock
    return morning


def script() -> list[Moment]:
    """All that the cast does, in order; the same ids each time, so that twice is once."""
    return sorted(moment for life in CAST for moment in _moments(life))


def _moments(life: Life) -> Iterator[Moment]:
    customer = {"id": life.customer["id"]}
    for number, (after, type_, more) in enumerate(life.does):
        who = life.customer if number == 0 else customer
        id_ = f"demo-{customer['id']}-{number}"
        yield Moment(after, id_, {"id": id_, "type": type_, "customer": who, **more})
    for day in life.logs_in:
        id_ = f"demo-{customer['id']}-login-{day}"
        event = {"id": id_, "type": "engagement.login", "customer": customer}
        yield Moment(_after(day, hours=2), id_, event)


async def play(settings: Settings, target: str, pace: Pace, show: Show) -> None:
    """Play the cast's days at the directory's pace, and show what happens, until cancelled.

    It speaks to the Temporal that came up with it, whatever other one the shell names.
    """
    async with open_desk(settings, target=target) as desk:
        origin = await _origin(desk)
        async with desk.store.reading() as session:
            zone = ZoneInfo((await house_rules(session)).time_zone)
        ticker = Ticker(desk.store, origin, zone, show)
        await ticker.tick(silently=True)
        for line in _programme(pace):
            show(line, "")
        async with asyncio.TaskGroup() as group:
            group.create_task(_act(desk, origin))
            group.create_task(_staff(desk))
            group.create_task(_watch(desk, ticker, show))


async def _origin(desk: Desk) -> datetime:
    """When the demonstration began, the first time."""
    async with desk.store.transaction() as session:
        row = await session.get(Setting, DEMO)
        if row is None:
            row = Setting(name=DEMO, value={"origin": opening(desk.clock.now()).isoformat()})
            session.add(row)
        return datetime.fromisoformat(row.value["origin"])


def _programme(pace: Pace) -> Iterator[str]:
    yield ""
    yield f"Six customers, a day in {DAY.total_seconds() / pace.factor:g} s:"
    yield ""
    for life in CAST:
        yield f"  {life.customer['name']:<18} {life.says}"
    yield ""


async def _act(desk: Desk, origin: datetime) -> None:
    for moment in script():
        at = origin + moment.after
        await asyncio.sleep(
            max(0.0, (at - desk.clock.now()).total_seconds() / desk.clock.pace.factor)
        )
        await desk.receive("demo", {**moment.event, "occurred_at": at.isoformat()})


async def _staff(desk: Desk) -> None:
    """A colleague who takes three hours over what an SOP asks, and leaves some to time."""
    reports, left = Reports(desk.store, desk.clock), await _unstaffed(desk)
    first_seen: dict[str, datetime] = {}
    while True:
        now = desk.clock.now()
        for task in (await reports.tasks(state="open", cursor=Cursor(50))).data:
            since = first_seen.setdefault(task.id, now)
            ours = task.clause is not None and task.role != Role.ENGINEER
            if not ours or task.customer in left or now - since < STAFF_TAKES:
                continue
            try:
                await desk.complete_task(task.id, {}, by="demo")
            except Refusal:  # closed meanwhile
                continue
        await asyncio.sleep(GLANCE)
        left = left or await _unstaffed(desk)


async def _unstaffed(desk: Desk) -> set[str]:
    reports = Reports(desk.store, desk.clock)
    asked = [await reports.customer(life.customer["id"]) for life in CAST if not life.staffed]
    return {customer.id for customer in asked if customer}


async def _watch(desk: Desk, ticker: Ticker, show: Show) -> None:
    """The ticker; and, once all have been seen through, what to look at now."""
    reports, told = Reports(desk.store, desk.clock), False
    while True:
        await ticker.tick()
        if not told:
            sop, one = "online-customer", Cursor(1)
            running = await reports.follow_ups(sop=sop, state="running", cursor=one)
            held = await reports.follow_ups(sop=sop, state="on_hold", cursor=one)
            begun = await reports.follow_ups(sop=sop, cursor=Cursor(len(CAST)))
            if told := len(begun.data) == len(CAST) and not running.data and not held.data:
                for line in ENDING.format(
                    aftercare=command(), directory=desk.settings.data
                ).splitlines():
                    show(line, "")
        await asyncio.sleep(GLANCE)


ENDING = """
All six have been seen through; keep-in-touch goes on for years. Now, in another terminal:

  {aftercare} list                        # everybody
  {aftercare} show charles@example.com    # the checklist by clause
  {aftercare} why mary@example.com        # why she got less than others
  {aftercare} messages                    # what was sent; `messages show ID` reads one
  {aftercare} tasks --all                 # what was asked of people

To see it once more: Ctrl-C, then remove {directory}
"""
