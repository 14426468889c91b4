"""The sheet for a call: whom, when, why, what to know and to say, and room for what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from sqlalchemy import select

from activities.crm.house import HouseRules, Office, house_rules
from activities.crm.tables import Customer, Message, Task
from activities.rendering import postal, printed, prose
from activities.rendering.paper import Question, Sheet
from activities.rendering.printed import Block, breakable
from activities.rendering.values import clean, visible
from starter.desk.forms import form_of
from starter.reports import Reports, words
from starter.reports.objects import TaskView
from starter.reports.sops import procedures

NUMBER = "Number"
LONGEST = 320  # letters of what was said before
BY_HAND = ("declined", "subject", "text", "method", "resolved", "feedback")  # none of a call's
LAST = ("actions", "note")
ASKED = {
    "reached": "Reached?",
    "product": "Score for the product, 0 to 10",
    "overall": "Score for everything around it, 0 to 10",
    "comment": "In their words",
    "escalate": "Make a complaint of it?",
    "actions": "What is to be done next",
    "note": "Note",
    "arrived": "Has it arrived?",
    "at": "When",
}
SCALE = tuple(str(score) for score in range(11))


@dataclass(frozen=True)
class Known:
    """What the sheet is made of."""

    row: Task
    view: TaskView
    customer: Customer | None
    rules: HouseRules
    office: Office
    message: Message | None
    now: datetime

    def here(self, moment: datetime) -> str:
        return f"{moment.astimezone(ZoneInfo(self.office.time_zone)):%a %d %b, %H:%M}"


async def of_task(reports: Reports, task: str) -> Sheet | None:
    """The sheet of a task; none: there is no such task."""
    view = await reports.task(task)
    if view is None:
        return None
    async with reports.store.reading() as session:
        row = await session.get_one(Task, task)
        customer = await session.get(Customer, row.customer_id) if row.customer_id else None
        rules = await house_rules(session)
        query = select(Message).where(Message.key == str(row.brief.get("message", "")))
        message = (await session.execute(query)).scalar_one_or_none()
    office = rules.office(customer.country if customer else None)
    known = Known(row, view, customer, rules, office, message, reports.clock.now())
    return Sheet(
        paper=postal.form(office.country).paper,
        title=clean(view.title)[:1].upper() + clean(view.title)[1:] or view.id,
        largest=NUMBER,
        facts=[(name, breakable(clean(said))) for name, said in _facts(known) if said],
        alerts=[_alert(one, known) for one in _list(view.brief, "alerts")],
        bought=[_bought(one, known) for one in _list(view.brief, "purchases")],
        told=[_told(one, known) for one in _list(view.brief, "feedback")],
        script=_script(known),
        questions=list(_questions(known)),
        foot=f"{view.id} · {known.here(known.now)}",
        made=known.now,
    )


def _facts(known: Known) -> Iterator[tuple[str, str]]:
    row, customer = known.row, known.customer
    if customer is not None:
        called = customer.preferred_name
        more = f", called {called}" if called and called != customer.name else ""
        yield "Whom", f"{customer.name or customer.email or customer.id}{more}"
        yield "Company", customer.company or ""
        yield NUMBER, _number(str(row.brief.get("to") or "") or customer.phone or "")
        yield "Language", customer.locale or ""
        yield "When", _when(known, customer)
    sop = procedures().get((row.follow_up or "").partition(".")[0])
    about = [sop.title if sop else "", f"clause {row.clause}" if row.clause else ""]
    yield "Why", ", ".join(part for part in about if part)
    yield "Order", row.order_id or ""
    yield "Due", known.here(row.due_at)
    yield "Whose", ", ".join(filter(None, (row.role.replace("-", " "), row.assignee)))


def _number(said: str) -> str:
    try:
        parsed = phonenumbers.parse(said)
    except phonenumbers.NumberParseException:
        return said
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _when(known: Known, customer: Customer) -> str:
    """The hours they may be called in, by their clock and by ours."""
    rules, ours = known.rules, ZoneInfo(known.office.time_zone)
    try:
        theirs = ZoneInfo(customer.time_zone or rules.time_zone)
    except (LookupError, ValueError, OSError):
        theirs = ours
    opens, closes = rules.contact_opens, rules.contact_closes
    said = f"{opens:%H:%M} to {closes:%H:%M} their time"
    day = known.now.astimezone(theirs)
    if day.utcoffset() != known.now.astimezone(ours).utcoffset():
        first, last = (
            day.replace(hour=at.hour, minute=at.minute).astimezone(ours) for at in (opens, closes)
        )
        said += f", {first:%H:%M} to {last:%H:%M} ours"
    if known.row.snoozed_until and known.row.snoozed_until > known.now:
        said += f"; not before {known.here(known.row.snoozed_until)} (ours)"
    return said


def _alert(one: Mapping[str, Any], known: Known) -> str:
    parts = [words.reason(str(one.get("kind", ""))), str(one.get("severity") or "")]
    since = _moment(one.get("since"), known)
    parts.append(f"since {since}" if since else "")
    said = clean(", ".join(part for part in parts if part))
    return said[:1].upper() + said[1:]


def _bought(one: Mapping[str, Any], known: Known) -> tuple[str, str]:
    items = ", ".join(str(item) for item in one.get("items") or () if item) or "order"
    said = [str(one.get("order") or ""), str(one.get("total") or ""), _moment(one.get("at"), known)]
    for name, word in (("delivered_at", "delivered"), ("returned_at", "returned")):
        at = _moment(one.get(name), known)
        said.append(f"{word} {at}" if at else "")
    return breakable(clean(items)), breakable(clean(", ".join(part for part in said if part)))


def _told(one: Mapping[str, Any], known: Known) -> tuple[str, str]:
    score = f"score {one['score']}" if one.get("score") else ""
    under = [str(one.get("method") or ""), _moment(one.get("at"), known), score]
    text = " ".join(visible(str(one.get("text") or "")).split())
    short = text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
    return clean(", ".join(part for part in under if part)), breakable(short)


def _script(known: Known) -> list[Block]:
    """What is to be said: a colleague's draft, or the words that the channel was given."""
    view, brief = known.view, known.row.brief
    if view.draft:
        head, html = view.draft.subject, prose.read(visible(view.draft.body)).html
    elif known.message is not None and known.message.body_html:
        head, html = "", known.message.body_html
    else:
        head, html = str(brief.get("subject") or ""), ""
    blocks = printed.taken_apart(html).body
    if not html and brief.get("text"):
        lines = visible(str(brief["text"])).split("\n\n")
        blocks = [_paragraph(line) for line in lines if line.strip()]
    blocks = [one | {"level": 3} if one["is"] == "heading" else one for one in blocks]
    return [_paragraph(clean(head), strong=True), *blocks] if clean(head) else blocks


