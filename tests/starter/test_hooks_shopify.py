"""Shopify's webhooks, through the real door: what comes of each, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import httpx2
import pytest

from activities.crm.store import Store
from activities.crm.tables import Consent, Customer, Enrolment, Inbox, Order, PrivacyRequest, Task
from activities.settings import Settings
from starter.desk import Desk
from starter.senders import Delivery, Reader
from starter.senders.shopify import Shopify
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import SHOP_SECRET, shopify, visiting, without
from tests.starter.shops import (
    bytes_of,
    end_state,
    events,
    mangled,
    read_all,
    reasons,
    sample,
    told,
)

ORDER, CUSTOMER = "shopify-9007199254740993", "shopify-9223372036854775807"
BOUGHT = datetime(2026, 11, 23, 11, 39, 58, tzinfo=UTC)
NUMBER = iter(range(1, 10**6))


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal, shopify_secret=SHOP_SECRET)


async def post(
    client: httpx2.AsyncClient,
    said: dict[str, Any],
    topic: str = "orders/create",
    at: datetime | None = None,
    *,
    tried: str = "",
) -> None:
    changed = {"updated_at": at.isoformat()} if at and "updated_at" in said else {}
    body = bytes_of(said | changed)
    headers = shopify(body, topic, f"ev_{next(NUMBER)}", at)
    headers |= {"x-shopify-test": tried} if tried else {}
    answer = await client.post("/hooks/shopify", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")


async def posted(desk: Desk, *said: tuple[Any, ...]) -> None:
    async with visiting(desk) as client:
        for one in said:
            await post(client, *one)


async def test_a_paid_order_is_followed_up(desk: Desk) -> None:
    """With its customer, items, total and the number that they know; ids are exact."""
    await posted(desk, (sample("shopify_order"),))
    assert await told(desk) == ["order.paid"]
    order, customer = await only(desk.store, Order), await only(desk.store, Customer)
    assert (order.id, order.number, order.customer_id) == (ORDER, "#1001", CUSTOMER)
    assert (order.total, order.currency, order.fulfilment) == ("58.10", "GBP", "ship")
    assert (order.confirmed_at, order.paid_at) == (BOUGHT, BOUGHT)
    assert order.items == [
        {"sku": "KET-7", "name": "Folding kettle", "quantity": 1, "price": "39.90"},
        {"sku": "TOW-2", "name": "Tea towel", "quantity": 2, "price": "9.10"},
    ]
    assert (customer.id, customer.email) == (CUSTOMER, "ada@example.com")  # the order's own address
    assert (customer.phone, customer.country) == ("+442079460000", "GB")  # a number of its country
    assert (customer.name, customer.locale) == ("Ada Lovelace", "en-GB")
    assert customer.address["postal_code"] == "SW1Y 4JH"
    consent = await only(desk.store, Consent)
    assert (consent.scope, consent.given, consent.source) == ("email_marketing", True, "shopify")
    assert consent.at == datetime(2026, 11, 23, 11, 39, tzinfo=UTC)
    assert (await only(desk.store, Enrolment)).id == f"online-customer.{CUSTOMER}"


@pytest.mark.parametrize(
    ("changed", "what", "why"),
    [
        ({"financial_status": "pending"}, [], ["unpaid"]),
        ({"financial_status": "voided"}, [], ["voided"]),
        ({"cancelled_at": "2026-11-23T11:41:00+00:00"}, [], ["cancelled"]),
        ({"financial_status": "authorized"}, ["order.confirmed"], []),
        ({"financial_status": "partially_paid"}, ["order.confirmed"], []),
        ({"processed_at": "2019-01-01T10:00:00Z"}, [], ["before_our_time"]),
        ({"customer": None, "email": "", "contact_email": None, "billing_address": None,
          "shipping_address": None}, [], ["nobody_named"]),
        ({"id": None}, [], ["order_not_named"]),
    ],
)  # fmt: skip
async def test_an_order_begins_with_its_money(
    desk: Desk, changed: dict[str, Any], what: list[str], why: list[str]
) -> None:
    """Or with its being promised: an order that was not paid, or is void, begins nothing."""
    await posted(desk, (sample("shopify_order", **changed),))
    assert (await told(desk), await reasons(desk)) == (what, why)
    assert len(await rows(desk.store, Order)) == len(what)


async def test_a_bank_transfer_is_an_order_once_it_came(desk: Desk, clock: FakeClock) -> None:
    """It was bought when it was bought, and paid when it was paid."""
    later = clock.advance(days=2)
    await posted(
        desk,
        (sample("shopify_order", financial_status="pending"), "orders/create", BOUGHT),
        (sample("shopify_order"), "orders/paid", later),
    )
    order = await only(desk.store, Order)
    assert (order.confirmed_at, order.paid_at) == (BOUGHT, later)
    assert len(await rows(desk.store, Enrolment)) == 1


async def test_test_orders_are_followed_up_where_nobody_real_is_written_to(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """A newcomer sees how it goes; a house that sends e-mail does not write to test customers."""
    real = a_desk(
        store, clock, temporal, shopify_secret=SHOP_SECRET, email="sendgrid", from_email="a@b.c"
    )
    await posted(real, (sample("shopify_order", test=True),))
    async with visiting(real) as client:
        await post(client, sample("shopify_order"), tried="true")
    assert (await told(real), await reasons(real)) == ([], ["test_order", "test_order"])
    trying = a_desk(store, clock, temporal, shopify_secret=SHOP_SECRET)
    await posted(trying, (sample("shopify_order", test=True),))
    assert await told(trying) == ["order.paid"]


# -- on its way --------------------------------------------------------------------------------


async def test_shipped_then_delivered(desk: Desk, clock: FakeClock) -> None:
    """`orders/fulfilled` is no delivery, and a parcel that is out for delivery has not arrived."""
    await posted(desk, (sample("shopify_order"),))
    sent = datetime(2026, 11, 24, 9, tzinfo=UTC)
    clock.set(sent)
    parcel = sample("shopify_fulfilment")
    whole = sample("shopify_order", fulfillment_status="fulfilled", fulfillments=[parcel])
    await posted(desk, (parcel, "fulfillments/create", sent), (whole, "orders/fulfilled", sent))
    for hours, state in enumerate(("confirmed", "in_transit", "out_for_delivery", "failure")):
        clock.set(at := sent + timedelta(hours=hours + 1))
        moved = sample("shopify_fulfilment", shipment_status=state)
        await posted(desk, (moved, "fulfillments/update", at))
    order = await only(desk.store, Order)
    assert (order.shipped_at, order.delivered_at) == (sent, None)
    (kept,) = order.shipments
    assert (kept["id"], kept["carrier"]) == ("4820011223344", "Royal Mail")
    assert kept["tracking_number"] == "RM123456785GB"
    assert kept["tracking_url"] == "https://track.example.com/RM123456785GB"
    assert (await told(desk)).count("order.shipped") == 1  # however often it is shown
    at = clock.advance(hours=8)
    arrived = sample("shopify_fulfilment", shipment_status="delivered")
    await posted(desk, (arrived, "fulfillments/update", at))
    assert (await only(desk.store, Order)).delivered_at == at


@pytest.mark.parametrize(
    ("changed", "what", "why"),
    [
        ({"status": "cancelled"}, [], ["fulfilment_cancelled"]),
        ({"status": "pending", "tracking_number": None, "tracking_numbers": [],
          "tracking_url": None, "tracking_urls": []}, [], ["not_shipped_yet"]),
        ({"status": "pending"}, ["order.shipped"], []),  # it can be followed: it was handed over
        ({"shipment_status": "ready_for_pickup"}, ["order.ready_for_pickup"], []),
        ({"order_id": None}, [], ["order_not_named"]),
        ({"id": "x" * 65}, ["order.shipped"], []),
    ],
)  # fmt: skip
async def test_what_a_parcel_is(
    desk: Desk, clock: FakeClock, changed: dict[str, Any], what: list[str], why: list[str]
) -> None:
    """Packed, ready, or nothing of the kind."""
    clock.advance(days=2)
    await posted(desk, (sample("shopify_order"),))
    await posted(desk, (sample("shopify_fulfilment", **changed), "fulfillments/create"))
    assert await told(desk) == sorted(["order.paid", *what])
    assert await reasons(desk) == why


async def test_what_is_fetched_was_not_shipped(desk: Desk, clock: FakeClock) -> None:
    """An order without an address to send it to is ready, and then picked up."""
    fetched = sample("shopify_order", shipping_address=None)
    digital = sample("shopify_order", id=5, name="#1002")
    for line in digital["line_items"]:
        line["requires_shipping"] = False
    clock.advance(days=2)
    await posted(desk, (fetched,), (digital,))
    await posted(desk, (sample("shopify_fulfilment"), "fulfillments/create"))
    kinds = {row.id: row.fulfilment for row in await rows(desk.store, Order)}
    assert kinds == {ORDER: "pickup", "shopify-5": "digital"}
    assert "order.picked_up" in await told(desk)
    assert "order.shipped" not in await told(desk)


# -- undone ------------------------------------------------------------------------------------


async def test_a_part_is_refunded_then_the_rest(desk: Desk, clock: FakeClock) -> None:
    """The items of a part leave later texts; nothing ends until all were given back."""
    await posted(desk, (sample("shopify_order"),))
    clock.advance(days=7)
    part = sample("shopify_refund")
    await posted(desk, (part, "refunds/create"))
    pictured = sample(
        "shopify_order", financial_status="partially_refunded", refunds=[part],
        updated_at="2026-11-28T10:00:01Z",
    )  # fmt: skip
    await posted(desk, (pictured, "orders/updated"))  # the same once more
    order = await only(desk.store, Order)
    assert order.refunded_at is None
    assert [item.get("gone", False) for item in order.items] == [False, True]
    assert (await told(desk)).count("order.refunded") == 1
    whole = pictured | {"financial_status": "refunded"}
    await posted(desk, (whole, "orders/updated"))
    at = datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert (await only(desk.store, Order)).refunded_at == at


async def test_a_cancelled_order_ends(desk: Desk, clock: FakeClock, temporal: FakeTemporal) -> None:
    """Its payment is void then, and it is told once."""
    await posted(desk, (sample("shopify_order", financial_status="authorized"),))
    clock.advance(hours=1)
    at = "2026-11-23T12:30:00+00:00"
    void = sample("shopify_order", cancelled_at=at, financial_status="voided", updated_at=at)
    await posted(desk, (void, "orders/cancelled"), (void, "orders/updated"))
    order = await only(desk.store, Order)
    assert order.cancelled_at == datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    assert (await told(desk)).count("order.cancelled") == 1


# -- any order, doubled, late ------------------------------------------------------------------


async def test_in_any_order_the_end_is_the_same(clock: FakeClock) -> None:
    """Six webhooks of an order, doubled, in nine orders: the rows are those of the right one."""
    part = sample("shopify_refund")
    parcel = sample("shopify_fulfilment")
    moved = parcel | {"tracking_number": "RM2", "shipment_status": "delivered"}
    noon = clock.now()
    said = [
        (sample("shopify_order"), "orders/create", noon - timedelta(minutes=20)),
        (sample("shopify_order"), "orders/paid", noon - timedelta(minutes=19)),
        (
            sample("shopify_order", email="new@example.com", updated_at="2026-11-23T12:30:00Z"),
            "orders/updated", noon + timedelta(minutes=30),
        ),
        (parcel, "fulfillments/create", noon + timedelta(hours=21)),
        (moved, "fulfillments/update", noon + timedelta(days=2)),
        (part, "refunds/create", noon + timedelta(days=5)),
    ]  # fmt: skip
    clock.advance(days=6)
    ends = []
    for number, shuffled in enumerate(list(permutations(range(6)))[::80]):
        fresh = Store("sqlite+aiosqlite://")
        await fresh.create_all()
        desk = a_desk(fresh, clock, FakeTemporal(), shopify_secret=SHOP_SECRET)
        order = range(6) if number == 0 else shuffled
        async with visiting(desk) as client:
            for place in (*order, *order):
                picture, topic, at = said[place]
                body = bytes_of(picture | {"updated_at": at.isoformat()})
                headers = shopify(body, topic, f"ev_{place}", at)
                answer = await client.post("/hooks/shopify", content=body, headers=headers)
                assert answer.is_success
        ends.append(await end_state(desk))
        await fresh.close()
    assert all(end == ends[0] for end in ends)
    (_, (order_,)) = ends[0]
    assert order_[1][4] == noon + timedelta(days=2)  # delivered


# -- people ------------------------------------------------------------------------------------


def an_account(**changed: Any) -> dict[str, Any]:
    account: dict[str, Any] = sample("shopify_order")["customer"]
    return account | changed


async def test_an_account_is_known_and_changes(desk: Desk, clock: FakeClock) -> None:
    """Its number finds the customer whose address is new; enabling it is signing up."""
    await posted(
        desk,
        (an_account(), "customers/create"),
        (an_account(email="king@example.com"), "customers/update", clock.advance(hours=1)),
    )
    customer = await only(desk.store, Customer)
    assert (customer.id, customer.email) == (CUSTOMER, "king@example.com")
    assert await rows(desk.store, Enrolment) == []
    await posted(desk, (an_account(), "customers/enable"))  # said to be so, and not so
    assert await rows(desk.store, Enrolment) == []
    await posted(desk, (an_account(state="enabled"), "customers/enable"))
    assert (await only(desk.store, Enrolment)).sop == "online-customer"


async def test_consent_is_their_own_word_said_once(desk: Desk, clock: FakeClock) -> None:
    """Taken back at the shop, taken back here; a state that nobody chose says nothing."""
    await posted(desk, (sample("shopify_order"),))
    clock.advance(hours=2)

    def consent(state: str) -> dict[str, Any]:
        return {"state": state, "opt_in_level": None, "consent_updated_at": "2026-11-23T13:00:00Z"}

    taken = an_account(email_marketing_consent=consent("unsubscribed"))
    own = {"customer_id": 9223372036854775807, "email_address": "ada@example.com"}
    own |= {"email_marketing_consent": consent("unsubscribed")}
    nobody = own | {"email_marketing_consent": consent("not_subscribed")}
    await posted(
        desk,
        (taken, "customers/update"),
        (taken, "customers/update"),
        (own, "customers_email_marketing_consent/update"),
        (nobody, "customers_email_marketing_consent/update"),
    )
    changed = [row for row in await events(desk) if row.type == "consent.changed"]
    assert len([row for row in changed if '"email_marketing": false' in row.raw]) == 1
    assert await reasons(desk) == ["nothing_stated"]
    words = await rows(desk.store, Consent)
    assert max(words, key=lambda word: word.at).given is False


async def test_a_tick_box_begins_consent(desk: Desk) -> None:
    """Where the account says nothing; a box that was left alone is no word."""
    silent = an_account(email_marketing_consent=None)
    await posted(desk, (sample("shopify_order", customer=silent, buyer_accepts_marketing=False),))
    assert await rows(desk.store, Consent) == []
    await posted(desk, (sample("shopify_order", customer=silent, id=6),))
    assert (await only(desk.store, Consent)).given is True


async def test_an_old_customer_is_not_new(desk: Desk) -> None:
    """The shop knows since when; a subscriber's first order is a first order all the same."""
    old = an_account(created_at="2021-01-01T00:00:00Z")
    await posted(desk, (sample("shopify_order", customer=old),))
    assert await rows(desk.store, Enrolment) == []
    other = old | {"id": 7, "email": "b@example.com", "orders_count": 1}
    await posted(desk, (sample("shopify_order", id=7, email=None, contact_email=None, phone=None,
                               billing_address=None, shipping_address=None,
                               customer=other | {"default_address": None}),))  # fmt: skip
    assert (await only(desk.store, Enrolment)).customer_id == "shopify-7"


