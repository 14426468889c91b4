"""Whoever cannot sign is not believed: every door of other systems, against mutations of what was
genuine. `AFTERCARE_DOSE=20` makes ten thousand of them."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import httpx2
import pytest

from activities.crm.store import Store
from activities.crm.tables import Inbox
from starter.desk import Desk
from starter.senders.registry import SENDERS
from starter.senders.signatures import SENDGRID, SENDGRID_AT, TWILIO, form_of
from tests.factories import FakeClock
from tests.starter import hooks
from tests.starter.front import FakeTemporal, a_desk, rows

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
EACH = math.ceil(500 * DOSE / len(SENDERS))  # mutations of what each sender posts
TELLING = {"type": "engagement.login", "customer": {"email": "ada@example.com"}}
MAIL = (
    b'--b\r\nContent-Disposition: form-data; name="headers"\r\n\r\nMessage-ID: <m@example.com>\r\n'
    b'--b\r\nContent-Disposition: form-data; name="from"\r\n\r\nada@example.com\r\n'
    b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nThank you\r\n--b--\r\n'
)
SMS = urlencode({
    "From": "+447700900123", "To": "+447700900999", "Body": "Yes & no", "SmsSid": "SM1",
    "MessageSid": "SM1", "MessageStatus": "delivered",
}).encode()  # fmt: skip


@dataclass(frozen=True)
class Post:
    """What is posted to a door."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    method: str = "POST"


Signed = Callable[[bytes, datetime], Mapping[str, str]]
Same = Callable[[Post, Post], bool]


@dataclass(frozen=True)
class Signing:
    """How a sender proves itself."""

    body: bytes
    sign: Signed
    proof: tuple[str, ...]  # its headers that do; what others say is not signed by any of them
    same: Same | None = None  # where two posts may differ and say, by its own rules, the same
    timed: bool = True  # when it was said is signed, too
    query: str = ""


def _one_of(header: str, between: str) -> Same:
    """Several signatures may stand in a header: one that is right is enough."""

    def same(one: Post, other: Post) -> bool:
        words = set(one.headers.get(header, "").split(between))
        rest = {name: value for name, value in one.headers.items() if name != header}
        left = {name: value for name, value in other.headers.items() if name != header}
        found = {part.strip() for part in other.headers.get(header, "").split(between)}
        return one.body == other.body and rest == left and words <= found

    return same


def _same_form(one: Post, other: Post) -> bool:
    """Twilio signs names and values one after the other, sorted, whatever stands between them."""
    if (one.query, one.headers) != (other.query, other.headers):
        return False
    forms: list[dict[str, list[str]]] = [form_of(post.body) or {} for post in (one, other)]
    said = ["".join(n + v for n in sorted(f) for v in sorted(set(f[n]))) for f in forms]
    return said[0] == said[1]


def _json(said: object) -> bytes:
    return json.dumps(said).encode()


