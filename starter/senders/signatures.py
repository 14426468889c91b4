"""How SendGrid and Twilio sign what they post: over the bytes as they came, and nothing else.

Both prove themselves at two doors each, with one key: events and inbound mail, status and replies.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from twilio.request_validator import RequestValidator

from activities.settings import Settings
from starter.senders import Delivery

SENDGRID = "x-twilio-email-event-webhook-signature"
SENDGRID_AT = "x-twilio-email-event-webhook-timestamp"
TWILIO = "x-twilio-signature"

# SendGrid tries for 24 hours to hand a batch over, and does not say that it signs each try anew:
# an hour of outage here must not turn what it tells into forgeries. What is said twice is found by
# its id, so an old delivery that is played back does nothing.
OLDEST, AHEAD = timedelta(hours=26), timedelta(minutes=5)
MOST_FIELDS = 500


class Form(dict[str, list[str]]):
    """What Twilio posts: a name may come twice, and a blank value is one."""

    def getall(self, name: str) -> list[str]:
        """As its validator asks for them."""
        return self[name]

    def first(self, name: str) -> str:
        return next(iter(self.get(name, ())), "")


def form_of(body: bytes) -> Form | None:
    """The fields of a form; None where it is none."""
    try:
        said = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        return None
    form = Form()
    for name, value in said:
        form.setdefault(name, []).append(value)
    return form


def is_by_sendgrid(delivery: Delivery, settings: Settings, real: datetime) -> bool:
    """By ECDSA over timestamp and body, with a public key of its: events have one, and each
    security policy of its inbound mail another."""
    at = delivery.headers.get(SENDGRID_AT, "")
    if not (at.isascii() and at.isdecimal() and len(at) <= 12):
        return False
    age = real.timestamp() - int(at)
    if not -AHEAD.total_seconds() <= age <= OLDEST.total_seconds():
        return False
    signature = _decoded(delivery.headers.get(SENDGRID, ""))
    if not signature:
        return False
    keys = _public_keys(settings.sendgrid_webhook_public_key)
    signed = at.encode() + delivery.body
    return any(_fits(key, signature, signed) for key in keys if key)


def is_by_twilio(delivery: Delivery, settings: Settings, path: str) -> bool:
    """By HMAC-SHA1 over the address that Twilio knows us by, and the form's fields.

    That address is the public one: what a proxy makes of it, or a Host header says, proves nothing.
    """
    query = f"?{delivery.query}" if delivery.query else ""
    url = f"{settings.public_url.rstrip('/')}/hooks/{path}{query}"
    token = settings.twilio_auth_token.get_secret_value().strip()
    return is_signed(url, delivery.body, delivery.headers.get(TWILIO, ""), token)


def is_signed(url: str, body: bytes, said: str, token: str) -> bool:
    """Whether that is Twilio's signature of a form posted to an address."""
    form = form_of(body)
    if form is None or not token or not said:
        return False
    try:
        return bool(RequestValidator(token).validate(url, form, said))
    except ValueError:  # an address, or characters, that nobody can have signed
        return False


def is_public_key(said: str) -> bool:
    """Whether a setting is a key that SendGrid could have shown, or several with commas."""
    return all(_public_keys(said))


def _public_keys(said: str) -> list[ec.EllipticCurvePublicKey | None]:
    return [_public_key(one) for one in said.split(",")]


def _fits(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _public_key(said: str) -> ec.EllipticCurvePublicKey | None:
    der = _decoded("".join(said.split()))
    try:
        key = load_der_public_key(der) if der else None
    except ValueError:
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def _decoded(said: str) -> bytes | None:
    """Of all the ways to write the same bytes in base64, only the one that is right."""
    try:
        found = base64.b64decode(said, validate=True)
    except ValueError:
        return None
    return found if base64.b64encode(found).decode() == said else None
