"""SendGrid's Event Webhook at `/hooks/sendgrid/events`: what became of each e-mail.

A batch comes as an array, in no order, with duplicates; each event has an id of its own. Ours are
known by the custom args that each of our mails carries. What is not ours, and what SendGrid may
come to report one day, is kept with its delivery and left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activities.settings import Settings
from starter.senders import Delivery, Reader, Reading, Readings, Reply, UnreadableError
from starter.senders.reports import (
    NOT_OURS,
    UNKNOWN_KIND,
    Named,
    Ours,
    counted,
    digest,
    find,
    line,
    report,
    when,
)
from starter.senders.signatures import SENDGRID_AT, is_by_sendgrid, is_public_key

KEY, REFERENCE = "aftercare_key", "aftercare_reference"  # as our channel names them
MOST_EVENTS = 10_000

WHAT = {
    "processed": "processed",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "dropped",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "resubscribed",  # on record; consent is given to us alone
}
# Why SendGrid did not even try. By how its words begin: they go on with an address, or a limit.
DROPPED = {
    "bounced address": "no_such_address",
    "invalid smtpapi header": "refused",
    "invalid": "no_such_address",
    "spam reporting address": "complained",
    "unsubscribed address": "unsubscribed",
    "spam content": "spam_content",
    "recipient list over package quota": "over_quota",
}
# What its servers append to the id of a request, to name one message of it.
SERVER = re.compile(r"\.(?:recvd|filter|ismtpd|geopod)[\w-]*[.-]")


class SendGridEvents:
    name = "sendgrid"
    path = "sendgrid/events"
    variable = "SENDGRID_WEBHOOK_PUBLIC_KEY"
    headers: Sequence[str] = (SENDGRID_AT,)
    most = 5_000_000
    thanks = Reply(204)

    def is_set_up(self, settings: Settings) -> bool:
        return is_public_key(settings.sendgrid_webhook_public_key)

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        return is_by_sendgrid(delivery, settings, real)

    def key(self, delivery: Delivery) -> str:
        """A batch has no id: when it is sent again, it has the same bytes."""
        return f"batch/{delivery.digest}"

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        try:
            said: Any = json.loads(delivery.body)
        except (ValueError, RecursionError):
            raise UnreadableError("bad_json") from None
        if not isinstance(said, list) or len(said) > MOST_EVENTS:
            raise UnreadableError("invalid")
        events = [one for one in said if isinstance(one, dict)]
        named = [_named(one) for one in events]
        found: dict[str, Reading] = {}
        left_out = ["invalid"] if len(events) < len(said) else []
        for event, ours in zip(events, await find(reader, named), strict=True):
            if ours is None:
                left_out.append(NOT_OURS)
            elif kind := WHAT.get(line(event.get("event"))):
                one = _reading(event, kind, ours, reader)
                found.setdefault(one.event["id"], one)
            else:
                left_out.append(UNKNOWN_KIND)
        return Readings(list(found.values()), counted(left_out))


def _named(event: dict[str, Any]) -> Named:
    key, reference, whole = (line(event.get(one)) for one in (KEY, REFERENCE, "sg_message_id"))
    return Named(key, reference, whole)


def _reading(event: dict[str, Any], kind: str, ours: Ours, reader: Reader) -> Reading:
    return report(
        ours,
        id_=line(event.get("sg_event_id")) or digest(event),
        at=when(event.get("timestamp"), reader),
        provider="sendgrid",
        provider_id=_provider_id(event, ours.provider_id or ""),
        what=kind,
        reason=_reason(event, kind),
    )


def _reason(event: dict[str, Any], kind: str) -> str:
    """A code: their words have addresses in them."""
    if kind == "bounced":
        # `blocked` is this mail, this time; `bounce` is the address, and for good.
        return {"blocked": "blocked", "expired": "expired"}.get(
            line(event.get("type")), "no_such_address"
        )
    if kind == "dropped":
        reason = event.get("reason")
        words = reason.casefold() if isinstance(reason, str) else ""
        return next((code for begin, code in DROPPED.items() if words.startswith(begin)), "refused")
    if kind == "opened" and event.get("sg_machine_open") is True:
        return "machine"
    return ""


def _provider_id(event: dict[str, Any], known: str) -> str:
    """The `X-Message-Id` that we were given: what it is about begins with it, and a dot."""
    whole = line(event.get("sg_message_id"))
    smtp = line(event.get("smtp-id")).strip("<>").partition("@")[0]
    for one in (known, smtp):
        if one and whole.startswith(f"{one}."):
            return one
    return SERVER.split(whole, maxsplit=1)[0] or whole
