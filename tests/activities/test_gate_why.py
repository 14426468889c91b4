"""The gate: why. What is recorded; people's tasks; and whether anything is left to send."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm.house import HouseRules
from activities.crm.store import Store
from activities.crm.tables import Stop
from activities.gate import admit_task
from tests.activities.sending import EVENING, SHEETS, House, key_of, message, said, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v
from workflows.vocabulary import Kind, Remainder, Role, State

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


# -- why -----------------------------------------------------------------------------------


async def test_every_answer_is_recorded_with_its_facts(house: House) -> None:
    """The same answer on the same facts is written once, however often it is asked."""
    customer = await somebody(house)
    await house.hold(customer.id, hold_id="hold_1")
    for _ in range(3):
        await house.send(customer.id, "guide", due=NOON)
    (held,) = await house.decisions(key_of(customer.id, "guide"))
    assert (held.outcome, held.reason, held.clause) == ("held", "hold_1", "5.2.1")
    assert held.facts["consents"] == {"email_marketing": True, "sms_marketing": True}
    line = await house.milestone(customer.id, "5.2.1")
    assert (line.state, line.reason) == ("held", "hold_1")


async def test_the_checklist_follows(house: House) -> None:
    """Deferred is next, with its moment; refused is skipped, with its reason; sent is done."""
    customer = await somebody(house)
    await house.send(customer.id, "guide", clause="5.1", due=NOON - HOUR)
    done = await house.milestone(customer.id, "5.1")
    assert (done.state, done.done_at, done.late_by_seconds) == ("done", NOON, 3600)
    await house.send(customer.id, "tips", clause="5.2")
    next_ = await house.milestone(customer.id, "5.2")
    assert (next_.state, next_.due_at) == (State.NEXT, NOON + DAY)
    await house.say(customer.id, topic_offers=False)
    await house.send(customer.id, "offer", clause="5.3", about="summer")
    skipped = await house.milestone(customer.id, "5.3", "summer")
    assert (skipped.state, skipped.reason) == ("skipped", "opted_out")
    outcomes = [row.outcome for row in await house.decisions(key_of(customer.id, "guide"))]
    assert outcomes == ["allowed", "sent"]


# -- tasks, and what is left ------------------------------------------------------------------


def a_task(customer: str, template: str, **fields: Any) -> v.Task:
    follow_up = f"online-customer.{customer}"
    known = {"key": f"{follow_up}/call", "customer_id": customer, "follow_up": follow_up}
    return v.Task(**known, role=Role.SALES, what="call", template=template, **fields)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, None),
        ({"tier": "vip"}, None),
        ({"email": None}, None),
        ({"sensitive": True}, "sensitive"),
        ({"consents": {}}, "no_consent"),
        ({"email": None, "phone": None}, "no_address"),
    ],
)
async def test_a_task_that_contacts_the_customer_passes_the_gate(
    house: House, facts: dict[str, Any], expected: str | None
) -> None:
    """By day or night, but not against what the customer allows."""
    house.clock.set(EVENING)
    customer = await somebody(house, **facts)
    async with house.store.transaction() as session:
        task = a_task(customer.id, "sales-outreach")
        answer = await admit_task(session, task, EVENING, HouseRules())
    assert (said(answer) if answer else None) == expected


async def test_who_comes_to_a_meeting_needs_no_telephone(house: House) -> None:
    """Its script is for whoever holds it; a call to the same customer has no number to go to."""
    customer = await somebody(house, phone=None)
    script: dict[str, Any] = {"key": "k", "customer_id": customer.id, "template": "onboarding-call"}
    script |= {"role": v.Role.ACCOUNT_MANAGER, "what": "hold the call"}
    meeting = v.Task(**script, form=v.Form.MEETING, meeting_id="meet_1")
    call = v.Task(**script | {"key": "c"}, form=v.Form.CALL)
    async with house.store.transaction() as session:
        assert await admit_task(session, meeting, NOON, HouseRules()) is None
        assert await admit_task(session, call, NOON, HouseRules()) == v.Refused(reason="no_address")


async def test_a_task_waits_for_holds_and_stops_and_not_for_nothing(house: House) -> None:
    customer = await somebody(house)
    await house.hold(customer.id, hold_id="hold_1")
    await house.add(Stop(id="stop_1", template="sales-outreach", reason="no", at=NOON))
    task = a_task(customer.id, "sales-outreach")
    async with house.store.transaction() as session:
        held = await admit_task(session, task, NOON, HouseRules())
        inside = task.model_copy(update={"template": ""})
        assert await admit_task(session, inside, NOON, HouseRules()) is None
        late = task.model_copy(update={"latest": NOON})
        assert await admit_task(session, late, NOON, HouseRules()) == v.Refused(reason="stale")
    assert held == v.Held(holds=("stop_1", "hold_1"))


@pytest.mark.parametrize(
    ("says", "templates", "expected"),
    [
        ({}, ("guide", "offer"), True),
        ({}, (), False),
        ({"all": False}, ("guide", "offer"), False),
        ({"all": False}, ("guide", "notice"), True),
        ({"topic_offers": False}, ("offer", "upgrade"), False),
        ({"topic_offers": False}, ("offer", "guide"), True),
        ({"email_marketing": False}, ("upgrade",), False),
        ({"email_marketing": False}, ("offer",), True),  # by SMS it may
    ],
)
async def test_whether_anything_is_left_that_may_be_sent(
    house: House, says: dict[str, bool], templates: tuple[str, ...], expected: bool
) -> None:
    """What waits for a hold, a person or an address may still be sent; what was refused may not."""
    customer = await somebody(house, tier="vip")
    await house.hold(customer.id)
    await house.say(customer.id, **says)
    rest = Remainder(customer_id=customer.id, follow_up="f", templates=templates)
    assert await house.messaging.anything_left(rest) is expected


async def test_the_gate_asks_the_template_for_its_kind(house: House) -> None:
    """A template that became marketing since the follow-up began is treated as marketing."""
    customer = await somebody(house, consents={})
    asked = message(customer.id, "offer", kind=Kind.TRANSACTIONAL)
    assert SHEETS["offer"].kind is Kind.MARKETING
    assert said(await house.messaging.send(asked)) == "no_consent"
