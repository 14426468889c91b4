"""What came late is recorded as it was."""

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import purchase
from workflows.vocabulary import Heard, State


async def test_a_reply_that_crossed_with_the_reminder(town: Town) -> None:
    """It had been written before the reminder went, and is on record so."""
    life = await town.customer()
    await life.sleep(18 * DAY + 2 * HOUR)
    sent = life.began + life.at("send check-in-follow-up")
    await life.say("responded", {"id": "r1", "at": (sent - HOUR).isoformat()})
    await life.sleep(HOUR)
    assert "5.4.3 note the reply had come first" in life.done()


async def test_a_reply_to_the_reminder_is_no_crossing(town: Town) -> None:
    """It came after."""
    life = await town.customer()
    await life.sleep(18 * DAY + 2 * HOUR)
    await life.say("responded", {"id": "r1"})
    await life.sleep(HOUR)
    assert "5.4.3 note the reply had come first" not in life.done()


async def test_a_reply_to_another_message_is_no_answer(town: Town) -> None:
    """A late thanks for the guide does not answer the check-in; naming the check-in does."""
    for to, reminded in (("getting-started", True), ("check-in", False)):
        life = await town.customer()
        await life.sleep(16 * DAY)
        await life.say("responded", {"to": f"{life.handle.id}/{to}"})
        await life.sleep(3 * DAY)
        assert ("5.4.3 send check-in-follow-up" in life.done()) is reminded
        await life.sleep(5 * HOUR)


async def test_an_old_reply_is_no_answer(town: Town) -> None:
    """It was written before the question."""
    life = await town.customer()
    await life.sleep(16 * DAY)
    await life.say("responded", {"at": (life.began + 3 * DAY).isoformat()})
    await life.sleep(3 * DAY)
    assert "5.4.3 send check-in-follow-up" in life.done()


async def test_an_old_reply_beside_a_new_one_is_no_crossing(town: Town) -> None:
    """Only what answers can have crossed."""
    life = await town.customer()
    await life.sleep(18 * DAY + 2 * HOUR)
    await life.say("responded", {"at": (life.began + 3 * DAY).isoformat()})
    await life.say("responded")
    await life.sleep(HOUR)
    assert "5.4.3 note the reply had come first" not in life.done()


async def test_the_last_word_on_a_case_is_written_last(town: Town) -> None:
    """A complaint that is settled by the time it is heard is not left waiting in the tables."""
    town.world.slow = {State.WAITING}
    at = (await town.env.get_current_time()).isoformat()
    said = {"case_id": "case_c", "at": at}
    early = (
        Heard(name="complaint", event={"id": "e1"} | said),
        Heard(name="complaint_resolved", event={"id": "e2"} | said),
    )
    life = await (await purchase(town)).thanks(early=early)
    assert await life.state("4 case_c") == (State.DONE, "")
    told = [mark.state for mark in town.world.marks if mark.about == "case_c"]
    assert told == [State.WAITING, State.DONE]
