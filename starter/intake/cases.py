"""Complaints and inquiries at the door: opened, joined, answered elsewhere, decided elsewhere.

A case's row, its hold, its first task, the start of its workflow and the tellings are one
transaction. Which case is meant is said by its id, or by what the system that opened it calls it.
"""

from __future__ import annotations

from activities.crm import cases, holds, inbox, people
from activities.crm.cases import COMPLAINT, INQUIRY, OPEN, follow_up_of
from activities.crm.tables import Case, Enrolment, Message
from starter.intake.events import Data, Grievance, Question, Said
from starter.intake.handling import SIGNALS, Handling
from starter.intake.letters import enrol_case
from starter.intake.replies import kept_as_feedback
from starter.intake.said import write_down

# What needs its case, which may be on its way.
ABOUT_A_CASE = ("complaint.updated", "complaint.resolved", "inquiry.answered")
LEGACY = "/answer"  # how the key of its task ended, when a case had no workflow of its own


def case_to_wait_for(event_type: str, data: Data, customer_id: str) -> str | None:
    """The key of the case that such an event needs."""
    named = isinstance(data, Said) and data.case_id
    if event_type not in ABOUT_A_CASE or not data.reference or named:
        return None
    return f"{customer_id}:{data.reference}"


async def replied(h: Handling) -> None:
    """An answer, or a question: it stops reminders, and a person answers it.

    It joins the case whose mail it answers, or the open inquiry, or else the complaint that was
    open when it was written; an explicit inquiry under a name of its own joins no other.
    """
    message = await write_down(h)
    if isinstance(h.data, Said) and h.data.automatic:
        h.note("recorded", None, "automatic_reply")
        return
    if _is_history(h):
        return
    case, new = await _to_join(h, message), False
    if case is None:
        case, new = await open_case(h, INQUIRY, message), True
    elif case.kind == INQUIRY:
        case.opened_at = min(case.opened_at, h.at)  # what is heard last may have come first
    to = {"to": message.key} if message else {}
    to |= await kept_as_feedback(h, message, case)
    mine = follow_up_of(case.id)
    only_new = mine if new else ""
    await h.tell(SIGNALS[h.event.type], to | named(case), also=mine, but=only_new)


async def inquiry_answered(h: Handling) -> None:
    """A person has answered elsewhere: the case that is named, else all that wait for an answer.

    What a workflow closed is answered already; whoever waited for that is told.
    """
    if h.row.source == inbox.WORKFLOW:
        for case in await _named(h):
            await h.tell("inquiry_answered", {"case_id": case.id}, everybody=True)
        return
    await write_down(h, direction="out")
    named = await _named(h)
    asked = named or await cases.open_of(h.session, h.customer.id, INQUIRY)
    waiting = [case for case in asked if case.closed_at is None and case.answered_at is None]
    if not waiting:
        h.note("already" if named else "recorded", None, "no_open_inquiry")
    for number, case in enumerate(waiting):
        await _answered(h, case)
        again = {"id": f"{h.row.id}-{number}"} if number else {}
        body = {"case_id": case.id} | again
        await h.tell("inquiry_answered", body, also=follow_up_of(case.id))


async def complained(h: Handling) -> None:
    """From now on nothing is sold to them. One that a workflow opened, or opened again, is in the
    tables already: it begins, and everybody is told."""
    message = await write_down(h)
    known = next((c for c in await _named(h) if c.kind == COMPLAINT), None)
    if known and h.row.source == inbox.WORKFLOW:
        await enrol_case(h, known)
        await _tell_all(h, known)
        return
    if known and known.closed_at is None:
        await _again(h, known)
        return
    if not _is_history(h):
        await _tell_all(h, await open_case(h, COMPLAINT, message))


async def complaint_went_on(h: Handling) -> None:
    """News of a complaint: it may be worse than was thought."""
    await write_down(h)
    said = h.data if isinstance(h.data, Grievance) else Grievance()
    case = await _the_complaint(h)
    if case is None:
        if not _is_history(h):
            await _ask_which(h, "Say which complaint this news is of")
        return
    if case.closed_at is not None:
        h.note("already", None, "case_closed")
        return
    about = said.category.lower() if said.category else None
    await cases.went_on(h.session, h.now, case, h.customer, severity=said.severity, about=about)
    await h.tell("complaint_updated", {"case_id": case.id}, also=follow_up_of(case.id))


async def complaint_settled(h: Handling) -> None:
    """Released is only the case that is named: never all of them at once.

    What a workflow closed is released already. Said from outside it is a decision on record: what
    was held back goes on, and its workflow still asks whether the customer is satisfied.
    """
    await write_down(h)
    case = next(iter(await _named(h)), None)
    if case is None:
        if not _is_history(h):
            words = "Say which complaint is resolved: complete its task, or name its case"
            await _ask_which(h, words)
        return
    if h.row.source != inbox.WORKFLOW:
        if case.closed_at is not None:
            h.note("already", None, "case_closed")
            return
        if case.kind == INQUIRY:
            await _answered(h, case)
            await h.tell("inquiry_answered", {"case_id": case.id}, also=follow_up_of(case.id))
            return
        await cases.put_right(h.session, h.now, case, by=h.row.source)
        await holds.release(h.session, h.now, [case.id], by=h.row.source)
        if not await _has_workflow(h, case):
            await _close_legacy(h, case, "decided")
    await h.tell("complaint_resolved", {"case_id": case.id}, everybody=True)


