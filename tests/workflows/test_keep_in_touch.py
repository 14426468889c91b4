"""The years after."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.lives import DAY, HOUR, Life, Town
from workflows.rhythms import years_after
from workflows.vocabulary import Outcome, Rhythm, State

SOP = "online-customer"
YEAR = 365 * DAY


async def beginning(town: Town, *names: str) -> Life:
    life = town.newcomer()
    since = await life.now()
    rhythms = {
        "loyalty": Rhythm(name="loyalty-offer", sop=SOP, clause="5.6.2", since=since),
        "review": Rhythm(
            name="review-request", sop=SOP, clause="5.6.3", since=since, order_id="o1"
        ),
    }
    return await life.keep_in_touch(*[rhythms[name] for name in names])


async def years(life: Life, count: float) -> None:
    for _ in range(round(count * 12)):
        await life.sleep(YEAR / 12)


@pytest.mark.plays("online-customer", "5.6.2", "5.6.3")
async def test_a_review_once_and_an_offer_every_year(town: Town) -> None:
    """Each occurrence has a key of its own, through three years and as many runs."""
    life = await beginning(town, "loyalty", "review")
    first = (await life.handle.describe()).run_id
    await years(life, 3.1)
    assert life.done() == [
        "5.6.3 send review-request o1",
        "5.6.2 send loyalty-offer 1",
        "5.6.2 send loyalty-offer 2",
        "5.6.2 send loyalty-offer 3",
    ]
    assert life.at("send review-request o1") // DAY == 30
    assert life.at("send loyalty-offer 1") // DAY in (365, 366)
    assert (await life.handle.describe()).run_id != first
    assert await life.events() < 60  # the history is a year's, not three years'
    assert (await life.lines())["5.6.2 1"].state is State.DONE
    review = town.world.messages[f"{life.handle.id}/review-request/o1"]
    assert (review.asks, review.order_id, review.kind) == ("review", "o1", "relationship")


async def test_a_review_waits_for_the_delivery(town: Town) -> None:
    """However long that takes; and it counts from there."""
    life = town.newcomer()
    review = Rhythm(
        name="review-request",
        sop=SOP,
        clause="5.6.3",
        since=await life.now(),
        order_id="o1",
        waits=True,
    )
    await life.keep_in_touch(review)
    await years(life, 0.5)
    assert life.done() == []
    await life.say("order_delivered", {"order_id": "o1"})
    arrived = await life.now() - life.began
    await life.sleep(40 * DAY)
    assert (life.at("send review-request o1") - arrived) // DAY == 30


async def test_what_was_heard_is_known_after_years(town: Town) -> None:
    """Events, holds and occurrences are carried on."""
    life = await beginning(town, "loyalty")
    await life.complain("case_k1")
    await life.say("hold", {"id": "e1"})
    await years(life, 1.2)
    await life.say("hold", {"id": "e1"})
    await life.sleep(HOUR)
    assert len(town.world.holds[life.name]) == 2
    assert life.done()[-1] == "5.6.2 skip stale"
    await life.say("resume", {"holds": list(town.world.holds[life.name])})
    town.world.holds.clear()
    await years(life, 1)
    assert life.done()[-1] == "5.6.2 send loyalty-offer 2"


async def test_a_rhythm_is_added(town: Town) -> None:
    """Another SOP leads here too; the same rhythm twice is one."""
    life = await beginning(town, "loyalty")
    await life.sleep(40 * DAY)
    since = (await life.now()).isoformat()
    body = {"name": "review-request", "sop": SOP, "clause": "5.6.3", "since": since}
    for _ in range(2):
        await life.say("rhythms", {"rhythms": [body | {"order_id": "o7"}]})
    await life.sleep(31 * DAY)
    assert life.done() == ["5.6.3 send review-request o7"]


async def test_a_held_offer_does_not_keep_the_review_waiting(town: Town) -> None:
    """A blocked template of one rhythm leaves the other alone."""
    town.world.broken["loyalty-offer"] = None
    town.world.policies["keep-in-touch"] = '{"review_after": "P370D"}'
    life = await beginning(town, "loyalty", "review")
    await life.sleep(372 * DAY)
    assert "5.6.3 send review-request o1" in life.done()
    assert (await life.lines())["5.6.2 1"].state is State.BLOCKED
    town.world.broken.clear()
    await life.say("retry")
    await life.sleep(2 * DAY)
    assert life.done()[-1] == "5.6.2 send loyalty-offer 1"


async def test_the_policy_is_taken_anew(town: Town) -> None:
    """What is switched off later is off for those in flight; unreadable, the old one stays."""
    life = await beginning(town, "loyalty", "review")
    town.world.policies["keep-in-touch"] = '{"loyalty": false, "review_after": "nonsense"}'
    await life.sleep(31 * DAY)
    assert life.done() == ["5.6.3 send review-request o1"]
    town.world.policies["keep-in-touch"] = '{"loyalty": false}'
    await years(life, 1.2)
    assert life.done() == ["5.6.3 send review-request o1"]


async def test_no_review_of_what_went_back(town: Town) -> None:
    """And one that is delivered later is asked about later."""
    life = await beginning(town, "review")
    await life.say("order_returned", {"order_id": "o1"})
    await life.sleep(40 * DAY)
    assert life.done() == ["5.6.3 skip returned"]
    life = await beginning(town, "review")
    await life.sleep(20 * DAY)
    await life.say("order_delivered", {"order_id": "o1"})
    await life.sleep(31 * DAY)
    assert life.at("send review-request o1") // DAY == 50


async def test_controls_count_for_one_occurrence(town: Town) -> None:
    """One year's offer skipped, the next one hurried, the third as ever."""
    life = await beginning(town, "loyalty")
    await life.sleep(DAY)
    await life.say("skip", {"clause": "5.6.2"})
    await life.sleep(HOUR)
    assert life.done() == ["5.6.2 skip skipped"]
    await years(life, 1.5)
    await life.say("run_now")
    await life.sleep(DAY)
    assert life.done()[-1] == "5.6.2 send loyalty-offer 2"
    await years(life, 1.6)
    assert life.done()[-1] == "5.6.2 send loyalty-offer 3"


