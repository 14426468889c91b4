"""A complaint or an inquiry: its clock, its ladder, and when it lets go of the customer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

import pytest

from tests.workflows.lives import DAY, HOUR, PATIENCE, Life, Town
from tests.workflows.world import KINDS
from workflows import case
from workflows.case import CaseWork
from workflows.contract import QUEUE
from workflows.vocabulary import CaseFile, Form, Kind, Ladder, Outcome, Role, Rung, State

MAIL = dict.fromkeys((t for sent in case.STEPS.values() for t in sent), Kind.TRANSACTIONAL)
KINDS.update(MAIL)


class Grievance(Life):
    """One case in the test."""

    async def open(
        self, *, complaint: bool = True, late: timedelta = timedelta(), **policy: Any
    ) -> Self:
        self.began = await self.now()
        self.case_id = f"case_{self.name}"
        opened = self.began - late
        self.world.complain(self.name, self.case_id, opened)
        self.climb(opened, Role.CSR)
        start = CaseFile[case.Policy](
            customer_id=self.name,
            purchased_at=opened,
            policy=case.Policy(**policy),
            pace=self.world.pace,
            kinds=KINDS,
            case_id=self.case_id,
            complaint=complaint,
            opened_at=opened,
        )
        self.handle = await self.env.client.start_workflow(
            CaseWork.run, start, id=f"case.{self.name}", task_queue=QUEUE, task_timeout=PATIENCE
        )
        await self.sleep(timedelta(minutes=1))
        return self

    def climb(self, since: datetime, role: Role) -> None:
        """The matrix, as it has it from that moment on."""
        self.world.ladders[self.case_id] = Ladder(
            role=role,
            answer_by=since + DAY,
            resolve_by=since + 3 * DAY,
            rungs=(
                Rung(at=since + 20 * HOUR, role=Role.SERVICE, until="answered"),
                Rung(at=since + 4 * DAY, role=Role.MANAGER),
            ),
        )

    def settled(self) -> str:
        (said,) = (e.what for e in self.world.log if e.customer == self.name and "settle" in e.what)
        return said.removeprefix("settle ")

    async def do(self, clause: str, **outcome: Any) -> None:
        """Somebody does the newest task of this clause."""
        (*_, task) = (key for key, task in self.world.tasks.items() if self.mine(task, clause))
        await self.say("task_done", {"task_id": task, **outcome})
        await self.sleep(timedelta(minutes=1))

    def mine(self, task: Any, clause: str) -> bool:
        return bool(task.customer_id == self.name and task.clause == clause)

    async def end_it(self) -> None:
        """Have it out of the way."""
        await self.resolve(self.case_id)
        await self.say("feedback", {"satisfied": True})
        await self.end()

    async def states(self) -> dict[str, tuple[State, str]]:
        return {name: (line.state, line.reason) for name, line in (await self.lines()).items()}


async def grievance(town: Town, **more: Any) -> Grievance:
    life = Grievance(town.env, town.world, f"{town.name}-{len(town.lives)}")
    town.lives.append(life)
    return await life.open(**more)


async def test_it_is_acknowledged_at_once_though_everything_is_held(town: Town) -> None:
    """At once, by itself; and that is no answer: somebody has a day for theirs."""
    life = await grievance(town)
    assert set(life.done()[1:]) == {"1 send complaint-received", f"2 ask {Role.CSR}"}
    (task,) = town.world.tasks.values()
    assert (task.form, task.urgent, task.case_id) == (Form.ANSWER, True, life.case_id)
    assert task.due_by == life.began + DAY
    assert (await life.states())["2"] == (State.WAITING, "")
    await life.end_it()


@pytest.mark.parametrize("acknowledge", [True, False])
async def test_an_inquiry_is_over_when_a_person_has_answered(town: Town, acknowledge: bool) -> None:
    """Their own words go out; nobody asks whether they are satisfied with an answer."""
    life = await grievance(town, complaint=False, acknowledge_inquiries=acknowledge)
    assert ("1 send inquiry-received" in life.done()) is acknowledge
    await life.sleep(3 * HOUR)
    await life.do("2", draft_id="draft_1")
    assert await life.end() is Outcome.COMPLETED
    assert town.world.messages[f"{life.handle.id}/case-answer"].draft_id == "draft_1"
    assert life.settled() == "answered"
    assert not any("complaint-resolved" in line for line in life.done())


@pytest.mark.parametrize(("word", "outcome"), [("not_needed", "not_needed"), ("phone", "answered")])
async def test_an_answer_may_be_given_elsewhere_or_not_be_needed(
    town: Town, word: str, outcome: str
) -> None:
    """It is on record how; nothing goes."""
    life = await grievance(town, complaint=False)
    await life.do("2", answered=word)
    await life.end()
    assert (await life.states())["2"] == (State.DONE, word)
    assert life.settled() == outcome


async def test_their_helpdesk_answers(town: Town) -> None:
    """The signal stops the clock, and the task goes back."""
    life = await grievance(town, complaint=False)
    await life.say("inquiry_answered", {"case_id": "case_of_somebody_else"})
    await life.sleep(HOUR)
    assert (await life.states())["2"][0] is State.WAITING
    await life.say("inquiry_answered", {"case_id": life.case_id})
    await life.end()
    assert (await life.states())["2"] == (State.DONE, "elsewhere")
    assert "back answered_elsewhere" in life.done()


async def test_the_whole_ladder(town: Town) -> None:
    """Nobody comes: Service hears of it before the day is over, then the manager; the customer
    hears of progress; put right, asked, reminded, and closed with that as the reason."""
    life = await grievance(town)
    await life.sleep(21 * HOUR)
    assert life.at(f"ask {Role.SERVICE} to take care of a case that is not answered") == 20 * HOUR
    await life.sleep(4 * HOUR)
    await life.do("2", draft_id="draft_1")  # an hour late
    await life.sleep(2 * DAY)
    assert f"4 ask {Role.CSR}" in life.done()
    await life.do("4", draft_id="draft_2")
    await life.sleep(1 * DAY + 2 * HOUR)
    assert life.at(f"ask {Role.MANAGER} to take care of a case that is not resolved") == 4 * DAY
    await life.do("5", resolved=True)
    asked = life.at("send complaint-resolved")
    assert await life.end() is Outcome.COMPLETED
    assert life.at("send complaint-resolved-reminder") - asked == 3 * DAY
    assert life.at("settle no_answer") - asked == 6 * DAY
    states = await life.states()
    assert states["3 1"] == (State.DONE, "escalated")  # it was on their list, at least
    assert states["6"] == (State.DONE, "no_answer")
    assert states["7"] == (State.DONE, "no_answer")


async def test_no_opens_it_again_and_yes_lets_go(town: Town) -> None:
    """With a ladder of its own, higher up; only then are the follow-ups let go."""
    life = await grievance(town)
    await life.do("2", draft_id="draft_1", resolved=True)
    life.climb(await life.now(), Role.MANAGER)
    await life.say("feedback", {"satisfied": False, "case_id": life.case_id})
    await life.sleep(HOUR)
    assert (await life.states())["6"] == (State.DONE, "unhappy")
    assert (await life.states())["7 2"] == (State.DONE, "not_satisfied")
    assert not any("settle" in line for line in life.done())
    await life.sleep(5 * DAY)
    assert life.at(f"ask {Role.MANAGER} to put a complaint right") < 2 * HOUR
    assert f"3 ask {Role.MANAGER} to take care of a case that is not resolved" in life.done()
    await life.do("5", resolved=True)
    await life.say("feedback", {"satisfied": True, "case_id": life.case_id})
    assert await life.end() is Outcome.COMPLETED
    assert life.settled() == "yes"
    assert (await life.states())["6 2"] == (State.DONE, "happy")


async def test_an_answer_in_words_is_read_by_a_person(town: Town) -> None:
    """The machine does not guess whether "well, thanks" is a yes; it waits for who can tell."""
    life = await grievance(town)
    await life.do("2", answered="phone", resolved=True)
    await life.say("responded", {"case_id": life.case_id})
    await life.sleep(HOUR)
    read = next(t for t in town.world.tasks.values() if t.form is Form.CONFIRM)
    assert read.role is Role.CSR
    await life.do("6", satisfied=True)
    await life.end()
    assert life.settled() == "yes"


async def test_a_colleague_knows_they_are_satisfied(town: Town) -> None:
    """Said together with what put it right: nobody is asked twice."""
    life = await grievance(town)
    await life.do("2", draft_id="draft_1")
    await life.do("5", resolved=True, satisfied=True)
    await life.end()
    assert not any("complaint-resolved" in line for line in life.done())
    assert life.settled() == "yes"


async def test_resolved_elsewhere_before_anybody_answered(town: Town) -> None:
    """Their helpdesk's word ends the waiting; whether the customer agrees is asked all the same."""
    life = await grievance(town)
    await life.resolve(life.case_id)
    await life.sleep(HOUR)
    assert {"back answered_elsewhere", "6 send complaint-resolved"} <= set(life.done())
    await life.end()
    assert not any("not resolved" in line for line in life.done())


