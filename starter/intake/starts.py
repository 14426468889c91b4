"""What may start a follow-up: a sign-up, an order, a request; and what it knows as it begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activities.crm import cases, enrolments, inbox, orders, parcels
from activities.crm import tables as rows
from activities.crm.milestones import record_decisions
from starter.intake import imported, late
from starter.intake.events import Wish, Years
from starter.intake.handling import Handling, starting
from starter.intake.letters import PHONE
from starter.intake.news import before_its_start, of_contract
from workflows.sops import Sop
from workflows.vocabulary import Enrolment, Fulfilment, Heard, Relationship, Rhythm

EARLY = 50  # more than these a start does not carry; what they say stands in the CRM all the same
PER_CUSTOMER = ("online-customer",)
PER_CONTRACT = ("onboarding",)
TO_PROVISION = ("digital", "service")


async def sold(h: Handling) -> None:
    """A sale; of its order it is the confirmation, unless an earlier one is known."""
    if h.order is not None:
        orders.happened(h.order, "order.confirmed", h.at)
    await began(h)


async def began(h: Handling) -> None:
    """A sign-up, a sale, a contract: what the catalogue starts on it."""
    begun = await h.catalogue.begun_by(h.session, h.event.type)
    await begin_all(h, begun)
    if not begun:
        h.note("recorded")


async def requested(h: Handling) -> None:
    """Somebody asks for a follow-up by name: whether the customer is new is not the question."""
    assert isinstance(h.data, Wish)  # noqa: S101 - the type's own data
    await begin_all(h, [h.catalogue.named(h.data.sop)], by_hand=True, changes=h.data.policy)


async def begin_all(
    h: Handling,
    sops: Sequence[Sop],
    *,
    by_hand: bool = False,
    changes: dict[str, Any] | None = None,
) -> None:
    """Start those SOPs that may, each knowing of the others, or write down why not."""
    if sops and h.is_imported and not h.begins:
        imported.begins_later(h)
        return
    subjects = await _subjects_to_begin(h, sops, by_hand=by_hand)
    begun = [sop for sop in sops if sop.name in subjects]
    early = await _early(h) if begun else []
    names = await _of_the_order(h, begun)
    first = await orders.first_bought(h.session, h.customer.id) if begun else None
    for sop in begun:
        body = await _enrolment(h, sop, changes, early)
        others = tuple(name for name in names if name != sop.name)
        body = body.model_copy(update={"others": others, "first_bought_at": first})
        if subjects[sop.name] != subject_of(h, sop):
            body = body.model_copy(update=await late.welcomed(h, sop.name))
        await enrolments.enrol(
            h.session,
            h.now,
            sop=sop.name,
            subject=subjects[sop.name],
            version=sop.version,
            customer_id=h.customer.id,
            order_id=h.order.id if h.order else None,
            contract_id=h.contract.id if h.contract else None,
            body=body.model_dump(mode="json"),
            inbox_id=h.row.id,
        )
        h.note("started", f"{sop.name}.{subjects[sop.name]}")


async def _subjects_to_begin(h: Handling, sops: Sequence[Sop], *, by_hand: bool) -> dict[str, str]:
    """What each is to be a follow-up of, but those of which there is one, or shall be none."""
    subjects = {sop.name: subject_of(h, sop) for sop in sops}
    wanted = {name: f"{name}.{subject}" for name, subject in subjects.items() if subject}
    known = await enrolments.known(h.session, wanted.values())
    for name in subjects.keys() & {*PER_CUSTOMER} if known else ():
        if again := await late.anew(h, name, wanted[name]):
            subjects[name], wanted[name] = again, f"{name}.{again}"
            known |= await enrolments.known(h.session, [wanted[name]])
    runs = {row.id: row for row in await h.running()} if known else {}
    begin, decided = {}, []
    for sop in sops:
        subject, follow_up = subjects[sop.name], wanted.get(sop.name)
        if subject is None or follow_up is None:
            what = "contract" if sop.name in PER_CONTRACT else "order"
            h.note("none", None, f"{what}_missing")
        elif follow_up in known:
            h.note("already", follow_up)
            if follow_up in runs and not by_hand and sop.name not in PER_CONTRACT:
                late.begins_earlier(h, runs[follow_up])
        elif reason := await h.catalogue.off(h.session, sop) or (
            None if by_hand else await _why_not(h, sop)
        ):
            decided.append(_not_started(h, follow_up, reason))
            h.note("none", None, reason)
        else:
            begin[sop.name] = subject
    await record_decisions(h.session, decided)
    return begin


def _not_started(h: Handling, follow_up: str, reason: str) -> rows.Decision:
    return rows.Decision(
        id=rows.new_id("dec"),
        at=h.now,
        customer_id=h.customer.id,
        follow_up=follow_up,
        key=follow_up,
        outcome="not_started",
        reason=reason,
        facts={"event": h.event.type, "order": h.order.id if h.order else None},
    )


async def _of_the_order(h: Handling, begun: Sequence[Sop]) -> list[str]:
    """The SOPs that run, or begin now, for this order; in the catalogue's order."""
    if h.order is None:
        return [sop.name for sop in begun]
    running = {row.sop for row in await h.running() if row.order_id == h.order.id}
    running |= {sop.name for sop in begun}
    return [name for name in h.catalogue.sops if name in running]


