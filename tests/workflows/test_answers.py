"""Facts at once, answers on tracks of their own, waits that are conditions on facts."""

import asyncio

from tests.workflows.lives import DAY, HOUR, Town
from workflows.vocabulary import Outcome, State


async def test_no_track_waits_for_another(town: Town) -> None:
    """Held tips neither deafen the follow-up to the release nor delay what is due."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.complain("case_k1")
    await life.say("common_issue", {"topic": "login"})
    await life.sleep(HOUR)
    lines = await life.lines()
    assert (lines["5.3.3 login"].state, lines["5.2.1"].state) == (State.HELD, State.NEXT)
    await life.resolve("case_k1")
    await life.sleep(2 * DAY)
    assert life.at("send targeted-tips login") // HOUR == 2
    assert "5.2.1 send getting-started" in life.done()


async def test_each_track_keeps_its_own_clause(town: Town) -> None:
    """While a tip waits under 5.3.3 for the morning, the check-in still goes under 5.4.1."""
    life = await town.customer()
    await life.sleep(14 * DAY + 11 * HOUR)
    await life.say("common_issue", {"topic": "login"})
    await life.sleep(HOUR)
    await life.say("task_done")
    await life.sleep(2 * DAY)
    assert life.done()[-2:] == ["5.3.3 send targeted-tips login", "5.4.1 send check-in"]
    assert await life.end() is Outcome.COMPLETED


async def test_a_reply_heard_during_an_outage_stops_the_reminder(town: Town) -> None:
    """The step is taken back at once, without waiting for the provider."""
    life = await town.customer()
    await life.sleep(17 * DAY)
    town.world.down = True
    await life.sleep(DAY + 6 * HOUR)
    await life.say("responded", {"id": "r1"})
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.4.3 skip answered"  # while the provider is still away
    town.world.down = False
    assert await life.end() is Outcome.COMPLETED
    assert "5.4.3 send check-in-follow-up" not in life.done()


async def test_a_reply_heard_while_the_reminder_is_going_out(town: Town) -> None:
    """The attempt under way is awaited: it went, so it is not on record as skipped."""
    life = await town.customer()
    await life.sleep(17 * DAY)

    async def crossing() -> None:
        await life.say("responded", {"at": (await life.now() - HOUR).isoformat()})
        await asyncio.sleep(0.3)

    town.world.overtaken = crossing
    await life.sleep(DAY + 2 * HOUR)
    assert life.done()[-2:] == [
        "5.4.3 send check-in-follow-up",
        "5.4.3 note the reply had come first",
    ]


async def test_an_outage_ends_by_itself(town: Town) -> None:
    """Nobody need do anything: the next attempt goes, minutes after it is over."""
    life = await town.customer()
    await life.sleep(17 * DAY)
    town.world.down = True
    await life.sleep(2 * DAY)
    town.world.down = False
    await life.sleep(HOUR / 20)
    assert life.done()[-1] == "5.4.3 send check-in-follow-up"


async def test_a_process_killed_after_sending_sends_once(town: Town) -> None:
    """The next attempt finds in the ledger what the last one did."""
    town.world.killed = 3
    life = await town.customer()
    assert await life.end() is Outcome.COMPLETED
    sent = [line for line in life.done() if " send " in line]
    assert len(sent) == len(set(sent)) == 6
