"""What comes of an event that starts nothing: replies, feedback, complaints, consent, activity.

What somebody wrote goes to the CRM; follow-ups are told ids only.
"""

from __future__ import annotations

from activities.crm import consents, holds, inbox, people
from activities.crm.milestones import record_decision
from activities.crm.tables import Case, Engagement, new_id
from starter.intake.events import (
    Activity,
    Contact,
    Data,
    Evidence,
    Grievance,
    Opinion,
    Permission,
    Said,
    Trouble,
)
from starter.intake.handling import SIGNALS, Handling


async def recorded(h: Handling) -> None:
    h.note("recorded")


async def passed_on(h: Handling) -> None:
    """A fact that the follow-ups themselves know what to do with."""
    await _write_down(h)
    await h.tell(SIGNALS[h.event.type])


async def engaged(h: Handling) -> None:
    """What a customer did: recorded only; it is read when a milestone asks."""
    said = h.data if isinstance(h.data, Activity) else Activity()
    h.session.add(
        Engagement(
            id=new_id("eng"),
            customer_id=h.customer.id,
            kind=h.event.type.removeprefix("engagement."),
            at=h.at,
            source=said.source or h.row.source,
            data=said.model_dump(exclude_none=True, include={"name", "url", "reference"}),
        )
    )
    h.note("recorded")


async def issue_showed(h: Handling) -> None:
    topic = h.data.topic if isinstance(h.data, Trouble) else None
    await _write_down(h)
    await h.tell("common_issue", {"topic": topic} if topic else {})


async def replied(h: Handling) -> None:
    """An answer, or a question: it stops reminders and waits for a person's answer."""
    if isinstance(h.data, Said) and h.data.automatic:
        await _write_down(h)
        h.note("recorded", None, "automatic_reply")
        return
    to = await _write_down(h)
    await _inquire(h)
    await h.tell(SIGNALS[h.event.type], {"to": to} if to else {})


async def inquiry_answered(h: Handling) -> None:
    await _write_down(h, direction="out")
    asked = await people.open_cases(h.session, h.customer.id, "inquiry")
    named = await _case(h)
    for case in [named] if named else asked:
        case.answered_at, case.resolved_at, case.state = h.at, h.at, "answered"
        await people.settle(h.session, h.now, f"{case.id}/answer", "answered_elsewhere")
    await h.tell("inquiry_answered")


async def gave_feedback(h: Handling) -> None:
    to = await _write_down(h)
    body = {"feedback_id": await _note_id(h)} | ({"to": to} if to else {})
    await h.tell("feedback", body)


async def complained(h: Handling) -> None:
    """Case, hold, task and tellings in one transaction: from now on nothing is sold to them."""
    await _write_down(h)
    case = await _case(h)
    known = case is not None and case.resolved_at is None and await _held(h, case)
    if known and h.row.source != inbox.WORKFLOW:  # a workflow's case nobody has been told of yet
        h.note("already", None, "complaint_open")
        return
    if case is None:
        said = h.data if isinstance(h.data, Grievance) else Grievance()
        case = Case(
            id=new_id("case"),
            key=_case_key(h) or h.row.id,
            customer_id=h.customer.id,
            order_id=h.order.id if h.order else None,
            kind="complaint",
            severity=said.severity,
            opened_at=h.at,
        )
        h.session.add(case)
        await h.session.flush()
    case.state, case.resolved_at = "open", None
    await holds.hold(h.session, h.now, customer_id=h.customer.id, kind="complaint", hold_id=case.id)
    await _somebody_for(h, case)
    if key := _case_key(h):
        h.wakes.append(f"case:{key}")
    await h.tell("complaint", {"case_id": case.id}, everybody=True)


async def complaint_went_on(h: Handling) -> None:
    await _write_down(h)
    await h.tell("complaint_updated")


async def complaint_settled(h: Handling) -> None:
    """Released is only the case that is named: never all of them at once."""
    await _write_down(h)
    case = await _case(h)
    if case is None:
        await people.call(
            h.session,
            h.now,
            key=f"{h.row.id}/which",
            title="Say which complaint is resolved: complete its task, or name its case",
            customer_id=h.customer.id,
            priority=1,
        )
        h.note("recorded", None, "case_not_named_a_person_is_told")
        return
    await settle_case(h, case)


async def settle_case(h: Handling, case: Case) -> None:
    """The case is resolved, its hold released, and every follow-up of the customer told."""
    case.state, case.resolved_at = "resolved", case.resolved_at or h.at
    await holds.release(h.session, h.now, [case.id], by=h.row.source)
    await people.settle(h.session, h.now, f"{case.id}/answer", "resolved")
    await h.tell("complaint_resolved", {"case_id": case.id}, everybody=True)


def case_to_wait_for(event_type: str, data: Data, customer_id: str) -> str | None:
    """The key of the case such an event needs; it may be on its way."""
    if event_type == "complaint.resolved" and data.reference:
        return f"{customer_id}:{data.reference}"
    return None


