"""A customer's life on the rehearsal's stage, read back from the tables."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from activities.crm import tables as t
from starter.rehearse import ADA, Director
from starter.rehearse.stage import Stage
from starter.rehearse.timeline import short
from workflows.sops import CATALOGUE
from workflows.vocabulary import State

S0 = "online-customer"


class Life:
    """One customer: what they do, and what was done for them; seen by one of their follow-ups."""

    def __init__(self, director: Director, sop: str = S0, subject: str = "") -> None:
        self.director, self.stage = director, director.stage
        self.sop, self.subject = sop, subject

    def of(self, sop: str, subject: str = "") -> Life:
        """The same life, seen by another follow-up: by default that of the first order."""
        return Life(self.director, sop, subject or ("" if sop == S0 else self.order))

    @property
    def id(self) -> str:
        return self.director.cast[0].id

    @property
    def order(self) -> str:
        return self.director.cast[0].orders[0]

    @property
    def follow_up(self) -> str:
        return f"{self.sop}.{self.subject or self.id}"

    @property
    def began(self) -> datetime:
        return self.director.cast[0].began

    # -- time and people -------------------------------------------------------------------

    async def day(self, day: int, clock: str) -> Life:
        """Go to this day's hour on the customer's own clock, day 0 being the purchase."""
        await self.stage.sleep_until(self.moment(day, clock))
        return self

    def moment(self, day: int, clock: str) -> datetime:
        zone = self.director.cast[0].zone
        date_ = self.began.astimezone(zone).date() + timedelta(days=day)
        return datetime.combine(date_, time.fromisoformat(clock), zone)

    async def event(self, type_: str, **more: Any) -> list[tuple[str, str | None]]:
        """Something comes in from outside; what came of it."""
        more.setdefault("customer", {"id": self.id})
        receipt = await self.director.receive(type_, **more)
        assert receipt.error is None, receipt.error
        await self.stage.settle()
        came = [(effect.effect, effect.reason) for effect in receipt.effects]
        return [each for each in came if each != ("none", "sop_off")] or came

    async def signal(self, name: str, **body: Any) -> None:
        await self.stage.desk.signal(self.follow_up, name, body, by="test")
        await self.stage.settle()

    async def control(self, verb: Any, clause: str | None = None) -> None:
        await self.stage.desk.control(verb, self.follow_up, clause=clause, reason="test", by="test")
        await self.stage.settle()

    async def complete(self, clause: str, **outcome: Any) -> None:
        """Somebody does the clause's open task."""
        (task,) = [task.id for task in await self.tasks() if task.clause == clause]
        await self.stage.desk.complete_task(task, outcome, by="test")
        await self.stage.settle()

    async def tasks(self, sop: str = "") -> list[t.Task]:
        """What is open, of everything or of one SOP; the oldest first."""
        rows = [row for row in await self.rows(t.Task) if row.state == "open"]
        rows = [row for row in rows if (row.follow_up or "").startswith(sop)]
        return sorted(rows, key=lambda row: row.created_at)

    async def house(self, changes: dict[str, Any]) -> None:
        await self.stage.desk.policy_set("house", changes, by="test", reason="test", approve=True)

    async def end(self, *, within: int = 60) -> str:
        """Let the follow-up run to its end; as what it ended."""
        latest = self.stage.clock.now() + timedelta(days=within)
        while self.stage.clock.now() < latest:
            state = (await self.enrolment()).state
            if state != "running":
                return state
            await self.stage.sleep(timedelta(hours=6))
        raise AssertionError(f"it did not end: {await self.done()}")

    # -- what the tables say ---------------------------------------------------------------

    async def enrolment(self) -> t.Enrolment:
        async with self.stage.store.reading() as session:
            return await session.get_one(t.Enrolment, self.follow_up)

    async def rows(self, table: Any) -> list[Any]:
        async with self.stage.store.reading() as session:
            query = select(table).where(table.customer_id == self.id)
            return list((await session.execute(query)).scalars())

    async def told(self) -> list[str]:
        """All that was done, of all SOPs: day, local time, SOP, clause, what; and what was not."""
        messages, tasks = await self.rows(t.Message), await self.rows(t.Task)
        said = [(m.sent_at, m.follow_up, m.clause or "", m.template) for m in messages if m.sent_at]
        said += [(x.created_at, x.follow_up, x.clause or "", f"task: {x.title}") for x in tasks]
        for follow_up in await self.rows(t.Enrolment):
            for line in await self._lines_of(follow_up.id):
                if State(line.state) in (State.SKIPPED, State.COVERED):
                    at, why = line.done_at or line.updated_at, f"{line.state}: {line.reason}"
                    what = line.state if State(line.state) is State.COVERED else why
                    said.append((at, follow_up.id, line.clause, what))
        said.sort(key=lambda one: (one[0].replace(second=0, microsecond=0), one[1], one[2]))
        return [self._line(at, f"{short(of)} {clause}", what) for at, of, clause, what in said]

    async def _lines_of(self, follow_up: str) -> list[t.Milestone]:
        async with self.stage.store.reading() as session:
            query = select(t.Milestone).where(t.Milestone.follow_up == follow_up)
            return list((await session.execute(query)).scalars())

    async def everybody(self, table: Any) -> list[Any]:
        async with self.stage.store.reading() as session:
            return list((await session.execute(select(table))).scalars())

    async def lines(self) -> dict[str, t.Milestone]:
        """The checklist, by clause (and occurrence)."""
        rows = await self._lines_of(self.follow_up)
        return {f"{row.clause} {row.about}".strip(): row for row in rows}

    async def line(self, clause: str) -> tuple[State, str | None]:
        row = (await self.lines())[clause]
        return State(row.state), row.reason

    async def done(self, *, own: bool = False) -> list[str]:
        """Day, local time, clause and what: messages sent, tasks given, clauses passed over;
        `own`: without what was done about cases beside this follow-up."""
        messages, tasks = await self.rows(t.Message), await self.rows(t.Task)
        if own:
            messages = [row for row in messages if row.follow_up == self.follow_up]
            tasks = [row for row in tasks if row.follow_up == self.follow_up]
        told = [(m.sent_at, m.clause or "", m.template) for m in messages if m.sent_at]
        told += [(task.created_at, task.clause or "", f"task: {task.title}") for task in tasks]
        for line in (await self.lines()).values():
            if State(line.state) in (State.SKIPPED, State.COVERED):
                at = line.done_at or line.updated_at
                told.append((at, line.clause, f"{line.state}: {line.reason}"))
        return [self._line(*one) for one in sorted(told)]

    async def sent(self, *, own: bool = False) -> list[str]:
        """The messages alone."""
        told = [m for m in await self.rows(t.Message) if m.sent_at]
        told = [m for m in told if not own or m.follow_up == self.follow_up]
        told.sort(key=lambda message: message.sent_at)
        return [self._line(m.sent_at, m.clause or "", m.template) for m in told]

    def _line(self, at: datetime, clause: str, what: str) -> str:
        zone = self.director.cast[0].zone
        local = at.astimezone(zone)
        day = (local.date() - self.began.astimezone(zone).date()).days
        return f"{day} {local:%H:%M} {clause} {what}".replace("  ", " ")

    async def outbox(self) -> list[str]:
        """What the provider accepted, key by key."""
        async with self.stage.store.reading() as session:
            return sorted((await session.execute(select(t.Outbox.key))).scalars())

    async def history(self, follow_up: str = "") -> Any:
        handle = self.stage.env.client.get_workflow_handle(follow_up or self.follow_up)
        return await handle.fetch_history()


