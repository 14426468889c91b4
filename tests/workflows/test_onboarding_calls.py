"""Onboarding's call: arranged, moved, missed, held; and its mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.contracts import Signed, signed
from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE
from workflows.vocabulary import Form, Kind, Outcome, Role


def when(life: Signed, what: str) -> list[timedelta]:
    mine = (e.at for e in life.world.log if e.customer == life.name and e.what.startswith(what))
    return [to_the_minute(at - life.began) for at in mine]


def to_the_minute(span: timedelta) -> timedelta:
    return timedelta(minutes=round(span / MINUTE))


async def test_an_invitation_and_two_reminders(town: Town) -> None:
    """Each names the meeting, whose row has the rest."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY)
    await life.sleep(3 * DAY)
    assert life.messages() == ["invitation", "reminder", "reminder"]
    minute = to_the_minute(starts - life.began)
    assert when(life, "send onboarding-reminder") == [minute - DAY, minute - HOUR]
    sent = [m for m in town.world.messages.values() if m.customer_id == life.name]
    assert {message.meeting_id for message in sent} == {"meet_1"}
    assert {message.kind for message in sent} == {Kind.TRANSACTIONAL}
    late = [message.latest - starts for message in sent if message.latest]  # none as another
    assert late == [HOUR, -HOUR / 2, timedelta()]


async def test_whoever_holds_it_has_the_script_in_time(town: Town) -> None:
    """A day before; an hour after its end it ought to be known how it went."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY)
    await life.sleep(2 * DAY - 2 * MINUTE)
    assert not [task for task in life.tasks("4.3") if task.form is Form.MEETING]
    await life.sleep(2 * MINUTE)
    task = life.tasks("4.3")[-1]
    assert (task.role, task.form, task.template) == (
        Role.ACCOUNT_MANAGER,
        Form.MEETING,
        "onboarding-call",
    )
    assert (task.due_by, task.meeting_id) == (starts + 2 * HOUR, "meet_1")
    assert task.checks == ("features", "questions")
    await life.sleep(DAY + HOUR)
    await life.meeting("held", starts)
    assert await life.standing("4.3") == "done"
    assert await life.standing("4.3 call-1-held") == "done"


async def test_the_word_of_it_follows_the_task(town: Town) -> None:
    """Who closed the task and said nothing of the call is asked again."""
    life = await signed(town)
    await life.scheduled(HOUR)
    await life.do("4.3")
    assert len([t for t in life.tasks("4.3") if t.form is Form.MEETING]) == 1
    await life.sleep(HOUR)
    asked = [t for t in life.tasks("4.3") if t.form is Form.MEETING]
    assert len({task.key for task in asked}) == 2
    await life.do("4.3")
    await life.meeting("held")
    assert await life.standing("4.3") == "done"


async def test_whoever_arranged_it_wrote_it_down(town: Town) -> None:
    """The call itself is heard of by itself, a moment later, or somebody is asked again."""
    life = await signed(town)
    await life.do("4.3")
    assert len(life.tasks("4.3")) == 1
    await life.sleep(HOUR)
    assert len(life.tasks("4.3")) == 2
    assert await life.standing("4.3 schedule") == "skipped not_arranged"
    await life.do("4.3")
    await life.scheduled()
    assert await life.standing("4.3 schedule-2") == "done"


async def test_arranged_by_somebody_else(town: Town) -> None:
    """The task is off the list."""
    life = await signed(town)
    await life.scheduled()
    assert "back arranged" in life.done()
    assert await life.standing("4.3 schedule") == "done"


async def test_arranged_before_they_are_set_up(town: Town) -> None:
    """The customer does not wait for us; the steps keep their order, and nobody arranges a
    second."""
    town.world.unknown = {"needs"}
    life = await signed(town)
    await life.scheduled(2 * DAY)
    assert life.messages() == ["invitation"]
    await life.sleep(DAY)
    assert life.messages() == ["invitation", "reminder"]
    assert "4.3" not in await life.lines()
    town.world.unknown = set()
    await life.say("task_done", {"task_id": life.tasks("4.1")[0].key})
    await life.sleep(MINUTE)
    assert [task.form for task in life.tasks("4.3")] == [Form.MEETING]


async def test_moved(town: Town) -> None:
    """The same entry at another hour; the old hour's reminders and task are withdrawn."""
    life = await signed(town)
    starts = await life.scheduled(20 * HOUR)
    await life.meeting("moved", starts + 2 * DAY, number=1)
    assert "back moved" in life.done()
    await life.sleep(20 * HOUR)
    assert life.messages() == ["invitation", "moved"]
    await life.sleep(2 * DAY)
    assert life.messages() == ["invitation", "moved", "reminder", "reminder"]
    assert await life.standing("4.3 call-1-last-reminder") == "skipped moved"
    keys = {m.key for m in town.world.messages.values() if m.customer_id == life.name}
    assert f"{life.handle.id}/onboarding-moved/call-1-2" in keys