async def test_what_the_law_has_passed_on(desk: Desk) -> None:
    """A copy of their data is asked for: a person's task. Erased: nobody writes to them again."""
    await posted(desk, (sample("shopify_order"),))
    who = {"id": 9223372036854775807, "email": "ada@example.com", "phone": None}
    shop = {"shop_id": 954889, "shop_domain": "ours.myshopify.com", "customer": who}
    asked = shop | {"orders_requested": [9007199254740993], "data_request": {"id": 9999}}
    await posted(desk, (asked, "customers/data_request"))
    assert (await only(desk.store, PrivacyRequest)).kind == "access"
    assert (await only(desk.store, Task)).role == "data-protection-officer"
    await posted(desk, (shop | {"orders_to_redact": []}, "customers/redact"))
    assert (await only(desk.store, Customer)).erased_at is not None
    kinds = {row.kind for row in await rows(desk.store, PrivacyRequest)}
    assert kinds == {"access", "erase"}
    stranger = shop | {"customer": {"id": 8, "email": "x@example.com", "phone": None}}
    whole = {name: said for name, said in shop.items() if name != "customer"}
    await posted(
        desk,
        (stranger | {"orders_to_redact": []}, "customers/redact"),
        (stranger | {"orders_requested": []}, "customers/data_request"),
        (whole, "shop/redact"),
    )
    assert await reasons(desk) == [
        "data_request_of_somebody_unknown", "shop_redact_asked_for", "unknown_customer",
    ]  # fmt: skip
    engineers = [row for row in await rows(desk.store, Task) if row.role == "engineer"]
    assert len(engineers) == 2


