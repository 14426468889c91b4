"""A case from its first word to its last, on the real gate, desk and CRM: what went, was held, was
escalated, when; and that whoever complained is sold nothing meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.crm import tables as t
from tests.rehearsals.life import Life
from workflows.vocabulary import State

Begin = Callable[..., Any]
ANSWER = {"subject": "Your engine", "text": "I am sorry, and look into it now."}
RIGHT = {"root_cause": "product", "resolution": "A new one was sent."}
COMPLAINT = {"text": "It broke", "reference": "K-1"}


async def complains(
    life: Begin, day: int = 3, clock: str = "12:00", **said: Any
) -> tuple[Life, Life]:
    """Somebody who complains on that day: their life, and the same seen by the case."""
    ada: Life = await life()
    await ada.day(day, clock)
    await ada.event("complaint.opened", data=COMPLAINT | said)
    return ada, await the_case(ada)


async def the_case(ada: Life) -> Life:
    (case,) = await ada.rows(t.Case)
    return ada.of("case", case.id)


async def case_row(ada: Life) -> t.Case:
    case: t.Case
    (case,) = await ada.rows(t.Case)
    return case


async def of_the_case(ada: Life) -> list[str]:
    return [line for line in await ada.told() if " case " in line]


async def test_acknowledged_at_once_while_all_else_waits(life: Begin) -> None:
    """At night, too; the help that was due is kept back, the case's own mail is not."""
    ada: Life = await life(clock="23:00")
    await ada.event("complaint.opened", data=COMPLAINT)
    assert (await of_the_case(ada))[0] == "0 23:00 case 1 complaint-received"
    await ada.day(2, "23:30")
    assert (await ada.line("5.2.1"))[0] is State.HELD
    assert [hold.kind for hold in await ada.rows(t.Hold) if not hold.released_at] == ["complaint"]


async def test_answered_put_right_and_satisfied(life: Begin) -> None:
    """The shortest way: an answer, a resolution, a yes; then what was held back goes on."""
    ada, case = await complains(life, day=6)
    await ada.day(6, "15:00")
    await case.complete("2", **ANSWER)
    await ada.day(7, "15:00")
    assert (await ada.line("5.3.2"))[0] is State.HELD
    await case.complete("5", **RIGHT)
    assert (await case_row(ada)).state == "resolved"
    assert (await ada.line("5.3.2"))[0] is State.HELD  # until they say so
    await ada.day(8, "15:00")
    said = {"reference": "K-1", "satisfied": True}
    await ada.event("feedback.received", data=said)
    row = await case_row(ada)
    assert (row.state, row.outcome, row.reopened) == ("closed", "yes", 0)
    assert [line for line in await of_the_case(ada) if "skipped" not in line] == [
        "6 12:00 case 1 complaint-received",
        "6 12:00 case 2 task: answer a complaint",
        "6 15:00 case 2 case-answer",
        "6 15:00 case 5 task: put a complaint right",
        "7 15:00 case 6 complaint-resolved",
    ]
    assert (await ada.line("5.3.2"))[0] in (State.DONE, State.SKIPPED)
    assert await case.end() == "completed"


async def test_nobody_answers(life: Begin) -> None:
    """Up the ladder, rung by rung; and the customer hears of progress all the same."""
    ada, case = await complains(life, clock="10:00", severity="high")
    await ada.day(9, "10:00")
    told = await of_the_case(ada)
    assert told[:2] == [
        "3 10:00 case 1 complaint-received",
        "3 10:00 case 2 task: answer a complaint",
    ]
    rungs = [line for line in told if " case 3 " in line]
    assert rungs == [
        "3 18:00 case 3 task: take care of a case that is not answered",
        "5 10:00 case 3 task: take care of a case that is not resolved",
    ]
    news = [line for line in told if "case-progress" in line]
    # A day without news, and a colleague's four office hours to write some: then it goes so.
    assert news == ["6 13:00 case 4 case-progress", "8 09:00 case 4 case-progress"]
    said = {m.subject for m in await ada.rows(t.Message) if m.template == "case-progress"}
    assert all(one.startswith("Your complaint: we are still on it (reference") for one in said)
    assert (await ada.line("5.3.2"))[0] is State.HELD
    assert await case.line("2") == (State.WAITING, None)
    history = await case.history()
    assert len(history.events) < 400


