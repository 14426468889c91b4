"""Where a person has a part in a message: modes, capacity, VIPs."""

from tests.workflows.lives import DAY, HOUR, Life, Town
from workflows.vocabulary import Mode, Outcome, State


async def at_the_check_in(town: Town, **policy: object) -> Life:
    life = await town.customer(policy=policy)
    await life.sleep(14 * DAY + HOUR)
    return life


async def test_each_and_batch_wait_for_a_person(town: Town) -> None:
    """The mode and the cap are for those who show the task; the wait is the same."""
    for mode in (Mode.EACH, Mode.BATCH):
        life = await at_the_check_in(town, check_in_mode=mode, check_in_cap=7)
        task = town.world.tasks[f"{life.handle.id}/task/5.4.1/check-in"]
        assert (task.mode, task.cap, task.asks) == (mode, 7, "satisfaction")
        assert (await life.lines())["5.4.1"].state is State.WAITING


async def test_auto_asks_nobody(town: Town) -> None:
    """It goes at its moment, as it stands."""
    life = await at_the_check_in(town, check_in_mode=Mode.AUTO)
    assert life.at("send check-in") // HOUR == 14 * 24
    assert not town.world.tasks


async def test_a_draft_is_what_goes(town: Town) -> None:
    """The task's completion carries the draft's id."""
    life = await at_the_check_in(town)
    await life.say("task_done", {"draft_id": "draft-7"})
    await life.sleep(HOUR)
    assert town.world.messages[f"{life.handle.id}/check-in"].draft_id == "draft-7"
    assert "back went_by_itself" not in life.done()


async def test_over_capacity_it_goes_by_itself(town: Town) -> None:
    """Refused for want of hands, or taken back from somebody's list later on."""
    town.world.capacity = 0
    life = await at_the_check_in(town)
    assert life.at("send check-in") // HOUR == 14 * 24
    town.world.capacity = 1
    life = await at_the_check_in(town)
    await life.say("task_done", {"released": "capacity"})
    await life.sleep(HOUR)
    assert life.at("send check-in") < 15 * DAY


async def test_declined_is_skipped(town: Town) -> None:
    """The person knows why; nothing goes, and no reminder of nothing either."""
    life = await at_the_check_in(town)
    await life.say("task_done", {"declined": True})
    assert await life.end() is Outcome.COMPLETED
    assert "5.4.1 skip declined" in life.done()
    assert not [line for line in life.done() if "send check-in" in line]


async def test_an_important_customer_hears_from_a_person(town: Town) -> None:
    """Refused to the machine, it becomes a task; the draft goes, under the same key."""
    life = town.newcomer()
    town.world.important.add(life.name)
    await life.start()
    await life.sleep(25 * HOUR)
    assert life.done() == ["5.1.1 send welcome", "5.2.1 ask communications-officer"]
    task = town.world.tasks[f"{life.handle.id}/task/5.2.1/getting-started"]
    assert task.template == "getting-started"
    await life.say("task_done", {"task_id": task.key, "draft_id": "draft-1"})
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.2.1 send getting-started"
    assert (await life.lines())["5.2.1"].state is State.DONE


async def test_an_important_customer_and_nobody_who_writes(town: Town) -> None:
    """The task stays on its list, and the rest of the procedure is kept; done late, it is done."""
    life = town.newcomer()
    town.world.important.add(life.name)
    await life.start()
    await life.sleep(7 * DAY + HOUR)
    assert life.done()[-1] == "5.3.2 ask communications-officer"
    assert (await life.lines())["5.2.1"].state is State.WAITING
    await life.say("task_done", {"task_id": f"{life.handle.id}/task/5.2.1/getting-started"})
    await life.say("task_done", {"declined": True})  # the one that is being waited for
    await life.sleep(HOUR)
    lines = await life.lines()
    assert lines["5.2.1"].state is State.DONE
    assert (lines["5.3.2"].state, lines["5.3.2"].reason) == (State.SKIPPED, "declined")


async def test_a_vip_who_answers_first(town: Town) -> None:
    """The reminder that a person was to write is taken back."""
    life = town.newcomer()
    await life.start()
    await life.sleep(17 * DAY)
    town.world.important.add(life.name)
    await life.sleep(DAY + 2 * HOUR)
    assert life.done()[-1] == "5.4.3 ask communications-officer"
    await life.say("responded")
    await life.sleep(HOUR)
    assert "back answered" in life.done()
    line = (await life.lines())["5.4.3"]
    assert (line.state, line.reason) == (State.SKIPPED, "answered")


async def test_the_check_in_of_a_vip_never_goes_by_itself(town: Town) -> None:
    """Nobody came in the CSR's time: it stays with the CSR, who may still write."""
    life = town.newcomer()
    town.world.important.add(life.name)
    await life.start()
    await life.sleep(16 * DAY)
    assert (await life.lines())["5.4.1"].state is State.WAITING
    await life.say("task_done", {"draft_id": "draft-2"})
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.4.1 send check-in"
    asks = [line for line in life.done() if line.startswith("5.4.1 ask")]
    assert len(asks) == 1


async def test_skipped_while_a_person_is_at_it(town: Town) -> None:
    """The task is taken back, whether it was asked for or fell to them."""
    life = await at_the_check_in(town)
    await life.say("skip", {"clause": "5.4.1"})
    await life.sleep(HOUR)
    assert {"5.4.1 skip skipped", "back skipped"} <= set(life.done())
    life = town.newcomer()
    town.world.important.add(life.name)
    await life.start()
    await life.sleep(25 * HOUR)
    await life.say("skip", {"clause": "5.2.1"})
    await life.sleep(HOUR)
    assert sorted(life.done()[-2:]) == ["5.2.1 skip skipped", "back skipped"]
