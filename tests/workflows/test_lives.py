"""Laws that hold whatever the order of things: seeded lives in one town, with weather.

`LIVES` and `SEED` in the environment make it more, or others.
"""

import os
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from temporalio.service import RPCError

from tests.workflows.lives import DAY, HOUR, Life, Town
from tests.workflows.world import CLOSED, KINDS, OPEN, TOPICS
from workflows.sops.online_customer import STEPS
from workflows.vocabulary import Kind, Outcome, State

LIVES, SEED = int(os.environ.get("LIVES", "15")), int(os.environ.get("SEED", "2026"))
MOVES = 110  # eight hours and a half apart, on average
SETTLED = {State.DONE, State.COVERED, State.SKIPPED, State.WAITING}
EXPECTED = STEPS.keys() - {"5.1.2", "5.3.3"}  # these only come when called for


async def test_random_lives(town: Town) -> None:
    """Complaints, releases, replies, opt-outs, controls and nonsense, in outages and crashes."""
    weather = Random(SEED)
    lives = [(await town.customer(), Random(SEED + n)) for n in range(LIVES)]
    for _ in range(MOVES):
        await town.env.sleep(weather.randint(1, 16) * HOUR)
        storm(town, weather)
        for life, dice in lives:
            for _ in range(dice.choice([0, 0, 0, 1, 1, 2])):
                await happen(life, dice)
    town.world.down = False
    town.world.broken.clear()
    for life, _ in lives:
        for case in list(town.world.holds[life.name]):
            await whatever(life.resolve(case))
        await whatever(life.say("retry"))
    outcomes = [await life.end() for life, _ in lives]
    assert set(outcomes) == set(Outcome)  # the dice reached every ending
    for (life, _), outcome in zip(lives, outcomes, strict=True):
        check_what_was_sent(life)
        await check_nothing_is_forgotten(life, outcome)
    events = sorted([await life.events() for life, _ in lives])
    assert events[-1] < 1500


def storm(town: Town, weather: Random) -> None:
    world = town.world
    world.down = weather.random() < 0.15
    world.killed = weather.choice([0, 0, 1])
    match weather.randrange(12):
        case 0:
            world.broken[weather.choice(["getting-started", "check-in", "targeted-tips"])] = None
        case 1 | 2:
            world.broken.clear()


async def happen(life: Life, dice: Random) -> None:
    now = await life.now()
    await whatever(dice.choice(HAPPENINGS)(life, dice, now))


async def complain(life: Life, dice: Random, now: datetime) -> None:
    case = f"case_k{dice.randrange(3)}"  # so that cases are reopened too
    life.world.complain(life.name, case, now)
    if dice.random() < 0.7:  # otherwise the relay is late, or never comes
        await life.say("complaint", {"case_id": case})


async def release(life: Life, dice: Random, now: datetime) -> None:
    for case in list(life.world.holds[life.name])[:2]:
        life.world.release(life.name, case, now)
        if dice.random() < 0.7:
            await life.say("complaint_resolved", {"case_id": case, "id": f"{case} {now}"})


async def reply(life: Life, dice: Random, now: datetime) -> None:
    at = now - dice.randrange(72) * HOUR
    await life.say("responded", {"id": f"r{dice.randrange(5)}", "at": at.isoformat()})


async def need_help(life: Life, dice: Random, now: datetime) -> None:
    body = {"topic": dice.choice("abc"), "id": f"i{dice.randrange(6)}"}
    await life.say("common_issue", body)


async def opt_out(life: Life, dice: Random, now: datetime) -> None:
    if dice.random() < 0.2:
        topic = dice.choice(["offers", "tips", "all"])
        life.world.opt_out(life.name, topic, now)
        await life.say("opted_out", {"topic": topic})


async def do_a_task(life: Life, dice: Random, now: datetime) -> None:
    await life.say("task_done", {"declined": dice.random() < 0.3})


async def take_a_hand(life: Life, dice: Random, now: datetime) -> None:
    signals = ["retry", "retry", "run_now", "run_now", "low_engagement", "order_placed"]
    signals += ["order_returned", "resume", *(["skip", "end"] if dice.random() < 0.4 else [])]
    await life.say(dice.choice(signals))


async def talk_nonsense(life: Life, dice: Random, now: datetime) -> None:
    signals = ["responded", "skip", "task_done", "no_such_thing"]
    await life.say(dice.choice(signals), "nonsense")


async def spread_a_rumour(life: Life, dice: Random, now: datetime) -> None:
    await life.say("complaint_resolved", {"case_id": "case_k0"})


async def hold_by_hand(life: Life, dice: Random, now: datetime) -> None:
    await life.say(dice.choice(["complaint", "hold"]), {"id": f"by-hand-{dice.randrange(2)}"})


HAPPENINGS = [
    *[complain, release, reply, take_a_hand] * 2,
    *[release, need_help, opt_out, do_a_task, talk_nonsense, spread_a_rumour, hold_by_hand],
]


async def whatever(call: Awaitable[None]) -> None:
    with suppress(RPCError):  # handed back: the follow-up is over
        await call


def check_what_was_sent(life: Life) -> None:
    """By the log alone: nothing twice, against a hold or opt-out, out of hours, or twice a day."""
    said: set[str] = set()
    holds: set[str] = set()
    out: set[str] = set()
    last = life.began - DAY
    for entry in (e for e in life.world.log if e.customer == life.name):
        verb, _, rest = entry.what.partition(" ")
        match verb:
            case "hold":
                holds.add(rest)
            case "release":
                holds.discard(rest)
            case "opt-out":
                out.add(rest)
            case "send":
                assert rest not in said
                said.add(rest)
                template = rest.split()[0]
                if KINDS.get(template) is not Kind.TRANSACTIONAL:
                    assert not holds
                    assert not out & {"all", TOPICS.get(template, "")}
                    assert OPEN <= entry.at.hour < CLOSED
                    assert entry.at - last >= DAY - timedelta(seconds=1)
                    last = entry.at


async def check_nothing_is_forgotten(life: Life, outcome: Outcome) -> None:
    lines = await life.lines()
    assert all(line.state in SETTLED for line in lines.values())
    assert all(line.reason for line in lines.values() if line.state is State.SKIPPED)
    assert life.done().count(f"close {outcome}") == 1
    if outcome is Outcome.COMPLETED:
        assert lines.keys() >= EXPECTED