@pytest.mark.plays("sales-follow-up", "4.2.1")
@pytest.mark.plays("satisfaction", "monitoring-and-review.1")
async def test_late_answers_are_on_record(life: Begin) -> None:
    """After the twenty-four hours it is a breach, by how much."""
    _, case = await complains(life, clock="10:00")
    await case.day(4, "16:00")
    await case.complete("2", answered="phone")
    late = (await case.lines())["2"].late_by_seconds
    assert timedelta(hours=5) < timedelta(seconds=late) < timedelta(hours=7)


async def test_no_and_yes(life: Begin) -> None:
    """Not satisfied: it is open again, holds again, and is the manager's; satisfied: released."""
    ada, case = await complains(life)
    await ada.day(3, "14:00")
    await case.complete("2", **ANSWER)
    await case.complete("5", **RIGHT)
    await ada.day(4, "12:00")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": False})
    row = await case_row(ada)
    assert (row.state, row.reopened, row.closed_at) == ("open", 1, None)
    assert await case.line("7 2") == (State.DONE, "not_satisfied")
    assert [hold for hold in await ada.rows(t.Hold) if not hold.released_at]
    again = [task for task in await ada.tasks() if task.clause == "5"]
    assert [task.role for task in again] == ["customer-experience-manager"]
    await ada.day(5, "12:00")
    await case.complete("5", **RIGHT)
    await ada.day(5, "16:00")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": True})
    row = await case_row(ada)
    assert (row.state, row.outcome, row.reopened) == ("closed", "yes", 1)
    assert not [hold for hold in await ada.rows(t.Hold) if not hold.released_at]
    asked = [line for line in await of_the_case(ada) if "complaint-resolved" in line]
    assert len(asked) == 2


async def test_no_answer_to_whether_they_are_satisfied(life: Begin) -> None:
    """A reminder after three days; after three more it is closed as what it is."""
    ada, case = await complains(life, clock="10:00")
    await case.complete("2", **ANSWER)
    await case.complete("5", **RIGHT)
    assert await case.end() == "completed"
    assert [line for line in await of_the_case(ada) if "resolved" in line and "task" not in line][
        -2:
    ] == ["3 10:00 case 6 complaint-resolved", "6 10:00 case 6 complaint-resolved-reminder"]
    row = await case_row(ada)
    assert (row.state, row.outcome) == ("closed", "no_answer")
    assert row.closed_at == pytest.approx(ada.moment(9, "10:00"), abs=timedelta(minutes=5))


async def test_resolved_elsewhere(life: Begin) -> None:
    """The helpdesk says so: that is a decision, and releases; whether it is so is asked all the
    same."""
    ada, case = await complains(life)
    await ada.day(3, "18:00")
    await ada.event("complaint.resolved", data={"reference": "K-1"})
    assert not [hold for hold in await ada.rows(t.Hold) if not hold.released_at]
    assert (await case_row(ada)).state == "resolved"
    assert (await of_the_case(ada))[-1].endswith("complaint-resolved")
    assert [task.clause for task in await ada.tasks("case")] == []
    assert await case.end() == "completed"


async def test_their_words_are_read_by_a_person(life: Begin) -> None:
    """An answer in words to whether all is well: a colleague says what it means."""
    ada, case = await complains(life)
    await case.complete("2", **ANSWER)
    await case.complete("5", **RIGHT)
    await ada.day(4, "12:00")
    await ada.event("reply.received", data={"text": "Hm. It squeaks."})
    (task,) = await ada.tasks("case")
    assert task.form == "confirm"
    await case.complete("6", satisfied=False)
    assert (await case_row(ada)).reopened == 1


