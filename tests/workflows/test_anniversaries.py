"""The anniversary of a first purchase, over the years."""

from datetime import datetime

from tests.workflows.lives import DAY, HOUR, Life, Town
from tests.workflows.test_keep_in_touch import years

YEARS = 365.25


def rhythm(since: datetime) -> dict[str, str]:
    fixed = {"name": "anniversary", "sop": "order-thanks", "clause": "6"}
    return fixed | {"since": since.isoformat()}


async def acquaintance(town: Town, days: float = 0) -> Life:
    """Somebody whose first purchase was so many days ago."""
    life = town.newcomer()
    return await life.keep_in_touch(rhythm(await life.now() - days * DAY))


async def test_every_year_of_the_first_purchase(town: Town) -> None:
    """Each has a key of its own; it is no offer, and asks nothing."""
    life = await acquaintance(town)
    await years(life, 2.1)
    assert life.done() == ["6 send anniversary 1", "6 send anniversary 2"]
    message = town.world.messages[f"{life.handle.id}/anniversary/1"]
    assert (message.kind, message.asks) == ("relationship", "")
    assert life.at("send anniversary 1") // DAY in (365, 366)


async def test_years_that_were_over_before_are_nobodys_to_mark(town: Town) -> None:
    """A customer of five years and a half has their sixth next, and no five in a row."""
    life = await acquaintance(town, 5.5 * YEARS)
    await years(life, 0.6)
    assert life.done() == ["6 send anniversary 6"]


async def test_the_first_purchase_is_the_earliest_heard_of(town: Town) -> None:
    """Whichever order's follow-up comes to its end first."""
    life = await acquaintance(town)
    now = await life.now()
    for days in (3.5 * YEARS, 1.5 * YEARS):
        await life.say("rhythms", {"rhythms": [rhythm(now - days * DAY)]})
    await years(life, 0.6)
    assert life.done() == ["6 send anniversary 4"]


async def test_they_may_be_off(town: Town) -> None:
    """The policy is taken anew each time."""
    life = await acquaintance(town)
    town.world.policies["keep-in-touch"] = '{"anniversaries": false}'
    await years(life, 1.1)
    assert life.done() == []


async def test_a_part_of_an_order_moves_no_review(town: Town) -> None:
    """It counts from when all of it had arrived."""
    life = town.newcomer()
    since = (await life.now()).isoformat()
    review = {"name": "review-request", "sop": "online-customer", "clause": "5.6.3"}
    await life.keep_in_touch(review | {"since": since, "order_id": "o1"})
    await life.sleep(20 * DAY)
    await life.say("order_delivered", {"order_id": "o1", "complete": False})
    await life.sleep(11 * DAY + HOUR)
    assert life.done() == ["5.6.3 send review-request o1"]
