"""What Salesforce is told of our rows: companies as accounts, customers as contacts with what they
allow, and tasks for all that was said or is to be done.

Standard fields only. What is longer than a field is cut, but an address: half of one is another.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import house_rules
from activities.crm.ledger import NOT_RELEASED
from activities.crm.marking import ACCOUNT, CONTACT
from activities.crm.tables import Customer, Message, Note, Task
from activities.permission import offers_may_go, standing_of

Body = dict[str, Any]
Said = Message | Note | Task
TABLES: dict[str, type[Customer | Said]] = {
    ACCOUNT: Customer,
    CONTACT: Customer,
    "message": Message,
    "note": Note,
    "task": Task,
}
LONGEST = {  # of a field, in UTF-16 units, as Salesforce counts
    "LastName": 80,
    "FirstName": 40,
    "MailingStreet": 255,
    "MailingCity": 40,
    "MailingPostalCode": 20,
    "MailingCountry": 80,
    "Name": 255,
    "Subject": 255,
    "Description": 32_000,
}
UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
WHOLE = {"Email": 80, "Phone": 40}  # or not at all
NAMELESS = "(no name)"
METHODS = {"email": "E-mail", "sms": "SMS", "phone": "Call", "call": "Call"}
FIRST = 1  # the priority of what comes first


async def read(session: AsyncSession, kind: str, ref: str) -> tuple[Customer | None, Body | None]:
    """Whom a row is about, and what Salesforce is to have of it; nothing, if that is nothing."""
    table = TABLES.get(kind)
    row: Said | Customer | None = await session.get(table, ref) if table else None
    if row is None:
        return None, None
    if isinstance(row, Customer):
        if kind == ACCOUNT:
            name = _fitting("Name", row.company)
            return row, {"Name": name} if name else None
        return row, _fit(_contact(row)) | await _allowed(session, row)
    customer = await session.get(Customer, row.customer_id) if row.customer_id else None
    office = (await house_rules(session)).office(customer.country if customer else None)
    body = _said(row, ZoneInfo(office.time_zone))
    return customer, _fit(body) if body else None


def _said(row: Said, zone: ZoneInfo) -> Body | None:
    match row:
        case Message():
            return _message(row, zone)
        case Note():
            return _note(row, zone)
        case Task():
            return _task(row, zone)


def _contact(row: Customer) -> Body:
    """Empty here is empty there: what is corrected with us is corrected there, too."""
    first, _, last = UNFIT.sub("", row.name or "").strip().partition(" ")
    address = row.address or {}
    lines = [str(address[name]) for name in ("line1", "line2") if address.get(name)]
    return {
        "FirstName": first if last else None,
        "LastName": last.strip() or first or row.company or NAMELESS,
        "Email": row.email,
        "Phone": row.phone,
        "MailingStreet": "\n".join(lines) or None,
        "MailingCity": address.get("city"),
        "MailingPostalCode": address.get("postal_code"),
        "MailingCountry": _country(row.country),
    }


async def _allowed(session: AsyncSession, row: Customer) -> Body:
    """Whether offers may go to them: who never agreed has opted out there, so that nobody over
    there asks them for what we would not."""
    standing = await standing_of(session, row)
    return {
        "HasOptedOutOfEmail": not offers_may_go(standing, "email"),
        "DoNotCall": not offers_may_go(standing, "call"),
    }


def _country(code: str | None) -> str | None:
    """Its English name, which is what Salesforce's own list of countries takes."""
    return Locale("en").territories.get(code.upper(), code) if code else None


def _message(row: Message, zone: ZoneInfo) -> Body | None:
    """Who it was sent to, when and about what: its words stay with us. What went to nobody, because
    only test addresses are written to, is not told."""
    if row.sent_at is None or row.reason == NOT_RELEASED:
        return None
    method = METHODS.get(row.channel or "", row.channel or "message")
    about = " ".join(filter(None, (row.sop, row.clause)))
    return _logged(
        row.sent_at,
        zone,
        subject=f"{method}: {row.subject or row.template}",
        lines={
            "Method": f"{method}, by Aftercare ({about})",
            "Summary": row.subject or row.template,
            "State": f"{row.state}, by {row.via}" if row.via else row.state,
        },
    )


def _note(row: Note, zone: ZoneInfo) -> Body:
    """What was said otherwise, in either direction: date, method, summary, feedback, actions."""
    method = METHODS.get(row.method, row.method)
    way = {"in": " from the customer", "out": " to the customer"}.get(row.direction, "")
    return _logged(
        row.at,
        zone,
        subject=f"{method}: {row.summary.splitlines()[0] if row.summary.strip() else 'note'}",
        lines={
            "Method": method + way + (f", by {row.by}" if row.by else ""),
            "Summary": row.summary,
            "Feedback": row.feedback,
            "Follow-up actions": row.actions,
        },
    )


def _logged(at: datetime, zone: ZoneInfo, *, subject: str, lines: dict[str, str | None]) -> Body:
    there = at.astimezone(zone)
    said = {"Date": f"{there:%Y-%m-%d %H:%M} {zone.key}", **lines}
    return {
        "Subject": subject,
        "Status": "Completed",
        "Priority": "Normal",
        "ActivityDate": there.date().isoformat(),
        "Description": "\n".join(f"{name}: {words}" for name, words in said.items() if words),
    }


def _task(row: Task, zone: ZoneInfo) -> Body:
    """A colleague's; one that was declined or taken back is over, too, and says so."""
    done = row.done_at or row.due_at
    over = row.state if not row.reason else f"{row.state} ({row.reason})"
    lines = {
        "For": f"{row.role}, {row.assignee}" if row.assignee else row.role,
        "Due": f"{row.due_at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}",
        "State": f"{over}, {done.astimezone(zone):%Y-%m-%d %H:%M}" if row.done_at else over,
    }
    return {
        "Subject": row.title,
        "Status": "Not Started" if row.state == "open" else "Completed",
        "Priority": "High" if row.urgent or row.priority == FIRST else "Normal",
        "ActivityDate": row.due_at.astimezone(zone).date().isoformat(),
        "Description": "\n".join(f"{name}: {words}" for name, words in lines.items()),
    }


# -- as Salesforce takes it ----------------------------------------------------------------------


def _fit(body: Body) -> Body:
    return {name: _fitting(name, value) for name, value in body.items()}


def _fitting(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = UNFIT.sub("", value).strip()
    if name in WHOLE:
        return value if value and _units(value) <= WHOLE[name] else None
    return _cut(value, LONGEST.get(name, 255)) or None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> str:
    """Its beginning, with a sign that there was more."""
    if _units(text) <= most:
        return text
    head = text.encode("utf-16-le")[: 2 * (most - 1)]
    return head.decode("utf-16-le", "ignore").rstrip() + "…"
