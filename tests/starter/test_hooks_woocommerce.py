"""WooCommerce's webhooks, through the real door: what an order's status says happened to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Customer, Enrolment, Inbox, Order, Task
from activities.settings import Settings
from starter.desk import Desk
from starter.senders import Delivery, Reader
from starter.senders.woocommerce import WooCommerce
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import SHOP_SECRET, visiting, without, woocommerce
from tests.starter.shops import bytes_of, end_state, mangled, read_all, reasons, sample, told

ORDER = "woocommerce-8104"
BOUGHT, PAID = (
    datetime(2026, 11, 23, 11, 20, tzinfo=UTC),
    datetime(2026, 11, 23, 11, 21, tzinfo=UTC),
)
SENT = datetime(2026, 11, 25, 8, tzinfo=UTC)


@pytest.fixture
def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(memory_store, clock, temporal, woocommerce_secret=SHOP_SECRET)


async def posted(desk: Desk, *said: tuple[dict[str, Any], str]) -> None:
    async with visiting(desk) as client:
        for one, topic in said:
            body = bytes_of(one)
            headers = woocommerce(body, topic)
            answer = await client.post("/hooks/woocommerce", content=body, headers=headers)
            assert (answer.status_code, answer.content) == (200, b"")


def order(at: datetime | None = None, **changed: Any) -> tuple[dict[str, Any], str]:
    """An update, or as it was first shown."""
    if at is None:
        return sample("woocommerce_order", **changed), "order.created"
    changed["date_modified_gmt"] = at.strftime("%Y-%m-%dT%H:%M:%S")
    return sample("woocommerce_order", **changed), "order.updated"


def completed(at: datetime = SENT, **changed: Any) -> tuple[dict[str, Any], str]:
    done = at.strftime("%Y-%m-%dT%H:%M:%S")
    return order(at, status="completed", date_completed_gmt=done, **changed)


async def test_a_paid_order_is_followed_up(desk: Desk) -> None:
    """Of a guest; the moments are those in UTC, the number is one of their country."""
    await posted(desk, order())
    row, customer = await only(desk.store, Order), await only(desk.store, Customer)
    assert (row.id, row.number, row.total, row.currency) == (ORDER, "#8104", "33.90", "EUR")
    assert (row.confirmed_at, row.paid_at, row.fulfilment) == (BOUGHT, PAID, "ship")
    assert row.items == [{"name": "Notebook – Colour: Blue", "quantity": 3, "price": "9.67"}]
    assert customer.id.startswith("cus_")
    assert (customer.email, customer.phone) == ("konrad@example.com", "+4930901820")
    assert (customer.name, customer.country) == ("Konrad Zuse", "DE")
    assert len(await rows(desk.store, Enrolment)) == 1


@pytest.mark.parametrize(
    ("changed", "what", "why"),
    [
        ({"status": "pending", "date_paid_gmt": None}, [], ["unpaid"]),
        ({"status": "on-hold", "date_paid_gmt": None}, [], ["unpaid"]),
        ({"status": "failed", "date_paid_gmt": None}, [], ["unpaid"]),
        ({"status": "checkout-draft", "date_paid_gmt": None}, [], ["unpaid"]),
        ({"status": "cancelled", "date_paid_gmt": None}, [], ["unpaid"]),
        ({"status": "packing", "date_paid_gmt": None}, [], ["status_unknown"]),
        ({"status": "packing"}, ["customer.updated", "order.paid"], []),
        ({"payment_method": "cod", "date_paid_gmt": None},
         ["customer.updated", "order.confirmed"], []),  # paid at the door
        ({"date_created_gmt": "2020-01-01T00:00:00", "date_paid_gmt": "2020-01-01T00:00:00"},
         [], ["before_our_time"]),
        ({"billing": {}}, [], ["nobody_named"]),
        ({"id": 0}, [], ["order_not_named"]),
    ],
)  # fmt: skip
async def test_an_order_is_created_before_it_is_paid(
    desk: Desk, changed: dict[str, Any], what: list[str], why: list[str]
) -> None:
    """It begins with the money, or with a status that says it is to be sent."""
    await posted(desk, order(**changed))
    assert (await told(desk), await reasons(desk)) == (what, why)


async def test_an_account_is_a_customer(desk: Desk) -> None:
    """It signs up, changes, and buys under one id, however long that is."""
    account = sample("woocommerce_order")
    who = {"id": 2**60 + 1, "email": "konrad@example.com", "first_name": "Konrad"}
    who |= {"last_name": "Zuse", "billing": account["billing"], "date_modified_gmt": None}
    who |= {"date_created_gmt": "2026-11-23T11:00:00"}
    await posted(desk, (who, "customer.created"), (who, "customer.updated"))
    assert (await only(desk.store, Enrolment)).sop == "online-customer"
    await posted(desk, order(customer_id=2**60 + 1))
    assert (await only(desk.store, Customer)).id == f"woocommerce-{2**60 + 1}"
    await posted(desk, ({"id": 2**60 + 1}, "customer.deleted"))
    assert await reasons(desk) == ["nothing_follows"]


async def test_completed_is_sent(desk: Desk, clock: FakeClock) -> None:
    """It does not say that it arrived; an extension's parcels can be followed."""
    await posted(desk, order())
    clock.advance(days=3)
    parcels = [{
        "tracking_id": "a1", "tracking_provider": "dhl", "custom_tracking_provider": "",
        "tracking_number": "00340434", "custom_tracking_link": "https://t.example.com/1",
        "date_shipped": "1795564800",
    }]  # fmt: skip
    meta = [{"id": 1, "key": "_wc_shipment_tracking_items", "value": parcels}]
    await posted(
        desk, completed(meta_data=meta), completed(SENT + timedelta(hours=1), meta_data=meta)
    )
    row = await only(desk.store, Order)
    assert (row.shipped_at, row.delivered_at) == (SENT, None)
    assert row.shipments[0]["tracking_number"] == "00340434"
    assert (await told(desk)).count("order.shipped") == 1
    await posted(desk, order(SENT + timedelta(days=1), status="delivered"))
    assert "order.delivered" in await told(desk)  # where an extension says so