async def _as_it_came(h: Handling, rhythm: Rhythm) -> Rhythm:
    """A delivery that was heard of between the SOP's end and the years after is not waited for."""
    order = await h.session.get(rows.Order, rhythm.order_id) if rhythm.waits else None
    if order is None or order.delivered_at is None:
        return rhythm
    return rhythm.model_copy(update={"since": order.delivered_at, "waits": False})


async def years_after(h: Handling) -> None:
    """A finished SOP asks for `keep-in-touch`: it begins, or hears of more rhythms."""
    assert isinstance(h.data, Years)  # noqa: S101 - the type's own data
    sop = h.catalogue.years
    follow_up = f"{sop.name}.{h.customer.id}"
    running = await h.session.get(rows.Enrolment, follow_up)
    if running is not None:
        if running.ended_at is not None:
            h.note("none", follow_up, "ended")
        else:
            came = [await _as_it_came(h, rhythm) for rhythm in h.data.rhythms]
            rhythms = [rhythm.model_dump(mode="json") for rhythm in came]
            h.signal(running, "rhythms", {"rhythms": rhythms})
        return
    terms = await h.catalogue.terms(h.session, sop)
    body: Relationship[Any] = Relationship[sop.policy](  # type: ignore[name-defined]
        customer_id=h.customer.id,
        policy=terms["policy"],
        policy_version=terms["policy_version"],
        pace=h.pace,
        kinds=h.catalogue.kinds(sop),
        rhythms=tuple([await _as_it_came(h, rhythm) for rhythm in h.data.rhythms]),
    )
    await enrolments.enrol(
        h.session,
        h.now,
        sop=sop.name,
        subject=h.customer.id,
        version=sop.version,
        customer_id=h.customer.id,
        order_id=None,
        body=body.model_dump(mode="json"),
        inbox_id=h.row.id,
    )
    h.note("started", follow_up)


def subject_of(h: Handling, sop: Sop) -> str | None:
    """What there is one follow-up of: a customer, or an order or contract."""
    if sop.name in PER_CUSTOMER:
        return h.customer.id
    if sop.name in PER_CONTRACT:
        return h.contract.id if h.contract else None
    if h.order is not None:
        return h.order.id
    return h.contract.id if h.contract else None