async def open_case(
    h: Handling,
    kind: str,
    message: Message | None,
    *,
    type_: str | None = None,
    severity: str | None = None,
    order_id: str | None = None,
    follow_up: str | None = None,
) -> Case:
    """The case with all that belongs to it, and its workflow, which is told of nothing more."""
    said = h.data if isinstance(h.data, Grievance | Question) else None
    about = (said.category or "").lower() if said else ""
    harm = said.severity if isinstance(said, Grievance) else None
    key = h.row.id
    if said and said.reference:
        key = _key(h, said.reference)
        await cases.take_over(h.session, h.customer.id, key)
        h.wakes.append(f"case:{key}")
    case = await cases.begin(
        h.session,
        h.now,
        h.customer,
        kind=kind,
        key=key,
        at=h.now if h.is_imported else h.at,  # our clocks begin with us
        type=type_ or about or None,
        severity=severity or harm,
        order_id=h.order.id if h.order else message.order_id if message else order_id,
        follow_up=message.follow_up if message else follow_up,
    )
    await enrol_case(h, case)
    return case


# -- which one -----------------------------------------------------------------------------


async def _to_join(h: Handling, message: Message | None) -> Case | None:
    """The case that a reply goes on with; an inquiry that was answered is over."""
    meant = await _named(h)
    if message and message.sop == h.catalogue.cases.name:
        meant += [c for c in await _ids(h, message.follow_up.partition(".")[2]) if c not in meant]
    joins = [case for case in meant if _may_join(case)]
    explicit = h.event.type == "inquiry.received"
    if joins or (explicit and h.data.reference):
        return next(iter(joins), None)
    asked = await cases.open_of(h.session, h.customer.id)
    inquiries = [case for case in asked if case.kind == INQUIRY and _may_join(case)]
    complaints = [case for case in asked if case.kind == COMPLAINT and case.opened_at <= h.at]
    return next(reversed(inquiries or ([] if explicit else complaints)), None)


def _may_join(case: Case) -> bool:
    return case.closed_at is None and (case.kind == COMPLAINT or case.answered_at is None)


async def _the_complaint(h: Handling) -> Case | None:
    """The complaint that is named, else the only one that is open."""
    if named := await _named(h):
        return named[0]
    asked = await cases.open_of(h.session, h.customer.id, COMPLAINT)
    return asked[0] if len(asked) == 1 else None


async def _named(h: Handling) -> list[Case]:
    """The cases that are named, by our id or theirs, or because its workflow was signalled."""
    said = h.data.case_id if isinstance(h.data, Said) else None
    sop, _, subject = (h.meant or "").partition(".")
    mine = subject if sop == h.catalogue.cases.name else None
    if case_id := said or mine:
        return await _ids(h, case_id)
    if not h.data.reference:
        return []
    return await cases.of_key(h.session, h.customer.id, _key(h, h.data.reference))


async def _ids(h: Handling, case_id: str) -> list[Case]:
    case = await cases.of_id(h.session, h.customer.id, case_id)
    return [case] if case else []


def _key(h: Handling, reference: str) -> str:
    return f"{h.customer.id}:{reference}"


# -- what comes of it ------------------------------------------------------------------------


async def _tell_all(h: Handling, case: Case) -> None:
    new = follow_up_of(case.id) if not case.reopened else ""
    await h.tell("complaint", named(case), everybody=True, but=new)


def named(case: Case) -> dict[str, str]:
    """Which it is, and of which order, if that is known."""
    order = {"order_id": case.order_id} if case.order_id else {}
    return {"case_id": case.id} | order


async def _again(h: Handling, case: Case) -> None:
    """The same complaint once more: known, unless we had thought that it was put right."""
    workflow = await h.session.get(Enrolment, follow_up_of(case.id))
    if case.state == OPEN or workflow is None or workflow.ended_at is not None:
        h.note("already", None, "complaint_open")
        return
    await cases.keep_back(h.session, h.now, case)
    h.signal(workflow, "feedback", {"case_id": case.id, "satisfied": False})


async def _answered(h: Handling, case: Case) -> None:
    by = h.data.source or h.row.source
    at = max(h.at, case.opened_at)
    await cases.answered(h.session, at, case, by=by, how="elsewhere")
    if case.kind == INQUIRY and not await _has_workflow(h, case):
        await _close_legacy(h, case, "answered")


async def _has_workflow(h: Handling, case: Case) -> bool:
    return await h.session.get(Enrolment, follow_up_of(case.id)) is not None


async def _close_legacy(h: Handling, case: Case, outcome: str) -> None:
    """One from before cases had workflows: nobody else would close it, and its task."""
    await cases.settle(h.session, h.now, case, outcome=outcome, by=h.row.source)
    await people.settle(h.session, h.now, f"{case.id}{LEGACY}", outcome)


def _is_history(h: Handling) -> bool:
    """Whether it is older than the service: then it is on record, and nobody is called."""
    if h.is_old_news():
        h.note("recorded", None, "imported" if h.is_imported else "before_go_live")
        return True
    return False


async def _ask_which(h: Handling, title: str) -> None:
    await people.call(
        h.session,
        h.now,
        key=f"{h.row.id}/which",
        title=title,
        customer_id=h.customer.id,
        priority=1,
    )
    h.note("recorded", None, "case_not_named_a_person_is_told")
