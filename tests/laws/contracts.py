"""What people of the town do about sales, contracts and meetings; and what the office changes."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from activities.crm import tables as t
from starter.answers import Refusal

if TYPE_CHECKING:
    from tests.laws.town import Citizen, Town

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
S2, S4 = "sales-follow-up", "onboarding"
SYSTEMS = ("billing", "crm", "support")
FIELDS: dict[str, Any] = {
    "account_manager": "kim@ourshop.example",
    "contacts": [{"name": "Ada", "email": "ada@example.com"}],
    "needs": "Three weavers",
}
FILLED = {  # S2's blanks
    "within": "6d",
    "interval": "20d",
    "approved_by": "Jo Field, Head of Sales",
    "approval_date": "2026-11-02",
    "next_review": "2027-11-02",
    "system": "Aftercare",
    "record_system": "Aftercare",
    "retention": "1095d",
}
SPOKEN: dict[str, Any] = {
    "reached": "yes",
    "product": 90,
    "overall": "n/a",
    "comment": "All well",
    "method": "phone",
    "type": "product",
    "urgency": "low",
    "potential": "none",
    "actions": "None",
    "opportunity": False,
    "referral": "not_asked",
}
OUTCOMES: dict[str, list[dict[str, Any]]] = {  # by form, as people may fill it in
    "sales_call": [
        SPOKEN,
        SPOKEN | {"opportunity": True, "wanted": "Yarn", "referral": "given"},
        SPOKEN | {"product": 5, "overall": 5, "urgency": "critical", "potential": "likely"},
        {"reached": "no"},
        {"declined": True},
        {},
    ],
    "classify": [
        {"type": "product", "urgency": "low", "potential": "none"},
        {"type": "service", "urgency": "critical", "potential": "likely"},
        {"type": "no such type", "urgency": "low", "potential": "none"},
    ],
    "transfer": [FIELDS, {"needs": "A loom each"}, {"declined": True}, {}],
    "set_up": [{"done": list(SYSTEMS)}, {"done": ["billing"]}, {"done": ["moon"]}],
    "meeting": [
        {"outcome": "held", "note": "They can weave."},
        {"outcome": "missed"},
        {"outcome": "cancelled"},
        {"outcome": "held"},
        {"declined": True},
    ],
    "schedule": [{"declined": True}, {"starts_at": "2020-01-01T10:00:00Z"}],
}
GOOD = {
    "transfer": FIELDS,
    "meeting": {"outcome": "held", "note": "They can weave."},
}
POLICIES: dict[str, list[dict[str, Any]]] = {  # what the office may think of, and think of again
    "online-customer": [{"check_in": "10d"}, {"check_in": "14d"}, {"low_engagement": "5d"}],
    "order-thanks": [{"ask": "2d to 4d"}, {"ask": "3d to 5d"}],
    "satisfaction": [{"patience": "4d"}, {"patience": "7d"}],
    S2: [{"within": "4d"}, {"within": "8d"}, {"referral_after": "10d"}],
    S4: [{"survey": "1h to 24h"}, {"patience": "2d"}, {"hand_over": "12h"}],
}


async def sell(one: Citizen) -> None:
    await _event(one, "sale.closed", order={"id": one.dice.choice(one.orders)})


async def sign(one: Citizen) -> None:
    """With all that is needed, with some of it, or signed once more."""
    if len(one.contracts) < 2:
        one.contracts.append(f"V-{one.life.id}-{len(one.contracts)}")
    known = {name: said for name, said in FIELDS.items() if one.dice.random() < 0.6}
    await _event(one, "contract.signed", contract={"id": one.dice.choice(one.contracts), **known})


async def meet(one: Citizen) -> None:
    """The calendar's word on a call: in whatever order, twice, of the past."""
    if not one.contracts:
        return
    what = one.dice.choice(["scheduled", "scheduled", "moved", "held", "missed", "cancelled"])
    data: dict[str, Any] = {"reference": f"Z-{one.dice.randrange(2)}"}
    if what in ("scheduled", "moved"):
        data["starts_at"] = _soon(one).isoformat()
    for _ in range(one.dice.choice([1, 1, 2])):
        contract = {"id": one.dice.choice(one.contracts)}
        await _event(one, f"meeting.{what}", contract=contract, **data)


async def be_set_up(one: Citizen) -> None:
    if one.contracts:
        contract = {"id": one.dice.choice(one.contracts)}
        system = one.dice.choice([*SYSTEMS, "moon"])
        await _event(one, "account.provisioned", contract=contract, system=system)


async def speak(one: Citizen) -> None:
    """A conversation that was logged elsewhere, ours or theirs."""
    order = {"id": one.dice.choice(one.orders)} if one.dice.random() < 0.6 else None
    direction = one.dice.choice(["in", "out"])
    await _event(one, "interaction.logged", order=order, direction=direction, channel="phone")


async def arrange(one: Citizen) -> None:
    """A colleague arranges what is to be arranged."""
    for task in await one.life.tasks(S4):
        if task.form == "schedule":
            await one.life.stage.desk.complete_task(
                task.id, {"starts_at": _soon(one).isoformat()}, by="test"
            )
            return


async def think_again(town: Town) -> None:
    """The office changes a policy, for those who are under way as well, or takes it back."""
    sop = town.weather.choice(list(POLICIES))
    desk, changes = town.stage.desk, town.weather.choice(POLICIES[sop])
    signed: Any = {"by": "test", "reason": "dice"}
    with suppress(Refusal):
        if town.weather.random() < 0.3:
            await desk.policy_undo(sop, **signed)
            return
        seen = await desk.policy_preview(sop, changes)
        agreed = seen["at_once"] + seen["unanswered"]
        more: Any = {"approve": True, "to": "running", "confirm": agreed}
        await desk.policy_set(sop, changes, **signed, **more)


def outcome_to(one: Citizen, task: t.Task) -> dict[str, Any]:
    """What a colleague says who means well."""
    if task.form == "schedule":
        return {"starts_at": (one.life.stage.clock.now() + 2 * HOUR).isoformat()}
    return {"done": task.brief.get("checks", [])} if task.form == "set_up" else GOOD[task.form]


def _soon(one: Citizen) -> datetime:
    return one.life.stage.clock.now() + one.dice.choice([-3, 2, 5, 30, 50, 120]) * HOUR


async def _event(
    one: Citizen, type_: str, *, order: Any = None, contract: Any = None, **data: Any
) -> None:
    about = {"order": order, "contract": contract}
    named = {name: said for name, said in about.items() if said}
    more: dict[str, Any] = {"customer": {"id": one.life.id}, "data": data, **named}
    await one.life.director.receive(type_, **more)


ACTS = [sell, sell, sign, sign, meet, meet, meet, be_set_up, speak, arrange, arrange]