@pytest.mark.parametrize(
    ("changed", "kind", "what"),
    [
        ({"shipping_lines": [{"method_id": "local_pickup"}]}, "pickup", "order.picked_up"),
        ({"shipping_lines": [{"method_id": "pickup_location"}]}, "pickup", "order.picked_up"),
        ({"shipping_lines": [], "shipping": {"address_1": ""}}, "digital", None),
        ({"shipping_lines": []}, None, "order.shipped"),
    ],
)
async def test_how_it_comes_to_them(
    desk: Desk, clock: FakeClock, changed: dict[str, Any], kind: str | None, what: str | None
) -> None:
    """Fetched, downloaded, or sent."""
    clock.advance(days=3)
    await posted(desk, completed(**changed))
    assert (await only(desk.store, Order)).fulfilment == kind
    rest = set(await told(desk)) - {"order.paid", "customer.updated"}
    assert rest == ({what} if what else set())


async def test_undone(desk: Desk, clock: FakeClock) -> None:
    """A part refunded ends nothing; refunded as a whole, cancelled or deleted does."""
    await posted(desk, order(), (sample("woocommerce_order", id=2), "order.created"))
    clock.advance(days=3)
    part = [{"id": 99, "reason": "scratched", "total": "-5.00"}]
    await posted(desk, order(SENT, refunds=part), order(SENT + timedelta(hours=1), refunds=part))
    assert (await rows(desk.store, Order))[0].refunded_at is None
    assert (await told(desk)).count("order.refunded") == 1
    await posted(desk, order(SENT + timedelta(hours=2), status="refunded", refunds=part))
    await posted(desk, ({"id": 2}, "order.deleted"))
    found = {row.id: row for row in await rows(desk.store, Order)}
    assert found[ORDER].refunded_at == SENT + timedelta(hours=2)
    assert found["woocommerce-2"].cancelled_at is not None


async def test_in_any_order_the_end_is_the_same(clock: FakeClock) -> None:
    """Created, paid, changed, completed, cancelled; doubled."""
    clock.advance(days=6)
    other = sample("woocommerce_order")["billing"] | {"city": "Hünfeld", "postcode": "36088"}
    said = [
        order(status="pending", date_paid_gmt=None),
        order(PAID, customer_id=7),
        order(PAID + timedelta(hours=1), customer_id=7, billing=other),
        completed(customer_id=7, billing=other),
        order(SENT + timedelta(days=1), status="cancelled", customer_id=7, billing=other),
    ]
    ends = []
    for shuffled in list(permutations(said))[::17]:
        store = Store("sqlite+aiosqlite://")
        await store.create_all()
        desk = a_desk(store, clock, FakeTemporal(), woocommerce_secret=SHOP_SECRET)
        await posted(desk, *shuffled, *shuffled)
        ends.append(await end_state(desk))
        await store.close()
    assert all(end == ends[0] for end in ends)
    assert "Hünfeld" in ends[0][0][0][6]


async def test_two_updates_in_a_second_are_two(desk: Desk) -> None:
    """A payment completes a virtual order at once; the same bytes again are the same."""
    virtual = {"shipping_lines": [], "shipping": {"address_1": ""}}
    twice = [order(PAID, **virtual), order(PAID, status="completed", **virtual)]
    await posted(desk, *twice, *twice)
    assert len([row for row in await rows(desk.store, Inbox) if not row.parent_id]) == 2


# -- proof -------------------------------------------------------------------------------------