# -- proof -------------------------------------------------------------------------------------


def test_a_signature_of_the_vendors_kind_verifies() -> None:
    """Base64 of HMAC-SHA256 over the bytes: worked out by another program."""
    settings = Settings(_env_file=None, shopify_secret="hush")
    signed = {"x-shopify-hmac-sha256": "ZB1V6cyUvuVd2y0Zyl0Yk2JgDDNW/1pAHVBmrTNyWIo="}
    body = b'{"id": 1, "note": "caf\xc3\xa9"}\n'
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert Shopify().is_genuine(Delivery(body, signed), settings, now)
    assert not Shopify().is_genuine(Delivery(body.strip(), signed), settings, now)


async def test_what_is_not_signed_is_refused(desk: Desk) -> None:
    """A missing, a foreign, a changed signature: 401, and nothing is kept."""
    body = bytes_of(sample("shopify_order"))
    good = shopify(body)
    signed = good["x-shopify-hmac-sha256"]
    bad = [
        without(good, "x-shopify-hmac-sha256"),
        shopify(body, secret="another"),
        shopify(body + b" "),
        good | {"x-shopify-hmac-sha256": signed.rstrip("=")},
        good | {"x-shopify-hmac-sha256": signed.swapcase()},
        good | {"x-shopify-hmac-sha256": ""},
    ]
    async with visiting(desk) as client:
        for headers in bad:
            answer = await client.post("/hooks/shopify", content=body, headers=headers)
            assert answer.status_code == 401
    assert await rows(desk.store, Inbox) == []


