"""What becomes of a message depends on what is told of it, not on when, or how often: a law."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.crm.consents import by_scope
from activities.crm.store import Store
from activities.crm.tables import Enrolment, MessageEvent, Stop, Suppression, Task
from starter.answers import Refusal
from starter.intake.events import Command, read_event
from starter.intake.post import CAME_BACK
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, rows
from tests.starter.hooks import SENDGRID_PUBLIC, visiting
from tests.starter.posted import a_message, an_event, an_owner, as_it_stands, post_events

REPORTS: Sequence[dict[str, Any]] = (
    {"event": "processed"},
    {"event": "deferred"},
    {"event": "delivered"},
    {"event": "open"},
    {"event": "click"},
    {"event": "spamreport"},
    {"event": "unsubscribe"},
    {"event": "bounce", "type": "blocked"},
    {"event": "bounce", "type": "bounce"},
    {"event": "dropped", "reason": "Spam Reporting Address"},
)
ORDER = ("reserved", "sending", "unknown", "sent", "delivered", "bounced")


@settings(max_examples=20, deadline=None)
@given(
    which=st.sets(st.integers(0, len(REPORTS) - 1), min_size=1),
    before=st.sampled_from(ORDER[:4]),
    seed=st.integers(0, 1000),
)
def test_any_order_and_any_number_of_times_comes_to_the_same(
    which: set[int], before: str, seed: int
) -> None:
    """Shuffled and doubled, in batches of any size: the same state, reason and consequences, and on
    the way there never a step back."""
    chance = random.Random(seed)
    mixed = [*which, *which, *chance.sample(sorted(which), 1)]
    chance.shuffle(mixed)
    cut = chance.randrange(len(mixed))
    once = asyncio.run(_comes_to(before, [sorted(which)]))
    assert asyncio.run(_comes_to(before, [mixed[:cut], mixed[cut:], mixed[:1]])) == once


async def test_a_dead_address_is_no_news_to_what_is_over(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """A follow-up that ended meanwhile has nothing to send; for what was owed a person is told."""
    desk = a_desk(store, clock, temporal, sendgrid_webhook_public_key=SENDGRID_PUBLIC)
    customer = await an_owner(store)
    follow_up = f"online-customer.{customer.id}"
    temporal.started[follow_up] = None
    temporal.ended.add(follow_up)
    for kind in ("relationship", "transactional"):
        row = await a_message(
            store, customer=customer, key=f"{follow_up}/{kind}", kind=kind, provider_id=kind
        )
        event = an_event(row, "bounce", type="bounce", sg_message_id=f"{kind}.filter1.2")
        temporal.up = False  # it is told once the follow-up has ended
        async with visiting(desk) as client:
            await post_events(client, desk, event)
        async with store.transaction() as session:
            (await session.get_one(Enrolment, follow_up)).ended_at = NOON
        temporal.up = True
        await desk.relay.tell()
    titles = [task.title for task in await rows(store, Task)]
    assert titles == ["Find another way to reach this customer: `welcome` did not arrive"]


async def _comes_to(before: str, batches: Sequence[Sequence[int]]) -> dict[str, Any]:
    store = Store("sqlite+aiosqlite://")
    await store.create_all()
    desk = a_desk(store, FakeClock(), FakeTemporal(), sendgrid_webhook_public_key=SENDGRID_PUBLIC)
    customer = await an_owner(store, id="cus_1")
    known = before == "sent"
    unsaid = {} if known else {"provider_id": None, "sent_at": None}
    row = await a_message(store, customer=customer, state=before, kind="relationship", **unsaid)
    states = [before]
    async with visiting(desk) as client:
        for batch in batches:
            events = [
                an_event(row, "x", sg_event_id=f"ev-{number}") | REPORTS[number] for number in batch
            ]
            await post_events(client, desk, *events)
            states.append((await as_it_stands(store, row)).state)
    places = [ORDER.index(state) for state in states]
    assert places == sorted(places)
    now = await as_it_stands(store, row)
    async with store.reading() as session:
        words = {scope: word.given for scope, word in (await by_scope(session, "cus_1")).items()}
    found = {
        "state": (now.state, now.reason, now.provider_id, now.sent_at),
        "words": words,
        "dead": [(one.address, one.reason) for one in await rows(store, Suppression)],
        "told": sorted(one.what for one in await rows(store, MessageEvent)),
    }
    assert await rows(store, Stop) == []
    assert (now.state == "bounced") is any(what in CAME_BACK for what in found["told"])
    await store.close()
    return found


def test_only_we_say_what_became_of_a_message() -> None:
    """Nobody brings a message home, or ends an address, by an event at the door."""
    said = {
        "id": "evt_1",
        "type": "message.reported",
        "customer": {"id": "cus_1"},
        "data": {"message": "msg_1", "what": "bounced", "provider": "sendgrid"},
    }
    assert read_event(said, Command).type == "message.reported"
    with pytest.raises(Refusal, match="unknown_event_type"):
        read_event(said)
