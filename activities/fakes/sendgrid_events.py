"""SendGrid's Event Webhook: what becomes of each mail it took, as it tells of it, signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from activities.fakes import sendgrid_logs as logs
from activities.fakes.recipients import BLOCKED, BOUNCED, SPAM, who
from activities.fakes.taken import Taken, now
from activities.fakes.telling import Manner, Telling

KEY = ec.derive_private_key(0x5E4D6A1D_FA4E, ec.SECP256R1())  # of a fake: no secret
PUBLIC_KEY = base64.b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
WAITS = (1, 2, 5, 15, 60, 300, 900, 3600)  # the vendor goes on for a day
SIGNATURE, AT = (
    "X-Twilio-Email-Event-Webhook-Signature",
    "X-Twilio-Email-Event-Webhook-Timestamp",
)


def events_to(url: str, manner: Manner | None = None) -> Telling:
    return Telling(url, "application/json", _signed, WAITS, manner)


def posts(one: Taken, custom_args: Mapping[str, str]) -> list[bytes]:
    """The batches that tell of one mail, as its recipient has it."""
    told = list(_events(one, custom_args))
    return [json.dumps([event]).encode() + b"\r\n" for event in told]


def _events(one: Taken, custom_args: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    def event(what: str, **more: Any) -> dict[str, Any]:
        return {
            "email": one.to,
            "timestamp": int(now().timestamp()),
            "smtp-id": f"<{one.id}@fake>",
            "sg_event_id": f"{what}-{one.id}",
            "sg_message_id": logs.message_id(one),
            "event": what,
            **custom_args,
            **more,
        }

    yield event("processed")
    match who(one.to):
        case name if name == BOUNCED:
            reason = f"550 5.1.1 <{one.to}>: nobody of that name"
            yield event("bounce", type="bounce", status="5.1.1", reason=reason)
        case name if name == BLOCKED:
            reason = "550 5.7.1 not this time"
            yield event("bounce", type="blocked", status="5.7.1", reason=reason)
        case name:
            yield event("delivered", response="250 2.0.0 OK")
            yield event("open", useragent="Mozilla/5.0", sg_machine_open=True)
            if name == SPAM:
                yield event("spamreport")


def _signed(_: str, body: bytes) -> dict[str, str]:
    at = str(int(now().timestamp()))
    signature = KEY.sign(at.encode() + body, ec.ECDSA(SHA256()))
    return {SIGNATURE: base64.b64encode(signature).decode(), AT: at}
