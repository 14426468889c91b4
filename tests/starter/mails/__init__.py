"""E-mails that customers write, for tests, and what SendGrid's Inbound Parse makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from activities.crm.store import Store
from activities.crm.tables import Customer, Message, message_id
from activities.rendering import tokens
from starter.desk import Desk
from tests.factories import NOON, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk
from tests.starter.hooks import PUBLIC_URL, SENDGRID_PUBLIC, TWILIO_TOKEN, sendgrid, twilio

SECRET = "the house's own key"
BOUNDARY = "a1B2c3"
ADA, HERS = "cus_ada", "ada@example.com"
PASSES = {"SPF": "pass", "dkim": "{@example.com : pass}"}
KEY = f"online-customer.{ADA}/check-in"


def replying(store: Store, clock: Any, temporal: FakeTemporal, **settings: Any) -> Desk:
    """A desk that hears e-mail and SMS."""
    return a_desk(
        store,
        clock,
        temporal,
        secret_key=SECRET,
        reply_domain="reply.example.com",
        sendgrid_webhook_public_key=SENDGRID_PUBLIC,
        twilio_auth_token=TWILIO_TOKEN,
        public_url=PUBLIC_URL,
        **settings,
    )


async def ada(store: Store, temporal: FakeTemporal, **fields: Any) -> Customer:
    """Somebody whose follow-up runs."""
    row = await a_customer(store, **{"id": ADA, "email": HERS} | fields)
    follow_up = await an_enrolment(store, row.id)
    temporal.started[follow_up.id] = {}
    return row


async def a_message(store: Store, **fields: Any) -> Message:
    """A check-in that went to her by e-mail an hour ago."""
    key = fields.setdefault("key", KEY)
    row = {
        "id": message_id(key),
        "follow_up": key.partition("/")[0],
        "sop": "online-customer",
        "customer_id": ADA,
        "template": "check-in",
        "kind": "relationship",
        "channel": "email",
        "address": HERS,
        "state": "sent",
        "created_at": NOON,
        "sent_at": NOON,
        "provider_id": f"<{message_id(key)}@shop.example.com>",
    }
    return await kept(store, Message(**row | fields))


def token_address(message: Message | None = None, domain: str = "reply.example.com") -> str:
    ref = message.id if message else message_id(KEY)
    return f"r+{tokens.make_short(SECRET, 'reply', ref)}@{domain}"


def written(body: str | bytes, charset: str = "utf-8", **headers: str) -> bytes:
    """One e-mail in plain text, eight bits a letter."""
    said = {
        "From": f"Ada Lovelace <{HERS}>",
        "To": token_address(),
        "Subject": "Re: How is it going?",
        "Message-ID": "<CA+1@mail.example.com>",
        "Date": "Mon, 23 Nov 2026 11:59:00 +0000",
        "MIME-Version": "1.0",
        "Content-Type": f"text/plain; charset={charset}",
        "Content-Transfer-Encoding": "8bit",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    body = body.encode(charset) if isinstance(body, str) else body
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + body


def several(*parts: tuple[str, bytes], kind: str = "mixed", **headers: str) -> bytes:
    """One e-mail in several parts: each part's own headers, and its content."""
    body = b"".join(
        b"--inner\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts
    )
    said = {"Content_Type": f'multipart/{kind}; boundary="inner"', "Content_Transfer_Encoding": ""}
    return written(body + b"--inner--\r\n", **said | headers)


def form(fields: Mapping[str, str | bytes], files: Mapping[str, tuple[str, str, bytes]]) -> bytes:
    """A form with files, as SendGrid posts one."""
    parts = []
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        parts.append((head, value if isinstance(value, bytes) else value.encode()))
    for name, (filename, type_, content) in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
        parts.append((f"{head}\r\nContent-Type: {type_}", content))
    lines = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + value for head, value in parts]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--\r\n".encode()])


def raw(mail: bytes, **said: str) -> bytes:
    """As it comes in raw mode: the whole e-mail in one field."""
    fields = {
        "to": "inbound",
        "from": f"Ada <{HERS}>",
        "sender_ip": "192.0.2.1",
        "envelope": json.dumps({"to": ["inbound@reply.example.com"], "from": HERS}),
        "charsets": json.dumps({"to": "UTF-8", "from": "UTF-8", "subject": "UTF-8"}),
        **PASSES,
    }
    return form(fields | said | {"email": mail}, {})


async def posts(client: httpx2.AsyncClient, desk: Desk, body: bytes) -> httpx2.Response:
    """SendGrid hands over an e-mail, signed."""
    headers = sendgrid(body, desk.clock.real())
    headers["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
    return await client.post("/hooks/sendgrid/inbound", content=body, headers=headers)


async def texts(client: httpx2.AsyncClient, body: str, **said: str) -> httpx2.Response:
    """Twilio hands over an SMS, signed."""
    fields = {
        "ToCountry": "GB",
        "MessageSid": "SM1",
        "NumMedia": "0",
        "Body": body,
        "To": "+442079460999",
        "AccountSid": "AC0",
        "From": "+442079460000",
    } | said
    content = str(httpx2.QueryParams(fields)).encode()
    headers = twilio(content, "/hooks/twilio/inbound")
    return await client.post("/hooks/twilio/inbound", content=content, headers=headers)