def _paragraph(text: str, *, strong: bool = False) -> Block:
    run = {"is": "text", "text": breakable(text), "strong": strong, "stressed": False, "link": ""}
    return {"is": "paragraph", "runs": [run]}


# -- what is filled in by hand -------------------------------------------------------------------


def _questions(known: Known) -> Iterator[Question]:
    """As the task's form asks them; so whoever adds a form need not draw it."""
    checks = known.row.brief.get("checks")
    if isinstance(checks, list) and checks:
        yield Question("To be ticked off", tuple(clean(str(one)) for one in checks), -1)
    shape = form_of(known.row).model_json_schema()
    fields = {name: said for name, said in shape["properties"].items() if name not in BY_HAND}
    names = [name for name in fields if name not in LAST]
    for name in (*names, *(name for name in LAST if name in fields)):
        label = ASKED.get(name) or name.replace("_", " ").capitalize()
        ticks, rows = _room(fields[name])
        yield Question(label, ticks, rows)


def _room(field: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Boxes for a choice, a scale for a score, lines for words."""
    kinds = [field, *field.get("anyOf", ())]
    for kind in kinds:
        if "enum" in kind:
            return tuple(str(one) for one in kind["enum"]), -1
        if kind.get("type") == "boolean":
            return ("yes", "no"), -1
        if kind.get("type") == "number":
            return SCALE, -1
    long = any(kind.get("maxLength", 0) > 1000 for kind in kinds)
    return (), 3 if long else 0


def _list(brief: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = brief.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _moment(said: object, known: Known) -> str:
    try:
        at = datetime.fromisoformat(str(said)) if said else None
    except ValueError:
        return ""
    if at is None or at.tzinfo is None:
        return ""
    zone = ZoneInfo(known.office.time_zone)
    year = "" if abs(known.now - at) < timedelta(days=300) else " %Y"
    return at.astimezone(zone).strftime(f"%d %b{year}")
