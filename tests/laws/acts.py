"""What the people of the town do: customers, the world around them, and colleagues."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from temporalio.service import RPCError

from starter.answers import Refusal
from tests.laws import contracts

if TYPE_CHECKING:
    from tests.laws.town import Citizen

HOUR = timedelta(hours=1)
NONSENSE: list[list[Any]] = [[], ["hello"], [7], [{"at": "yesterday"}], [{}, {}], [{"id": {}}]]
WRITTEN = {"subject": "Hello", "text": "How is it?"}
SCORES = {"product": 90, "overall": "n/a"}
OUTCOMES: dict[str, list[dict[str, Any]]] = {  # by form, as people may fill it in
    "free": [{}, {"declined": True}, {"note": "Yes"}, {"result": "called"}],
    "answer": [WRITTEN, WRITTEN, {"answered": "phone"}, {"answered": "not_needed"}, {}],
    "resolve": [{"root_cause": "delivery", "resolution": "Sent anew"}, {}],
    "confirm": [{"satisfied": True}, {"satisfied": False}, {}],
    "call": [{"reached": "yes", **SCORES}, {"reached": "no"}, {"declined": True}],
    "arrival": [{"arrived": True}, {"arrived": False}, {"declined": True}],
    "review": [{"score": 70}, {"declined": True}],
}
OUTCOMES["call"].append({"reached": "yes", "product": 10, "overall": 5, "escalate": True})
GOOD: dict[str, dict[str, Any]] = {
    "answer": WRITTEN,
    "resolve": {"root_cause": "product", "resolution": "A new one"},
    "confirm": {"satisfied": True},
}


# -- the customer ------------------------------------------------------------------


async def complain(one: Citizen) -> None:
    severity = one.dice.choice(["low", "medium", "high", "critical", None])
    more: Any = {"severity": severity} if severity else {}
    await _event(one, "complaint.opened", text="It broke", reference=_reference(one), **more)


async def be_satisfied(one: Citizen) -> None:
    await _event(one, "complaint.resolved", reference=_reference(one))


async def say_of_it(one: Citizen) -> None:
    satisfied = one.dice.random() < 0.6
    await _event(one, "feedback.received", reference=_reference(one), satisfied=satisfied)


async def score(one: Citizen) -> None:
    order = {"id": one.dice.choice(one.orders)}
    marks: Any = {"product": one.dice.randrange(101), "overall": one.dice.randrange(101)}
    await _event(one, "feedback.received", order=order, **marks)


async def reply(one: Citizen) -> None:
    at = one.life.stage.clock.now() - one.dice.randrange(72) * HOUR
    automatic: Any = {"automatic": True} if one.dice.random() < 0.2 else {}
    await _event(one, "reply.received", at=at, text="Thank you", **automatic)


async def inquire(one: Citizen) -> None:
    await _event(one, "inquiry.received", text="Does it fly?", reference=f"Q-{one.said}")


async def log_in(one: Citizen) -> None:
    await _event(one, "engagement.login")


async def struggle(one: Citizen) -> None:
    topic = one.dice.choice(["set-up", "payment", "delivery", "login", "invoice", "returns"])
    await _event(one, "issue.detected", topic=topic)


async def buy(one: Citizen) -> None:
    order = {"id": f"{one.life.id}-{one.said}", "first": False, "total": "9.00"}
    order["fulfilment"] = one.dice.choice(["ship", "pickup", "digital", "service"])
    one.orders.append(str(order["id"]))
    await _event(one, "order.paid", order=order)


async def undo(one: Citizen) -> None:
    if one.dice.random() < 0.3:
        what = one.dice.choice(["cancelled", "refunded", "returned", "refunded"])
        partial: Any = {"partial": True} if one.dice.random() < 0.3 else {}
        await _event(one, f"order.{what}", order={"id": one.dice.choice(one.orders)}, **partial)


async def opt_out(one: Citizen) -> None:
    if one.dice.random() < 0.2:
        words: list[dict[str, Any]] = [
            {"email_marketing": False},
            {"topics": {"tips": False}},
            {"relationship": False},
            {"all": False},
        ]
        await _event(one, "consent.changed", **one.dice.choice(words))


# -- the world ---------------------------------------------------------------------


async def go_on(one: Citizen) -> None:
    """News of an order, in whatever order: out of turn, of the day before, twice."""
    order: dict[str, Any] = {"id": one.dice.choice(one.orders)}
    what = one.dice.choice(["shipped", "shipped", "delivered", "delivered", "ready", "picked"])
    what = {"ready": "ready_for_pickup", "picked": "picked_up"}.get(what, what)
    if what in ("shipped", "delivered") and one.dice.random() < 0.6:
        parcel: dict[str, Any] = {"id": f"P-{one.dice.randrange(2)}"}
        if one.dice.random() < 0.7:
            parcel |= {"carrier": "Post", "tracking_number": "1"}
        order["shipments"] = [parcel]
    at = one.life.stage.clock.now() - one.dice.choice([0, 0, 3, 30]) * HOUR
    for _ in range(one.dice.choice([1, 1, 2])):
        await _event(one, f"order.{what}", at=at, order=order)


async def provision(one: Citizen) -> None:
    await _event(one, "account.provisioned", order={"id": one.dice.choice(one.orders)})


# -- staff -------------------------------------------------------------------------


async def do_a_task(one: Citizen) -> None:
    rows = await one.life.tasks()
    if rows:
        task = one.dice.choice(rows)
        outcomes = (OUTCOMES | contracts.OUTCOMES).get(task.form, [{}])
        if task.form == "free" and task.template:
            outcomes = [{}, {"declined": True}, WRITTEN, {"address_checked": True}]
        await one.life.stage.desk.complete_task(task.id, one.dice.choice(outcomes), by="test")


async def helpful(one: Citizen) -> None:
    """Everything that a case waits for is done, or an onboarding, as well as can be."""
    for task in await one.life.tasks():
        of = (task.follow_up or "").partition(".")[0]
        if task.case_id or of in ("case", contracts.S4):
            outcome = GOOD.get(task.form, WRITTEN if task.template else {"note": "Done"})
            if task.form in ("schedule", "set_up", *contracts.GOOD):
                outcome = contracts.outcome_to(one, task)
            with suppress(Refusal):
                await one.life.stage.desk.complete_task(task.id, outcome, by="test")


async def answer_elsewhere(one: Citizen) -> None:
    await _event(one, "inquiry.answered", reference=f"Q-{one.dice.randrange(1, one.said + 1)}")


async def write(one: Citizen) -> None:
    await one.life.stage.desk.write(one.life.id, dict(WRITTEN), by="test")


async def control(one: Citizen) -> None:
    verb = one.dice.choice(["hold", "resume", "resume", "retry", "retry", "run-now", "skip"])
    clause = one.dice.choice([None, "5.2.1", "5.3.2", "5.4.3", "1", "2", "3", "4.1"])
    await _control(one, verb, None if verb in ("hold", "resume") else clause)


async def give_up(one: Citizen) -> None:
    if one.dice.random() < 0.05:
        await _control(one, "end", None)


async def report_quiet(one: Citizen) -> None:
    await _event(one, "engagement.low")


async def mumble(one: Citizen) -> None:
    """Straight to Temporal, past the desk."""
    names = ["responded", "complaint", "task_done", "opted_out", "skip", "hold", "no_such_thing"]
    names += ["order_shipped", "order_delivered", "feedback", "inquiry_answered", "written"]
    row = one.dice.choice(await one.follow_ups())
    handle = one.life.stage.env.client.get_workflow_handle(row.id)
    with suppress(RPCError):
        await handle.signal(one.dice.choice(names), args=one.dice.choice(NONSENSE))


# -- how ---------------------------------------------------------------------------


def _reference(one: Citizen) -> str:
    return f"K-{one.dice.randrange(3)}"


async def _event(
    one: Citizen, type_: str, at: datetime | None = None, order: Any = None, **data: Any
) -> None:
    more: dict[str, Any] = {"customer": {"id": one.life.id}, "data": data}
    if order:
        more["order"] = order
    if at:
        more["occurred_at"] = at.isoformat()
    await one.life.director.receive(type_, **more)


async def _control(one: Citizen, verb: Any, clause: str | None) -> None:
    row = one.dice.choice(await one.follow_ups())
    desk = one.life.stage.desk
    await desk.control(verb, row.id, clause=clause, reason="dice", by="test")


ACTS = [  # as often as they stand here
    complain,
    be_satisfied,
    say_of_it,
    say_of_it,
    score,
    reply,
    inquire,
    log_in,
    struggle,
    struggle,
    buy,
    undo,
    opt_out,
    *[go_on] * 6,
    provision,
    *[do_a_task] * 5,
    answer_elsewhere,
    write,
    control,
    control,
    give_up,
    report_quiet,
    mumble,
    *contracts.ACTS,
]