SIGNINGS: dict[str, Signing] = {
    "generic": Signing(
        _json(TELLING | {"id": "evt_1"}), hooks.standard,
        ("webhook-id", "webhook-timestamp", "webhook-signature"),
        _one_of("webhook-signature", " "),
    ),
    "shopify": Signing(
        _json({"id": 1001, "email": "ada@example.com"}),
        lambda body, _: hooks.shopify(body, topic="themes/publish"),
        ("x-shopify-hmac-sha256",), timed=False,
    ),
    "stripe": Signing(
        _json({"id": "evt_1", "type": "plan.created", "livemode": True, "data": {"object": {}}}),
        hooks.stripe, ("stripe-signature",), _one_of("stripe-signature", ","),
    ),
    "woocommerce": Signing(
        _json({"id": 7, "status": "pending"}), lambda body, _: hooks.woocommerce(body),
        ("x-wc-webhook-signature",), timed=False,
    ),
    "surveymonkey": Signing(
        _json({"event_id": "1", "event_type": "survey_created", "object_type": "survey"}),
        lambda body, _: hooks.surveymonkey(body), ("sm-signature",), timed=False,
    ),
    "sendgrid/events": Signing(
        _json([{"event": "open", "sg_event_id": "e1", "timestamp": 1}]), hooks.sendgrid,
        (SENDGRID, SENDGRID_AT),
    ),
    "sendgrid/inbound": Signing(
        MAIL, lambda body, at: hooks.sendgrid(body, at)
        | {"content-type": "multipart/form-data; boundary=b"},
        (SENDGRID, SENDGRID_AT),
    ),
    "twilio/inbound": Signing(
        SMS, lambda body, _: hooks.twilio(body, "/hooks/twilio/inbound"), (TWILIO,),
        _same_form, timed=False,
    ),
    "twilio/status": Signing(
        SMS, lambda body, _: hooks.twilio(body, "/hooks/twilio/status?k=cus_1/welcome"),
        (TWILIO,), _same_form, timed=False, query="k=cus_1/welcome",
    ),
    "zoom": Signing(
        _json({"event": "webinar.created", "event_ts": 1, "payload": {"object": {"id": 1}}}),
        hooks.zoom, ("x-zm-request-timestamp", "x-zm-signature"),
    ),
}  # fmt: skip
SETTINGS = {
    "public_url": hooks.PUBLIC_URL,
    "generic_secret": hooks.SECRET,
    "shopify_secret": hooks.SHOP_SECRET,
    "stripe_secret": hooks.SHOP_SECRET,
    "woocommerce_secret": hooks.SHOP_SECRET,
    "surveymonkey_secret": hooks.SURVEYMONKEY_SECRET,
    "sendgrid_webhook_public_key": hooks.SENDGRID_PUBLIC,
    "zoom_secret": hooks.ZOOM_SECRET,
    "twilio_auth_token": hooks.TWILIO_TOKEN,
}


@pytest.fixture
def desk(memory_store: Store, clock: FakeClock) -> Desk:
    return a_desk(memory_store, clock, FakeTemporal(), **SETTINGS)


def genuine(path: str, at: datetime) -> Post:
    how = SIGNINGS[path]
    return Post(path, how.body, dict(how.sign(how.body, at)), how.query)


def mutated(post: Post, luck: random.Random, at: datetime) -> Post:
    """The same, but for one thing that its sender's proof is about."""
    how = SIGNINGS[post.path]
    ways: list[Callable[[], Post]] = [
        lambda: replace(post, body=_bytes(post.body, luck)),
        lambda: replace(post, headers={**post.headers, **_header(post, luck)}),
        lambda: replace(post, headers=hooks.without(post.headers, luck.choice(how.proof))),
        lambda: replace(post, headers={**post.headers, **_foreign(post, luck, at)}),
    ]
    if how.query:
        ways.append(
            lambda: replace(post, query=_bytes(post.query.encode(), luck).decode("latin-1"))
        )
    if how.timed:
        past = -timedelta(hours=27) * (1 + 100 * luck.random())
        wrong = at + luck.choice((past, timedelta(minutes=6) * (1 + 1e5 * luck.random())))
        ways.append(lambda: genuine(post.path, wrong))
    return luck.choice(ways)()


def _bytes(said: bytes, luck: random.Random) -> bytes:
    """A bit, a byte, a piece of it, or all."""
    where, odd = luck.randrange(len(said)), luck.randbytes(luck.randint(1, 8))
    return luck.choice((
        said[:where] + bytes([said[where] ^ 1 << luck.randrange(8)]) + said[where + 1 :],
        said[:where] + odd + said[where:],
        said[:where] + said[where + luck.randint(1, 8) :],
        said[where:] + said[:where],
        said.swapcase(),
        said + luck.choice((b" ", b"\n", b"\0", b"&a=b", said)),
        b"",
        odd * luck.randint(1, 400),
        said.replace(b'"', b"'"),
    ))  # fmt: skip