async def test_a_colleague_writes_beside_any_task(town: Town) -> None:
    """It goes as mail of the case, and it is an answer."""
    life = await grievance(town)
    await life.say("written", {"draft_id": "draft_9"})
    await life.sleep(HOUR)
    assert town.world.messages[f"{life.handle.id}/case-message/draft_9"].draft_id == "draft_9"
    assert (await life.states())["2"][0] is State.DONE
    await life.end_it()


async def test_news_of_a_case_puts_off_the_next(town: Town) -> None:
    """Progress is told when they have heard nothing for so long, not by a metronome."""
    life = await grievance(town)
    await life.sleep(DAY)
    await life.do("2", draft_id="draft_1")
    await life.sleep(2 * DAY - HOUR)
    assert not any("case-progress" in line for line in life.done())
    await life.sleep(6 * HOUR)  # nobody writes it: it goes as it stands
    assert life.at("send case-progress 1") >= 3 * DAY
    await life.end_it()


async def test_it_begins_late(town: Town) -> None:
    """Temporal was away for two days: what was due meanwhile is due at once, and late."""
    life = await grievance(town, late=2 * DAY)
    assert {"1 send complaint-received", f"2 ask {Role.CSR}"} <= set(life.done())
    assert f"3 ask {Role.SERVICE} to take care of a case that is not answered" in life.done()
    await life.end_it()


async def test_news_may_be_skipped(town: Town) -> None:
    """By a person who knows better; the case goes on."""
    life = await grievance(town)
    await life.say("skip", {"clause": "4"})
    await life.sleep(HOUR)
    assert (await life.states())["4 1"] == (State.SKIPPED, "skipped")
    await life.end_it()
