"""Messages that come back, through the real door, desk, workflows and gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from activities.crm import tables as t
from starter.rehearse.stage import Stage
from tests.rehearsals.bounces import PHONE, comes_back, message
from workflows.vocabulary import State

FIND = "find a way to reach this customer"


async def went(stage: Stage, key: str) -> list[str]:
    """By which channels a message was accepted, in order."""
    async with stage.store.reading() as session:
        query = select(t.Outbox.channel).where(t.Outbox.key == key).order_by(t.Outbox.accepted_at)
        return list((await session.execute(query)).scalars())


async def test_a_welcome_that_bounced_goes_by_sms(built: Stage, life: Callable[..., Any]) -> None:
    """Under the same key and once, however often it is told; what the mail does later is the
    mail's. The next message goes by SMS as well: the gate knows that the address is dead."""
    ada = await life(phone=PHONE)
    await ada.day(0, "10:30")
    await comes_back(ada, "welcome")
    welcome = await message(built, ada, "welcome")
    assert (welcome.state, welcome.channel) == ("sent", "sms")
    assert [(one["channel"], one["reason"]) for one in welcome.tried] == [
        ("email", "no_such_address")
    ]
    assert await went(built, welcome.key) == ["email", "sms"]
    assert await ada.line("5.1.1") == (State.DONE, None)
    await comes_back(ada, "welcome", "open", sg_message_id=welcome.tried[0]["provider_id"] + ".x")
    assert (await message(built, ada, "welcome")).state == "sent"
    assert await ada.tasks() == []
    await ada.day(2, "20:00")
    guide = await message(built, ada, "getting-started")
    assert await went(built, guide.key) == ["sms"]


async def test_a_welcome_that_reaches_nobody_is_for_a_person(
    built: Stage, life: Callable[..., Any]
) -> None:
    """There is no other way: a colleague finds one, and is told so once."""
    ada = await life()
    await ada.day(0, "10:30")
    await comes_back(ada, "welcome", "dropped", reason="Invalid")
    assert [(task.title, task.clause) for task in await ada.tasks()] == [(FIND, "5.1.1")]
    welcome = await message(built, ada, "welcome")
    assert (welcome.state, welcome.reason) == ("refused", "undeliverable")
    assert await ada.line("5.1.1") == (State.WAITING, None)
    await ada.day(8, "12:00")
    assert [task.title for task in await ada.tasks()] == [FIND]


async def test_the_next_message_goes_by_sms_or_a_person_finds_a_way(
    built: Stage, life: Callable[..., Any]
) -> None:
    """A guide that came back is not sent twice. The next message has no text for SMS: a person is
    told."""
    ada = await life(phone=PHONE)
    await ada.day(2, "20:00")
    await comes_back(ada, "getting-started")
    guide = await message(built, ada, "getting-started")
    assert (guide.state, guide.reason) == ("bounced", "no_such_address")
    assert await ada.line("5.2.1") == (State.DONE, "no_such_address")
    assert await went(built, guide.key) == ["email"]
    assert await ada.tasks() == []
    await ada.day(8, "12:00")
    assert [(task.title, task.clause) for task in await ada.tasks()] == [(FIND, "5.3.2")]


async def test_a_mail_that_was_only_blocked_closes_no_way(
    built: Stage, life: Callable[..., Any]
) -> None:
    """The welcome goes by SMS, and the next message by e-mail again."""
    ada = await life(phone=PHONE)
    await ada.day(0, "10:30")
    await comes_back(ada, "welcome", type="blocked")
    assert await went(built, (await message(built, ada, "welcome")).key) == ["email", "sms"]
    await ada.day(2, "20:00")
    assert await went(built, (await message(built, ada, "getting-started")).key) == ["email"]
