"""Notices for a system of the house's own: signed as Standard Webhooks has it."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from activities.channels import UnknownOutcomeError
from activities.channels.http import AwayError, ask
from activities.crm.tables import Notice, Task
from activities.settings import Settings
from activities.signing import STAFF, Signer

HOOK = "webhook"  # the address of what goes there
SECONDS = 10.0  # that it may take
GIVEN_UP = timedelta(days=3)

log = logging.getLogger(__name__)


class Webhook:
    """One address that is told of every task."""

    def __init__(self, settings: Settings) -> None:
        self.url, self._public_url = settings.staff_webhook, settings.public_url.rstrip("/")
        self._signer = Signer(settings.secret_key, STAFF)
        self._tried: dict[str, datetime] = {}  # since when, real time

    @property
    def secret(self) -> str:
        """What the receiver checks the signature with."""
        return self._signer.secret

    async def call(self, notice: Notice, task: Task, real: datetime) -> bool:
        """Whether it was taken, or is given up: else it is tried again, later and later."""
        if not self.url:
            return True
        body = self._body(notice, task)
        headers = self._signer.headers(notice.id, real, body)
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
