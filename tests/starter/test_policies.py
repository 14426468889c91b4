"""Policies through their doors: versions, a second person, those in flight."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activities.crm.store import Store
from activities.crm.tables import Audit, Staff, new_id
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import FakeClock
from tests.starter.doors import is_problem, knocking
from tests.starter.front import FakeTemporal, a_desk, an_event, an_order_event, rows

S0, PATH = "online-customer", "/v1/policies/online-customer"


async def two_people(store: Store, clock: FakeClock) -> None:
    """Two colleagues with a password each."""
    async with store.transaction() as session:
        for name in ("ada", "grace"):
            session.add(
                Staff(
                    id=new_id("sta"),
                    email=f"{name}@example.com",
                    role="customer-experience-manager",
                    password="x",
                    created_at=clock.real(),
                )
            )


async def test_whoever_sets_a_change_does_not_approve_it(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """Where there are two; who is alone approves their own. The refusal says how others can."""
    change: dict[str, Any] = {"by": "ada@example.com", "reason": "shorter"}
    await desk.policy_set(S0, {"check_in": "13d"}, approve=True, **change)
    await two_people(store, clock)
    with pytest.raises(Refusal) as fault:
        await desk.policy_set(S0, {"check_in": "10d"}, approve=True, **change)
    assert (fault.value.code, fault.value.status) == ("needs_second_person", 409)
    assert "--approve" in fault.value.detail
    assert "/v1/policies/online-customer/approve" in fault.value.detail
    await desk.policy_set(S0, {"check_in": "10d"}, **change)
    with pytest.raises(Refusal, match="needs_second_person"):
        await desk.policy_approve(S0, by="ada@example.com")
    found = await desk.policy_approve(S0, by="grace@example.com")
    assert (found["version"], found["approved_by"]) == (2, "grace@example.com")
    undone = await desk.policy_undo(S0, by="ada@example.com", reason="too short")
    assert (undone["version"], undone["values"]["check_in"]) == (3, "13d")


async def test_who_has_nobody_to_approve_it_approves_it(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """Colleagues to whom the policies are shut are nobody who could."""
    await two_people(store, clock)
    async with store.transaction() as session:
        query = select(Staff).where(Staff.email == "grace@example.com")
        grace = (await session.execute(query)).scalar_one()
        grace.role = "customer-excellence-officer"
    await desk.policy_set(S0, {"check_in": "10d"}, by="ada@example.com", reason="r")
    found = await desk.policy_approve(S0, by="ada@example.com", version=1)
    assert found["approved_by"] == "ada@example.com"


async def test_nobodys_own_change_comes_in_force_under_anothers(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """What waits has all that was set until then; what was set otherwise since is not theirs."""
    await two_people(store, clock)
    await desk.policy_set(S0, {"check_in": "10d"}, by="ada@example.com", reason="r")
    await desk.policy_set(S0, {"patience": "4d"}, by="grace@example.com", reason="r")
    for one in ("ada", "grace"):
        with pytest.raises(Refusal, match="needs_second_person"):
            await desk.policy_approve(S0, by=f"{one}@example.com")
    await desk.policy_set(S0, {"check_in": "12d"}, by="grace@example.com", reason="r")
    with pytest.raises(Refusal) as fault:
        await desk.policy_approve(S0, by="ada@example.com", version=2)
    assert (fault.value.code, fault.value.status) == ("changed_meanwhile", 409)
    found = await desk.policy_approve(S0, by="ada@example.com", version=3)
    assert (found["values"]["check_in"], found["values"]["patience"]) == ("12d", "4d")


async def test_versions_say_who_what_and_why(desk: Desk) -> None:
    """The newest first; what was dropped, or overtaken, is void."""
    await desk.policy_set(S0, {"check_in": "10d"}, by="a", reason="one", approve=True)
    await desk.policy_set(S0, {"patience": "4d"}, by="b", reason="two")
    await desk.policy_set(S0, {"check_in": "12d"}, by="a", reason="three", approve=True)
    await desk.policy_set(S0, {"remind": False}, by="b", reason="four")
    told = [
        (one["version"], one["state"], one["reason"], one["changes"])
        for one in await desk.policy_versions(S0)
    ]
    assert told == [
        (4, "waiting", "four", {"remind": [True, False]}),
        (3, "in_force", "three", {"check_in": ["10d", "12d"]}),
        (2, "void", "two", {"patience": ["3d", "4d"]}),
        (1, "past", "one", {"check_in": ["14d", "10d"]}),
    ]
    assert await desk.policy_diff(S0, {}, between=(1, 3)) == {"check_in": ["10d", "12d"]}
    with pytest.raises(Refusal, match="no_such_version"):
        await desk.policy_diff(S0, {}, between=(1, 9))


async def test_an_undoing_passes_over_a_dropped_draft(desk: Desk) -> None:
    """Dropping it put nothing new in force, so there is nothing of it to undo."""
    for many in ("10d", "12d"):
        await desk.policy_set(S0, {"check_in": many}, by="a", reason="r", approve=True)
    await desk.policy_set(S0, {"check_in": "99d"}, by="a", reason="r")
    await desk.policy_discard(S0, by="a", reason="no")
    found = await desk.policy_undo(S0, by="a", reason="too long")
    assert found["values"]["check_in"] == "10d"


async def test_nothing_moves_before_it_is_approved(desk: Desk) -> None:
    """A draft is nobody's policy; nor is what was never set."""
    with pytest.raises(Refusal, match="not_approved"):
        await desk.policy_set(S0, {"check_in": "10d"}, by="a", reason="r", to="running")
    with pytest.raises(Refusal, match="nothing_in_force"):
        await desk.policy_move(S0, by="a", reason="r")
    with pytest.raises(Refusal, match="nothing_to_undo"):
        await desk.policy_undo(S0, by="a", reason="r")
    with pytest.raises(Refusal, match="missing"):
        await desk.policy_move(S0, by="a", reason=" ")


