"""Signed tokens in customers' links: who may be spoken for, and nothing else.

They hold no secret and need no table, so that one from years ago, or of a customer since erased,
still reads.
"""

from __future__ import annotations

import hmac
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Literal

Purpose = Literal["unsubscribe", "feedback", "reply", "click"]
SIGNATURE = 18  # bytes: 144 bits, and no padding in base64


def make(secret: str, purpose: Purpose, subject: str) -> str:
    """A token for one purpose: `unsubscribe` a customer, `feedback` to a message's key."""
    return f"{_text(subject.encode())}.{_text(_sign(secret, purpose, subject))}"


def read(secret: str, purpose: Purpose, token: str) -> str | None:
    """Whom or what a token of ours is about; None: it is not ours, or not for this."""
    try:
        said, signature = (_bytes(part) for part in token.split("."))
        subject = said.decode()
    except ValueError:
        return None
    right = hmac.compare_digest(signature, _sign(secret, purpose, subject))
    # One token, one spelling: base64 would also read what it never writes.
    return subject if right and hmac.compare_digest(token, make(secret, purpose, subject)) else None


def make_short(secret: str, purpose: Purpose, reference: str) -> str:
    """A token about one message of ours (`msg_…`), in 36 small letters and digits: for SMS, and
    for an address, whose capitals do not last and whose length is limited (RFC 5321: 64)."""
    number = reference.removeprefix("msg_")
    signature = b32encode(_sign(secret, purpose, reference)[:10]).decode().lower()
    return f"{number}{signature}"


def read_short(secret: str, purpose: Purpose, token: str) -> str | None:
    """The message (`msg_…`) that a short token of ours is about; None: it is not ours."""
    token = token.lower()
    reference = f"msg_{token[:20]}"
    right = make_short(secret, purpose, reference)
    return reference if hmac.compare_digest(token.encode(), right.encode()) else None


def _sign(secret: str, purpose: Purpose, subject: str) -> bytes:
    if not secret:
        raise ValueError("tokens need a secret key")
    said = f"aftercare:{purpose}:{subject}".encode()
    return hmac.digest(secret.encode(), said, sha256)[:SIGNATURE]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