async def test_an_event_is_known_by_its_own_id(desk: Desk) -> None:
    """Not by the delivery's: it comes again under the same. Without either, by its bytes."""
    body = bytes_of(sample("shopify_order"))
    async with visiting(desk) as client:
        for headers in (
            shopify(body, id_="a"),
            shopify(body, id_="a") | {"x-shopify-webhook-id": "another"},
            without(shopify(body, id_="b"), "x-shopify-event-id", "x-shopify-webhook-id"),
            without(shopify(body, id_="c"), "x-shopify-event-id", "x-shopify-webhook-id"),
        ):
            assert (await client.post("/hooks/shopify", content=body, headers=headers)).is_success
    kept = [row.event_id for row in await rows(desk.store, Inbox) if not row.parent_id]
    assert sorted(kept) == sorted(["orders/create/a", Delivery(body, {}).digest])


BODIES = {
    "orders/create": sample("shopify_order"),
    "orders/cancelled": sample("shopify_order", cancelled_at="2026-11-23T11:50:00Z"),
    "orders/fulfilled": sample("shopify_order", fulfillment_status="fulfilled"),
    "fulfillments/update": sample("shopify_fulfilment"),
    "refunds/create": sample("shopify_refund"),
    "customers/update": sample("shopify_order")["customer"],
    "customers/enable": sample("shopify_order")["customer"] | {"state": "enabled"},
    "customers_email_marketing_consent/update": {"customer_id": 1, "email_address": "a@example.com",
        "email_marketing_consent": {"state": "unsubscribed"}},
    "customers/redact": {"shop_domain": "x", "customer": {"id": 1}, "orders_to_redact": []},
    "customers/data_request": {"shop_domain": "x", "customer": {"id": 1}, "orders_requested": []},
    "shop/redact": {"shop_id": 1, "shop_domain": "x"},
}  # fmt: skip
MAY = {  # what else than its own topic a body may be called, and what that may come to
    "orders/create": {"orders/cancelled", "orders/fulfilled"},
    "orders/cancelled": {"orders/create", "orders/fulfilled"},
    "orders/fulfilled": {"orders/create", "orders/cancelled"},
    "customers/update": {"customers/enable", "customers_email_marketing_consent/update"},
    "customers/enable": {"customers/update", "customers_email_marketing_consent/update"},
    "customers_email_marketing_consent/update": {"customers/update", "customers/enable"},
}
HARMLESS = {"order.paid", "order.confirmed", "customer.updated", "consent.changed"}


