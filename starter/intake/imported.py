"""What an import says of the past: on record first, all of it; then what may still begin, begins.

So that a follow-up begins with all that happened meanwhile, whatever order the file has it in, and
an opt-out anywhere in the file holds before anything starts.
"""

from __future__ import annotations

from typing import Any

from activities.crm import consents, inbox, orders
from activities.crm import tables as rows
from starter.intake.handling import ANSWERED, Handling
from starter.intake.news import before_its_start
from workflows.sops import Sop
from workflows.vocabulary import Heard

BEFORE_IMPORT = "before_import"
BEGINS = "/begins"  # how the id ends of what begins once all is on record


def begins_later(h: Handling) -> None:
    """What this event starts, starts when the import has come to its end."""
    event: dict[str, Any] = {
        "id": h.row.event_id + BEGINS,
        "type": h.event.type,
        "customer": {"id": h.customer.id},
        "begins": True,
    }
    event |= {"order": {"id": h.order.id}} if h.order else {}
    event |= {"contract": {"id": h.contract.id}} if h.contract else {}
    row = inbox.row_for(inbox.IMPORT, event, occurred_at=h.at, now=h.now)
    row.state, row.parent_id = inbox.IMPORTING, h.row.id
    h.session.add(row)
    h.note("recorded")


async def take_back(h: Handling) -> None:
    """A no in the file is the customer's word, and no yes that was said before outlives it."""
    said = h.event.customer
    consent = said.consent if said else None
    scopes = {name: getattr(consent, name, None) for name in consents.SCOPES}
    scopes |= {f"topic:{topic}": given for topic, given in ((said and said.topics) or {}).items()}
    refused = {scope: False for scope, given in scopes.items() if given is False}
    if refused:
        await consents.state(
            h.session,
            h.customer.id,
            refused,
            at=(consent and consent.at) or h.at,
            now=h.now,
            source=(consent and consent.source) or h.row.source,
            wording=consent.wording if consent else None,
        )


async def is_over(h: Handling, sop: Sop) -> bool:
    """Whether nothing of it lies ahead; the years after count from their first order's."""
    if h.order is None:
        return False
    reach = (await h.catalogue.policy(h.session, sop)).reach()
    bought = h.order.confirmed_at or h.at
    if reach is None or bought + reach >= h.now:
        return False
    return not sop.years or bought != await orders.first_bought(h.session, h.customer.id)


def is_news(h: Handling, row: rows.Inbox, heard: Heard) -> bool:
    """Not what would be answered and came by an import, for what begins apart from that: it does
    not look back, and would answer it today."""
    return h.is_imported or row.source != inbox.IMPORT or heard.name not in ANSWERED


async def bought_besides(h: Handling) -> list[Heard]:
    """The customer's other orders, of which a follow-up would have been told as they came."""
    told: list[Heard] = []
    for row in await orders.of(h.session, h.customer.id):
        if (h.order is None or row.id != h.order.id) and row.confirmed_at is not None:
            told += [_placed(row), *before_its_start(row)]
    return told


def _placed(row: rows.Order) -> Heard:
    at = row.confirmed_at.isoformat() if row.confirmed_at else ""
    return Heard(
        name="order_placed", event={"id": f"{row.id}-placed", "at": at, "order_id": row.id}
    )
