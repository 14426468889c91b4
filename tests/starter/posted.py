"""Messages that went, and what their providers tell of them, posted as they post it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
from sqlalchemy import select

from activities.crm.store import Store
from activities.crm.tables import Message, message_id
from starter.desk import Desk
from tests.factories import NOON, a_customer, an_enrolment, kept
from tests.starter.hooks import sendgrid, twilio

WHOLE = "mK8s2.Qe_1.filterdrecv-5b8f7c-x2zqk-1-6921B0F4-3A.0"  # as SendGrid names one message
THEIRS = "mK8s2.Qe_1"  # what it answered us: with a dot in it
SID = "SM" + "4f" * 16


async def a_message(store: Store, **fields: Any) -> Message:
    """A message that SendGrid took, of a follow-up that runs."""
    customer = fields.pop("customer", None) or await a_customer(store, email="ada@example.com")
    follow_up = f"online-customer.{customer.id}"
    key = fields.setdefault("key", f"{follow_up}/welcome")
    sms = fields.get("channel") == "sms"
    row = Message(
        **{
            "id": message_id(key),
            "follow_up": follow_up,
            "sop": "online-customer",
            "clause": "5.1.1",
            "customer_id": customer.id,
            "template": "welcome",
            "kind": "transactional",
            "channel": "email",
            "address": customer.phone if sms else customer.email,
            "via": "twilio" if sms else "sendgrid",
            "state": "sent",
            "tried": [],
            "created_at": NOON,
            "slot_at": NOON,
            "sent_at": NOON,
            "begun_at": NOON,
            "deferrals": 0,
            "attempts": 1,
            "provider_id": SID if sms else THEIRS,
            "attachments": [],
        }
        | fields
    )
    return await kept(store, row)


async def an_owner(store: Store, **fields: Any) -> Any:
    """A customer whose follow-up runs."""
    customer = await a_customer(store, **{"email": "ada@example.com"} | fields)
    await an_enrolment(store, customer.id)
    return customer


def an_event(row: Message, what: str, at: datetime = NOON, **said: Any) -> dict[str, Any]:
    """What SendGrid says of one of our mails."""
    return {
        "email": row.address,
        "timestamp": int(at.timestamp()),
        "event": what,
        "sg_event_id": f"{what}-{row.id}",
        "sg_message_id": WHOLE,
        "aftercare_key": row.key,
        "aftercare_reference": row.id,
        "category": ["aftercare"],
    } | said


async def post_events(client: httpx2.AsyncClient, desk: Desk, *events: Any) -> httpx2.Response:
    """A batch, as SendGrid writes and signs it."""
    body = json.dumps(events).encode() + b"\r\n"
    headers = sendgrid(body, desk.clock.real())
    return await client.post("/hooks/sendgrid/events", content=body, headers=headers)


async def post_status(
    client: httpx2.AsyncClient, row: Message | None, status: str, **said: str
) -> httpx2.Response:
    """A status callback of Twilio's, to the address that names the message."""
    sid = said.pop("sid", SID)
    form = {
        "SmsSid": sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": "+442079460000",
        "MessagingServiceSid": "MG" + "2" * 32,
        "MessageSid": sid,
        "AccountSid": "AC" + "a" * 32,
        "ApiVersion": "2010-04-01",
        "RawDlrDoneDate": "",
    } | said
    address = "/hooks/twilio/status" + (f"?t={row.id}" if row else "")
    body = urlencode(form).encode()
    return await client.post(address, content=body, headers=twilio(body, address))


async def as_it_stands(store: Store, row: Message) -> Message:
    async with store.reading() as session:
        query = select(Message).where(Message.id == row.id)
        return (await session.execute(query)).scalar_one()