async def test_a_follow_up_begins_with_its_version_and_what_is_its_own(
    desk: Desk, temporal: FakeTemporal
) -> None:
    """Both travel with it, so that a later change knows what to leave alone."""
    await desk.policy_set(S0, {"check_in": "12d"}, by="a", reason="r", approve=True)
    more = {"data": {"sop": S0, "policy": {"patience": "5d"}}}
    await desk.receive("test", an_event("follow_up.requested", **more))
    (begun,) = temporal.started.values()
    assert (begun.policy_version, begun.own) == (1, {"patience": "5d"})
    assert (begun.policy.check_in.days, begun.policy.patience.days) == (12, 5)


async def test_the_policies_doors(store: Store, clock: FakeClock) -> None:
    """Set, previewed, approved, listed, undone; each with its scope, and its reason."""
    desk = a_desk(store, clock, FakeTemporal())
    async with knocking(desk) as http:
        change: dict[str, Any] = {"values": {"check_in": "10d"}, "reason": "sooner"}
        said = await http.put(PATH, json=change | {"to": "running"})
        is_problem(said, 422, "not_approved", "to")
        assert (await http.put(PATH, json=change)).json()["waiting"] == 1
        preview = (await http.post(f"{PATH}/preview", json={})).json()
        assert (preview["follow_ups"], preview["confirm"]) == (0, 0)
        approved = (await http.post(f"{PATH}/approve", json={"to": "running"})).json()
        assert (approved["version"], approved["moved"]) == (1, 0)
        (version,) = (await http.get(f"{PATH}/versions")).json()["data"]
        assert (version["state"], version["reason"]) == ("in_force", "sooner")
        assert version["moved_at"]
        is_problem(await http.post(f"{PATH}/undo", json={"reason": ""}), 422, "missing", "reason")
        undone = (await http.post(f"{PATH}/undo", json={"reason": "no"})).json()
        assert (undone["version"], undone["moved"]) == (2, 0)
        is_problem(await http.post(f"{PATH}/approve", json={}), 422, "already_approved", "version")
        is_problem(await http.post("/v1/policies/nope/preview", json={}), 404, "not_found")
        wrongs: list[dict[str, Any]] = [
            {"to": "all"},
            {"confirm": -1},
            {"values": {}},
            {"confirm": "many"},
        ]
        for wrong in wrongs:
            assert (await http.post(f"{PATH}/approve", json=wrong)).status_code == 422
    assert {row.what for row in await rows(store, Audit)} >= {"policy.approved", "policy.undone"}


async def test_what_an_sop_starts_on_is_an_event_there_is(desk: Desk) -> None:
    """Another would start nothing, in silence: refused, with those there are."""
    with pytest.raises(Refusal) as fault:
        await desk.policy_set(S0, {"starts_on": "order.shiped"}, by="a", reason="r")
    assert (fault.value.param, "order.confirmed" in fault.value.detail) == ("starts_on", True)
    found = await desk.policy_set(
        S0, {"starts_on": "sale.closed, order.paid"}, by="a", reason="r", approve=True
    )
    assert found["values"]["starts_on"] == ["sale.closed", "order.paid"]


async def test_a_shop_with_no_sales_force(store: Store, clock: FakeClock) -> None:
    """Its orders begin what Sales would begin elsewhere, once the document's blanks are filled."""
    desk = a_desk(store, clock, FakeTemporal(), sops="sales-follow-up")
    name = "sales-follow-up"
    found = await desk.policy_show(name)
    assert {"within", "interval", "retention"} <= set(found["blanks"])
    filled = {"within": "5d", "interval": "30d"}
    typed = {blank: "1825d" if blank == "retention" else "2026-01-01" for blank in found["blanks"]}
    said = typed | filled | {"starts_on": "order.confirmed,order.paid"}
    for key in ("approved_by", "system", "record_system"):
        said |= {key: "The CRM"} if key in found["blanks"] else {}
    after = await desk.policy_set(name, said, by="a", reason="no sales force", approve=True)
    assert after["blanks"] == []
    receipt = await desk.receive("test", an_order_event("1001"))
    began = [one.follow_up for one in receipt.effects if one.effect == "started"]
    assert began == [f"{name}.1001"]
    receipt = await desk.receive("test", an_order_event("1002", "sale.closed"))
    assert [one for one in receipt.effects if one.effect == "started"] == []
