"""Onboarding: handed over, set up, checked off. Calls and survey have files of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.contracts import Signed, plainly_signed, signed
from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE
from workflows.vocabulary import Form, Outcome, Role

MISSING = {"contacts", "needs"}


async def test_a_smooth_one(town: Town) -> None:
    """Complete, set up by the systems, called, asked: every line of the checklist is done."""
    life = await signed(town)
    (schedule,) = life.tasks()
    assert (schedule.role, schedule.form) == (Role.ACCOUNT_MANAGER, Form.SCHEDULE)
    assert schedule.contract_id == f"con-{life.name}"
    assert schedule.documents == ("privacy-policy", "crm-manual")
    await life.held()
    assert await life.end() is Outcome.COMPLETED
    assert life.messages() == ["invitation", "survey", "survey-reminder"]
    for clause in ("4.1", "4.2", "4.3", "4.4", "8"):
        assert await life.standing(clause) == "done"
    assert await life.standing("6") == "done contract"
    assert await life.standing("7") == "done privacy-policy, crm-manual"


async def test_the_basis_and_what_is_kept_are_on_record(town: Town) -> None:
    """With the hand-over, not before it."""
    town.world.unknown = {"needs"}
    policy = {"fields": ("needs",), "lawful_basis": "legitimate-interests"}
    life = await signed(town, policy)
    note = "6 note basis: legitimate-interests; kept: needs"
    assert note not in life.done()
    town.world.unknown = set()
    await life.do("4.1")
    assert note in life.done()


async def test_sales_is_asked_for_what_is_missing(town: Town) -> None:
    """Within 24 hours of the signing; and asked again for what is missing after that."""
    town.world.unknown = set(MISSING)
    life = await signed(town)
    (task,) = life.tasks()
    assert (task.role, task.form) == (Role.SALES, Form.TRANSFER)
    assert task.checks == ("contacts", "needs")
    assert task.due_by == life.began + DAY
    await life.sleep(HOUR)
    town.world.unknown = {"needs"}
    await life.do("4.1")
    assert life.tasks()[-1].checks == ("needs",)
    assert "4.2" not in await life.lines()
    town.world.unknown = set()
    await life.do("4.1")
    assert await life.standing("4.1") == "done"
    assert await life.standing("4.1 late") == "skipped in_time"


async def test_a_late_hand_over_is_the_managers_to_hear_of(town: Town) -> None:
    """At 24 hours; the task stays whose it is, and the manager's is taken back once it is done."""
    town.world.unknown = set(MISSING)
    life = await signed(town)
    await life.sleep(DAY - 2 * MINUTE)
    assert len(life.tasks()) == 1
    await life.sleep(2 * MINUTE)
    sales, manager = life.tasks()
    assert (manager.role, manager.escalates) == (Role.SALES_MANAGER, sales.key)
    await life.sleep(DAY)
    town.world.unknown = set()
    await life.say("task_done", {"task_id": sales.key})
    await life.sleep(MINUTE)
    assert "back handed_over" in life.done()
    mark = next(m for m in town.world.marks if m.clause == "4.1" and m.customer_id == life.name)
    assert mark.due == life.began + DAY
    assert mark.now
    assert mark.now - mark.due > DAY / 2


async def test_what_sales_declines_is_asked_of_its_manager(town: Town) -> None:
    """Who may decline, too: the rest goes on with what there is."""
    town.world.unknown = set(MISSING)
    life = await signed(town)
    await life.do("4.1", declined=True)
    assert life.tasks()[-1].role is Role.SALES_MANAGER
    await life.do("4.1", declined=True)
    assert await life.standing("4.1") == "skipped declined"
    assert await life.standing("4.2") == "done"


async def test_nobody_is_set_up_before_the_hand_over(town: Town) -> None:
    town.world.unknown = set(MISSING)
    life = await signed(town)
    await life.sleep(3 * DAY)
    assert not [line for line in life.done() if "set up" in line]
    town.world.unknown = set()
    await life.say("task_done", {"task_id": life.tasks()[0].key})
    await life.sleep(MINUTE)
    assert [line for line in life.done() if "set up" in line] == [
        f"4.2 set up {system}" for system in ("billing", "crm", "support")
    ]


