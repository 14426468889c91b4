"""What colleagues hear of their tasks: whom, when, what stands in it, and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from activities.channels import Because, Parcel, Rejected, UnknownOutcomeError
from activities.channels.outbox import OutboxChannel
from activities.crm.store import Store
from activities.crm.tables import Notice, Outbox, Setting, Stop, Task
from activities.notices import Notices
from activities.settings import Settings
from activities.watch import Watch
from activities.webhook import Webhook
from tests.activities.desk_work import check_in, enrolled, records, rows, step
from tests.activities.test_people import JO, KIM, the_house
from tests.factories import NOON, FakeClock, a_colleague
from workflows.vocabulary import Role
from workflows.vocabulary import Task as TaskNoun

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SECRET = SecretStr("a secret of the tests, long enough")
FRONT = "front-desk@example.com"


class Failing(OutboxChannel):
    """An e-mail channel to which things happen first."""

    def __init__(self, store: Store, clock: FakeClock, *failures: Any) -> None:
        super().__init__(store, clock, "email")
        self.failures = list(failures)
        self.tries = 0

    async def send(self, parcel: Parcel) -> Any:
        self.tries += 1
        if self.failures and (failure := self.failures.pop(0)):
            if isinstance(failure, Exception):
                raise failure
            return failure
        return await super().send(parcel)


def notices(store: Store, clock: FakeClock, *failures: Any, **settings: Any) -> Notices:
    chosen = Settings(_env_file=None, secret_key=SECRET, **settings)
    return Notices(store, clock, chosen, {"email": Failing(store, clock, *failures)})


async def a_task(store: Store, clock: FakeClock, name: str = "task/1", **fields: Any) -> None:
    customer = await enrolled(store, **fields.pop("customer", {}))
    base: dict[str, Any] = {"role": Role.CSR, "what": f"do {name}", "follow_up": "satisfaction.1"}
    await records(store, clock).hand_over(TaskNoun(**step(customer, name) | base | fields))


async def mails(store: Store) -> list[tuple[str, str]]:
    return [(row.address, row.subject or "") for row in await rows(store, Outbox)]


async def test_an_hours_tasks_are_one_digest(store: Store, clock: FakeClock) -> None:
    """To whoever has them; the link says where, and nobody's name is in it."""
    await a_colleague(store, JO)
    tell = notices(store, clock)
    who: Any = {"customer": {"owner": JO, "name": "Secret Person", "preferred_name": "Secret"}}
    await a_task(store, clock, **who)
    assert await tell.tell() == 0
    clock.advance(minutes=59)
    await a_task(store, clock, "task/2", **who)
    assert await tell.tell() == 0
    clock.advance(minutes=1)
    assert [await tell.tell() for _ in range(2)] == [1, 0]
    (mail,) = await rows(store, Outbox)
    assert (mail.address, mail.subject) == (JO, "2 tasks")
    ids = [row.id for row in await rows(store, Task)]
    assert all(f"http://127.0.0.1:8000/tasks/{id_}" in mail.body_text for id_ in ids)
    assert "New: do task/1 (satisfaction 5.4.1), due Tue 24 Nov 12:00" in mail.body_text
    assert "Secret" not in mail.body_text


async def test_a_complaint_is_told_at_once(store: Store, clock: FakeClock) -> None:
    """All else waits for its hour."""
    await a_colleague(store, JO)
    tell = notices(store, clock)
    await a_task(store, clock, customer={"owner": JO})
    await a_task(store, clock, "task/2", customer={"owner": JO}, urgent=True)
    assert await tell.tell() == 1
    assert await mails(store) == [(JO, "Urgent: do task/2")]


