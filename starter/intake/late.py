"""What is heard late comes to what it would have come to, had it been heard in its turn.

A follow-up counts from what happened first, not from what was heard first. What the customer said
since an order was placed is for that order's follow-ups, however late those begin. And who took an
account, or bought, besides what was undone, is a customer all the same: they begin with us anew.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from activities.crm import orders, past
from activities.crm.tables import Enrolment
from starter.intake.handling import SIGNALS, Handling
from workflows.vocabulary import Heard

UNDONE = tuple(SIGNALS[what] for what in orders.UNDOING)  # why a guest's follow-up ended
SAID = (  # to all of a customer's follow-ups, whatever they follow up
    "responded",
    "inquiry",
    "inquiry_answered",
    "feedback",
    "complaint",
    "complaint_resolved",
    "interaction",
)
WELCOME = "welcome"


def moment(h: Handling) -> datetime:
    """When what may begin a follow-up happened."""
    return (h.order.confirmed_at if h.order else None) or h.at


def begins_earlier(h: Handling, follow_up: Enrolment) -> None:
    """It runs already: from now on it counts from this, if this came first. What somebody asked
    for counts from an order of its own only: other purchases may be of years ago."""
    began, at = follow_up.input.get("purchased_at"), moment(h)
    if began is None or h.is_imported or h.is_before_go_live():
        return
    if follow_up.input.get("requested_at") and not (h.order and h.order.id == follow_up.order_id):
        return
    if at < datetime.fromisoformat(began):
        follow_up.input = follow_up.input | {"purchased_at": at.isoformat()}
        h.signal(follow_up, "began_earlier", {"at": at.isoformat()})


async def anew(h: Handling, sop: str, follow_up: str) -> str:
    """The subject of the follow-up that begins after one that ended with what was undone, or has
    begun since then; none if it did not end so."""
    first = await h.session.get(Enrolment, follow_up)
    if first is None or first.reason not in UNDONE:
        return ""
    known = await past.of_sop(h.session, h.customer.id, sop)
    runs = next((row.subject for row in known if row.reason not in UNDONE), "")
    return runs or f"{first.subject}-{len(known) + 1}"


async def welcomed(h: Handling, sop: str) -> dict[str, object]:
    """The welcome that has gone since this happened, though what sent it has ended."""
    ended = [row.id for row in await past.of_sop(h.session, h.customer.id, sop)]
    sent = await past.sent_since(h.session, ended, WELCOME, moment(h)) if ended else None
    return {"welcomed": sent.key, "welcomed_at": sent.sent_at} if sent else {}


async def said_since(h: Handling, known: Collection[Heard]) -> list[Heard]:
    """What the customer's other follow-ups were told of them since this happened."""
    ids = {(one.name, one.event.get("id")) for one in known}
    told = await past.told_since(h.session, h.customer.id, h.at, SAID)
    return [one for one in told if (one.name, one.event["id"]) not in ids]
