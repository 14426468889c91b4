"""Notices for a system of the house's own: signed as Standard Webhooks has it.

The key it is signed with is derived from the house's secret, so that whoever checks it can sign no
customer's link.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from datetime import datetime, timedelta

from activities.channels import UnknownOutcomeError
from activities.channels.http import AwayError, ask
from activities.crm.tables import Notice, Task
from activities.settings import Settings

HOOK = "webhook"  # the address of what goes there
SECONDS = 10.0  # that it may take
GIVEN_UP = timedelta(days=3)
LABEL = b"aftercare staff webhook"

log = logging.getLogger(__name__)


class Webhook:
    """One address that is told of every task."""

    def __init__(self, settings: Settings) -> None:
        self.url, self._public_url = settings.staff_webhook, settings.public_url.rstrip("/")
        self._key = hmac.digest(settings.secret_key.get_secret_value().encode(), LABEL, "sha256")
        self._tried: dict[str, datetime] = {}  # since when, real time

    @property
    def secret(self) -> str:
        """What the receiver checks the signature with."""
        return f"whsec_{base64.b64encode(self._key).decode()}"

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
        digest = hmac.new(self._key, signed, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"

    async def call(self, notice: Notice, task: Task, real: datetime) -> bool:
        """Whether it was taken, or is given up: else it is tried again, later and later."""
        if not self.url:
            return True
        body, timestamp = self._body(notice, task), int(real.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": self.sign(notice.id, timestamp, body),
        }
        try:
            answer = await ask("POST", self.url, seconds=SECONDS, headers=headers, body=body)
            why = "" if 200 <= answer.status < 300 else str(answer.status)
        except (AwayError, UnknownOutcomeError) as fault:
            why = str(fault) or type(fault).__name__
        since = self._tried.setdefault(notice.id, real)
        if why and real - since < GIVEN_UP:
            log.warning("the staff webhook does not take a notice: %s", why)
            return False
        if why:
            log.error("a notice is given up, the staff webhook never took it: %s", why)
        self._tried.pop(notice.id, None)
        return True

    def _body(self, notice: Notice, task: Task) -> bytes:
        """Nothing of the customer; who wants to know more follows the link."""
        said = {
            "type": f"task.{notice.what}",
            "timestamp": notice.at.isoformat(),
            "data": {
                "task": task.id,
                "title": task.title,
                "follow_up": task.follow_up,
                "clause": task.clause,
                "form": task.form,
                "role": task.role,
                "assignee": task.assignee,
                "escalated_to": task.escalated_to,
                "urgent": notice.urgent,
                "due_at": task.due_at.isoformat(),
                "url": f"{self._public_url}/tasks/{task.id}",
            },
        }
        return json.dumps(said, separators=(",", ":")).encode()
