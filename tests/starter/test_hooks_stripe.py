"""Stripe's webhooks, through the real door: an order begins with the money."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Consent, Customer, Enrolment, Inbox, Order, Task
from activities.settings import Settings
from starter.desk import Desk
from starter.senders import Delivery
from starter.senders.stripe import Stripe
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import SHOP_SECRET, stripe, visiting
from tests.starter.shops import bytes_of, end_state, mangled, read_all, reasons, sample, told

PAID = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)


@pytest.fixture
def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(memory_store, clock, temporal, stripe_secret=SHOP_SECRET)


async def posted(desk: Desk, *said: dict[str, Any]) -> None:
    async with visiting(desk) as client:
        for one in said:
            body = bytes_of(one)
            headers = stripe(body, desk.clock.real())
            answer = await client.post("/hooks/stripe", content=body, headers=headers)
            assert (answer.status_code, answer.content) == (200, b"")


def session(id_: str = "evt_1", what: str = "completed", **changed: Any) -> dict[str, Any]:
    said = sample("stripe_session", "data", "object", **changed)
    return said | {"id": id_, "type": f"checkout.session.{what}"}


def refund(id_: str = "evt_9", **changed: Any) -> dict[str, Any]:
    return sample("stripe_refund", "data", "object", **changed) | {"id": id_}


async def test_a_paid_checkout_is_an_order(desk: Desk) -> None:
    """Under the shop's own number; what was bought does not stand in it."""
    await posted(desk, session())
    order, customer = await only(desk.store, Order), await only(desk.store, Customer)
    assert (order.id, order.number, order.total, order.currency) == (
        "stripe-1001", "1001", "42.00", "USD",
    )  # fmt: skip
    assert (order.confirmed_at, order.paid_at, order.fulfilment) == (PAID, PAID, "ship")
    assert order.items == []
    assert (customer.id, customer.email) == ("stripe-cus_T1b2C3d4E5f6G7", "grace@example.com")
    assert (customer.phone, customer.country) == ("+14155552671", "US")
    consent = await only(desk.store, Consent)
    assert (consent.scope, consent.given, consent.source) == ("email_marketing", True, "stripe")
    assert len(await rows(desk.store, Enrolment)) == 1


async def test_completed_is_not_paid(desk: Desk, clock: FakeClock) -> None:
    """A direct debit takes days: the order begins when the money came, if it does."""
    await posted(desk, session(payment_status="unpaid"))
    assert (await told(desk), await reasons(desk)) == ([], ["unpaid"])
    clock.advance(days=3)
    at = clock.now() - timedelta(hours=1)
    came = session("evt_2", "async_payment_succeeded") | {"created": int(at.timestamp())}
    await posted(desk, came)
    assert (await only(desk.store, Order)).paid_at == at


@pytest.mark.parametrize(
    "said",
    [
        session(what="async_payment_failed"),
        session(what="expired", payment_status="unpaid"),
        session(payment_status="no_payment_required"),
    ],
)
async def test_without_money_there_is_no_order(desk: Desk, said: dict[str, Any]) -> None:
    """Nothing comes of it, and nothing is amiss."""
    await posted(desk, said)
    assert (await told(desk), await reasons(desk)) == ([], ["unpaid"])


@pytest.mark.parametrize(
    ("changed", "order_id", "number"),
    [
        ({"client_reference_id": "order-7"}, "stripe-1001", "1001"),
        ({"client_reference_id": None}, "stripe-1001", "1001"),
        ({"client_reference_id": "order-7", "metadata": {}}, "stripe-order-7", "order-7"),
        ({"client_reference_id": "order-7", "metadata": {}, "payment_link": "plink_1"},
         "stripe-pi_3SxAfterCare0001", None),
        ({"client_reference_id": None, "metadata": {}}, "stripe-pi_3SxAfterCare0001", None),
        ({"client_reference_id": None, "metadata": None, "payment_intent": None,
          "id": "cs_live_1"}, "stripe-cs_live_1", None),
    ],
)  # fmt: skip
async def test_what_an_order_is_called(
    desk: Desk, changed: dict[str, Any], order_id: str, number: str | None
) -> None:
    """By the shop's number, else by the payment, which refunds name as well."""
    await posted(desk, session(**changed))
    order = await only(desk.store, Order)
    assert (order.id, order.number) == (order_id, number)


