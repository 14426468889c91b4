"""What customers write, through the doors it really comes by, and what the real procedure does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from activities.crm import tables as t
from activities.rendering import tokens
from starter.desk import Desk
from tests.rehearsals.life import Life
from tests.starter.hooks import PUBLIC_URL, SENDGRID_PUBLIC, TWILIO_TOKEN, visiting
from tests.starter.mails import posts, raw, texts, written
from workflows.vocabulary import State

Begin = Callable[..., Any]
REMINDED = "18 10:00 5.4.3 check-in-follow-up"
PHONE = "+442079460000"


def listening(ada: Life) -> Desk:
    """The rehearsal's desk, with the keys of those who post to it."""
    stage = ada.stage
    said = {
        "sendgrid_webhook_public_key": SENDGRID_PUBLIC,
        "twilio_auth_token": SecretStr(TWILIO_TOKEN),
        "public_url": PUBLIC_URL,
    }
    settings = stage.house.settings.model_copy(update=said)
    return Desk(stage.store, settings, stage.clock, stage.env.client)


async def mails(ada: Life, body: str, **headers: str) -> None:
    """She answers the check-in by e-mail."""
    desk = listening(ada)
    (asked,) = [row for row in await ada.rows(t.Message) if row.template == "check-in"]
    secret = desk.settings.secret_key.get_secret_value()
    to = f"r+{tokens.make_short(secret, 'reply', asked.id)}@reply.example.com"
    async with visiting(desk) as client:
        answer = await posts(client, desk, raw(written(body, To=to, Date="", **headers)))
    assert answer.status_code == 200
    await ada.stage.settle()


async def texts_us(ada: Life, body: str, sid: str = "SM1") -> None:
    desk = listening(ada)
    async with visiting(desk) as client:
        assert (await texts(client, body, From=PHONE, MessageSid=sid)).status_code == 200
    await ada.stage.settle()


async def test_an_e_mail_stops_the_three_day_reminder(life: Begin) -> None:
    """And a person answers it."""
    ada: Life = await life()
    await ada.day(16, "12:00")
    await mails(ada, "All is well.\n\n> Reply STOP to end")
    assert await ada.end() == "completed"
    assert await ada.line("5.4.3") == (State.SKIPPED, "answered")
    assert REMINDED not in await ada.done()
    assert "16 12:00 2 task: answer what the customer wrote" in await ada.done()


async def test_an_sms_stops_the_three_day_reminder(life: Begin) -> None:
    """Though she was asked by e-mail."""
    ada: Life = await life(phone=PHONE)
    await ada.day(16, "12:00")
    await texts_us(ada, "All is well, thank you")
    assert await ada.end() == "completed"
    assert await ada.line("5.4.3") == (State.SKIPPED, "answered")
    assert REMINDED not in await ada.done()


async def test_an_out_of_office_does_not(life: Begin) -> None:
    """It is on record, and no answer: not to the workflow, and not to the gate."""
    ada: Life = await life()
    await ada.day(16, "12:00")
    await mails(ada, "I am away. STOP", Auto_Submitted="auto-replied")
    assert await ada.end() == "completed"
    assert REMINDED in await ada.done()
    assert await ada.rows(t.Case) == []
    assert "sent automatically" in (await ada.rows(t.Note))[0].summary


async def test_stop_at_night_holds_for_what_goes_in_the_morning(life: Begin) -> None:
    """Said in quiet hours, it is in force before the next message: that goes another way."""
    ada: Life = await life(phone=PHONE, preferred_channel="sms")
    await ada.day(17, "23:30")
    before = [m for m in await ada.rows(t.Message) if m.channel == "sms"]
    assert before, "she is written to by SMS"
    await texts_us(ada, "STOP")
    assert await ada.end() == "completed"
    after = [m for m in await ada.rows(t.Message) if m.sent_at and m.channel == "sms"]
    assert {m.key for m in after} == {m.key for m in before if m.sent_at}
    assert [c.scope for c in await ada.rows(t.Consent) if not c.given] == ["sms"]
    (reminder,) = [m for m in await ada.rows(t.Message) if m.template == "check-in-follow-up"]
    assert (reminder.channel, reminder.state) == ("email", "sent")