async def test_moved_after_it_began(town: Town) -> None:
    """Whoever was to hold it is asked of the new hour."""
    life = await signed(town)
    starts = await life.scheduled(HOUR)
    await life.sleep(HOUR + 10 * MINUTE)
    await life.meeting("moved", starts + DAY, number=1)
    assert life.messages() == ["invitation", "moved"]
    assert life.tasks("4.3")[-1].due_by == starts + DAY + 2 * HOUR


@pytest.mark.parametrize(
    "old",
    [("scheduled", 0), ("moved", 0), ("cancelled", 0), ("missed", 0)],
    ids=lambda old: str(old[0]),
)
async def test_older_words_change_nothing(town: Town, old: tuple[str, int]) -> None:
    """They come late, and the row has said more since."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY, number=2)
    await life.meeting(old[0], starts - DAY, number=old[1])
    assert life.messages() == ["invitation"]
    assert life.tasks("4.3")[-1].form is Form.SCHEDULE


async def test_a_word_twice_is_one(town: Town) -> None:
    life = await signed(town)
    starts = await life.scheduled()
    await life.meeting("scheduled", starts)
    await life.meeting("moved", starts)
    assert life.messages() == ["invitation"]


async def test_cancelled_and_arranged_again(town: Town) -> None:
    """Told that it is off; then invited anew, to the same meeting or to another."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY)
    await life.meeting("cancelled", starts, number=1)
    assert life.messages() == ["invitation", "cancelled"]
    assert life.tasks("4.3")[-1].form is Form.SCHEDULE
    await life.meeting("scheduled", starts, number=2)
    assert life.messages()[2:] == ["invitation"]
    assert await life.standing("4.3 call-1-2") == "done"
    await life.meeting("cancelled", starts, number=3)
    await life.meeting("scheduled", starts, meeting_id="meet_2")
    assert life.messages()[3:] == ["cancelled", "invitation"]
    assert await life.standing("4.3 call-2") == "done"


async def test_what_nobody_was_told_of_need_not_be_called_off(town: Town) -> None:
    """Nor what is long past."""
    town.world.unreachable[f"{town.name}-0"] = "no_address"
    life = await signed(town)
    starts = await life.scheduled()
    await life.meeting("cancelled", starts, number=1)
    assert life.messages() == []
    assert not [line for line in await life.lines() if line.endswith("cancelled")]


async def test_off_while_the_invitation_is_on_its_way(town: Town) -> None:
    """It does not go, and nobody hears of a call that never was."""
    life = await signed(town)
    town.world.down = True
    starts = await life.scheduled()
    await life.meeting("cancelled", starts, number=1)
    town.world.down = False
    await life.sleep(HOUR)
    assert life.messages() == []
    assert await life.standing("4.3 call-1") == "skipped cancelled"