async def _why_not(h: Handling, sop: Sop) -> str | None:
    if h.is_imported and await imported.is_over(h, sop):
        return imported.BEFORE_IMPORT
    if h.is_before_go_live() and not h.is_imported:
        return "before_go_live"
    if h.order and h.order.refunded_at and not h.order.cancelled_at:
        return "order_refunded"
    if h.order and h.order.cancelled_at:
        return "order_cancelled"
    if sop.name not in PER_CUSTOMER:
        return None
    go_live = None if h.is_imported else h.catalogue.settings.go_live
    bought = (h.order.confirmed_at if h.order else None) or h.at
    # A sign-up may be heard of after what was bought since; of an order, what is known counts.
    before = bought if h.is_imported or h.order is None else None
    return await orders.not_their_first(
        h.session, h.customer, h.order, h.at, go_live, before=before
    )


async def _enrolment(
    h: Handling, sop: Sop, changes: dict[str, Any] | None, early: Sequence[Heard]
) -> Enrolment[Any]:
    """How the follow-up begins, frozen: the policy, each template's kind, what came before it."""
    order = h.order
    confirmed = order.confirmed_at if order else None
    fulfilment = order.fulfilment if order else None
    return Enrolment[sop.policy](  # type: ignore[name-defined]
        customer_id=h.customer.id,
        purchased_at=_signed(h, sop) or confirmed or h.at,
        **await h.catalogue.terms(h.session, sop, changes),
        sop_version=sop.version,
        pace=h.pace,
        kinds=h.catalogue.kinds(sop),
        needs_access=fulfilment in TO_PROVISION,
        access_given=any(heard.name == "account_provisioned" for heard in early),
        order_id=order.id if order else "",
        early=tuple(early),
        delivered_at=order.delivered_at if order else None,
        confirmed_at=confirmed,
        fulfilment=Fulfilment(fulfilment or Fulfilment.SHIP),
        expected_at=parcels.expected(order) if order else None,
        tier=h.customer.tier,
        by_phone=h.customer.preferred_channel == PHONE,
        contract_id=h.contract.id if h.contract else "",
        requested_at=h.at if isinstance(h.data, Wish) else None,
        imported_at=h.now if h.is_imported else None,
    )


def _signed(h: Handling, sop: Sop) -> datetime | None:
    """A contract's own counts from its signing, however late that is heard of."""
    signed = h.contract.signed_at if h.contract and sop.name in PER_CONTRACT else None
    return min(signed, h.at) if signed else None


async def _early(h: Handling) -> list[Heard]:
    """What came before this start travels along: what was heard of the customer, and how far the
    order had come, whoever else was told of it."""
    starts = [] if h.is_new else [starting(h.customer.id)]
    waiting = await inbox.waiting_for(h.session, starts, inbox.DONE)
    heard = []
    for row in waiting:
        row.waits_for = row.expires_at = None
        told = [Heard.model_validate(one) for effect in row.effects for one in _heard(effect)]
        heard += [one for one in told if imported.is_news(h, row, one)]
    heard += before_its_start(h.order) if h.order else []
    heard += await imported.bought_besides(h) if h.is_imported or not h.order else []
    heard += await of_contract(h.session, h.contract) if h.contract else []
    if not h.is_imported and not h.is_new:
        heard += await late.said_since(h, heard)
        heard += await _cases_since(h, heard)
    return sorted(heard, key=_when)[-EARLY:]


async def _cases_since(h: Handling, heard: Sequence[Heard]) -> list[Heard]:
    """What begins is heard of late: the cases that were opened since it happened, and nobody was
    told of."""
    known = {one.event.get("case_id") for one in heard}
    names = {cases.COMPLAINT: "complaint", cases.INQUIRY: "inquiry"}
    return [
        Heard(name=names[case.kind], event={"id": case.id, "at": case.opened_at.isoformat(),
              "case_id": case.id} | ({"order_id": case.order_id} if case.order_id else {}))
        for case in await cases.open_of(h.session, h.customer.id)
        if case.opened_at > h.at and case.id not in known
    ]  # fmt: skip


def _heard(effect: dict[str, Any]) -> list[Any]:
    """One, as earlier releases kept it, or several."""
    said = effect.get("heard") or []
    return said if isinstance(said, list) else [said]


def _when(heard: Heard) -> datetime:
    return datetime.fromisoformat(heard.event["at"])
