"""What staff may do with a follow-up, and what was heard before it began."""

from tests.workflows.lives import DAY, HOUR, Town
from workflows import attributes
from workflows.vocabulary import Heard, Outcome, State


async def test_run_now_cuts_the_wait(town: Town) -> None:
    """For the clause being awaited; one that is named and not awaited is left alone."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.say("run_now", {"clause": "5.4.1"})
    await life.sleep(HOUR)
    assert life.done() == ["5.1.1 send welcome"]
    await life.say("run_now")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"


async def test_run_now_asks_the_gate(town: Town) -> None:
    """It hurries the clause, not the gate."""
    life = await town.customer()
    await life.sleep(3 * DAY)
    await life.say("run_now", {"clause": "5.3.2"})
    await life.sleep(HOUR)
    assert life.at("send re-engagement") // HOUR == 3 * 24
    await life.sleep(4 * DAY)
    await life.complain("case_k1")
    await life.say("run_now")
    await life.sleep(HOUR)
    assert (await life.lines())["5.4.1"].state is State.HELD


async def test_run_now_while_a_person_is_waited_for(town: Town) -> None:
    """It goes as it stands."""
    life = await town.customer()
    await life.sleep(14 * DAY + HOUR)
    await life.say("run_now", {"clause": "5.4.1"})
    await life.sleep(HOUR)
    assert life.done()[-2:] == ["5.4.1 send check-in", "back went_by_itself"]


async def test_held_and_resumed_by_the_desk(town: Town) -> None:
    """The desk has written the hold and says its id, both times."""
    life = await town.customer()
    await life.sleep(HOUR)
    town.world.complain(life.name, "hold_1", await life.now())
    await life.say("hold", {"hold_id": "hold_1"})
    await life.sleep(HOUR)
    assert await life.found_by(attributes.ON_HOLD) is True
    await life.sleep(2 * DAY)
    assert (await life.lines())["5.2.1"].reason == "hold_1"
    town.world.release(life.name, "hold_1", await life.now())
    await life.say("resume", {"holds": ["hold_1"]})
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"
    assert await life.found_by(attributes.ON_HOLD) is False
    assert await life.found_by(attributes.OPEN_COMPLAINTS) is None


async def test_held_by_hand(town: Town) -> None:
    """A hold signalled from the Temporal UI is written; which to release, a person must say."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.say("hold")
    await life.sleep(DAY)
    (hold,) = town.world.holds[life.name]
    assert hold.startswith(f"{life.handle.id}/hold/")
    assert (await life.lines())["5.2.1"].state is State.HELD
    await life.say("resume")
    await life.sleep(HOUR)
    assert life.done()[-1] == "ask customer-excellence-officer to say which hold is released"
    assert (await life.lines())["5.2.1"].state is State.HELD


async def test_complaints_can_be_found(town: Town) -> None:
    """How many are open, and whether anything is held back, as search attributes."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.complain("case_k1")
    await life.complain("case_k2")
    await life.sleep(HOUR)
    assert await life.found_by(attributes.OPEN_COMPLAINTS) == 2
    await life.resolve("case_k1")
    await life.resolve("case_k2")
    await life.sleep(HOUR)
    assert await life.found_by(attributes.OPEN_COMPLAINTS) == 0
    assert await life.found_by(attributes.ON_HOLD) is False


async def test_what_is_awaited_can_be_found(town: Town) -> None:
    """The clause and its moment."""
    life = await town.customer()
    await life.sleep(3 * DAY)
    assert await life.found_by(attributes.CLAUSE) == "5.3.2"
    assert await life.found_by(attributes.NEXT_DUE) == life.began + 7 * DAY


async def test_done_elsewhere(town: Town) -> None:
    """A clause that another system does is not done here; its evidence proves it."""
    life = await town.customer(policy={"elsewhere": ["5.1.1", "5.4.1"]})
    await life.sleep(HOUR)
    line = (await life.lines())["5.1.1"]
    assert (line.state, line.reason) == (State.ELSEWHERE, "unproven")
    await life.say("done_elsewhere", {"clause": "5.1.1"})
    await life.say("done_elsewhere", {"clause": "5.2.1"})  # evidence for one that was ours
    await life.sleep(2 * DAY)
    lines = await life.lines()
    assert (lines["5.1.1"].state, lines["5.1.1"].reason) == (State.ELSEWHERE, "")
    assert lines["5.2.1"].state is State.ELSEWHERE
    assert await life.end() is Outcome.COMPLETED
    assert not [line for line in life.done() if "send" in line and "5.4" in line]


async def test_early_events_are_heard_first_and_in_order(town: Town) -> None:
    """What happened before the start travels with it; told again later, it is known."""
    at = (await town.env.get_current_time()).isoformat()
    early = (
        Heard(name="account_provisioned", event={"id": "e1"}),
        Heard(name="common_issue", event={"id": "e2", "topic": "login"}),
        Heard(name="complaint", event={"id": "e3", "case_id": "case_k1", "at": at}),
        Heard(name="common_issue", event={"topic": 7}),
    )
    life = town.newcomer()
    town.world.complain(life.name, "case_k1", await life.now())
    await life.start(needs_access=True, early=early)
    await life.say("common_issue", {"id": "e2", "topic": "other"})
    await life.sleep(HOUR)
    lines = await life.lines()
    assert "5.1.2" not in lines
    assert lines["5.3.3 login"].state is State.HELD
    assert "5.3.3 other" not in lines
    assert sorted(life.done()[1:]) == [
        "5.1.1 send welcome",
        "ask engineer to read the signal common_issue",
    ]


async def test_what_waits_for_its_provider_stays_in_its_queue(town: Town) -> None:
    """To ask anew would cost each history some events, for nothing."""
    town.world.down = True
    life = await town.customer()
    await life.sleep(HOUR)
    town.world.down = False
    await life.sleep(DAY - HOUR)
    town.world.down = True
    await life.sleep(6 * HOUR)
    town.world.down = False
    await life.sleep(DAY)
    for step in ("welcome", "getting-started"):
        queues = town.world.queues[f"{life.handle.id}/{step}"]
        assert set(queues) == {"aftercare"}
        assert len(queues) > 1


async def test_the_queue_of_what_comes_again(town: Town) -> None:
    """What is asked anew, after a hold, keeps nobody waiting for what they must have."""
    life = await town.customer()
    await life.sleep(HOUR)
    await life.complain("case_k1")
    await life.sleep(2 * DAY)
    await life.resolve("case_k1")
    await life.sleep(HOUR)
    guide = town.world.queues[f"{life.handle.id}/getting-started"]
    assert guide[0] == "aftercare"
    assert set(guide[1:]) == {"aftercare-bulk"}
