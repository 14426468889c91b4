"""Twilio's status callbacks at `/hooks/twilio/status`: what became of each SMS.

The address that each is posted to names our message (`?t=msg_…`), and is signed with the rest.
Their order is not guaranteed, so each counts for what it says, whenever it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl

from sqlalchemy import select

from activities.crm.ledger import SENDING
from activities.crm.tables import Message
from activities.settings import Settings
from starter.senders import Delivery, NotYetError, Reader, Readings, Reply, UnreadableError
from starter.senders.reports import NOT_OURS, UNKNOWN_KIND, Named, find, line, report
from starter.senders.signatures import Form, form_of, is_by_twilio

TWILIO = "twilio"
WHAT = {
    "accepted": "processed",
    "scheduled": "processed",
    "queued": "processed",
    "sending": "processed",
    "sent": "sent",  # to the carrier
    "delivered": "delivered",
    "read": "opened",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}
# Why it did not arrive. Who is out of reach, or whose carrier filters, may be reached tomorrow:
# such a number is not given up.
REASONS = {
    "21211": "no_such_number",
    "21610": "stopped",
    "21614": "landline",
    "30001": "busy",
    "30002": "forbidden",
    "30003": "unreachable",
    "30004": "blocked",
    "30005": "no_such_number",
    "30006": "landline",
    "30007": "filtered",
    "30008": "undelivered",
    "30032": "unregistered",
    "30034": "unregistered",
    "30036": "expired",
}


class TwilioStatus:
    name = TWILIO
    path = "twilio/status"
    variable = "TWILIO_AUTH_TOKEN"
    headers: Sequence[str] = ("i-twilio-idempotency-token",)
    most = 100_000
    thanks = Reply(204)

    def is_set_up(self, settings: Settings) -> bool:
        return bool(settings.twilio_auth_token.get_secret_value().strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        return is_by_twilio(delivery, settings, self.path)

    def key(self, delivery: Delivery) -> str:
        """Each status of a message is told once, however often it is posted."""
        sid, status = _said(form_of(delivery.body) or Form())
        return f"{sid}/{status}" if sid and status else ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        form = form_of(delivery.body)
        if form is None:
            raise UnreadableError("no_form")
        sid, status = _said(form)
        if not sid or status not in WHAT:
            return Readings(left_out=[UNKNOWN_KIND])
        reference = next((v for name, v in parse_qsl(delivery.query) if name == "t"), "")
        (ours,) = await find(reader, [Named(id=line(reference), provider_id=sid)])
        if ours is None:
            await _wait_for_its_id(reader, line(form.first("To")))
            return Readings(left_out=[NOT_OURS])
        code = line(form.first("ErrorCode"))
        failed = WHAT[status] in ("undelivered", "failed")
        reason = "canceled" if status == "canceled" else REASONS.get(code, "undelivered")
        one = report(
            ours,
            id_=f"{sid}/{status}/told",
            provider=TWILIO,
            provider_id=sid,
            what=WHAT[status],
            reason=reason if failed else "",
        )
        return Readings([one])


def _said(form: Form) -> tuple[str, str]:
    """Which message, and how far it is."""
    sid = line(form.first("MessageSid") or form.first("SmsSid"))
    return sid, line(form.first("MessageStatus") or form.first("SmsStatus")).lower()


async def _wait_for_its_id(reader: Reader, number: str) -> None:
    """Where no address names our message, its status may be quicker than the answer that we send
    it by: while one is on its way to this number, nobody can say that it is not that."""
    query = select(Message.id).where(
        Message.state == SENDING, Message.via == TWILIO, Message.address == number
    )
    async with reader.store.reading() as session:
        if number and (await session.execute(query.limit(1))).first():
            raise NotYetError("on_its_way")
