"""The rhythm of regular follow-ups: never longer without a word than the policy says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.workflows.lives import DAY, HOUR, Life, Town
from workflows.rhythms import next_touch, touched
from workflows.vocabulary import Rhythm, State

SOP, EVERY = "sales-follow-up", 90 * DAY


def rhythm(since: datetime, **more: Any) -> Rhythm:
    fixed: dict[str, Any] = {"name": "regular-follow-up", "sop": SOP, "clause": "5.4"}
    return Rhythm(**fixed | {"since": since, "every": EVERY} | more)


async def regular(town: Town, **more: Any) -> Life:
    life = town.newcomer()
    policy = more.pop("policy", {})
    return await life.keep_in_touch(rhythm(await life.now(), **more), **policy)


async def months(life: Life, count: int) -> None:
    for _ in range(count):
        await life.sleep(30 * DAY)


async def test_as_often_as_the_policy_says(town: Town) -> None:
    """Each from the one before it; with a key of its own."""
    life = await regular(town)
    await months(life, 7)
    assert life.done() == ["5.4 send regular-follow-up 1", "5.4 send regular-follow-up 2"]
    assert life.at("send regular-follow-up 1") // DAY == 90
    assert life.at("send regular-follow-up 2") // DAY == 180
    message = town.world.messages[f"{life.handle.id}/regular-follow-up/1"]
    assert (message.kind, message.sender, message.asks) == (
        "relationship",
        "sales-representative",
        "",
    )


async def test_it_counts_from_the_last_touch(town: Town) -> None:
    """Whoever was in touch meanwhile: nobody says that it has been a while when it has not."""
    life = await regular(town)
    await life.sleep(60 * DAY)
    town.world.touched[life.name] = await life.now()
    await life.sleep(60 * DAY)
    assert life.done() == []
    assert (await life.lines())["5.4 1"].state is State.NEXT
    await life.sleep(31 * DAY)
    assert life.at("send regular-follow-up 1") // DAY == 150


@pytest.mark.parametrize(
    ("policy", "day"),
    [
        ('{"interval": "P120D", "within": "P5D"}', 120),
        ('{"interval": "P30D"}', 90),  # it was asked for anew when it was due
        ('{"interval": "every now and then"}', 90),
        ("{}", 90),
    ],
)
async def test_the_interval_is_taken_anew(town: Town, policy: str, day: int) -> None:
    """As its SOP's policy has it when it is due; if that cannot be had, as it was."""
    town.world.policies[SOP] = policy
    life = await regular(town)
    await months(life, 5)
    assert life.at("send regular-follow-up 1") // DAY == day


async def test_a_shorter_interval_counts_from_then_on(town: Town) -> None:
    town.world.policies[SOP] = '{"interval": "P30D"}'
    life = await regular(town)
    await months(life, 5)
    assert life.at("send regular-follow-up 2") // DAY == 120


async def test_a_person_may_hurry_it(town: Town) -> None:
    """Whoever was in touch when; and the next counts from that."""
    life = await regular(town)
    await life.sleep(10 * DAY)
    town.world.touched[life.name] = await life.now()
    await life.say("run_now", {"clause": "5.4"})
    await life.sleep(HOUR)
    assert life.done() == ["5.4 send regular-follow-up 1"]
    await months(life, 4)
    assert life.at("send regular-follow-up 2") // DAY == 100


async def test_a_person_may_skip_one(town: Town) -> None:
    life = await regular(town)
    await life.sleep(DAY)
    await life.say("skip", {"clause": "5.4"})
    await life.sleep(HOUR)
    assert life.done() == ["5.4 skip skipped"]
    await months(life, 4)
    assert life.at("send regular-follow-up 2") // DAY == 91


async def test_held_while_a_complaint_is_open(town: Town) -> None:
    """And sent once it is put right."""
    life = await regular(town)
    await life.complain("case_k")
    await life.sleep(95 * DAY)
    assert (await life.lines())["5.4 1"].state is State.HELD
    await life.resolve("case_k")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.4 send regular-follow-up 1"


async def test_it_may_be_off_or_elsewhere(town: Town) -> None:
    """By the policy of keep-in-touch."""
    off = await regular(town, policy={"regular": False})
    elsewhere = await regular(town, policy={"elsewhere": ("5.4",)})
    town.world.policies["keep-in-touch"] = '{"regular": false, "elsewhere": ["5.4"]}'
    await months(off, 4)
    assert off.done() == elsewhere.done() == []


async def test_another_sale_changes_nothing(town: Town) -> None:
    """The same rhythm twice is one, and counts from the last touch."""
    life = await regular(town)
    await life.sleep(60 * DAY)
    again = rhythm(await life.now()).model_dump(mode="json")
    await life.say("rhythms", {"rhythms": [again]})
    town.world.touched[life.name] = await life.now()
    await months(life, 4)
    assert life.done() == ["5.4 send regular-follow-up 1"]
    assert life.at("send regular-follow-up 1") // DAY == 150


async def test_it_goes_on_in_the_next_run(town: Town) -> None:
    """A year later, with what it knows of the last touch."""
    life = await regular(town)
    first = (await life.handle.describe()).run_id
    await months(life, 14)
    assert (await life.handle.describe()).run_id != first
    assert len(life.done()) == 4
    assert life.at("send regular-follow-up 4") // DAY == 360


async def test_nobody_knows_of_the_last_touch(town: Town) -> None:
    """Then it counts from the last one that is known here."""
    life = await regular(town)
    town.world.clueless = True
    await life.sleep(91 * DAY)
    town.world.clueless = False
    assert life.done() == ["5.4 send regular-follow-up 1"]


def test_never_more_often_than_daily() -> None:
    """Whatever somebody signals by hand; and not at all if nobody said how often."""
    since = datetime.fromisoformat("2027-02-02T10:00+00:00")
    assert next_touch(rhythm(since, every=timedelta())) is None
    assert next_touch(rhythm(since, every=timedelta(seconds=1))) == since + DAY
    assert next_touch(rhythm(since, every=None)) is None
    assert touched(rhythm(since), since - DAY, "nonsense") == rhythm(since)