def _header(post: Post, luck: random.Random) -> dict[str, str]:
    """One of those that prove it, with something else in it."""
    name = luck.choice(SIGNINGS[post.path].proof)
    said = post.headers[name].encode("latin-1")
    other = luck.choice((
        lambda: _bytes(said, luck),
        lambda: luck.randbytes(len(said)),
        said.upper,
        lambda: said.rstrip(b"="),
        lambda: b"v1=" + said,
        lambda: luck.choice((b"null", b"true", b"0", b"-1", b"1e9", b"v1,", b"t=,v1=", b"=" * 88)),
        lambda: "²³１２".encode().ljust(len(said), b"9"),
    ))()  # fmt: skip
    return {name: bytes(one for one in other if one > 32 and one != 127).decode("latin-1")}


def _foreign(post: Post, luck: random.Random, at: datetime) -> dict[str, str]:
    """Signed, but of something else, or by somebody else."""
    how, other = SIGNINGS[post.path], SIGNINGS[luck.choice(sorted(SIGNINGS))]
    elsewhere = {**other.sign(other.body, at)}
    borrowed = dict(zip(how.proof, luck.sample(sorted(elsewhere.values()), 1) * 3, strict=False))
    return luck.choice((borrowed, dict(how.sign(how.body + b" ", at))))


def is_same(post: Post, other: Post) -> bool:
    how = SIGNINGS[post.path]
    if how.same is not None:
        return how.same(post, other)
    proofs = ([one.headers.get(name) for name in how.proof] for one in (post, other))
    return post.body == other.body and post.query == other.query and next(proofs) == next(proofs)


async def posted(client: httpx2.AsyncClient, post: Post) -> httpx2.Response:
    """As bytes: what is no text is sent, too."""
    headers = [(n.encode(), v.encode("latin-1", "replace")) for n, v in post.headers.items()]
    query = quote(post.query, safe="=&/%+:;,@!$'()*?~", encoding="latin-1")
    address = f"http://test/hooks/{post.path}" + (f"?{query}" if query else "")
    return await client.request(post.method, address, content=post.body, headers=headers)


def test_every_sender_is_among_them() -> None:
    """A new door is attacked from its first day."""
    assert set(SENDERS) <= set(SIGNINGS), "give the new sender its line in SIGNINGS"


@pytest.mark.timeout(60 + 20 * DOSE)
@pytest.mark.parametrize("path", sorted(SENDERS))
async def test_nothing_forged_is_believed(desk: Desk, clock: FakeClock, path: str) -> None:
    """None accepted, none a 500, nothing kept; what is genuine is taken before and after."""
    real, luck = clock.real(), random.Random(path)
    post, tried = genuine(path, real), 0
    async with hooks.visiting(desk) as client:
        assert (await posted(client, post)).is_success
        kept = len(await rows(desk.store, Inbox))
        assert kept >= 1
        while tried < EACH:
            forged = mutated(post, luck, real)
            if is_same(post, forged):
                continue
            tried += 1
            answer = await posted(client, forged)
            assert 400 <= answer.status_code < 500, (answer.status_code, forged)
        assert len(await rows(desk.store, Inbox)) == kept
        assert (await posted(client, genuine(path, real))).is_success
    assert len(await rows(desk.store, Inbox)) == kept


@pytest.mark.parametrize("path", sorted(SENDERS))
async def test_a_door_is_one_senders(desk: Desk, clock: FakeClock, path: str) -> None:
    """What another signed is not taken here, unless both have one key for two doors; nor what
    comes by any other method."""
    post = genuine(path, clock.real())
    async with hooks.visiting(desk) as client:
        for other in sorted(set(SENDERS) - {path}):
            foreign = replace(genuine(other, clock.real()), path=path)
            answer = await posted(client, foreign)
            siblings = {path, other} == {"sendgrid/events", "sendgrid/inbound"}
            assert answer.is_success if siblings else answer.status_code == 401, other
        kept = len(await rows(desk.store, Inbox))
        for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "POSTS"):
            answer = await posted(client, replace(post, method=method))
            assert answer.status_code in (404, 405) or method == "HEAD", method
        assert len(await rows(desk.store, Inbox)) == kept
