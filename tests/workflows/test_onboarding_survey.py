"""After onboarding's call: how it was, within 48 hours of its end."""

from __future__ import annotations

from tests.workflows.contracts import signed
from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE
from workflows.vocabulary import Outcome, Role


async def test_no_address_takes_it(town: Town) -> None:
    """Its holder finds a way; nobody need be reminded of finding it."""
    town.world.unreachable[f"{town.name}-0"] = "no_address"
    life = await signed(town)
    await life.held()
    await life.sleep(2 * DAY)
    found = [task.role for task in life.tasks() if task.what.startswith("find a way")]
    assert found == [Role.ACCOUNT_MANAGER, Role.SERVICE]
    assert life.messages() == []


async def test_within_48_hours_of_the_session(town: Town) -> None:
    """Counted from its end, however late it was reported; promised to the customer."""
    life = await signed(town)
    starts = await life.scheduled(HOUR)
    await life.sleep(DAY)
    await life.meeting("held", starts)
    await life.sleep(MINUTE)
    survey = town.world.messages[f"{life.handle.id}/onboarding-survey"]
    assert survey.promise == survey.due == starts + HOUR + 2 * DAY
    assert survey.sender is Role.SERVICE
    assert survey.order_id == ""


async def test_held_without_having_been_arranged(town: Town) -> None:
    """Even before the hand-over: the clock of the survey runs all the same."""
    town.world.unknown = {"needs"}
    life = await signed(town)
    at = await life.now()
    await life.meeting("held", meeting_id="meet_9")
    await life.sleep(2 * HOUR)
    assert life.messages() == ["survey"]
    promise = town.world.messages[f"{life.handle.id}/onboarding-survey"].promise
    assert promise
    assert abs(promise - at - 2 * DAY) < MINUTE
    assert "4.3" not in await life.lines()
    town.world.unknown = set()
    await life.do("4.1")
    assert await life.standing("4.3") == "done"
    assert await life.end() is Outcome.COMPLETED
    assert not life.tasks("4.3")


async def test_held_twice_is_asked_about_once(town: Town) -> None:
    """About the first; a further call has its mail all the same."""
    life = await signed(town)
    await life.held()
    await life.meeting("held")
    starts = await life.scheduled(2 * HOUR, meeting_id="meet_2")
    await life.sleep(3 * HOUR)
    await life.meeting("held", starts, meeting_id="meet_2")
    await life.end()
    assert life.messages().count("survey") == 1
    assert life.messages().count("invitation") == 2


async def test_held_before_the_contract_was_known(town: Town) -> None:
    """What came early travels with the start."""
    early = ({"name": "meeting_held", "event": {"id": "e1", "meeting_id": "meet_1"}},)
    life = await signed(town, early=early)
    await life.sleep(2 * HOUR)
    assert life.messages() == ["survey"]
    assert await life.standing("4.3") == "done"


async def test_an_answer_spares_the_reminder(town: Town) -> None:
    """And is thanked for; bad news is a case, shown here until it is settled."""
    life = await signed(town)
    await life.held()
    await life.sleep(2 * HOUR)
    to = f"{life.handle.id}/onboarding-survey"
    await life.say("feedback", {"feedback_id": "fb_1", "to": to})
    await life.sleep(MINUTE)
    assert await life.standing("4.4 reminder") == "skipped answered"
    assert "4.4 send feedback-thanks fb_1" in life.done()
    assert await life.end() is Outcome.COMPLETED


async def test_a_low_score(town: Town) -> None:
    """The case is its own; Customer Support's duty stands open here until it is settled."""
    life = await signed(town)
    await life.held()
    await life.sleep(2 * HOUR)
    bad = {"feedback_id": "fb_1", "case_id": "case_c", "opened_case": True}
    await life.say("feedback", bad | {"to": f"{life.handle.id}/onboarding-survey"})
    await life.complain("case_c")
    await life.sleep(3 * DAY)
    assert await life.standing("3 case_c") == "waiting case"
    assert await life.standing("4.4 fb_1") == "skipped case"
    await life.resolve("case_c")
    assert await life.end() is Outcome.COMPLETED
    assert await life.standing("3 case_c") == "done"


async def test_a_complaint_meanwhile(town: Town) -> None:
    """Mail of the call goes; the survey waits, and is late then."""
    life = await signed(town)
    await life.complain("case_c")
    await life.held()
    assert life.messages() == ["invitation"]
    await life.sleep(3 * DAY)
    assert life.messages() == ["invitation"]
    await life.resolve("case_c")
    await life.sleep(DAY)
    assert life.messages() == ["invitation", "survey"]
    survey = town.world.messages[f"{life.handle.id}/onboarding-survey"]
    assert survey.due
    assert life.at("send onboarding-survey") > survey.due - life.began


async def test_a_very_important_customer(town: Town) -> None:
    """Customer Support writes it; the invitation goes as it is."""
    town.world.important.add(f"{town.name}-0")
    life = await signed(town)
    await life.held()
    await life.sleep(2 * HOUR)
    assert life.messages() == ["invitation"]
    assert life.tasks("4.4")[-1].role is Role.SERVICE
    await life.do("4.4", draft_id="draft_1")
    assert life.messages() == ["invitation", "survey"]


async def test_no_second_question(town: Town) -> None:
    life = await signed(town, {"remind": False})
    await life.held()
    await life.end()
    assert await life.standing("4.4 reminder") == "skipped off"


async def test_another_system_calls_them(town: Town) -> None:
    """It invites and reminds; word that the call was held begins the survey."""
    life = await signed(town, {"elsewhere": ("4.3",)})
    await life.scheduled(HOUR)
    await life.sleep(3 * DAY)
    assert life.messages() == []
    await life.meeting("held")
    await life.sleep(2 * HOUR)
    assert life.messages() == ["survey"]


async def test_another_system_never_calls_them(town: Town) -> None:
    life = await signed(town, {"elsewhere": ("4.3",), "give_up": 86400})
    assert await life.end() is Outcome.COMPLETED
    assert await life.standing("4.4") == "skipped not_held"


async def test_another_policy_moves_the_reminder(town: Town) -> None:
    """And until when it is of use, so that it is not too late for itself."""
    life = await signed(town)
    await life.held()
    await life.sleep(2 * HOUR)
    longer = {"patience": 12 * 86400, "grace": 30 * 86400}
    await life.say("policy", {"policy": longer, "version": 2})
    assert await life.end() is Outcome.COMPLETED
    assert life.messages() == ["invitation", "survey", "survey-reminder"]
