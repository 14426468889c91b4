"""Feedback at the door: a survey's, a form's, a reply's or a colleague's; bad enough, or serious
enough, it opens a complaint."""

from __future__ import annotations

from typing import Any

from activities.crm import cases, feedback
from activities.crm.cases import COMPLAINT, RESOLVED
from activities.crm.house import HouseRules, house_rules
from activities.crm.tables import Case, Feedback, Message
from starter.answers import Refusal
from starter.intake.cases import named, open_case
from starter.intake.events import Opinion, Serious
from starter.intake.handling import Handling
from starter.intake.letters import enrol_thanks
from starter.intake.said import note, write_down
from workflows.vocabulary import Severity

DISSATISFIED = "dissatisfaction"
BY = {"form": "form", "phone": "call", "email": "reply", "sms": "reply", "letter": "reply"}
RANKS = [None, *Severity]


def check_type(rules: HouseRules, said: str | None, param: str = "type") -> None:
    """The house says what feedback may be of; a type that it does not have nobody would find."""
    known = rules.taxonomy.types
    if said is not None and said not in known:
        words = f"the house knows these types of feedback: {', '.join(known)}"
        raise Refusal("unknown_type", words, param=param)


async def gave_feedback(h: Handling) -> None:
    """Kept in numbers and words. What is said of a case that is open is told to it; what is bad
    news otherwise becomes a complaint, in the same transaction."""
    said = h.data if isinstance(h.data, Opinion) else Opinion()
    rules = await house_rules(h.session)
    message = await write_down(h, by=said.by)
    about = await _about(h, said, message)
    row = await _keep(h, said, message, rules)
    bad = said.satisfied is False or feedback.is_low(row, rules.low_score)
    bad = bad or feedback.is_serious(row, rules.taxonomy)
    bad = bad and (about is not None or not h.is_old_news())  # old news is on record only
    opened, case = await _see_to(h, row, message, about) if bad else (None, about)
    row.case_id = case.id if case else None
    body: dict[str, Any] = {"feedback_id": row.id, "satisfied": said.satisfied}
    body |= {"to": message.key if message else None, "case_id": row.case_id}
    body |= {"opened_case": True if opened else None}
    body |= {"order_id": row.order_id, "category": row.type or row.category}
    body |= {"classified": True if row.classified_at else None}
    mine = cases.follow_up_of(case.id) if case else ""
    known = {name: told for name, told in body.items() if told is not None}
    await h.tell("feedback", known, also=mine, but=mine if opened else "")
    complains = opened is not None or (case is not None and not said.satisfied)
    if not complains and not h.is_old_news() and not await _is_thanked_for(h, row):
        await enrol_thanks(h, row)


async def _is_thanked_for(h: Handling, row: Feedback) -> bool:
    """Whether a procedure that was told thanks for it: those of its order, or of any, do."""
    told = {effect.follow_up for effect in h.effects if effect.effect == "signalled"}
    return any(
        follow_up.id in told and row.order_id in (None, follow_up.order_id)
        for follow_up in await h.running()
        if follow_up.sop in h.catalogue.sops
        and hasattr(h.catalogue.sops[follow_up.sop].workflow, "thanks")
    )


async def was_serious(h: Handling) -> None:
    """A colleague has classified it: somebody sees to it now, who did not before."""
    assert isinstance(h.data, Serious)  # noqa: S101 - the type's own data
    row = await h.session.get(Feedback, h.data.feedback_id)
    rules = await house_rules(h.session)
    if row is None or row.customer_id != h.customer.id:
        h.note("none", None, "no_feedback")
        return
    if not feedback.is_serious(row, rules.taxonomy):
        h.note("none", None, "thought_otherwise")  # since
        return
    about = await cases.of_id(h.session, h.customer.id, row.case_id) if row.case_id else None
    if about and about.kind == COMPLAINT and about.closed_at is not None:
        h.note("already", None, "case_closed")  # it was seen to
        return
    opened, case = await _see_to(h, row, None, about)
    row.case_id = case.id
    if opened is None:
        h.note("already", cases.follow_up_of(case.id), "complaint_open")


async def _keep(h: Handling, said: Opinion, message: Message | None, rules: HouseRules) -> Feedback:
    written = await note(h, message, by=said.by)
    row = await feedback.keep(
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
        by=said.by,
    )
    feedback.place(
        row,
        rules.taxonomy,
        h.now,
        by=said.by or row.by or row.source,
        type_=said.type,
        urgency=said.urgency,
        potential=said.potential,
    )
    return row


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


async def _see_to(
    h: Handling, row: Feedback, message: Message | None, about: Case | None
) -> tuple[Case | None, Case]:
    """The complaint that is opened, if none is open, and the one that sees to it: what they speak
    of, or whatever somebody is at already, which may be worse than was thought."""
    if about is None or about.kind != COMPLAINT:
        about = next(reversed(await cases.open_of(h.session, h.customer.id, COMPLAINT)), None)
    if about and about.closed_at is None and about.kind == COMPLAINT:
        await _join(h, row, about)
        return None, about
    case = await open_case(
        h,
        COMPLAINT,
        message,
        type_=row.type if row.classified_at and row.type else DISSATISFIED,
        severity=row.urgency or Severity.MEDIUM,
        order_id=row.order_id,
        follow_up=row.follow_up,
    )
    await h.tell("complaint", named(case), everybody=True, but=cases.follow_up_of(case.id))
    return case, case


async def _join(h: Handling, row: Feedback, case: Case) -> None:
    if RANKS.index(_of(row.urgency)) <= RANKS.index(_of(case.severity)):
        return
    await cases.went_on(h.session, h.now, case, h.customer, severity=row.urgency)
    also = cases.follow_up_of(case.id)
    await h.tell("complaint_updated", {"case_id": case.id}, also=also)


def _of(severity: str | None) -> Severity | None:
    return Severity(severity) if severity else None
