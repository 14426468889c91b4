"""Feedback at the door: a survey's, a form's, a reply's or a colleague's; bad enough, it opens a
complaint."""

from __future__ import annotations

from typing import Any

from activities.crm import cases, feedback
from activities.crm.cases import COMPLAINT, RESOLVED
from activities.crm.house import house_rules
from activities.crm.tables import Case, Feedback, Message
from starter.intake.cases import named, open_case
from starter.intake.events import Opinion
from starter.intake.handling import Handling
from starter.intake.said import note, write_down
from workflows.vocabulary import Severity

DISSATISFIED = "dissatisfaction"
BY = {"form": "form", "phone": "call", "email": "reply", "sms": "reply", "letter": "reply"}


async def gave_feedback(h: Handling) -> None:
    """Kept in numbers and words. What is said of a case that is open is told to it; what is bad
    news otherwise becomes a complaint, in the same transaction."""
    said = h.data if isinstance(h.data, Opinion) else Opinion()
    message = await write_down(h)
    about = await _about(h, said, message)
    row = await _keep(h, said, message)
    rules = await house_rules(h.session)
    bad = said.satisfied is False or feedback.is_low(row, rules.low_score)
    bad = bad and (about is not None or not h.is_before_go_live())  # old news is on record only
    if bad and about is None:  # somebody is at one already
        about = next(reversed(await cases.open_of(h.session, h.customer.id, COMPLAINT)), None)
    opened = await _complain(h, message, about) if bad else None
    case = opened or about
    row.case_id = case.id if case else None
    body: dict[str, Any] = {"feedback_id": row.id, "satisfied": said.satisfied}
    body |= {"to": message.key if message else None, "case_id": row.case_id}
    body |= {"opened_case": True if opened else None}
    body |= {"order_id": row.order_id, "category": row.category}
    mine = cases.follow_up_of(case.id) if case else ""
    known = {name: told for name, told in body.items() if told is not None}
    await h.tell("feedback", known, also=mine, but=mine if opened else "")


async def _keep(h: Handling, said: Opinion, message: Message | None) -> Feedback:
    written = await note(h, message)
    return await feedback.keep(
        h.session,
        key=h.row.id,
        customer_id=h.customer.id,
        at=h.at,
        source=(said.source or BY.get(said.channel or "") or h.row.source)[:255],
        order_id=h.order.id if h.order else message.order_id if message else None,
        follow_up=message.follow_up if message else h.meant,
        clause=message.clause if message else None,
        message_key=message.key if message else None,
        product=said.product,
        overall=said.score if said.overall is None else said.overall,
        satisfied=said.satisfied,
        category=said.category,
        note_id=written.id,
        actions=said.actions,
    )


async def _about(h: Handling, said: Opinion, message: Message | None) -> Case | None:
    """The case it is about: the one named, the one whose mail is answered, or, of whether they are
    satisfied, the complaint that was put right last."""
    sop, _, subject = (message.follow_up if message else h.meant or "").partition(".")
    case_id = said.case_id or (subject if sop == h.catalogue.cases.name else None)
    if case_id:
        return await cases.of_id(h.session, h.customer.id, case_id)
    if said.satisfied is None:
        return None
    asked = await cases.open_of(h.session, h.customer.id, COMPLAINT)
    return next((case for case in reversed(asked) if case.state == RESOLVED), None)


async def _complain(h: Handling, message: Message | None, about: Case | None) -> Case | None:
    """A complaint, unless what they speak of is one that is not closed."""
    if about and about.closed_at is None and about.kind == COMPLAINT:
        return None
    case = await open_case(h, COMPLAINT, message, type_=DISSATISFIED, severity=Severity.MEDIUM)
    mine = cases.follow_up_of(case.id)
    await h.tell("complaint", named(case), everybody=True, but=mine)
    return case