async def consent_changed(h: Handling) -> None:
    """The customer's own word; what it takes away, every follow-up hears."""
    said = h.data if isinstance(h.data, Permission) else Permission()
    patch = h.event.customer.consent if h.event.customer else None
    scopes = {name: getattr(said, name) for name in consents.STATED}
    if patch:
        scopes |= {
            name: getattr(patch, name)
            for name in consents.SCOPES
            if patch.said().get(name) is not None
        }
    topics = ((h.event.customer and h.event.customer.topics) or {}) | said.topics
    scopes |= {f"topic:{topic}": given for topic, given in topics.items()}
    taken = await consents.state(
        h.session,
        h.customer.id,
        {scope: given for scope, given in scopes.items() if given is not None},
        at=said.at or (patch.at if patch else None) or h.at,
        now=h.now,
        source=said.source or (patch.source if patch else None) or h.row.source,
        wording=said.wording or (patch.wording if patch else None),
    )
    if not taken:
        h.note("recorded")
        return
    # One telling is enough, whatever was taken away: the follow-ups ask the gate what is left.
    await h.tell("opted_out", {"topic": taken[0].removeprefix("topic:")})


async def talked(h: Handling) -> None:
    """A call or a chat that happened elsewhere."""
    said = h.data if isinstance(h.data, Contact) else Contact()
    await _write_down(h, direction=said.direction, by=said.by)
    await h.tell("interaction")


async def sent_elsewhere(h: Handling) -> None:
    """Another system has done what a clause asks: its evidence."""
    said = h.data if isinstance(h.data, Evidence) else Evidence()
    await record_decision(
        h.session,
        h.now,
        customer_id=h.customer.id,
        follow_up=h.meant,
        clause=said.clause,
        key=f"{h.row.id}/elsewhere",
        outcome="elsewhere",
        facts=said.model_dump(exclude_none=True, include={"template", "channel", "source"}),
    )
    await h.tell("done_elsewhere", {"clause": said.clause} if said.clause else {})


async def erased(h: Handling) -> None:
    """Close the gate and end what runs. (Deleting the rows themselves is not done here.)"""
    h.customer.erased_at = h.customer.erased_at or h.now
    await consents.state(
        h.session, h.customer.id, {consents.EVERYTHING: False}, at=h.at, now=h.now, source="erased"
    )
    await h.tell("end", everybody=True)


# -- what they wrote ----------------------------------------------------------------------------


async def _write_down(h: Handling, *, direction: str = "in", by: str | None = None) -> str:
    """Keep what was said as a note; the key of the message it answers, if one is known."""
    said = h.data
    meant = said.message if isinstance(said, Said) else None
    message = await people.message_meant(h.session, h.customer.id, meant)
    text = getattr(said, "text", None)
    score = said.score if isinstance(said, Opinion) else None
    if text or isinstance(said, Said):
        await people.write_down(
            h.session,
            key=f"{h.row.id}/said",
            customer_id=h.customer.id,
            follow_up=h.meant or (message.follow_up if message else None),
            at=h.at,
            direction=direction,
            method=said.channel if isinstance(said, Said) else None,
            summary=text or h.event.type,
            feedback=None if score is None else f"{score:g}",
            message_key=message.key if message else None,
            by=by,
        )
    return message.key if message else ""


async def _note_id(h: Handling) -> str:
    row = await people.write_down(
        h.session, key=f"{h.row.id}/said", customer_id=h.customer.id, at=h.at, summary=h.event.type
    )
    return row.id


async def _inquire(h: Handling) -> None:
    """Open an inquiry, or join the open one."""
    asked = await people.open_cases(h.session, h.customer.id, "inquiry")
    if asked:
        return
    case = Case(
        id=new_id("case"),
        key=_case_key(h) or h.row.id,
        customer_id=h.customer.id,
        order_id=h.order.id if h.order else None,
        kind="inquiry",
        state="open",
        opened_at=h.at,
    )
    h.session.add(case)
    await _somebody_for(h, case)


async def _somebody_for(h: Handling, case: Case) -> None:
    urgent = case.kind == "complaint"
    await people.call(
        h.session,
        h.now,
        key=f"{case.id}/answer",
        title="Put a complaint right" if urgent else "Answer what the customer wrote",
        customer_id=h.customer.id,
        priority=1 if urgent else 2,
        within=max(case.opened_at + people.ANSWER, h.now) - h.now,
        brief={"case": case.id, "order": case.order_id},
    )


async def _case(h: Handling) -> Case | None:
    case_id = h.data.case_id if isinstance(h.data, Said) else None
    return await people.case_of(h.session, h.customer.id, case_id=case_id, key=_case_key(h))


def _case_key(h: Handling) -> str | None:
    return f"{h.customer.id}:{h.data.reference}" if h.data.reference else None


async def _held(h: Handling, case: Case) -> bool:
    return any(hold.id == case.id for hold in await holds.open_holds(h.session, h.customer.id))
