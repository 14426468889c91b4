"""The gate answers, the step reacts: held, deferred, refused, stale."""

from tests.workflows.lives import DAY, HOUR, Town
from workflows.vocabulary import Outcome, State


async def test_held_until_each_hold_is_released(town: Town) -> None:
    """Two complaints, and one of them settled, still hold."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.complain("case_k1")
    await life.complain("case_k2")
    await life.sleep(26 * HOUR)
    assert (await life.lines())["5.2.1"].reason == "case_k1, case_k2"
    await life.resolve("case_k1")
    await life.sleep(HOUR)
    assert life.done()[-1] == "release case_k1"
    await life.resolve("case_k2")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"


async def test_no_event_storm_while_held(town: Town) -> None:
    """A day held costs one asking, although somebody reports a release that never happened."""
    life = await town.customer()
    await life.complain("case_k1")
    await life.sleep(25 * HOUR)
    before = await life.events()
    await life.say("complaint_resolved", {"case_id": "case_k1"})  # by hand: the gate knows better
    await life.sleep(4 * DAY - HOUR)
    assert life.asked("getting-started") == 1 + 4
    assert await life.events() - before <= 4 * 12


async def test_a_reopened_case_holds_again_without_a_storm(town: Town) -> None:
    """Releases are counted, so an old one does not make it ask again and again."""
    life = await town.customer()
    await life.complain("case_k1")
    await life.sleep(HOUR)
    await life.resolve("case_k1")
    await life.complain("case_k1")
    await life.sleep(3 * DAY)
    assert life.asked("getting-started") <= 3
    await life.resolve("case_k1")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"


async def test_a_release_that_overtakes_the_answer_counts(town: Town) -> None:
    """The gate says held, and while its answer is on its way the release is heard."""
    life = await town.customer()
    await life.sleep(HOUR)
    town.world.complain(life.name, "case_k1", await life.now())
    town.world.overtaken = lambda: life.resolve("case_k1")
    await life.sleep(25 * HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"


async def test_deferred_sleeps_until_the_moment_named(town: Town) -> None:
    """The tip takes the day's one message; the guide waits a day and asks once more."""
    life = await town.customer()
    await life.sleep(22 * HOUR)
    await life.say("common_issue", {"topic": "login"})  # at eight in the morning: waits for nine
    await life.sleep(3 * HOUR)
    assert life.at("send targeted-tips login") == 23 * HOUR
    await life.sleep(2 * DAY)
    assert life.at("send getting-started") == 47 * HOUR
    assert life.asked("getting-started") == 2


async def test_after_a_long_hold_nothing_fires_in_a_burst(town: Town) -> None:
    """What is past its use is skipped as stale, each at its own moment."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.complain("case_k1")
    await life.sleep(20 * DAY)
    await life.resolve("case_k1")
    assert life.done()[2:5] == ["5.2.1 skip stale", "5.3.2 skip stale", "release case_k1"]
    await life.sleep(12 * HOUR)
    assert life.done()[5:] == ["5.4.1 ask customer-excellence-officer"]
    assert await life.end() is Outcome.COMPLETED


async def test_an_opt_out_of_a_topic_refuses_only_that_topic(town: Town) -> None:
    """The campaign is refused, the check-in goes."""
    life = await town.customer()
    await life.sleep(2 * DAY)
    town.world.opt_out(life.name, "offers", await life.now())
    await life.say("opted_out", {"topic": "offers"})
    assert await life.end() is Outcome.COMPLETED
    lines = await life.lines()
    assert (lines["5.5.2"].state, lines["5.5.2"].reason) == (State.SKIPPED, "opted out")
    assert lines["5.4.1"].state is State.DONE


async def test_an_opt_out_of_everything_ends_it(town: Town) -> None:
    """Nothing that is left may be sent, so nothing is waited for."""
    life = await town.customer()
    await life.sleep(2 * DAY)
    town.world.opt_out(life.name, "all", await life.now())
    await life.say("opted_out")
    await life.sleep(HOUR)
    assert await life.end() is Outcome.OPTED_OUT
    assert life.done()[-1] == "close opted_out"


async def test_an_opt_out_ends_it_once_the_rest_is_of_that_topic(town: Town) -> None:
    """What is left is asked about, not what was."""
    life = await town.customer()
    await life.sleep(18 * DAY + HOUR)  # the campaign is deferred by the cap; only offers are left
    town.world.opt_out(life.name, "offers", await life.now())
    await life.say("opted_out", {"topic": "offers"})
    await life.sleep(HOUR)
    assert await life.end() is Outcome.OPTED_OUT