async def test_a_body_under_another_topic_does_no_harm(
    memory_store: Store, clock: FakeClock
) -> None:
    """Topics are not signed: each pair is refused, or comes to what the body itself says."""
    desk = a_desk(memory_store, clock, FakeTemporal(), shopify_secret=SHOP_SECRET)
    reader = Reader(desk.store, desk.settings, now=clock.now(), real=clock.real())

    async def comes_of(body: dict[str, Any], topic: str) -> tuple[set[str], Sequence[str]]:
        headers = {"x-shopify-topic": topic, "x-shopify-event-id": "e"}
        found = await Shopify().read(Delivery(bytes_of(body), headers), reader)
        return {one.event["type"] for one in found.found}, found.failed

    for right, body in BODIES.items():
        own, _ = await comes_of(body, right)
        for topic in set(BODIES) - {right}:
            found, failed = await comes_of(body, topic)
            if topic in MAY.get(right, ()):
                assert found <= own | HARMLESS, (right, topic)
            else:
                assert (found, failed) == (set(), ["not_of_its_topic"]), (right, topic)


async def test_two_shops_have_a_secret_each(memory_store: Store, clock: FakeClock) -> None:
    """Shopify's ids are no two shops'; what neither of them signed is refused."""
    both = f"{SHOP_SECRET}, another"
    desk = a_desk(memory_store, clock, FakeTemporal(), shopify_secret=both)
    async with visiting(desk) as client:
        for number, secret in enumerate((SHOP_SECRET, "another", "third", "", both)):
            body = bytes_of(sample("shopify_order", id=number + 1))
            headers = shopify(body, id_=f"e{number}", secret=secret)
            answer = await client.post("/hooks/shopify", content=body, headers=headers)
            assert answer.status_code == (200 if number < 2 else 401)
    assert {row.id for row in await rows(desk.store, Order)} == {"shopify-1", "shopify-2"}