def february(zone: ZoneInfo, clock: str) -> datetime:
    """A Tuesday with no holiday and no change of the clocks for a month or more."""
    today = datetime.now(zone).date()
    first = date(today.year + (today >= date(today.year, 2, 1)), 2, 1)
    day = first + timedelta(days=(1 - first.weekday()) % 7)
    return datetime.combine(day, time.fromisoformat(clock), zone)


async def begin(
    built: Stage,
    *,
    sop: str = S0,  # none: all that are on
    neighbour: bool = True,
    policy: dict[str, Any] | None = None,
    policies: dict[str, Any] | None = None,
    clock: str = "10:00",
    on: date | None = None,
    starts_with: str = "",
    at_once: bool = False,
    order: dict[str, Any] | None = None,
    orders: list[dict[str, Any]] | None = None,
    **customer: Any,
) -> Life:
    """Begin a life, by default Ada's on a Tuesday, beside a neighbour who uses the product."""
    zone = ZoneInfo(customer.get("time_zone", "Europe/London"))
    start = february(zone, clock) if on is None else _at(on, clock, zone)
    start = built.clock.now() if at_once and built.began else start
    director = Director(built, CATALOGUE[sop] if sop else None, start)
    await director.set_out(customer)
    await director.prepare({}, (policies or {}) | ({sop: policy} if policy else {}))
    if neighbour:
        await director.meet_neighbour()
    await director.begin({**ADA, **customer}, event=starts_with, orders=orders or [order or {}])
    life = Life(director)
    return life.of(sop) if sop else life


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone)
