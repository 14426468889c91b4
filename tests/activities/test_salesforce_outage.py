"""Salesforce away, slow, killed in the middle, told in disorder: no message waits for it, and then
all is there, once."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from activities.clock import SystemClock
from activities.crm import mirrors, tasks
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Customer, Message, Mirror, Note, Provider, Task
from activities.fakes.faults import Fault
from activities.records import CrmRecords
from activities.settings import Settings
from tests.activities.salesforce import SYSTEM, There, a_note, a_task, there
from tests.activities.sending import House, key_of, somebody
from tests.factories import NOON, FakeClock, a_customer
from workflows import vocabulary as v

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
ROOT = Path(__file__).parents[2]
DAYS = 3
AWAY = (Fault.UNAVAILABLE, Fault.RESET_BEFORE, Fault.ERROR_BEFORE, Fault.RESET_AFTER)


async def count(store: Store, table: type[Message | Note | Task | Customer]) -> int:
    async with store.reading() as session:
        return int((await session.execute(select(func.count()).select_from(table))).scalar_one())


async def untold(store: Store) -> int:
    async with store.reading() as session:
        query = select(func.count()).where(Mirror.told_at.is_(None))
        return int((await session.execute(query)).scalar_one())


async def a_day(sf: There, house: House, whose: list[str], day: int) -> None:
    """Everybody gets a message, every third a task, every fourth writes; half move house."""
    clerk = CrmRecords(sf.store, sf.clock, Settings(_env_file=None, secret_key="secret"))
    for number, who in enumerate(whose):
        answer = await house.send(who, "notice", step=f"notice-{day}")
        assert answer == v.Sent(key=key_of(who, f"notice-{day}"), at=sf.clock.now())
        if number % 3 == day:
            key = f"online-customer.{who}/call-{day}"
            step = v.Task(key=key, customer_id=who, role=v.Role.CSR, what="Call them")
            await clerk.hand_over(step)
        if number % 4 == day:
            await a_note(sf.store, who, at=sf.clock.now())
        if number % 2:
            async with sf.store.transaction() as session:
                customer = await lock_customer(session, who)
                assert customer is not None
                customer.address = {"city": f"City {day}"}
        if number % 20 == 0:
            await sf.tell(minutes=1)


async def test_three_days_without_it(memory_store: Store, clock: FakeClock) -> None:
    """All customers are served as ever, at their moments; then Salesforce learns all of it."""
    await three_days(memory_store, clock, customers=200 if DOSE > 1 else 60)


async def test_three_days_on_every_database(store: Store, clock: FakeClock) -> None:
    """The same with fewer, on disk."""
    await three_days(store, clock, customers=24)


async def three_days(store: Store, clock: FakeClock, customers: int) -> None:
    """Each day another fault; what is told afterwards is all of it, once."""
    async with there(store, clock) as sf:
        house = House(store, clock)
        whose = [(await somebody(house)).id for _ in range(customers)]
        for day in range(DAYS):
            sf.fake.script.always = AWAY[day]
            await a_day(sf, house, whose, day)
            clock.set(NOON + timedelta(days=day + 1))
        assert await count(store, Message) == customers * DAYS
        assert len(house.email.taken) == customers * DAYS
        assert sf.fake.accepted == []
        waiting = (await sf.standing()).waiting
        assert waiting > customers * (DAYS + 1)
        sf.fake.script.always = None
        await sf.tell(minutes=10)
        assert await untold(store) == 0
        assert len(sf.fake.created) == len(set(sf.fake.created)) == waiting
        assert len(sf.fake.accepted) == waiting  # each told once, as it last stood
        assert sf.contact(whose[1])["MailingCity"] == "City 2"
        assert sf.fake.created.index(whose[7]) < min(
            place
            for place, ref in enumerate(sf.fake.created)
            if ("Task", ref) in sf.fake.records
            and sf.task(ref)["WhoId"] == sf.contact(whose[7])["Id"]
        )


async def test_killed_between_answer_and_record(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """As the power would, again and again: what was taken already is told again, and is there
    once."""
    async with there(store, FakeClock(SystemClock().real())) as sf:
        whose = [await a_customer(store) for _ in range(40)]
        notes = [await a_note(store, one.id) for one in whose]
        sf.fake.script.answering = 0.05
        kills = 0
        while await untold(store) or kills < 3:
            with (tmp_path / "log").open("ab") as log:
                worker = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                    [sys.executable, "-m", "tests.activities.mirroring", store_url, sf.url],
                    cwd=ROOT,
                    stderr=log,
                )
            before, patience = len(sf.fake.accepted), 600
            while len(sf.fake.accepted) < before + 25 and await untold(store) and patience:
                await asyncio.sleep(0.05)
                patience -= 1
            await asyncio.sleep(random.uniform(0, 0.1))
            worker.kill()
            worker.wait()
            kills += 1
            assert patience, (tmp_path / "log").read_text()[-2000:]
        everything = sorted([one.id for one in whose] + [one.id for one in notes])
        assert sorted(sf.fake.created) == everything
        assert sorted(ref for _, ref in sf.fake.records) == everything


@pytest.mark.parametrize("seed", range(3))
async def test_in_whatever_order(store: Store, clock: FakeClock, seed: int) -> None:
    """Two workers at once, rows in disorder, faults and changes among them: the same end."""
    dice = random.Random(seed)
    async with there(store, clock) as sf:
        whose = [await a_customer(store) for _ in range(6)]
        rows = [await a_note(store, dice.choice(whose).id) for _ in range(12)]
        jobs = [await a_task(store, dice.choice(whose).id) for _ in range(6)]
        async with store.transaction() as session:  # whatever the marks say of the order
            for row in (await session.execute(select(Mirror))).scalars():
                row.changed_at = NOON + timedelta(seconds=dice.randrange(100))
        sf.fake.script.odds = {Fault.ERROR_AFTER: 0.2, Fault.RESET_BEFORE: 0.2}
        workers = [sf.another(), sf.another()]
        for turn in range(30):
            await asyncio.gather(*(one.once(one.targets[0]) for one in workers))
            clock.advance(minutes=dice.choice([1, 4, 30]))
            if turn == 10:
                async with store.transaction() as session:
                    job = await session.get_one(Task, jobs[0].id)
                    tasks.settle(job, NOON, tasks.DONE)
        sf.fake.script.odds = {}
        await sf.tell(hours=2)
        assert await untold(store) == 0
        theirs = {row.id: row.customer_id or "" for row in rows}
        theirs |= {row.id: row.customer_id or "" for row in jobs}
        assert sorted(sf.fake.created) == sorted([*(one.id for one in whose), *theirs])
        assert sf.task(jobs[0].id)["Status"] == "Completed"
        for ref, who in theirs.items():
            assert sf.task(ref)["WhoId"] == sf.contact(who)["Id"]


async def test_marking_and_telling_at_once(store: Store, clock: FakeClock) -> None:
    """Those who change a customer and what is about them never wait for each other in a circle."""
    async with there(store, clock) as sf:
        whose = [await a_customer(store) for _ in range(3)]
        notes = {one.id: [await a_note(store, one.id) for _ in range(4)] for one in whose}

        async def change(who: str, times: int) -> None:
            for number in range(times):
                async with store.transaction() as session:
                    customer = await lock_customer(session, who)
                    assert customer is not None
                    for note in random.sample(notes[who], 3):
                        row = await session.get_one(Note, note.id)
                        row.actions = f"{number}"
                        await session.flush()
                    customer.name = f"Ada {number}"

        async def tell() -> None:
            for _ in range(20):
                await sf.tell()
                async with store.transaction() as session:
                    await mirrors.let_go(session, SYSTEM)

        sf.fake.script.odds = {Fault.UNAVAILABLE: 0.3}
        await asyncio.gather(tell(), *(change(one.id, 15) for one in (*whose, *whose)))
        sf.fake.script.odds = {}
        await sf.tell(hours=2)
        assert await untold(store) == 0
        assert {sf.contact(one.id)["LastName"] for one in whose} == {"14"}


async def test_no_row_of_it_is_in_the_way_of_a_message(store: Store, clock: FakeClock) -> None:
    """While Salesforce hangs, nothing is locked that a message needs: not even its own mark."""
    async with there(store, clock) as sf:
        house = House(store, clock)
        who = await somebody(house)
        await house.send(who.id, "notice", step="a")
        sf.fake.script.always = Fault.HANG_BEFORE
        telling = asyncio.create_task(sf.tell())
        while not sf.fake.requests:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        assert isinstance(await house.send(who.id, "notice", step="b"), v.Sent)
        async with store.reading() as session:
            assert await session.get(Provider, SYSTEM) is None
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
