"""S4 by itself, at the real desk: from the signature to the survey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.crm import tables as t
from starter.rehearse.stage import Stage, stage
from tests.clauses.proof import prove
from tests.rehearsals.life import Life, begin
from workflows.vocabulary import State

S4 = "onboarding"
NEEDS = {"account_manager": "am@example.com", "contacts": [{"name": "Ada"}], "needs": "A loom"}
SYSTEMS = ["billing", "crm", "support"]


@pytest.fixture
async def alone(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(cold=True, sops=S4) as on:
        yield on
        await prove(request.node, on.store)


async def signs(on: Stage, contract: dict[str, Any] | None = None, **customer: Any) -> Life:
    """Somebody signs a contract on a Tuesday at ten."""
    ada = await begin(on, sop="", starts_with="customer.signed_up", **customer)
    await ada.event("contract.signed", contract={"id": "V-1", **(contract or {})})
    return Life(ada.director, S4, "V-1")


async def does(ada: Life, form: str, **outcome: Any) -> None:
    """Somebody does the newest open task with this form."""
    task = [task for task in await ada.tasks(S4) if task.form == form][-1]
    await ada.stage.desk.complete_task(task.id, outcome, by="am@example.com")
    await ada.stage.settle()


async def is_set_up(on: Stage, **customer: Any) -> Life:
    """All that comes before the call."""
    ada = await signs(on, NEEDS, **customer)
    await does(ada, "set_up", done=SYSTEMS)
    return ada


async def test_complete_and_smooth(alone: Stage) -> None:
    """Handed over with the contract, set up by a person, called on Thursday, asked on Friday."""
    ada = await is_set_up(alone)
    await does(ada, "schedule", starts_at=ada.moment(2, "14:00"), url="https://meet.example/1")
    await ada.day(2, "15:10")
    await does(ada, "meeting", outcome="held", note="Weaving, and how to dye.")
    assert await ada.end() == "completed"
    sent = await ada.sent()
    assert [line.split()[-1] for line in sent] == [
        "onboarding-invitation",
        "onboarding-reminder",
        "onboarding-reminder",
        "onboarding-survey",
        "onboarding-survey-reminder",
    ]
    assert [line[:7] for line in sent[1:3]] == ["1 14:00", "2 13:00"]
    lines = await ada.lines()
    for clause in ("4.1", "4.2", "4.3", "4.4", "6", "7", "8"):
        assert State(lines[clause].state) is State.DONE
        assert lines[clause].late_by_seconds == 0


@pytest.mark.plays(S4, "3", "4.4")
async def test_late_missed_moved_and_not_liked(alone: Stage) -> None:
    """The manager hears of the hand-over at 24 hours; the call is the same entry of the calendar
    all along; a low score is a case, shown until it is settled."""
    ada = await signs(alone, {"contacts": [{"name": "Ada"}], "account_manager": "am@example.com"})
    (task,) = await ada.tasks(S4)
    assert (task.form, task.role, task.brief["checks"]) == (
        "transfer",
        "sales-representative",
        ["needs"],
    )
    await ada.day(1, "10:30")
    assert {task.role for task in await ada.tasks(S4)} == {"sales-representative", "sales-manager"}
    await ada.event("contract.signed", contract={"id": "V-1", "needs": "A loom"})
    line = (await ada.lines())["4.1"]
    assert (line.state, round(line.late_by_seconds / 600)) == (State.DONE, 3)
    assert [task.form for task in await ada.tasks(S4)] == ["set_up"]
    await does(ada, "set_up", done=SYSTEMS)

    await does(ada, "schedule", starts_at=ada.moment(2, "14:00"))
    await ada.day(2, "14:20")
    await does(ada, "meeting", outcome="missed")
    await does(ada, "schedule", starts_at=ada.moment(3, "14:00"))
    await ada.day(3, "13:30")
    await does(ada, "meeting", outcome="moved", starts_at=ada.moment(6, "09:00"))
    await ada.day(6, "10:00")
    await does(ada, "meeting", outcome="held", note="Weaving.")
    (meeting,) = await ada.rows(t.Meeting)
    assert (meeting.state, meeting.sequence) == ("held", 2)
    mail = [m for m in await ada.rows(t.Message) if m.meeting_id]
    entries = [m.attachments[0]["text"] for m in mail if m.attachments]
    assert len(entries) == len(mail)
    assert all(f"UID:{meeting.uid}" in one.replace("\r\n ", "") for one in entries)

    await ada.day(7, "12:00")
    await ada.event("feedback.received", data={"overall": 10, "text": "Nothing works"})
    (case,) = await ada.rows(t.Case)
    assert (await ada.line(f"3 {case.id}"))[0] is State.WAITING
    assert (await ada.line("4.4 reminder")) == (State.SKIPPED, "answered")
    shown = {"root_cause": "product", "resolution": "Shown once more.", "satisfied": True}
    await ada.of("case", case.id).complete("2", answered="phone", resolved=True, **shown)
    assert (await ada.line(f"3 {case.id}"))[0] is State.DONE


@pytest.mark.plays(S4, "4.4.1")
async def test_quiet_hours_and_the_48(alone: Stage) -> None:
    """Over by eight in the evening: asked the next day, at an hour that suits them."""
    ada = await is_set_up(alone)
    await does(ada, "schedule", starts_at=ada.moment(0, "19:00"))
    await ada.day(0, "20:05")
    await does(ada, "meeting", outcome="held", note="Weaving.")
    await ada.end()
    (asked,) = [line for line in await ada.sent() if line.endswith("onboarding-survey")]
    assert asked.startswith("1 09:")


async def test_a_complaint_in_the_middle(alone: Stage) -> None:
    """The invitation goes; the survey waits, and is a breach."""
    ada = await is_set_up(alone)
    await ada.event("complaint.opened", data={"text": "Slow", "reference": "K-1"})
    await does(ada, "schedule", starts_at=ada.moment(1, "14:00"))
    await ada.day(1, "15:00")
    await does(ada, "meeting", outcome="held", note="Weaving.")
    await ada.day(4, "12:00")
    assert [line.split()[-1] for line in await ada.sent(own=True)] == [
        "onboarding-invitation",
        "onboarding-reminder",
        "onboarding-reminder",
    ]
    await ada.event("complaint.resolved", data={"reference": "K-1"})
    await ada.day(6, "12:00")
    assert (await ada.lines())["4.4"].late_by_seconds > 0


async def test_their_tasks_say_what_to_read(alone: Stage) -> None:
    """The privacy policy and the manual of the CRM, by their names in the house rules; and the
    script of the call has its hour."""
    ada = await is_set_up(alone)
    (task,) = await ada.tasks(S4)
    assert task.brief["documents"]
    await does(ada, "schedule", starts_at=ada.moment(1, "14:00"), url="https://meet.example/1")
    await ada.day(0, "15:00")
    (call,) = [task for task in await ada.tasks(S4) if task.form == "meeting"]
    assert call.brief["checks"] == ["features", "questions"]
    drafts = await ada.everybody(t.Draft)
    (script,) = [draft for draft in drafts if draft.task_id == call.id]
    assert "2:00" in script.body or "14:00" in script.body


async def test_what_the_door_hears_ticks_it_off(alone: Stage) -> None:
    """A system that set them up by itself says so; with the last of them the task is done."""
    ada = await signs(alone, NEEDS)
    for system in SYSTEMS:
        told = {"contract": {"id": "V-1"}, "data": {"system": system}}
        await ada.event("account.provisioned", **told)
    assert (await ada.line("4.2"))[0] is State.DONE
    assert [task.form for task in await ada.tasks(S4)] == ["schedule"]


async def test_held_and_never_arranged(alone: Stage) -> None:
    """By whichever door it is heard: the survey's clock runs."""
    ada = await signs(alone)
    data = {"starts_at": ada.moment(0, "09:00").isoformat(), "reference": "Z-9"}
    await ada.event("meeting.held", contract={"id": "V-1"}, data=data)
    await ada.day(2, "12:00")
    assert [line.split()[-1] for line in await ada.sent()] == ["onboarding-survey"]
    assert (await ada.lines())["4.4"].late_by_seconds == 0


async def test_no_address(alone: Stage) -> None:
    """Its holder finds a way, and so does Customer Support."""
    ada = await is_set_up(alone, email=None)
    await does(ada, "schedule", starts_at=ada.moment(1, "14:00"))
    assert [task.title for task in await ada.tasks(S4) if task.form == "free"] == [
        "find a way to reach this customer"
    ]