async def test_a_reference_is_no_claim_to_an_order(desk: Desk) -> None:
    """It may be a customer's, who buys again; whoever else pays under it gets nothing of hers."""
    first = session(client_reference_id="user-7", metadata={})
    eve = {"email": "eve@example.com", "name": "Eve"}
    another: dict[str, Any] = {"payment_intent": "pi_2", "customer": None, "customer_details": eve}
    await posted(desk, first)
    await posted(desk, session("evt_2", client_reference_id="user-7", metadata={}, **another))
    assert {row.id for row in await rows(desk.store, Order)} == {"stripe-user-7", "stripe-pi_2"}
    found = {row.email for row in await rows(desk.store, Customer)}
    assert found == {"grace@example.com", "eve@example.com"}


@pytest.mark.parametrize("odd", ["grace@example.com", "Grace Hopper", "x" * 200, "№ 7/ü"])
async def test_a_name_that_says_who_somebody_is_says_it_no_more(desk: Desk, odd: str) -> None:
    """Order ids stand in histories: what is odd in one is made unreadable, and stays the same."""
    said: dict[str, Any] = {"client_reference_id": odd, "metadata": {}}
    await posted(desk, session(**said), session("evt_2", **said))
    order = await only(desk.store, Order)
    assert order.id.startswith("stripe-")
    assert (len(order.id), order.number) == (31, None)


@pytest.mark.parametrize(
    ("amount", "currency", "total"),
    [
        (4200, "usd", "42.00"), (4200, "jpy", "4200"), (4200, "kwd", "4.200"),
        (0, "eur", "0.00"), (500, "ugx", "5.00"), (10**30, "usd", None), ("42", "usd", None),
    ],
)  # fmt: skip
async def test_amounts_are_in_the_smallest_unit(
    desk: Desk, amount: object, currency: str, total: str | None
) -> None:
    """Which is the hundredth, the thousandth, or the unit itself."""
    await posted(desk, session(amount_total=amount, currency=currency))
    assert (await only(desk.store, Order)).total == total


async def test_a_guest_has_no_id(desk: Desk) -> None:
    """They are found by their address."""
    await posted(desk, session(customer=None))
    assert (await only(desk.store, Customer)).id.startswith("cus_")
    nobody = session("evt_2", customer=None, customer_details=None, customer_email=None)
    await posted(desk, nobody)
    assert await reasons(desk) == ["nobody_named"]


async def test_a_part_is_refunded_then_all(desk: Desk, clock: FakeClock) -> None:
    """A charge knows nothing of the order: it names the payment, and so did the checkout."""
    await posted(desk, session())
    clock.advance(days=2)
    await posted(desk, refund())
    assert (await only(desk.store, Order)).refunded_at is None
    await posted(desk, refund("evt_10", amount_refunded=4200, refunded=True))
    assert (await only(desk.store, Order)).refunded_at is not None
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}


async def test_in_any_order_the_end_is_the_same(clock: FakeClock) -> None:
    """A refund that comes first waits for its order."""
    clock.advance(days=5)
    said = [
        session(),
        session("evt_2", "async_payment_succeeded"),
        refund(),
        refund("evt_10", refunded=True) | {"created": 1795606200},
    ]
    ends = []
    for shuffled in list(permutations(said))[::4]:
        store = Store("sqlite+aiosqlite://")
        await store.create_all()
        desk = a_desk(store, clock, FakeTemporal(), stripe_secret=SHOP_SECRET)
        await posted(desk, *shuffled, *shuffled)
        ends.append(await end_state(desk))
        await store.close()
    assert all(end == ends[0] for end in ends)
    assert ends[0][1][0][2][1] is not None  # refunded