async def test_what_no_system_does_a_person_does(town: Town) -> None:
    """One task for all of it; each can be heard of by itself."""
    town.world.systems = {"crm"}
    life = await plainly_signed(town)
    (task,) = life.tasks()
    assert (task.role, task.form) == (Role.ACCOUNT_MANAGER, Form.SET_UP)
    assert task.checks == ("billing", "support")
    assert await life.standing("4.2 crm") == "done"
    assert await life.standing("4.2 billing") == "waiting no_system"
    assert "4.3" not in await life.lines()
    await life.do("4.2")
    assert await life.standing("4.2 billing") == "done"
    assert await life.standing("4.2") == "done"
    assert "4.3" in await life.lines()


async def test_what_is_heard_of_a_system_ticks_it_off(town: Town) -> None:
    """Of this contract's; the last of them takes the task back."""
    life = await plainly_signed(town, {"systems": ("billing", "support")})
    await life.say("account_provisioned", {"system": "billing", "contract_id": "con-other"})
    await life.say("account_provisioned", {"system": "support"})
    await life.sleep(MINUTE)
    assert await life.standing("4.2 billing") == "waiting no_system"
    assert await life.standing("4.2 support") == "done"
    mine = {"system": "billing", "contract_id": f"con-{life.name}"}
    await life.say("account_provisioned", mine)
    await life.sleep(MINUTE)
    assert "back set_up" in life.done()
    assert await life.standing("4.2") == "done"


async def test_no_systems_need_nobody(town: Town) -> None:
    life = await plainly_signed(town, {"systems": ()})
    assert await life.standing("4.2") == "done"
    assert [task.form for task in life.tasks()] == [Form.SCHEDULE]


async def test_a_step_can_be_skipped(town: Town) -> None:
    """By a person; what is left of the checklist is incomplete, and says so."""
    town.world.unknown = set(MISSING)
    life = await plainly_signed(town)
    for clause in ("4.1", "4.2", "4.3"):
        await life.say("skip", {"clause": clause})
        await life.sleep(MINUTE)
    assert await life.end() is Outcome.COMPLETED
    for clause in ("4.1", "4.2", "4.3", "4.2 billing", "4.1 late"):
        assert (await life.standing(clause)).startswith("skipped ")
    assert await life.standing("4.4") == "skipped not_held"
    assert await life.standing("8") == "skipped incomplete"
    assert not life.messages()


@pytest.mark.parametrize("clause", ["4.1", "4.2"])
async def test_another_system_does_it(town: Town, clause: str) -> None:
    """Nobody is asked, and the next step begins."""
    town.world.unknown = set(MISSING) if clause == "4.1" else set()
    life = await plainly_signed(town, {"elsewhere": (clause,)})
    form = Form.SET_UP if clause == "4.1" else Form.SCHEDULE
    assert [task.form for task in life.tasks()] == [form]
    assert await life.standing(clause) == "elsewhere unproven"


async def test_another_policy_moves_the_alarm(town: Town) -> None:
    town.world.unknown = set(MISSING)
    life = await signed(town)
    policy = {"hand_over": 2 * 3600}
    shifts = await life.handle.query("shifts", policy)
    assert [(s["clause"], s["about"]) for s in shifts] == [("4.1", "late")]
    await life.say("policy", {"policy": policy, "version": 2})
    await life.sleep(2 * HOUR)
    assert life.tasks()[-1].role is Role.SALES_MANAGER


@pytest.mark.parametrize("said", [{"systems": 7}, {"survey": {"after": "nonsense"}}])
async def test_a_policy_that_cannot_be_read_changes_nothing(
    town: Town, said: dict[str, Any]
) -> None:
    life = await signed(town)
    await life.say("policy", {"policy": said, "version": 2})
    await life.sleep(MINUTE)
    assert life.tasks()[-1].role is Role.ENGINEER


async def test_an_opt_out_ends_nothing(town: Town) -> None:
    """The work is owed; the call is still theirs, and nobody asks how it was."""
    life = await signed(town)
    town.world.opt_out(life.name, "all", await life.now())
    await life.say("opted_out")
    await life.held()
    assert await life.end() is Outcome.COMPLETED
    assert life.messages() == ["invitation"]
    assert await life.standing("4.4") == "skipped opted out"
    assert await life.standing("8") == "skipped incomplete"


async def test_a_cancelled_contract_is_ended_by_hand(town: Town) -> None:
    life: Signed = await signed(town)
    await life.scheduled()
    await life.say("end")
    assert await life.end() is Outcome.ENDED
    assert life.messages() == ["invitation"]


async def test_of_another_contract(town: Town) -> None:
    """It is not this one's call."""
    life = await signed(town)
    await life.scheduled(contract_id="con-other")
    assert life.messages() == []
