"""What S2 leaves blank keeps it switched off, and each blank is named until it is filled;
what only the office reads stays in the office."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.store import Store
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event

S2 = "sales-follow-up"
TRAVELS: dict[str, Any] = {"within": "7d", "interval": "60d"}
STAYS: dict[str, Any] = {
    "approved_by": "Jo Field, Head of Sales",
    "approval_date": "2026-11-02",
    "next_review": "2027-11-02",
    "system": "Aftercare",
    "record_system": "Aftercare",
    "retention": "1095d",
}
TARGETS = {"csat_target": 5, "repeat_target": 10, "loyalty_target": 20}


@pytest.fixture
def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """All SOPs are on that can be."""
    return a_desk(memory_store, clock, temporal, sops="")


async def fill(desk: Desk, changes: dict[str, Any]) -> None:
    await desk.policy_set(S2, changes, by="jo", reason="filled in", approve=True)


@pytest.mark.plays("sales-follow-up", "header.1", "document-approval.1", "document-approval.2")
async def test_it_stays_off_until_every_blank_is_filled(desk: Desk) -> None:
    """Its time, its interval, who approved it and when, where it is kept, for how long."""
    left = TRAVELS | STAYS
    while left:
        with pytest.raises(Refusal) as refused:
            await desk.sop_switch(S2, on=True, by="jo")
        assert refused.value.code == "sop_has_blanks"
        named = refused.value.detail.partition("first: ")[2].split("; ")
        assert {each.partition(": ")[0] for each in named} == set(left)
        await fill(desk, dict([left.popitem()]))
    await desk.sop_switch(S2, on=True, by="jo")


@pytest.mark.plays("sales-follow-up", "objective.1", "objective.3", "objective.4")
async def test_targets_are_on_record_and_block_nothing(desk: Desk) -> None:
    """What is to be reached in a year is a policy like any other: set, and set anew."""
    await fill(desk, TRAVELS | STAYS)
    await desk.sop_switch(S2, on=True, by="jo")
    await fill(desk, TARGETS)
    await fill(desk, {"csat_target": 6})
    values = (await desk.policy_show(S2))["values"]
    assert {name: values[name] for name in TARGETS} == TARGETS | {"csat_target": 6}


@pytest.mark.plays("sales-follow-up", "header.2", "record-keeping")
async def test_what_only_the_office_reads_travels_with_nobody(
    desk: Desk, temporal: FakeTemporal
) -> None:
    """Neither the approver's name, nor to whom it is handed out, nor for how long it is kept."""
    await fill(desk, TRAVELS | STAYS)
    shown = (await desk.policy_show(S2))["values"]
    assert shown["distribution"] == ["Sales Team", "Customer Service Department"]
    assert shown["retention"] == "1095d"
    said = an_event("sale.closed", customer={"id": "C-1"}, order={"id": "o-1"})
    await desk.receive("shop", said)
    begun = str(temporal.started[f"{S2}.o-1"])
    assert "interval" in begun
    assert not [name for name in STAYS if name in begun]