async def test_an_opt_out_does_not_end_it(town: Town) -> None:
    """The customer may come back; only a person ends it."""
    life = await beginning(town, "loyalty")
    town.world.opt_out(life.name, "all", await life.now())
    await life.say("opted_out")
    await years(life, 1.1)
    assert (await life.lines())["5.6.2 1"].reason == "opted out"
    town.world.opted_out.clear()
    await years(life, 1)
    assert life.done()[-1] == "5.6.2 send loyalty-offer 2"
    await life.say("end")
    assert await life.end() is Outcome.ENDED
    assert life.done()[-1] == "close ended"


async def test_a_long_history_is_begun_anew(town: Town) -> None:
    """Many signals in one year: a new run, and none of them is lost."""
    life = await beginning(town)
    first = (await life.handle.describe()).run_id
    for n in range(200):
        await life.say("hold", {"id": f"h{n}"})
    await life.sleep(HOUR)
    assert (await life.handle.describe()).run_id != first
    assert len(town.world.holds[life.name]) == 200


async def test_moments_beyond_the_calendar_never_stick(town: Town) -> None:
    """Whatever an engineer signals by hand: what can never come does not stop what will."""
    life = await beginning(town, "loyalty", "review")
    never = "9999-12-31T23:59:59+00:00"
    strange = {"sop": SOP, "clause": "5.6.3", "since": never, "order_id": "o9"}
    rhythms = [strange | {"name": name} for name in ("review-request", "loyalty-offer", "unheard")]
    await life.say("rhythms", {"rhythms": rhythms})
    for order in ("o1", "o9"):
        await life.say("order_delivered", {"order_id": order, "at": never})
    await life.say("order_returned", {"order_id": "o9"})
    await life.sleep(31 * DAY)
    assert life.done()[-1] == "5.6.3 send review-request o1"  # delivered now, not in 9999
    await years(life, 1)
    assert life.done()[-1] == "5.6.2 send loyalty-offer 1"


async def test_a_skip_is_remembered_in_the_next_run(town: Town) -> None:
    """What was said of an occurrence to come counts for it, however many runs later that is."""
    town.world.policies["keep-in-touch"] = '{"review_after": "P200D", "loyalty_tenure": 2}'
    life = await beginning(town, "loyalty", "review")
    await life.sleep(DAY)
    await life.say("skip", {"clause": "5.6.2"})
    await years(life, 2.1)
    assert sorted(life.done()) == ["5.6.2 skip skipped", "5.6.3 send review-request o1"]


def test_the_29th_of_february() -> None:
    """In other years it is the 28th, and in its own it comes back."""
    leap = datetime(2024, 2, 29, 10, tzinfo=UTC)
    assert years_after(leap, 1) == datetime(2025, 2, 28, 10, tzinfo=UTC)
    assert years_after(leap, 4) == datetime(2028, 2, 29, 10, tzinfo=UTC)
    assert years_after(leap + timedelta(days=1), 1) == datetime(2025, 3, 1, 10, tzinfo=UTC)