async def test_the_ping_gets_its_200(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Unsigned, before there is a secret; nothing else that is unsigned does."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with visiting(a_desk(store, clock, temporal)) as client:
        answer = await client.post("/hooks/woocommerce", content=b"webhook_id=142", headers=form)
        assert (answer.status_code, answer.content) == (200, b"")
        for body in (b"webhook_id=142&x=1", b"webhook_id=", b"webhook_id=x", b"{}"):
            answer = await client.post("/hooks/woocommerce", content=body, headers=form)
            assert answer.status_code == 503
    async with visiting(a_desk(store, clock, temporal, woocommerce_secret="s")) as client:
        answer = await client.post("/hooks/woocommerce", content=b"webhook_id=142&", headers=form)
        assert answer.status_code == 401
    assert await rows(store, Inbox) == []


def test_a_signature_of_the_vendors_kind_verifies() -> None:
    """Base64 of HMAC-SHA256 over the bytes: worked out by another program."""
    settings = Settings(_env_file=None, woocommerce_secret="hush")
    body = b'{"id": 1}\n'
    signed = {"x-wc-webhook-signature": "R6yHoVylcIvKE9t8oL60QLlGsI2Sw4b5FPg/lrGRffM="}
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert WooCommerce().is_genuine(Delivery(body, signed), settings, now)
    assert not WooCommerce().is_genuine(Delivery(body.strip(), signed), settings, now)


async def test_what_is_not_signed_is_refused(desk: Desk) -> None:
    """401, and nothing is kept."""
    body = bytes_of(order()[0])
    good = woocommerce(body)
    bad = [
        without(good, "x-wc-webhook-signature"),
        woocommerce(body + b" "),
        woocommerce(body, secret="another"),
    ]
    async with visiting(desk) as client:
        for headers in bad:
            answer = await client.post("/hooks/woocommerce", content=body, headers=headers)
            assert answer.status_code == 401
    assert await rows(desk.store, Inbox) == []


async def test_a_body_under_another_topic_does_no_harm(desk: Desk, clock: FakeClock) -> None:
    """Topics are not signed: each pair is refused, or comes to what the body itself says."""
    since = "2026-10-01T11:00:00"
    old = {"id": 7, "email": "k@example.com", "billing": {}, "date_created_gmt": since}
    old |= {"date_modified_gmt": "2026-11-23T11:00:00"}
    bodies: dict[str, dict[str, Any]] = {
        "order.updated": order()[0],
        "customer.updated": old,
        "customer.created": old | {"id": 8, "date_modified_gmt": since},
        "order.deleted": {"id": 8104},
        "customer.deleted": {"id": 9},
    }
    same = {"customer.updated": {"customer.updated"}, "customer.created": {"customer.updated"}}
    reader = Reader(desk.store, desk.settings, now=clock.now(), real=clock.real())
    topics = {*bodies, "order.created", "order.restored"}
    for right, body in bodies.items():
        for topic in topics - {right}:
            delivery = Delivery(bytes_of(body), {"x-wc-webhook-topic": topic})
            found = await WooCommerce().read(delivery, reader)
            told = {one.event["type"] for one in found.found}
            kind = topic.partition(".")[0]
            if right == "order.updated" and topic in ("order.created", "order.restored"):
                assert told == {"order.paid", "customer.updated"}
            elif right in same and kind == "customer" and topic != "customer.deleted":
                assert told == same[right] | ({"customer.signed_up"} & told)
                assert "customer.signed_up" not in told or right == "customer.created"
            else:
                assert told <= {"order.cancelled"}, (right, topic)
                assert not told or right == "customer.deleted"  # a number alone; see below


async def test_a_number_that_was_somebody_elses_cancels_nothing(desk: Desk) -> None:
    """Of what was deleted only its number is signed: a customer's, said again as an order's."""
    await posted(desk, order(), ({"id": 8104}, "customer.deleted"), ({"id": 8104}, "order.deleted"))
    assert (await only(desk.store, Order)).cancelled_at is None
    assert (await only(desk.store, Task)).role == "engineer"


async def test_a_topic_that_is_not_known_is_kept(desk: Desk) -> None:
    """Products, coupons, actions: nothing comes of them."""
    await posted(desk, ({"id": 1}, "product.updated"), ({"action": "x"}, "action.wc_add_to_cart"))
    assert await reasons(desk) == ["topic_unknown", "topic_unknown"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xfe\xff", b"[" * 90_000, b'{"id": 1e999999999}'])
async def test_what_cannot_be_read_is_for_an_engineer(desk: Desk, body: bytes) -> None:
    """It is kept, answered, and looked at; the next one is read."""
    async with visiting(desk) as client:
        headers = woocommerce(body)
        answer = await client.post("/hooks/woocommerce", content=body, headers=headers)
        assert answer.is_success
    await posted(desk, order())
    assert (await only(desk.store, Task)).role == "engineer"
    assert "order.paid" in await told(desk)


@pytest.mark.parametrize(
    ("changed", "topic"),
    [
        ({}, "order.updated"),
        ({"status": "completed", "refunds": [{"id": 1, "reason": "", "total": "-1.00"}],
          "date_completed_gmt": "2026-11-23T11:55:00"}, "order.updated"),
    ],
)  # fmt: skip
async def test_nonsense_in_any_field_loses_no_more_than_that(
    memory_store: Store, clock: FakeClock, changed: dict[str, Any], topic: str
) -> None:
    """Every field by nonsense: it is read, or an engineer is told why not; never a crash."""
    desk = a_desk(memory_store, clock, FakeTemporal(), woocommerce_secret=SHOP_SECRET)
    said = mangled(sample("woocommerce_order", **changed))
    await read_all(desk, WooCommerce(), said, {"x-wc-webhook-topic": topic})
