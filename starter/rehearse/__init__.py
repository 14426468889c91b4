"""`aftercare rehearse`: a whole procedure in simulated time, before any customer lives through it.

The workflow, the desk, the gate and the records are the real ones, on a CRM of its own; the clock
is the time-skipping server's. A silent customer by default, or whoever the script says.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from activities.calendar import zone_of
from activities.crm import tables as t
from activities.crm.house import house_rules
from starter.answers import Refusal
from starter.rehearse.script import Entry, read_script
from starter.rehearse.stage import DAY, HOUR, Stage, stage
from starter.rehearse.timeline import Cast, Moment, timeline
from workflows.sops import CATALOGUE, Sop

TEN, TUESDAY = time(10), 1
LONGEST = timedelta(days=400)
DIRECTOR = "rehearsal"
NEIGHBOUR = "neighbour"  # somebody else uses the product, so that silence means something

ADA: dict[str, Any] = {
    "id": "C-1001",
    "email": "ada@example.com",
    "name": "Ada Byron",
    "country": "GB",
    "time_zone": "Europe/London",
    "consent": {"email_marketing": True, "source": "checkout"},
}
LOOM: dict[str, Any] = {
    "total": "49.00",
    "currency": "GBP",
    "items": [{"sku": "loom", "name": "Loom", "quantity": 1, "price": "49.00"}],
}


class RehearsalError(ValueError):
    """It cannot be rehearsed as asked; the message says what to do."""


@dataclass(frozen=True)
class Rehearsal:
    """One performance: who played, and all that happened."""

    sop: str
    version: str
    began: datetime
    zone: ZoneInfo
    cast: list[Cast]
    moments: list[Moment]
    endings: list[str]  # each customer's: completed, ended, opted_out, running


async def rehearse(
    sop: str,
    *,
    in_force: Mapping[str, dict[str, Any]] | None = None,
    policy: Mapping[str, Any] | None = None,
    script: list[Any] | str | bytes | None = None,
    customer: Mapping[str, Any] | None = None,
    customers: int = 1,
    start: datetime | None = None,
    progress: Callable[[timedelta], None] | None = None,
) -> Rehearsal:
    """Play the procedure from the purchase until it has ended and the script is over.

    `in_force` are policies as they stand, by name, `house` among them; `policy` is what to change.
    """
    procedure, entries = _procedure(sop), read_script(script)
    async with stage() as built:
        director = Director(built, procedure, start)
        built.progress = progress
        await director.prepare(in_force or {}, policy or {})
        await director.meet_neighbour()
        await director.begin(customer or ADA, customers)
        await director.play(entries)
        return await director.review()


class Director:
    """Sees one rehearsal through."""

    def __init__(self, built: Stage, sop: Sop, start: datetime | None = None) -> None:
        self.stage, self.sop, self.start = built, sop, start
        self.desk, self.store = built.desk, built.store
        self.cast: list[Cast] = []
        self.said: list[Moment] = []

    async def prepare(
        self, in_force: Mapping[str, dict[str, Any]], changes: Mapping[str, Any]
    ) -> None:
        """The policies as they stand, and what is changed of the procedure's own."""
        now = await self.stage.clock.read()
        async with self.store.transaction() as session:
            for name, body in in_force.items():
                signed = {"by": DIRECTOR, "reason": None, "approved_by": DIRECTOR}
                session.add(
                    t.PolicyVersion(
                        id=t.new_id("pol"), name=name, version=1, body=body, at=now, **signed
                    )
                )
        if changes:
            await self.desk.policy_set(
                self.sop.name, dict(changes), by=DIRECTOR, reason="rehearsed", approve=True
            )

    async def meet_neighbour(self) -> None:
        """Somebody else logs in every day, from two days before the purchase."""
        now = self.start or await self.stage.clock.read()
        async with self.store.transaction() as session:
            session.add(t.Customer(id=NEIGHBOUR, tier="standard", told_at={}, created_at=now))
            await session.flush()
            for day in range(-2, LONGEST.days):
                session.add(
                    t.Engagement(
                        id=t.new_id("eng"),
                        customer_id=NEIGHBOUR,
                        kind="login",
                        at=now + day * DAY,
                        data={},
                    )
                )

    async def begin(
        self,
        customer: Mapping[str, Any],
        customers: int = 1,
        *,
        event: str = "",
        order: Mapping[str, Any] | None = None,
    ) -> None:
        """The purchase, by so many customers at once: a Tuesday's ten o'clock, where they live."""
        async with self.store.reading() as session:
            rules = await house_rules(session)
        zone = zone_of(
            customer.get("time_zone"), customer.get("phone"), customer.get("country"), rules
        )
        start = self.start or _tuesday(await self.stage.clock.read(), zone)
        await self.stage.sleep_until(start)
        self.stage.began = start
        for number in range(1, customers + 1):
            who = {**customer, **_numbered(customer, number)}
            bought = {**LOOM, "id": f"order-{number}", "first": True, **(order or {})}
            type_ = event or self.purchase()
            more = {"order": bought} if type_.startswith("order.") else {}
            receipt = await self.receive(type_, customer=who, **more)
            if receipt.error or receipt.customer is None:
                raise RehearsalError(receipt.error.detail if receipt.error else "not begun")
            self.cast.append(Cast(number, receipt.customer, zone, self.stage.clock.now()))
        await self.stage.settle()

    def purchase(self) -> str:
        starts = self.sop.starts_on
        return "order.paid" if "order.paid" in starts else starts[0]

    async def receive(self, type_: str, **more: Any) -> Any:
        """An event at this very moment."""
        event = {
            "id": f"evt-{next(self.stage.numbers)}",
            "type": type_,
            "occurred_at": self.stage.clock.now().isoformat(),
            **more,
        }
        return await self.desk.receive(DIRECTOR, event)

    async def play(self, entries: Sequence[Entry]) -> None:
        """The script, then on until every follow-up of the procedure has ended."""
        began = self.cast[0].began
        for entry in entries:
            await self.stage.sleep_until(began + entry.after)
            for who in self.cast:
                try:
                    await self._do(entry, who)
                except Refusal as fault:
                    at = f"{entry.after.days}d{entry.after.seconds // 3600}h"
                    raise RehearsalError(
                        f"the script's `{entry.says}` after {at}: {fault.detail}"
                    ) from None
            await self.stage.settle()
        while await self._running() and self.stage.clock.now() < began + LONGEST:
            await self.stage.sleep(6 * HOUR)

    async def _do(self, entry: Entry, who: Cast) -> None:
        if entry.until:
            return
        follow_up = f"{self.sop.name}.{who.id}"
        if entry.event:
            more = {"order": entry.order} if entry.order else {}
            await self.receive(entry.event, customer={"id": who.id}, data=entry.data, **more)
        elif entry.signal:
            await self.desk.signal(follow_up, entry.signal, entry.data, by=DIRECTOR)
        elif entry.control:
            await self.desk.control(
                entry.control,
                follow_up,
                clause=entry.clause or None,
                reason=entry.reason,
                by=DIRECTOR,
            )
        self.said.append(who.moment(self.stage.clock.now(), "", f"← {entry.says}"))

    async def _running(self) -> bool:
        return "running" in await self._endings()

    async def _endings(self) -> list[str]:
        async with self.store.reading() as session:
            rows = [
                await session.get(t.Enrolment, f"{self.sop.name}.{who.id}") for who in self.cast
            ]
        return [row.state if row else "none" for row in rows]

    async def review(self) -> Rehearsal:
        """What it came to."""
        first = self.cast[0]
        return Rehearsal(
            sop=self.sop.name,
            version=self.sop.version,
            began=first.began,
            zone=first.zone,
            cast=self.cast,
            moments=await timeline(self.store, self.cast, self.said),
            endings=await self._endings(),
        )


def _procedure(name: str) -> Sop:
    if name in CATALOGUE:
        return CATALOGUE[name]
    close = difflib.get_close_matches(name, CATALOGUE, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there is {', '.join(CATALOGUE)}"
    raise RehearsalError(f"there is no SOP {name}: {meant}")


def _tuesday(now: datetime, zone: ZoneInfo) -> datetime:
    """The next Tuesday's ten o'clock: always the same day of the week, so that outputs compare."""
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=(TUESDAY - local.weekday()) % 7)
    start = datetime.combine(day, TEN, zone)
    return start if start > now else datetime.combine(day + timedelta(days=7), TEN, zone)


def _numbered(customer: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One of many has an id and an address of their own."""
    if number == 1:
        return {}
    name, at, domain = str(customer.get("email") or "").partition("@")
    apart = {"id": f"{customer.get('id') or 'customer'}-{number}", "phone": None}
    return apart | ({"email": f"{name}+{number}{at}{domain}"} if at else {})