async def test_test_mode_is_for_trying(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Where e-mail really goes out, no test purchase is followed up."""
    tried = session() | {"livemode": False}
    real = a_desk(
        store, clock, temporal, stripe_secret=SHOP_SECRET, sms="twilio", twilio_from="+15005550006"
    )
    await posted(real, tried)
    assert (await told(real), await reasons(real)) == ([], ["test_order"])
    trying = a_desk(store, clock, temporal, stripe_secret=SHOP_SECRET)
    await posted(trying, tried | {"id": "evt_2"})
    assert await told(trying) == ["order.paid"]


async def test_a_customer_changes(desk: Desk) -> None:
    """Their address, language and number."""
    await posted(desk, session())
    changed: dict[str, Any] = {"id": "cus_T1b2C3d4E5f6G7", "email": "hopper@example.com"}
    changed |= {"phone": None, "preferred_locales": ["fr"], "address": {"country": "FR"}}
    said = session("evt_3") | {"type": "customer.updated", "data": {"object": changed}}
    await posted(desk, said | {"created": 1795434000})
    customer = await only(desk.store, Customer)
    assert (customer.email, customer.locale) == ("hopper@example.com", "fr")
    assert (customer.country, customer.phone) == ("FR", "+14155552671")


def invoice(id_: str = "evt_5", **changed: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": "in_1", "object": "invoice", "billing_reason": "subscription_cycle",
        "amount_paid": 900, "currency": "usd", "customer": "cus_T1b2C3d4E5f6G7",
        "customer_email": "grace@example.com", "customer_name": "Grace Hopper",
        "customer_phone": None, "customer_address": None, "number": "A-0002",
        "payment_intent": "pi_renewed",
    }  # fmt: skip
    return session(id_) | {"type": "invoice.paid", "data": {"object": said | changed}}


@pytest.mark.parametrize("sops", ["", "online-customer"])
async def test_a_renewal_is_on_record_and_thanked_for_by_nobody(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal, sops: str
) -> None:
    """It begins nothing, told twice or of somebody unknown; its refund is of no other order."""
    desk = a_desk(memory_store, clock, temporal, stripe_secret=SHOP_SECRET, sops=sops)
    await posted(desk, session(mode="subscription"))
    running, told_so_far = len(await rows(desk.store, Enrolment)), len(temporal.signals)
    await posted(desk, invoice(), invoice("evt_6"))
    await posted(desk, refund(payment_intent="pi_renewed", refunded=True))
    stranger = {"customer": "cus_2", "customer_email": "new@example.com", "id": "in_2"}
    await posted(desk, invoice("evt_7", **stranger))
    assert len(await rows(desk.store, Enrolment)) == running
    assert {"order_placed"} & {name for _, name, _ in temporal.signals[told_so_far:]} == set()
    found = {row.id: row for row in await rows(desk.store, Order)}
    assert set(found) == {"stripe-1001", "stripe-in_1", "stripe-in_2"}
    assert (found["stripe-in_1"].total, found["stripe-in_1"].number) == ("9.00", "A-0002")
    assert found["stripe-in_1"].refunded_at
    assert found["stripe-1001"].refunded_at is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"billing_reason": "subscription_create"}, "no_renewal"),  # its checkout tells of it
        ({"billing_reason": "manual"}, "no_renewal"),
        ({"id": None}, "no_renewal"),
        ({"amount_paid": 0}, "unpaid"),
        ({"customer": None, "customer_email": None}, "nobody_named"),
    ],
)
async def test_an_invoice_that_is_no_renewal(desk: Desk, changed: dict[str, Any], why: str) -> None:
    await posted(desk, invoice(**changed))
    assert (await told(desk), await reasons(desk)) == ([], [why])


async def test_a_dispute_is_between_banks(desk: Desk) -> None:
    """It may be won, and nobody has complained to us: nothing comes of it by itself."""
    await posted(desk, session(), session("evt_2") | {"type": "charge.dispute.created"})
    assert (await only(desk.store, Order)).refunded_at is None
    assert await reasons(desk) == ["between_banks"]


async def test_what_is_not_ours_is_kept(desk: Desk) -> None:
    """An event of another kind, a charge without a payment: nothing comes of it."""
    await posted(
        desk, session() | {"type": "plan.created"}, refund(payment_intent=None, metadata={})
    )
    assert await reasons(desk) == ["not_ours", "topic_unknown"]


# -- proof -------------------------------------------------------------------------------------

NOW = datetime.fromtimestamp(1795435200, UTC)
BODY = b'{"id": "evt_1"}\n'


def is_genuine(said: str, now: datetime = NOW, body: bytes = BODY) -> bool:
    settings = Settings(_env_file=None, stripe_secret="whsec_hush")
    return Stripe().is_genuine(Delivery(body, {"stripe-signature": said}), settings, now)


def test_signatures() -> None:
    """Hex of HMAC-SHA256 over the moment and the bytes: worked out by another program."""
    right = "8b5948ca8f4c81a12e663108e1fd0fc0b2a32facd696757208e9c434f02c8181"
    good = f"t=1795435200,v1={right}"
    assert is_genuine(good)
    assert is_genuine(f"t=1795435200,v1={'0' * 64},v1={right},v0=x")  # while a secret is changed
    assert is_genuine(good, NOW + timedelta(seconds=300))
    assert is_genuine(good, NOW - timedelta(seconds=300))
    assert not is_genuine(good, NOW + timedelta(seconds=301))
    assert not is_genuine(good, NOW - timedelta(seconds=301))  # nor from a time to come
    assert not is_genuine(good, body=BODY.strip())
    for bad in (
        "", "t=1795435200", f"v1={right}", f"t=,v1={right}", f"t=1795435201,v1={right}",
        f"t=1795435200,v0={right}", f"t=1795435200,v1={right.upper()}", f"{good},t=1795435200",
        f"t=1795435200,v1={right[:-1]}", "t=1795435200,v1=é", f"t=-5,v1={right}",
        f"t={'9' * 400},v1={right}", f"t=²,v1={right}", ",=,==,t=t=", "t=1795435200,v1=",
    ):  # fmt: skip
        assert not is_genuine(bad), bad


async def test_what_is_not_signed_is_refused(desk: Desk) -> None:
    """401, and nothing is kept."""
    body = bytes_of(session())
    real = desk.clock.real()
    async with visiting(desk) as client:
        for headers in ({}, stripe(body + b" ", real), stripe(body, real, "another")):
            answer = await client.post("/hooks/stripe", content=body, headers=headers)
            assert answer.status_code == 401
    assert await rows(desk.store, Inbox) == []


async def test_the_same_event_is_one(desk: Desk, clock: FakeClock) -> None:
    """Signed anew for each try, under its own id."""
    await posted(desk, session())
    clock.advance(hours=2)
    await posted(desk, session())
    kept = [row.event_id for row in await rows(desk.store, Inbox) if not row.parent_id]
    assert kept == ["evt_1"]


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b'{"a":' * 50_000, b'"evt_1"'])
async def test_what_cannot_be_read_is_for_an_engineer(desk: Desk, body: bytes) -> None:
    """It is kept, answered, and looked at; the next one is read."""
    async with visiting(desk) as client:
        headers = stripe(body, desk.clock.real())
        assert (await client.post("/hooks/stripe", content=body, headers=headers)).is_success
    await posted(desk, session())
    assert (await only(desk.store, Task)).role == "engineer"
    assert await told(desk) == ["order.paid"]


@pytest.mark.parametrize("said", [session(), refund(), invoice()], ids=lambda one: one["type"])
async def test_nonsense_in_any_field_loses_no_more_than_that(
    memory_store: Store, clock: FakeClock, said: dict[str, Any]
) -> None:
    """Every field by nonsense: it is read, or an engineer is told why not; never a crash."""
    desk = a_desk(memory_store, clock, FakeTemporal(), stripe_secret=SHOP_SECRET)
    await read_all(desk, Stripe(), mangled(said), {})


def test_an_id_is_exact() -> None:
    """However it is written."""
    assert Stripe().key(Delivery(json.dumps({"id": "evt_ü"}).encode(), {})) == "evt_ü"
    assert Stripe().key(Delivery(b'{"id": 9007199254740993}', {})) == "9007199254740993"