async def test_nobodys_task_is_its_roles(store: Store, clock: FakeClock) -> None:
    """Its people who are here, and the address of the queue; engineers' tasks are no exception."""
    await the_house(store, care={"queues": {"csr": FRONT}, "digest_every": "PT0S"})
    await a_colleague(store, JO)
    await a_colleague(store, KIM, away_until=NOON + 9 * HOUR)
    await a_colleague(store, "eve@example.com", role=Role.ENGINEER.value)
    await a_task(store, clock)
    await a_task(store, clock, "mend/1", role=Role.ENGINEER, what="mend template")
    await notices(store, clock).tell()
    assert {address for address, _ in await mails(store)} == {JO, FRONT, "eve@example.com"}


async def test_what_was_done_meanwhile_is_not_told(store: Store, clock: FakeClock) -> None:
    """Nor to whom it was addressed already."""
    await a_colleague(store, JO)
    tell = notices(store, clock)
    await a_task(store, clock, customer={"owner": JO})
    await tell.tell()
    async with store.transaction() as session:
        (await session.get_one(Task, (await rows(store, Task))[0].id)).state = "done"
    clock.advance(hours=2)
    assert await tell.tell() == 0
    assert await mails(store) == []
    assert not await rows(store, Notice, Notice.address == JO)


@pytest.mark.parametrize(
    "failure",
    [Rejected("rate_limited", Because.BUSY), UnknownOutcomeError("reset"), TimeoutError()],
    ids=["busy", "unknown", "time-out"],
)
async def test_what_may_not_have_gone_goes_again(
    store: Store, clock: FakeClock, failure: Any
) -> None:
    """Later and later, under the same key; at least once."""
    await a_colleague(store, JO)
    tell = notices(store, clock, failure, failure)
    await a_task(store, clock, customer={"owner": JO}, urgent=True)
    assert [await tell.tell() for _ in range(3)] == [0, 0, 0]
    channel = tell.carriers.choose("email", JO)
    assert isinstance(channel, Failing)
    assert channel.tries == 1
    clock.advance(minutes=1)
    assert await tell.tell() == 0
    clock.advance(minutes=1)
    assert await tell.tell() == 0
    clock.advance(minutes=1)
    assert await tell.tell() == 1
    assert channel.tries == 3


async def test_an_address_that_takes_nothing_is_not_tried_for_ever(
    store: Store, clock: FakeClock
) -> None:
    """Once refused for good, that is that."""
    await a_colleague(store, JO)
    tell = notices(store, clock, Rejected("no_such_address", Because.ADDRESS))
    await a_task(store, clock, customer={"owner": JO}, urgent=True)
    assert [await tell.tell() for _ in range(2)] == [0, 0]
    assert not await rows(store, Notice, Notice.sent_at.is_(None))


async def test_the_stop_button_stops_them(store: Store, clock: FakeClock) -> None:
    """Nothing leaves this house while it is pressed; afterwards they go."""
    await a_colleague(store, JO)
    tell = notices(store, clock)
    await a_task(store, clock, customer={"owner": JO}, urgent=True)
    async with store.transaction() as session:
        session.add(Stop(id="stop_1", reason="r", at=NOON))
    assert await tell.tell() == 0
    async with store.transaction() as session:
        (await session.get_one(Stop, "stop_1")).lifted_at = NOON
    assert await tell.tell() == 1


# -- the webhook ----------------------------------------------------------------------------------


class Hook:
    """A system that is told; it says what it was told to say."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)


@asynccontextmanager
async def listening(hook: Hook) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


def is_ours(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As a receiver checks it, by the standard's own words."""
    named = {name.lower(): value for name, value in headers.items()}
    signed = f"{named['webhook-id']}.{named['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return named["webhook-signature"] == f"v1,{digest}"


