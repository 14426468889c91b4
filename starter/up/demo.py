"""`--demo`: a handful of customers, played through the desk like any others, and a ticker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from activities.crm.house import house_rules
from activities.crm.tables import Enrolment, Setting, Task
from activities.settings import Settings
from starter.answers import Refusal
from starter.bootstrap import open_desk
from starter.desk import Desk
from starter.reports import Reports
from starter.up.cast import CAST, STAFF_TAKES, Life
from starter.up.directory import command
from starter.up.ticker import Show, Ticker
from workflows.sops import KEEP_IN_TOUCH
from workflows.vocabulary import Form, Pace, Role

DEMO = "demo"
SALES = "sales-follow-up"
DEMO_PACE = "1d=2s"
GLANCE = 0.4  # seconds between two looks at the tables
DAY = timedelta(days=1)
FRIDAY = 4
BLANKS = {  # what the document of `sales-follow-up` leaves to the house
    "within": "3d",
    "interval": "90d",
    "approved_by": "The demonstration",
    "approval_date": "2026-01-01",
    "next_review": "2027-01-01",
    "system": "Aftercare",
    "record_system": "Aftercare",
    "retention": "1095d",
}
SPOKEN = {
    "reached": "yes",
    "product": 80,
    "overall": 90,
    "comment": "Content with it. Would like to hear of accessories.",
    "method": "phone",
    "type": "product",
    "urgency": "low",
    "potential": "none",
    "actions": "Send the list of accessories.",
    "opportunity": True,
    "wanted": "Accessories",
    "referral": "asked",
}
KNOWN = {
    "account_manager": "Barbara Liskov",
    "contacts": [{"name": "Radia Perlman", "role": "Network lead"}],
    "needs": "Routes without loops.",
}
OUTCOMES: dict[Form, dict[str, Any]] = {  # what our colleague says of a task; else: as drafted
    Form.ANSWER: {"text": "Thank you for writing. I look into it now."},
    Form.RESOLVE: {"root_cause": "delivery", "resolution": "A new one was sent by courier."},
    Form.CONFIRM: {"satisfied": True},
    Form.CALL: {"reached": "yes", "product": 80, "overall": 90},
    Form.ARRIVAL: {"arrived": False},
    Form.REVIEW: {"score": 90},
    Form.SALES_CALL: SPOKEN,
    Form.CLASSIFY: {"type": "experience", "urgency": "low", "potential": "none"},
    Form.TRANSFER: KNOWN,
    Form.MEETING: {"outcome": "held", "note": "Shown around; they asked about reports."},
}
NUMBERS = dict(enumerate("No One Two Three Four Five Six Seven Eight Nine Ten".split()))


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
        yield Moment(timedelta(days=day, hours=2), id_, event)


async def play(settings: Settings, target: str, pace: Pace, show: Show) -> None:
    """Play the cast's days at the directory's pace, and show what happens, until cancelled.

    It speaks to the Temporal that came up with it, whatever other one the shell names.
    """
    async with open_desk(settings, target=target) as desk:
        await _fill_blanks(desk)
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


async def _fill_blanks(desk: Desk) -> None:
    """Sales' procedure starts nothing until somebody has said what its document leaves open."""
    if (await desk.policy_show(SALES))["blanks"]:
        reason = "what a demonstration needs"
        await desk.policy_set(SALES, BLANKS, by=DEMO, reason=reason, approve=True)


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
    yield f"{NUMBERS[len(CAST)]} customers, a day in {DAY.total_seconds() / pace.factor:g} s:"
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
    patience: dict[str, timedelta | None] = {}
    first_seen: dict[str, datetime] = {}
    while True:
        now = desk.clock.now()
        patience = patience or await _patience(desk)
        async with desk.store.reading() as session:
            query = select(Task).where(Task.state == "open").order_by(Task.created_at).limit(50)
            tasks = list((await session.execute(query)).scalars())
        for task in tasks:
            waits = patience.get(task.customer_id or "", STAFF_TAKES)
            since = first_seen.setdefault(task.id, now)
            ours = task.clause is not None and task.role != Role.ENGINEER
            if ours and waits is not None and now - since >= waits:
                # Closed meanwhile, or it asks for more than a demonstration knows.
                with suppress(Refusal):
                    await desk.complete_task(task.id, _outcome(task, now), by="demo")
        await asyncio.sleep(GLANCE)


def _outcome(task: Task, now: datetime) -> dict[str, Any]:
    if task.form == Form.SET_UP:
        return {"done": task.brief.get("checks", [])}
    if task.form == Form.SCHEDULE:
        at = opening(now + DAY) + timedelta(hours=5)  # by then it is morning in New York
        return {"starts_at": at.isoformat(), "url": "https://meet.example.com/k-1010"}
    if task.brief.get("channel") == "letter":
        return {"address_checked": True}
    return OUTCOMES.get(Form(task.form), {})


async def _patience(desk: Desk) -> dict[str, timedelta | None]:
    """How long the tasks about a customer wait; none: nobody does them."""
    reports, found = Reports(desk.store, desk.clock), {}
    for life in CAST:
        if customer := await reports.customer(life.customer["id"]):
            found[customer.id] = life.waits if life.staffed else None
    return found if len(found) == len(CAST) else {}


async def _watch(desk: Desk, ticker: Ticker, show: Show) -> None:
    """The ticker; and, once all have been seen through, what to look at now."""
    told = False
    while True:
        await ticker.tick()
        if not told and (told := await _seen_through(desk)):
            named = {"aftercare": command(), "directory": desk.settings.data}
            for line in ENDING.format(number=NUMBERS[len(CAST)].lower(), **named).splitlines():
                show(line, "")
        await asyncio.sleep(GLANCE)


async def _seen_through(desk: Desk) -> bool:
    """Whether every follow-up and case has ended; what goes on for years does not count."""
    async with desk.store.reading() as session:
        query = select(Enrolment).where(Enrolment.sop != KEEP_IN_TOUCH.name)
        rows = list((await session.execute(query)).scalars())
    begun = {row.customer_id for row in rows}
    return len(begun) >= len(CAST) and all(row.ended_at for row in rows)


ENDING = """
All {number} have been seen through; keep-in-touch goes on for years. Now, in another terminal:

  {aftercare} list                        # everybody
  {aftercare} show charles@example.com    # the checklist by clause
  {aftercare} why mary@example.com        # why she got less than others
  {aftercare} why charles@example.com     # what his complaint held back, and for how long
  {aftercare} messages                    # what was sent; `messages show ID` reads one
  {aftercare} tasks --all                 # what was asked of people

To see it once more: Ctrl-C, then remove {directory}
"""
