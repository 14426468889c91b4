"""What starts beside the SOPs: a case's workflow, and a colleague's own letter to a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import enrolments
from activities.crm.cases import COMPLAINT, follow_up_of
from activities.crm.tables import Case, Customer, Draft, Enrolment, Feedback
from starter.catalogue import Catalogue
from starter.intake.handling import Handling
from workflows.sops import Sop
from workflows.vocabulary import Pace, Policy

PHONE = "phone"


async def enrol_case(h: Handling, case: Case) -> None:
    """Begin the case's own workflow, unless it runs."""
    if await h.session.get(Enrolment, follow_up_of(case.id)) is not None:
        return
    sop = h.catalogue.cases
    body = await _beginning(h.session, h.catalogue, sop, h.pace, h.customer, case.opened_at)
    body |= {
        "policy": _acknowledged(body["policy"]) if h.is_imported else body["policy"],
        "case_id": case.id,
        "complaint": case.kind == COMPLAINT,
        "opened_at": case.opened_at,
        "order_id": case.order_id or "",
    }
    await _enrol(h.session, h.now, sop, case.id, h.customer, case.order_id, body, h.row.id)
    h.note("started", follow_up_of(case.id))


def _acknowledged(policy: Policy) -> Policy:
    """Of a complaint that an import left open: whoever had it then has said that it was heard."""
    return policy.model_copy(update={"elsewhere": (*policy.elsewhere, "1")})


async def enrol_draft(  # noqa: PLR0917 - the desk, and the relay, say all of it
    session: AsyncSession,
    catalogue: Catalogue,
    now: datetime,
    pace: Pace,
    customer: Customer,
    draft: Draft,
    inbox_id: str | None,
) -> str:
    """Begin the sending of what a colleague wrote; its follow-up's id."""
    sop = catalogue.words
    body = await _beginning(session, catalogue, sop, pace, customer, now)
    body |= {"draft_id": draft.id, "template": draft.template or ""}
    await _enrol(session, now, sop, draft.id, customer, None, body, inbox_id)
    return f"{sop.name}.{draft.id}"


async def enrol_thanks(h: Handling, row: Feedback) -> None:
    """Begin the thanks for feedback, which nobody else gives."""
    sop = h.catalogue.words
    body = await _beginning(h.session, h.catalogue, sop, h.pace, h.customer, h.at)
    about = row.type or row.category or ""
    body |= {"feedback_id": row.id, "category": about, "order_id": row.order_id or ""}
    await _enrol(h.session, h.now, sop, row.id, h.customer, row.order_id, body, h.row.id)
    h.note("started", f"{sop.name}.{row.id}")


async def _beginning(  # noqa: PLR0917
    session: AsyncSession,
    catalogue: Catalogue,
    sop: Sop,
    pace: Pace,
    customer: Customer,
    at: datetime,
) -> dict[str, Any]:
    return {
        "customer_id": customer.id,
        "purchased_at": at,
        **await catalogue.terms(session, sop),
        "sop_version": sop.version,
        "pace": pace,
        "kinds": catalogue.kinds(sop),
        "tier": customer.tier,
        "by_phone": customer.preferred_channel == PHONE,
    }


async def _enrol(  # noqa: PLR0917
    session: AsyncSession,
    now: datetime,
    sop: Sop,
    subject: str,
    customer: Customer,
    order_id: str | None,
    body: dict[str, Any],
    inbox_id: str | None,
) -> None:
    if await session.get(Enrolment, f"{sop.name}.{subject}") is not None:
        return
    shape: Any = sop.start
    await enrolments.enrol(
        session,
        now,
        sop=sop.name,
        subject=subject,
        version=sop.version,
        customer_id=customer.id,
        order_id=order_id,
        body=shape[sop.policy](**body).model_dump(mode="json"),
        inbox_id=inbox_id,
    )