async def test_the_webhook_is_told_at_once_and_signed(store: Store, clock: FakeClock) -> None:
    """Every task, urgent or not, even while nobody has an account; no customer's data."""
    hook = Hook()
    async with listening(hook) as url:
        tell = notices(store, clock, staff_webhook=url)
        await a_task(store, clock, customer={"name": "Secret Person"})
        assert [await tell.tell() for _ in range(2)] == [1, 0]
    ((headers, body),) = hook.taken
    assert is_ours(headers, body, tell.webhook.secret)
    assert not is_ours(headers, body + b" ", tell.webhook.secret)
    said = json.loads(body)
    (task,) = await rows(store, Task)
    assert (said["type"], said["data"]["task"], said["data"]["url"]) == (
        "task.new", task.id, f"http://127.0.0.1:8000/tasks/{task.id}",
    )  # fmt: skip
    assert b"Secret" not in body
    assert SECRET.get_secret_value() not in tell.webhook.secret


async def test_the_webhook_is_tried_again_in_its_order(store: Store, clock: FakeClock) -> None:
    """What it does not take waits, and all after it; after three days it is given up."""
    hook = Hook()
    hook.answers = [500, 302, 204]
    async with listening(hook) as url:
        tell = notices(store, clock, staff_webhook=url)
        await a_task(store, clock, "task/1")
        clock.advance(minutes=1)
        await a_task(store, clock, "task/2")
        assert await tell.tell() == 0
        assert await tell.tell() == 0
        assert len(hook.taken) == 1
        clock.advance(minutes=5)
        assert await tell.tell() == 0
        clock.advance(minutes=5)
        assert await tell.tell() == 2
    titles = [json.loads(body)["data"]["title"] for _, body in hook.taken]
    assert titles == ["do task/1", "do task/1", "do task/1", "do task/2"]
    ids = {headers["webhook-id"] for headers, _ in hook.taken[:3]}
    assert len(ids) == 1  # so that the receiver knows a repetition


async def test_a_webhook_that_is_away_is_given_up_in_the_end(
    store: Store, clock: FakeClock
) -> None:
    """Nobody is there: the notice waits three days, and the e-mail goes meanwhile."""
    await a_colleague(store, JO)
    tell = notices(store, clock, staff_webhook="http://127.0.0.1:9/hook")
    await a_task(store, clock, customer={"owner": JO}, urgent=True)
    assert await tell.tell() == 1
    clock.advance(days=3, hours=1)
    await tell.tell()
    assert not await rows(store, Notice, Notice.sent_at.is_(None))


def test_a_webhook_has_an_address() -> None:
    """What is none is refused when the settings are read."""
    with pytest.raises(ValidationError):
        Settings(_env_file=None, staff_webhook="example.com/hook")
    assert not Webhook(Settings(_env_file=None, secret_key=SECRET)).url


# -- whose turn it is -----------------------------------------------------------------------------


async def test_one_worker_at_a_time_makes_the_rounds(store: Store, clock: FakeClock) -> None:
    """Another one has the turn when the first was not heard of for some minutes."""
    settings = Settings(_env_file=None, secret_key=SECRET)
    channels = {"email": OutboxChannel(store, clock, "email")}
    first, second = [Watch(store, clock, settings, channels) for _ in range(2)]
    assert await first._is_our_turn()
    assert not await second._is_our_turn()
    for _ in range(10):
        clock.advance(minutes=1)
        assert await first._is_our_turn()
        assert not await second._is_our_turn()
    clock.advance(minutes=4)
    assert await second._is_our_turn()
    assert not await first._is_our_turn()
    assert (await rows(store, Setting))[0].value["by"] == second._turn.by


async def test_the_watch_reminds_and_tells(store: Store, clock: FakeClock) -> None:
    """From the task to the e-mail."""
    await a_colleague(store, JO)
    settings = Settings(_env_file=None, secret_key=SECRET, only_to="@example.com")
    channels = {"email": OutboxChannel(store, clock, "email")}
    watch = Watch(store, clock, settings, channels)
    await records(store, clock).hand_over(check_in(await enrolled(store, owner=JO)))
    await watch.once()
    clock.advance(hours=22, minutes=30)
    await watch.once()
    assert await mails(store) == [(JO, "A task: make the check-in personal")]
    assert "Due soon: make the check-in personal" in (await rows(store, Outbox))[0].body_text
