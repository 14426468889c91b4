"""The doors of other systems, for tests: a site over a desk, and whoever posts to it, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

from starter.desk import Desk
from starter.senders.signatures import SENDGRID, SENDGRID_AT, TWILIO, form_of
from starter.web import create_site

SURVEYMONKEY_SECRET = "client&secret"
ZOOM_SECRET = "zoom-secret"
SECRET = f"whsec_{base64.b64encode(b'a secret of both sides').decode()}"

SENDGRID_PRIVATE = ec.derive_private_key(0xA0F7E2C42E, ec.SECP256R1())  # of these tests alone
SENDGRID_PUBLIC = base64.b64encode(
    SENDGRID_PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
TWILIO_TOKEN = "a token of both sides"
PUBLIC_URL = "https://hello.example.com"
SHOP_SECRET = "a secret of the shop and us"


@asynccontextmanager
async def visiting(desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the whole site; what it posts has been read when the answer is there."""
    transport = httpx2.ASGITransport(create_site(desk))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def standard(body: bytes, at: datetime, id_: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    """The headers of a Standard Webhook."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, at, body.decode()),
    }


def sendgrid(body: bytes, at: datetime) -> dict[str, str]:
    """The headers of SendGrid's events, and of its inbound mail."""
    moment = str(int(at.timestamp()))
    signature = SENDGRID_PRIVATE.sign(moment.encode() + body, ec.ECDSA(SHA256()))
    return {SENDGRID: base64.b64encode(signature).decode(), SENDGRID_AT: moment}


def twilio(body: bytes, address: str, token: str = TWILIO_TOKEN) -> dict[str, str]:
    """The headers of what Twilio posts: the address is signed, too (`/hooks/twilio/status?t=…`)."""
    validator = RequestValidator(token)
    signature = validator.compute_signature(PUBLIC_URL + address, form_of(body))
    return {TWILIO: signature, "content-type": "application/x-www-form-urlencoded"}


def surveymonkey(body: bytes, secret: str = SURVEYMONKEY_SECRET) -> dict[str, str]:
    """The header of SurveyMonkey's webhooks: its key is `CLIENT_ID&CLIENT_SECRET`."""
    made = hmac.digest(secret.encode(), body, hashlib.sha1)
    return {"sm-signature": base64.b64encode(made).decode()}


def shopify(
    body: bytes,
    topic: str = "orders/create",
    id_: str = "ev_1",
    at: datetime | None = None,
    secret: str = SHOP_SECRET,
) -> dict[str, str]:
    """The headers of Shopify's webhooks; `id_` is of the event, which several of them may tell."""
    triggered = {"x-shopify-triggered-at": at.isoformat()} if at else {}
    return triggered | {
        "x-shopify-topic": topic,
        "x-shopify-event-id": id_,
        "x-shopify-webhook-id": f"wh_{id_}",
        "x-shopify-hmac-sha256": _base64_hmac(body, secret),
    }


def stripe(body: bytes, at: datetime, secret: str = SHOP_SECRET) -> dict[str, str]:
    """The header of Stripe's webhooks."""
    moment = str(int(at.timestamp()))
    made = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={moment},v1={made}"}


def woocommerce(
    body: bytes, topic: str = "order.created", secret: str = SHOP_SECRET
) -> dict[str, str]:
    """The headers of WooCommerce's webhooks."""
    return {
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-delivery-id": "of this attempt",
        "x-wc-webhook-signature": _base64_hmac(body, secret),
    }


def _base64_hmac(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def zoom(body: bytes, at: datetime, secret: str = ZOOM_SECRET) -> dict[str, str]:
    """The headers of Zoom's webhooks."""
    moment = str(int(at.timestamp()))
    made = hmac.digest(secret.encode(), f"v0:{moment}:".encode() + body, hashlib.sha256).hex()
    return {"x-zm-request-timestamp": moment, "x-zm-signature": f"v0={made}"}


def without(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}
