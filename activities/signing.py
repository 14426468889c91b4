"""Signed requests to systems of the house's own, as Standard Webhooks has it: one way for all.

Each key is derived from the house's secret and what it is for, so that whoever checks a signature
can sign no customer's link, and nothing in another system's name.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from pydantic import SecretStr

STAFF = "staff webhook"
SYSTEM = "system "  # with the system's name


class Signer:
    """What one receiver knows us by."""

    def __init__(self, secret_key: SecretStr, label: str) -> None:
        said = f"aftercare {label}".encode()
        self._key = hmac.digest(secret_key.get_secret_value().encode(), said, "sha256")

    @property
    def secret(self) -> str:
        """What the receiver checks the signature with."""
        return f"whsec_{base64.b64encode(self._key).decode()}"

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
        digest = hmac.new(self._key, signed, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"

    def headers(self, message_id: str, real: datetime, body: bytes) -> dict[str, str]:
        """The same id again is the same message; the moment is this attempt's."""
        timestamp = int(real.timestamp())
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": self.sign(message_id, timestamp, body),
        }