async def test_a_topic_that_is_not_known_is_kept(desk: Desk) -> None:
    """Nothing comes of it, and nothing is amiss."""
    await posted(desk, ({"id": 1}, "themes/publish"), ({"id": 1}, "orders/edited"))
    assert await reasons(desk) == ["nothing_follows", "topic_unknown"]
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}


# -- hostile -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}"],
)
async def test_what_is_no_order_is_for_an_engineer(desk: Desk, body: bytes) -> None:
    """It is kept, answered, and looked at; the next one is read."""
    async with visiting(desk) as client:
        answer = await client.post("/hooks/shopify", content=body, headers=shopify(body))
        assert answer.is_success
        await post(client, sample("shopify_order"))
    assert (await only(desk.store, Task)).role == "engineer"
    assert await told(desk) == ["order.paid"]


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("shopify_order", "orders/create"),
        ("shopify_order", "orders/updated"),
        ("shopify_fulfilment", "fulfillments/update"),
        ("shopify_refund", "refunds/create"),
    ],
)
async def test_nonsense_in_any_field_loses_no_more_than_that(
    memory_store: Store, clock: FakeClock, name: str, topic: str
) -> None:
    """Every field by every nonsense: it is read, or an engineer is told why not; never a crash."""
    desk = a_desk(memory_store, clock, FakeTemporal(), shopify_secret=SHOP_SECRET)
    await read_all(desk, Shopify(), mangled(sample(name)), {"x-shopify-topic": topic})
