"""Permanent faults, signals by hand, and the last second."""

import asyncio

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.service import RPCError

from tests.workflows.lives import DAY, HOUR, Life, Town
from workflows.events import HEARD
from workflows.vocabulary import Outcome, State


async def blocked(town: Town) -> Life:
    town.world.broken["getting-started"] = None
    life = await town.customer()
    await life.sleep(25 * HOUR)
    line = (await life.lines())["5.2.1"]
    assert (line.state, line.reason) == (State.BLOCKED, "template")
    assert life.done()[-1] == "5.2.1 ask engineer to mend template"
    return life


async def test_blocked_then_mended_and_retried(town: Town) -> None:
    """A retry before the cure parks it again; after the cure it goes, once."""
    life = await blocked(town)
    await life.say("retry")
    await life.sleep(HOUR)
    assert (await life.lines())["5.2.1"].state is State.BLOCKED  # not mended yet: parked again
    town.world.broken.clear()
    await life.say("retry")
    assert await life.end() is Outcome.COMPLETED
    assert life.done().count("5.2.1 send getting-started") == 1


async def test_blocked_then_skipped(town: Town) -> None:
    """A person decides that it is not to be; a skip without a clause means this one."""
    life = await blocked(town)
    await life.say("skip")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 skip skipped"
    assert await life.end() is Outcome.COMPLETED


async def test_blocked_then_ended(town: Town) -> None:
    """The end takes the blocked step along, on record."""
    life = await blocked(town)
    await life.say("end")
    await life.sleep(HOUR)
    assert await life.end() is Outcome.ENDED
    assert life.done()[-2:] == ["5.2.1 skip ended", "close ended"]


async def test_blocked_and_nobody_came(town: Town) -> None:
    """A blocked step goes stale like any other, and the rest of the procedure is kept."""
    life = await blocked(town)
    assert await life.end() is Outcome.COMPLETED
    assert "5.2.1 skip stale" in life.done()
    assert "5.4.1 send check-in" in life.done()


async def test_a_blocked_answer_does_not_stop_the_timeline(town: Town) -> None:
    """Each track has its own troubles."""
    town.world.broken["targeted-tips"] = None
    life = await town.customer()
    await life.say("common_issue")
    await life.sleep(2 * DAY)
    assert (await life.lines())["5.3.3 general"].state is State.BLOCKED
    assert "5.2.1 send getting-started" in life.done()


async def test_skip_while_waiting(town: Town) -> None:
    """A clause that is not yet due is skipped at once, and the next keeps its moment."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.say("skip", {"clause": "5.2.1"})
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 skip skipped"
    await life.sleep(7 * DAY)
    assert life.at("send re-engagement") // HOUR == 7 * 24


BODIES: list[tuple[object, ...]] = [
    (),
    (None,),
    ({},),
    ("hello",),
    (7,),
    ([1, 2],),
    ({"at": "yesterday"},),
    ({"at": "2026-01-01T00:00:00"},),
    ({"id": {"a": 1}},),
    ({"id": "x" * 300},),
    ({"id": "a\x00b"},),
    ({"foo": 1},),
    ({"id": "x"}, {"id": "y"}),
    (b"\x00\xff",),
    (RawValue(Payload(metadata={"encoding": b"binary/unheard-of"}, data=b"?")),),
    (RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{nonsense")),),
]


async def test_signals_by_hand_never_stick(town: Town) -> None:
    """Every signal with every kind of nonsense: what can't be read becomes an engineer's task."""
    life = await town.customer()
    for name in [
        "responded",
        "complaint",
        "complaint_resolved",
        "common_issue",
        "feedback",
        "task_done",
        "low_engagement",
        "order_shipped",
        "nobody_knows_this",
    ]:
        for body in BODIES:
            await life.say(name, *body)
    await life.sleep(HOUR)
    tasks = [line for line in life.done() if " to " in line]
    unread = [line for line in tasks if "ask engineer to read the signal" in line]
    assert len(unread) == 8 * 12 + 16  # twelve bodies are nonsense, all are to an unknown name
    which = "ask customer-excellence-officer to say which complaint is resolved"
    assert tasks.count(which) == 4  # bodies that can be read, and name no case
    assert "ask engineer to read the signal nobody_knows_this" in life.done()
    await life.say("end")
    assert await life.end() is Outcome.ENDED


async def test_a_name_is_no_place_for_a_letter(town: Town) -> None:
    """What stands on a list, and in a summary, is a name or nothing: both have their limits."""
    life = await town.customer()
    for name in ("x" * 600, "Ada <ada@example.com>", "two\nlines"):
        await life.say(name)
    await life.sleep(HOUR)
    assert life.done()[1:] == ["ask engineer to read the signal of no known name"] * 3


async def test_a_moment_to_come_is_none(town: Town) -> None:
    """A reply from the year 9999 is one of now: it does not answer what is asked later."""
    life = await town.customer()
    await life.say("responded", {"at": "9999-12-31T23:59:59+00:00"})
    await life.sleep(18 * DAY + 2 * HOUR)
    assert "5.3.2 send re-engagement" in life.done()
    assert "5.4.3 send check-in-follow-up" in life.done()


async def test_a_complaint_with_no_body_holds(town: Town) -> None:
    """Signalled by hand, it is written down, and keeps messages back like any other."""
    life = await town.customer()
    await life.say("complaint")
    await life.sleep(2 * DAY)
    assert (await life.lines())["5.2.1"].state is State.HELD
    (case,) = town.world.holds[life.name]
    await life.resolve(case)
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"


async def test_a_complaint_with_a_made_up_case_holds_too(town: Town) -> None:
    """An id that the desk never wrote is none: the case is opened, and the selling stops."""
    life = await town.customer()
    await life.say("complaint", {"case_id": "made-up"})
    await life.sleep(HOUR)
    assert len(town.world.holds[life.name]) == 1


async def test_nothing_is_lost_at_the_end(town: Town) -> None:
    """What is blasted at a follow-up in its last second is answered, or handed back."""
    accepted, back = [], 0

    async def blast(life: Life) -> None:
        nonlocal back
        for n in range(200):
            await asyncio.sleep(0.002 * n)  # ever slower, so that one of them meets the very end
            try:
                await life.say("complaint", {"id": f"c{n}"})
            except RPCError:
                back += 1
                return
            accepted.append(f"{life.handle.id}/complaint/c{n}")

    for _ in range(8):
        life = await town.customer()
        await life.sleep(HOUR)
        blaster = asyncio.create_task(blast(life))
        await asyncio.sleep(0.02)
        await life.say("end")
        await blaster
        await life.end()
    cases = [case for life in town.lives for case in town.world.holds[life.name]]
    assert sorted(cases) == sorted(accepted)
    assert len(accepted) > 8
    assert back == 8


def test_every_name_of_the_interface_is_heard() -> None:
    """Each name has its noun, and each noun can do without a body."""
    names = """
        order_placed order_shipped order_ready order_picked_up order_delivered order_cancelled
        order_refunded order_returned account_provisioned meeting_scheduled meeting_moved
        meeting_held meeting_missed meeting_cancelled low_engagement common_issue responded inquiry
        inquiry_answered complaint complaint_updated complaint_resolved feedback opted_out
        interaction done_elsewhere task_done retry skip run_now hold resume end rhythms written
        policy message_bounced began_earlier"""
    assert sorted(HEARD) == sorted(names.split())
    for event in HEARD.values():
        event()  # a body is optional