async def test_missed(town: Town) -> None:
    """Another is arranged; after three a manager decides, and may say that it is enough."""
    life = await signed(town)
    for count in range(3):
        starts = await life.scheduled(HOUR, meeting_id=f"meet_{count}")
        await life.sleep(HOUR + 10 * MINUTE)
        await life.meeting("missed", starts, meeting_id=f"meet_{count}")
    roles = [task.role for task in life.tasks("4.3") if task.form is Form.SCHEDULE]
    assert roles == [*[Role.ACCOUNT_MANAGER] * 3, Role.MANAGER]
    await life.do("4.3", declined=True)
    assert await life.end() is Outcome.COMPLETED
    assert await life.standing("4.3") == "skipped declined"
    assert await life.standing("4.4") == "skipped not_held"


async def test_missed_and_yet_held(town: Town) -> None:
    """Somebody had it wrong: what was held was held."""
    life = await signed(town)
    starts = await life.scheduled(HOUR)
    await life.sleep(2 * HOUR)
    await life.meeting("missed", starts)
    await life.meeting("held", starts)
    assert await life.standing("4.3") == "done"
    await life.sleep(2 * HOUR)
    assert life.messages()[-1] == "survey"


async def test_in_twenty_minutes(town: Town) -> None:
    """Invited at once; no reminder would leave them the time it should."""
    life = await signed(town)
    await life.scheduled(20 * MINUTE)
    assert life.messages() == ["invitation"]
    for which in ("reminder", "last-reminder"):
        assert await life.standing(f"4.3 call-1-{which}") == "skipped short_notice"


async def test_in_the_past(town: Town) -> None:
    """Nobody is invited to it; its holder says how it went."""
    life = await signed(town)
    await life.scheduled(-DAY)
    assert life.messages() == []
    assert await life.standing("4.3 call-1") == "skipped stale"
    assert life.tasks("4.3")[-1].form is Form.MEETING


async def test_reminders_can_be_switched_off(town: Town) -> None:
    """And moved, with the policy."""
    life = await signed(town, {"last_reminder": 0})
    starts = await life.scheduled(3 * DAY)
    policy = {"reminder": 2 * 86400, "last_reminder": 0}
    await life.say("policy", {"policy": policy, "version": 2})
    await life.sleep(3 * DAY)
    assert when(life, "send onboarding-reminder") == [to_the_minute(starts - life.began) - 2 * DAY]
    assert await life.standing("4.3 call-1-last-reminder") == "skipped off"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"meeting_id": "meet_1"},
        {"starts_at": "2030-01-01T10:00:00Z"},
        {"meeting_id": "meet_1", "starts_at": "0001-01-01T00:00:00Z"},
        {"meeting_id": "meet_1", "starts_at": "9999-12-31T23:59:59Z"},
    ],
)
async def test_by_hand_and_unclear(town: Town, said: dict[str, Any]) -> None:
    """Whoever holds the calls writes down what was meant; nothing is stuck."""
    life = await signed(town)
    await life.say("meeting_scheduled", said)
    await life.sleep(MINUTE)
    assert life.tasks()[-1].what == "write down when the call is to be"
    await life.scheduled()
    assert life.messages() == ["invitation"]


async def test_by_hand_without_a_name(town: Town) -> None:
    """Said of the call that is to come."""
    life = await signed(town)
    await life.scheduled(HOUR)
    await life.sleep(2 * HOUR)
    await life.say("meeting_held")
    await life.sleep(MINUTE)
    assert await life.standing("4.3 call-1-held") == "done"


async def test_an_end_before_its_beginning_is_none(town: Town) -> None:
    """It is as long as such calls are."""
    life = await signed(town)
    starts = await life.scheduled(HOUR, ends_at=(life.began - DAY).isoformat())
    assert life.tasks("4.3")[-1].due_by == starts + 2 * HOUR


async def test_run_now_hurries_one_thing_at_a_time(town: Town) -> None:
    """One reminder, and not the next."""
    life = await signed(town)
    await life.scheduled(5 * DAY)
    await life.say("run_now", {"clause": "4.3"})
    await life.sleep(MINUTE)
    assert life.messages() == ["invitation", "reminder"]