async def test_a_second_complaint(life: Begin) -> None:
    """It is a case of its own; the same one again is not; released is only what is resolved."""
    ada, _ = await complains(life)
    assert [effect for effect, _ in await ada.event("complaint.opened", data=COMPLAINT)] == [
        "already"
    ]
    await ada.event("complaint.opened", data=COMPLAINT | {"reference": "K-2"})
    assert len(await ada.rows(t.Case)) == 2
    await ada.event("complaint.resolved", data={"reference": "K-2"})
    assert len([hold for hold in await ada.rows(t.Hold) if not hold.released_at]) == 1


async def test_a_case_is_not_ended_by_hand(life: Begin) -> None:
    """There is somebody to be answered."""
    from starter.answers import Refusal  # noqa: PLC0415

    _, case = await complains(life)
    with pytest.raises(Refusal) as refused:
        await case.control("end")
    assert refused.value.code == "case_open"


# -- inquiries ---------------------------------------------------------------------------


async def test_an_inquiry_answered_here(life: Begin) -> None:
    """Acknowledged, which counts as no answer; a person's does; nothing was held back."""
    ada: Life = await life()
    await ada.day(2, "12:00")
    await ada.event("reply.received", data={"text": "Does it weave silk?"})
    case = await the_case(ada)
    assert await of_the_case(ada) == [
        "2 12:00 case 1 inquiry-received",
        "2 12:00 case 2 task: answer what the customer wrote",
    ]
    assert not await ada.rows(t.Hold)
    await ada.day(2, "16:00")
    await case.complete("2", **ANSWER)
    assert [line for line in await of_the_case(ada) if "16:00 case 2" in line] == [
        "2 16:00 case 2 case-answer"
    ]
    row = await case_row(ada)
    assert (row.state, row.outcome, row.answered_by) == ("closed", "answered", "test")
    assert await case.end() == "completed"


async def test_an_inquiry_answered_elsewhere(life: Begin) -> None:
    """Their helpdesk has done it: the task is off the list, its clock stopped."""
    ada: Life = await life()
    await ada.day(2, "12:00")
    await ada.event("inquiry.received", data={"text": "Does it weave silk?", "reference": "Q-1"})
    case = await the_case(ada)
    await ada.day(2, "18:00")
    await ada.event("inquiry.answered", data={"reference": "Q-1"})
    assert await ada.tasks("case") == []
    assert await case.end() == "completed"
    row = await case_row(ada)
    assert row.outcome == "answered"
    assert row.answered_at == pytest.approx(ada.moment(2, "18:00"), abs=timedelta(minutes=2))


async def test_an_inquiry_answered_by_a_message(life: Begin) -> None:
    """A colleague writes of their own accord, and that is the answer."""
    ada: Life = await life()
    await ada.day(2, "12:00")
    await ada.event("reply.received", data={"text": "Does it weave silk?"})
    case = await the_case(ada)
    await ada.day(2, "13:00")
    await ada.stage.desk.write(ada.id, dict(ANSWER), by="test")
    await ada.stage.settle()
    assert "2 13:00 case 2 case-answer" in await of_the_case(ada)
    assert await case.end() == "completed"
    assert (await case_row(ada)).outcome == "answered"


async def test_one_inquiry_at_a_time(life: Begin) -> None:
    """Who writes again while it is open is answered once; an automatic reply is no question."""
    ada: Life = await life()
    await ada.day(2, "12:00")
    await ada.event("reply.received", data={"text": "Away until Monday", "automatic": True})
    assert await ada.rows(t.Case) == []
    await ada.event("reply.received", data={"text": "Does it weave silk?"})
    await ada.event("reply.received", data={"text": "And wool?"})
    assert len(await ada.rows(t.Case)) == 1


async def test_nobody_answers_an_inquiry(life: Begin) -> None:
    """The manager hears of it before the day is over."""
    ada: Life = await life()
    await ada.day(2, "12:00")
    await ada.event("reply.received", data={"text": "Does it weave silk?"})
    await ada.day(4, "12:00")
    rungs = [line for line in await of_the_case(ada) if " case 3 " in line]
    assert rungs == ["3 08:00 case 3 task: take care of a case that is not answered"]
