"""Sees one rehearsal through: the purchase, what the script says, and on until all has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from activities.calendar import zone_of
from activities.crm import tables as t
from activities.crm.house import current_policy, house_rules
from starter.answers import Refusal
from starter.rehearse import acts
from starter.rehearse.lives import LOOM
from starter.rehearse.script import Entry
from starter.rehearse.stage import DAY, HOUR, Stage
from starter.rehearse.timeline import Cast, Moment
from workflows.sops import CASE, CORRESPONDENCE, KEEP_IN_TOUCH, ONBOARDING, Sop

TEN, TUESDAY = time(10), 1
LONGEST = timedelta(days=400)
WITHOUT_END = 14 * DAY  # what waits for people that nobody plays goes on and on
FOR_PEOPLE = (CASE.name, ONBOARDING.name)
DIRECTOR = "rehearsal"
NEIGHBOUR = "neighbour"  # somebody else uses the product, so that silence means something


class RehearsalError(ValueError):
    """It cannot be rehearsed as asked; the message says what to do."""


@dataclass(frozen=True)
class FollowedUp:
    """One follow-up of the cast's, and how it stood at the end."""

    customer: int
    id: str
    sop: str
    state: str
    reason: str | None = None  # a case's outcome


class Director:
    """One rehearsal: of one procedure, or of all that are on."""

    def __init__(self, built: Stage, sop: Sop | None, start: datetime | None = None) -> None:
        self.stage, self.sop, self.start = built, sop, start
        self.desk, self.store = built.desk, built.store
        self.cast: list[Cast] = []
        self.said: list[Moment] = []
        self.contracts: dict[int, str] = {}  # each one's last

    async def set_out(self, customer: Mapping[str, Any]) -> None:
        """Let it be the day on which it begins; once others play already, it is today."""
        if self.start is None:
            return
        if self.start.tzinfo is None:
            self.start = self.start.replace(tzinfo=await self._zone(customer))
        if self.stage.began is None:
            await self.stage.set_out(self.start)

    async def prepare(
        self, in_force: Mapping[str, dict[str, Any]], changes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """The policies as they stand, and what is changed of them, by name."""
        now = await self.stage.clock.read()
        async with self.store.transaction() as session:
            for name, body in in_force.items():
                signed = {"by": DIRECTOR, "reason": None, "approved_by": DIRECTOR}
                session.add(
                    t.PolicyVersion(
                        id=t.new_id("pol"), name=name, version=1, body=body, at=now, **signed
                    )
                )
        for name, changed in changes.items():
            if changed:
                try:
                    await self.desk.policy_set(
                        name, dict(changed), by=DIRECTOR, reason="rehearsed", approve=True
                    )
                except Refusal as fault:
                    of = "" if self.sop and self.sop.name == name else f" of {name}"
                    raise RehearsalError(f"the policy{of}: {fault.param}: {fault.detail}") from None

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
        orders: Sequence[Mapping[str, Any]] = ({},),
    ) -> None:
        """The purchase, by so many customers at once: a Tuesday's ten o'clock, where they live."""
        zone = await self._zone(customer)
        start = self.start or _tuesday(await self.stage.clock.read(), zone)
        await self.stage.sleep_until(start)
        self.stage.began = self.stage.began or start
        for number in range(1, customers + 1):
            who = {**customer, **_numbered(customer, number)}
            type_ = event or await self.purchase()
            known, began, ids = "", self.stage.clock.now(), []
            for order in _bought(orders, customer, number, customers):
                more = {"order": order} if type_.startswith(("order.", "sale.")) else {}
                if type_.startswith("contract."):
                    self.contracts[number] = f"contract-{number}"
                    more = {"contract": {"id": self.contracts[number]}}
                receipt = await self.receive(type_, customer=who, **more)
                if receipt.error or receipt.customer is None:
                    raise RehearsalError(receipt.error.detail if receipt.error else "not begun")
                known = receipt.customer
                ids.append(str(order["id"]))
                if "order" not in more:
                    break
            self.cast.append(Cast(number, known, zone, began, tuple(ids)))
        await self.stage.settle()

    async def purchase(self) -> str:
        """What it begins with, by its policy as it stands."""
        starts = self.sop.starts_on if self.sop else ("order.paid",)
        async with self.store.reading() as session:
            body = await current_policy(session, self.sop.name if self.sop else "")
        starts = tuple(body.get("starts_on") or starts)
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
        """The script, then on until every follow-up that was meant has ended."""
        began = self.cast[0].began
        for entry in entries:
            await self.stage.sleep_until(began + entry.after)
            now = self.stage.clock.now()
            for who in self.cast:
                try:
                    await acts.carry_out(self, entry, who)
                except Refusal as fault:
                    at = f"{entry.after.days}d{entry.after.seconds // 3600}h"
                    why = f"{fault.param}: {fault.detail}" if fault.param else fault.detail
                    raise RehearsalError(f"the script's `{entry.says}` after {at}: {why}") from None
                if not entry.until:
                    self.said.append(who.moment(now, "", f"← {entry.says}", entry.words))
            await self.stage.settle()
        while await self._goes_on() and self.stage.clock.now() < began + LONGEST:
            await self.stage.sleep(6 * HOUR)
        patience = self.stage.clock.now() + WITHOUT_END
        while await self._goes_on(*FOR_PEOPLE) and self.stage.clock.now() < patience:
            await self.stage.sleep(6 * HOUR)

    async def _goes_on(self, *for_people: str) -> bool:
        """Whether anything that was meant still runs; the years after are not, nor, unless asked
        for, is what waits for people."""
        without_end = (KEEP_IN_TOUCH.name, *FOR_PEOPLE)
        meant = self.sop.name if self.sop else ""
        return any(
            one.sop in for_people
            if for_people
            else one.sop not in without_end and meant in ("", one.sop)
            for one in await self.follow_ups()
            if one.state == "running"
        )

    async def follow_ups(self) -> list[FollowedUp]:
        """All that was begun for the cast, in that order."""
        found = []
        async with self.store.reading() as session:
            for who in self.cast:
                query = select(t.Enrolment).where(t.Enrolment.customer_id == who.id)
                query = query.order_by(t.Enrolment.started_at, t.Enrolment.id)
                for row in (await session.execute(query)).scalars():
                    case = await session.get(t.Case, row.subject) if row.sop == CASE.name else None
                    reason = case.outcome or case.state if case else row.reason
                    found.append(FollowedUp(who.number, row.id, row.sop, row.state, reason))
        return found

    async def endings(self) -> list[str]:
        """Of each customer: what became of the procedure, or of all of them."""
        services = (KEEP_IN_TOUCH.name, CASE.name, CORRESPONDENCE.name)
        said = []
        for who in self.cast:
            states = [
                one.state
                for one in await self.follow_ups()
                if one.customer == who.number
                and (one.sop == self.sop.name if self.sop else one.sop not in services)
            ]
            said.append("running" if "running" in states else states[-1] if states else "none")
        return said

    async def _zone(self, customer: Mapping[str, Any]) -> ZoneInfo:
        async with self.store.reading() as session:
            rules = await house_rules(session)
        zone, phone = customer.get("time_zone"), customer.get("phone")
        return zone_of(zone, phone, customer.get("country"), rules)


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


def _bought(
    orders: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], number: int, customers: int
) -> list[dict[str, Any]]:
    """What one of so many buys: their first order, unless they were a customer before."""
    made = []
    for count, order in enumerate(orders, 1):
        usual = f"order-{number}" if count == 1 else f"order-{number}-{count}"
        given = order.get("id")
        id_ = given if given and customers == 1 else f"{given}-{number}" if given else usual
        first = {"first": count == 1} if "since" not in customer else {}
        made.append({**LOOM, **first, **order, "id": id_})
    return made
