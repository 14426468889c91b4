"""What comes in through the desk, and what comes of it: on both databases."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError

from activities.crm import inbox
from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Consent,
    Customer,
    Decision,
    Enrolment,
    Hold,
    Inbox,
    Note,
    Order,
    Task,
    Telling,
)
from activities.permission import standing_of
from starter.answers import Refusal
from starter.desk import Desk
from starter.intake.carrying import HANDLERS
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, an_order_event, effects, only, rows


async def test_first_order_starts(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A guest's first order starts the follow-up, and the answer carries our id for them."""
    receipt = await desk.receive("api", an_order_event(order={"id": "7", "fulfilment": "digital"}))
    customer = await only(store, Customer)
    assert receipt.customer == customer.id
    assert customer.id.startswith("cus_")
    follow_up = f"online-customer.{customer.id}"
    assert (follow_up, "started") in [(e.follow_up, e.effect) for e in receipt.effects]
    began = temporal.started[follow_up]
    assert (began.customer_id, began.order_id, began.needs_access) == (customer.id, "7", True)
    assert began.purchased_at == NOON
    assert began.kinds["welcome"] == "transactional"


async def test_the_same_again(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """The same id again gets the first answer, even with another body; nothing is done twice."""
    event = an_order_event()
    first = await desk.receive("api", event)
    assert await desk.receive("api", event) == first
    assert await desk.receive("api", event | {"type": "order.shipped"}) == first
    assert await desk.receipt(event["id"]) == first
    assert len(await rows(store, Telling)) == len(temporal.started) == 1


async def test_fifty_at_once(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Fifty identical events at once are one customer, one order, one start, one answer."""
    event = an_order_event()
    answers = await asyncio.gather(*(desk.receive("api", event) for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    assert len(temporal.started) == 1
    for table in (Customer, Order, Enrolment, Inbox, Telling):
        assert len(await rows(store, table)) == 1


async def test_fifty_sign_ups_of_one_person(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """One person who signs up in many events at once, however they write it, is one row."""
    ways = [
        {"email": "Ada@Example.com"},
        {"email": "ada@example.com", "phone": "+44 20 7946 0000"},
        {"email": "ADA@example.com ", "phone": "020 7946 0000", "country": "gb"},
    ]
    events = [an_event("customer.signed_up", customer=ways[n % 3]) for n in range(30)]
    await asyncio.gather(*(desk.receive("api", event) for event in events))
    assert len(await rows(store, Customer)) == len(temporal.started) == 1


async def test_sign_up_then_purchase(desk: Desk, temporal: FakeTemporal) -> None:
    """Who signs up and then buys has one follow-up, which hears of the purchase once."""
    signed_up = await desk.receive("api", an_event("customer.signed_up"))
    follow_up = signed_up.effects[0].follow_up
    assert follow_up
    confirmed = await desk.receive("api", an_order_event())
    paid = await desk.receive("api", an_order_event(what="order.paid"))
    assert effects(signed_up) + effects(confirmed) + effects(paid) == [
        ("started", None),
        ("signalled", None),
        ("already", None),
    ]
    assert temporal.heard(follow_up) == ["order_placed"]


async def test_a_customer_of_five_years(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Somebody unknown who has been a customer for years starts nothing, and why is on record."""
    since = (NOON - timedelta(days=5 * 365)).isoformat()
    known = await desk.receive("api", an_order_event(customer={"id": "42", "since": since}))
    assert effects(known) == [("none", "existing_customer")]
    told = an_order_event(
        "2", order={"id": "2", "first": False}, customer={"email": "b@example.com"}
    )
    assert effects(await desk.receive("api", told)) == [("none", "existing_customer")]
    reasons = {row.reason for row in await rows(store, Decision)}
    assert reasons == {"existing_customer", "sop_off"}
    assert not temporal.started


async def test_go_live(store: Store, clock: FakeClock, temporal: FakeTemporal) -> None:
    """What is older than the go-live date is recorded and starts nothing; nor does a customer."""
    desk = a_desk(store, clock, temporal, go_live=date(2026, 11, 20))
    before = an_order_event(occurred_at="2026-11-19T10:00:00Z")
    assert effects(await desk.receive("api", before)) == [("none", "before_go_live")]
    later = an_order_event("1002")
    assert effects(await desk.receive("api", later)) == [("none", "not_first_order")]
    old = an_order_event(customer={"id": "9", "since": "2026-11-19T10:00:00Z"}, order={"id": "9"})
    assert effects(await desk.receive("api", old)) == [("none", "existing_customer")]


async def test_switched_off(desk: Desk, temporal: FakeTemporal) -> None:
    """An SOP that is off starts nothing and says so; on again, the next one starts."""
    await desk.sop_switch("online-customer", on=False, by="ops")
    assert effects(await desk.receive("api", an_order_event())) == [("none", "sop_off")]
    await desk.sop_switch("online-customer", on=True, by="ops")
    other = an_order_event("2", customer={"email": "b@example.com"})
    assert effects(await desk.receive("api", other)) == [("started", None)]


async def test_guest_becomes_account(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """An account id that comes later with the same address is an alias of the guest."""
    first = await desk.receive("api", an_order_event())
    later = an_event("customer.signed_up", customer={"id": "42", "email": "ADA@example.com"})
    assert (await desk.receive("api", later)).customer == first.customer
    by_account = await desk.signal("42", "low_engagement", {}, "cli")
    assert effects(by_account) == [("signalled", None)]
    assert len(await rows(store, Customer)) == len(temporal.started) == 1


async def test_parked_until_known(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """News of an unknown order waits; when the order comes, it is carried out before the start."""
    shipped = an_order_event(what="order.shipped", customer=None)
    access = an_event("account.provisioned")
    assert effects(await desk.receive("api", shipped)) == [("parked", None)]
    assert effects(await desk.receive("api", access)) == [("parked", None)]
    started = await desk.receive("api", an_order_event())
    assert effects(started) == [("started", None)]
    (began,) = temporal.started.values()
    assert {heard.name for heard in began.early} == {"order_shipped", "account_provisioned"}
    assert began.access_given
    assert (await only(store, Order)).shipped_at == NOON
    again = await desk.receipt(shipped["id"])
    assert again
    assert effects(again) == [("recorded", None)]


async def test_cancelled_before_it_came(desk: Desk, temporal: FakeTemporal) -> None:
    """An order whose cancelling overtook it starts nothing."""
    await desk.receive("api", an_order_event(what="order.cancelled"))
    assert effects(await desk.receive("api", an_order_event())) == [("none", "order_cancelled")]
    assert not temporal.started


async def test_parked_in_vain(desk: Desk, store: Store, clock: FakeClock) -> None:
    """What nobody claims in thirty days is given up, and says so."""
    event = an_event("engagement.login", customer={"id": "99"})
    await desk.receive("api", event)
    clock.advance(days=31)
    await desk.intake.expire()
    given_up = await desk.receipt(event["id"])
    assert given_up
    assert effects(given_up) == [("none", "unknown_for_30_days")]
    assert (await only(store, Inbox)).state == inbox.FAILED


async def test_older_news(desk: Desk, store: Store) -> None:
    """Absent is unchanged, null is cleared, and what is older overwrites nothing newer."""
    at = "2026-11-2{}T10:00:00+01:00"
    said = {"id": "42", "email": "ada@example.com"}
    new = said | {"name": "Ada King", "company": "Engines", "tier": "vip"}
    await desk.receive("api", an_event("customer.updated", customer=new, occurred_at=at.format(2)))
    old = said | {"name": "Ada Byron", "company": None, "locale": "en_gb"}
    await desk.receive("api", an_event("customer.updated", customer=old, occurred_at=at.format(1)))
    row = await only(store, Customer)
    assert (row.name, row.company, row.locale, row.tier) == ("Ada King", "Engines", "en-GB", "vip")
    clear = said | {"company": None, "tier": None}
    await desk.receive("api", an_event("customer.updated", customer=clear))
    row = await only(store, Customer)
    assert (row.name, row.company, row.tier) == ("Ada King", None, "standard")


async def test_complaint_holds_and_releases(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """A complaint is case, hold, task and tellings at once; resolved, only its own hold goes."""
    await desk.receive("api", an_order_event())
    data = {"text": "It leaks!", "severity": "high", "reference": "ticket-5"}
    opened = await desk.receive("helpdesk", an_event("complaint.opened", data=data))
    assert effects(opened) == [("started", None), ("signalled", None)]
    case, hold, task = await only(store, Case), await only(store, Hold), await only(store, Task)
    assert (case.id, case.severity) == (hold.id, "high")
    assert (task.key, task.priority, task.due_at) == (
        f"case.{case.id}/task/2/case-answer",
        1,
        NOON + timedelta(days=1),
    )
    assert (await only(store, Note)).summary == "It leaks!"
    again = await desk.receive("helpdesk", an_event("complaint.opened", data=data))
    assert effects(again) == [("already", "complaint_open")]
    resolved = an_event("complaint.resolved", data={"reference": "ticket-5"})
    await desk.receive("helpdesk", resolved)
    assert (await only(store, Hold)).released_at == NOON
    assert {body.get("case_id") for _, _, body in temporal.signals} == {case.id}
    (follow_up,) = [name for name in temporal.started if not name.startswith("case.")]
    assert temporal.heard(follow_up) == ["complaint", "complaint_resolved"]
    assert temporal.heard(f"case.{case.id}") == ["complaint_resolved"]
    assert "leaks" not in str(temporal.signals)


async def test_resolved_before_it_was_opened(desk: Desk, store: Store) -> None:
    """The end of a complaint that overtook its beginning waits for it."""
    await desk.receive("api", an_order_event())
    resolved = an_event("complaint.resolved", data={"reference": "t"})
    assert effects(await desk.receive("api", resolved)) == [("parked", None)]
    await desk.receive("api", an_event("complaint.opened", data={"reference": "t"}))
    assert (await only(store, Hold)).released_at is not None


async def test_resolved_without_a_name(desk: Desk, store: Store) -> None:
    """ "Resolved" without saying which releases nothing: a person is asked."""
    customer = (await desk.receive("api", an_order_event())).customer
    assert customer
    await desk.signal(customer, "complaint", {"text": "Broken"}, "cli")
    receipt = await desk.signal(customer, "complaint_resolved", {}, "cli")
    assert effects(receipt) == [("recorded", "case_not_named_a_person_is_told")]
    assert (await only(store, Hold)).released_at is None


async def test_a_reply(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A reply is a note, one inquiry with one task, and a telling without a word of it."""
    customer = (await desk.receive("api", an_order_event())).customer
    for text in ("How do I start?", "Hello?"):
        await desk.receive(
            "api", an_event("reply.received", data={"text": text, "channel": "email"})
        )
    assert [row.summary for row in await rows(store, Note)] == ["How do I start?", "Hello?"]
    await only(store, Task)
    case = await only(store, Case)
    assert (case.kind, case.state, case.answered_at) == ("inquiry", "open", None)
    assert temporal.heard(f"online-customer.{customer}") == ["responded", "responded"]
    assert temporal.heard(f"case.{case.id}") == ["responded"]  # it began with the first
    assert all(body["case_id"] == case.id for _, _, body in temporal.signals)
    told = an_event("inquiry.answered", data={"text": "Told them by phone", "source": "jo"})
    await desk.receive("api", told)
    case = await only(store, Case)
    assert (case.answered_at, case.answered_by, case.closed_at) == (NOON, "jo", None)
    assert temporal.heard(f"case.{case.id}") == ["responded", "inquiry_answered"]
    away = an_event("reply.received", data={"text": "I am on holiday", "automatic": True})
    assert effects(await desk.receive("api", away)) == [("recorded", "automatic_reply")]


async def test_consent(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """An order begins consent and never lifts an opt-out, whichever is heard first."""
    ticked = {"email": "ada@example.com", "consent": {"email_marketing": True, "wording": "News?"}}
    order = an_order_event(customer=ticked)
    no = an_event(
        "consent.changed", data={"email_marketing": False}, occurred_at="2026-11-01T09:00:00Z"
    )
    await desk.receive("api", order)
    changed = await desk.receive("api", no)
    assert effects(changed) == [("signalled", None)]
    await desk.receive("api", an_order_event("1002", customer=ticked))
    row = await only(store, Consent)
    assert (row.scope, row.given) == ("email_marketing", False)
    assert temporal.signals[0][1:] == ("opted_out", temporal.signals[0][2])
    assert temporal.signals[0][2]["topic"] == "email_marketing"


async def test_erased(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Who was erased stays erased: what runs ends, and later news makes nobody anew."""
    await desk.receive("api", an_order_event())
    await desk.receive("api", an_event("customer.erased"))
    assert effects(await desk.receive("api", an_order_event("2"))) == [("none", "erased")]
    assert [name for _, name, _ in temporal.signals] == ["end"]
    assert (await only(store, Customer)).erased_at == NOON


async def test_only_order_of_a_guest_undone(desk: Desk, temporal: FakeTemporal) -> None:
    """A guest whose only order is cancelled is followed up no more; in part, all goes on."""
    await desk.receive("api", an_order_event())
    await desk.receive("api", an_order_event(what="order.refunded", data={"partial": True}))
    assert [name for _, name, _ in temporal.signals] == ["order_refunded"]
    over = await desk.receive("api", an_order_event(what="order.cancelled"))
    assert [name for _, name, _ in temporal.signals][1:] == ["end", "order_cancelled"]
    assert effects(over) == [("signalled", None)]  # told twice, it is named once


async def test_start_by_hand(desk: Desk, temporal: FakeTemporal) -> None:
    """A follow-up by hand starts once, with its own policy; nonsense is refused with a code."""
    who = {"email": "ada@example.com"}
    begun = await desk.start("online-customer", who, None, None, {"check_in": "10d"}, "cli")
    assert begun[1:] == (True, "started")
    assert temporal.started[begun[0]].policy.check_in == timedelta(days=10)
    assert (await desk.start("online-customer", who, None, None, None, "cli"))[1:] == (
        False,
        "already",
    )
    for sop, customer, policy, code in (
        ("online-costumer", who, None, "unknown_sop"),
        ("online-customer", who, {"chekc_in": "10d"}, "unknown_key"),
        ("online-customer", {"email": "nobody"}, None, "invalid_email"),
        ("online-customer", {}, None, "customer_not_named"),
    ):
        with pytest.raises(Refusal) as refused:
            await desk.start(sop, customer, None, None, policy, "cli")
        assert refused.value.code == code


async def test_one_that_fails_holds_up_no_other(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """What was parked and cannot be carried out is for an engineer; who it waited for goes on."""
    await desk.receive("api", an_event("engagement.login"))
    async with store.transaction() as session:
        row = (await session.execute(select(Inbox))).scalar_one()
        row.raw = '{"id": "x", "type": "engagement.forgotten"}'
    assert effects(await desk.receive("api", an_order_event())) == [("started", None)]
    failed = [row for row in await rows(store, Inbox) if row.state == inbox.FAILED]
    assert [row.error for row in failed] == ["unknown_event_type"]
    assert (await only(store, Task)).role == "engineer"


async def test_one_that_no_table_takes_holds_up_no_other(
    desk: Desk, store: Store, temporal: FakeTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that refuses one event's data is not away: that one is for an engineer, and the
    loop that carries out and tells goes on."""

    async def too_long(_: object) -> None:
        raise DataError("", {}, Exception())

    monkeypatch.setitem(HANDLERS, "engagement.login", too_long)
    received = await desk.receive("api", an_order_event())
    said = await desk.receive("api", an_event("engagement.login"))
    assert effects(received) == [("started", None)]
    assert effects(said) == [("none", "failed_a_person_is_told")]
    assert (await only(store, Task)).role == "engineer"


async def test_consent_dated_ahead_counts_from_now(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """A wrong date must not outlive what the customer says later."""
    await desk.receive("api", an_order_event())
    given = {"email_marketing": True, "at": "2999-01-01T00:00:00Z"}
    await desk.receive("api", an_event("consent.changed", data=given))
    clock.advance(days=1)
    await desk.receive("api", an_event("consent.changed", data={"email_marketing": False}))
    async with store.reading() as session:
        customer = (await session.execute(select(Customer))).scalar_one()
        assert (await standing_of(session, customer)).consents["email_marketing"] is False
