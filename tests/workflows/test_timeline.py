"""The procedure, played in simulated time."""

from datetime import timedelta

from tests.workflows.lives import DAY, HOUR, Town
from workflows.vocabulary import Outcome, Pace

SILENT = {
    "welcome": 0,
    "getting-started": 24,
    "re-engagement": 7 * 24,
    "check-in": 15 * 24,
    "check-in-follow-up": 18 * 24,
    "upgrade-your-plan": 19 * 24,  # deferred by a day: the cap
}


async def test_silent_customer(town: Town) -> None:
    """Nobody answers; everything goes as it stands, each at its time."""
    life = await town.customer()
    assert await life.end() is Outcome.COMPLETED
    assert life.done() == [
        "5.1.1 send welcome",
        "5.2.1 send getting-started",
        "5.3.2 send re-engagement",
        "5.4.1 ask customer-excellence-officer",
        "5.4.1 send check-in",
        "back went_by_itself",
        "5.4.3 send check-in-follow-up",
        "5.5.2 send upgrade-your-plan",
        "5.5.3 skip off",
        "5.6.1 start keep-in-touch",
        "close completed",
    ]
    assert {what: life.at(f"send {what}") // HOUR for what in SILENT} == SILENT
    assert await life.events() <= 130


async def test_a_person_writes_the_check_in(town: Town) -> None:
    """Done by hand and answered within three days, it is not followed up."""
    life = await town.customer()
    await life.sleep(14 * DAY + HOUR)
    await life.say("task_done")  # by hand, without a body: the one task that waits
    await life.sleep(HOUR)
    assert life.at("send check-in") < 15 * DAY
    await life.say("responded", {"id": "r1"})
    await life.sleep(4 * DAY)
    assert "5.4.3 send check-in-follow-up" not in life.done()
    assert (await life.lines())["5.4.3"].reason == "answered"


async def test_a_day_in_a_second(town: Town) -> None:
    """The pace is a factor of one clock, in the workflow as in the world."""
    town.world.pace = Pace(factor=86400, since=await town.env.get_current_time())
    life = await town.customer()
    await life.sleep(timedelta(seconds=60))
    assert await life.end() is Outcome.COMPLETED
    assert 24 * HOUR <= life.at("send getting-started") < 48 * HOUR
    assert 15 * DAY <= life.at("send check-in") < 17 * DAY


async def test_anchors_come_with_the_enrolment(town: Town) -> None:
    """Enrolled ten days late: what is past its use is skipped, the rest comes when it was due."""
    began = await town.env.get_current_time()
    life = await town.customer(purchased_at=began - 10 * DAY)
    await life.sleep(DAY)
    assert life.done() == ["5.1.1 skip stale", "5.2.1 skip stale", "5.3.2 send re-engagement"]
    await life.sleep(3 * DAY + HOUR)
    assert life.at("ask customer-excellence-officer") // HOUR == 4 * 24
