"""Setting up a new account in a system of the house's: whatever it does, once, and nothing said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from aiohttp import web
from temporalio.exceptions import ApplicationError

from activities import establishing
from activities.clock import SystemClock
from activities.crm import accounts
from activities.crm.store import Store
from activities.crm.tables import Contract, Decision, Establishment, Hold, PrivacyRequest
from activities.fakes.faults import Fault
from activities.fakes.systems import NAMES, FakeSystems
from activities.records import CrmRecords
from activities.settings import Settings
from activities.signing import SYSTEM, Signer
from tests.activities.desk_work import SETTINGS, rows
from tests.channels.posts import DEADLINE, waited_for
from tests.channels.test_faults import ENDLESS
from tests.factories import NOON, FakeClock, a_customer, kept
from workflows.vocabulary import Established, SetUp

KEY = SETTINGS.secret_key
SECRETS = {name: Signer(KEY, SYSTEM + name).secret for name in NAMES}
PERSONAL = (b"Ada", b"Lovelace", b"example.com", b"+442079460000")


@pytest.fixture
def clock() -> FakeClock:
    """The fakes look at the moment of a signature by the world's clock."""
    return FakeClock(SystemClock().real())


@pytest.fixture
async def fake() -> AsyncIterator[tuple[FakeSystems, str]]:
    systems = FakeSystems(SECRETS)
    async with systems.serving() as url:
        yield systems, url


def by(store: Store, clock: FakeClock, url: str, habit: str = "") -> CrmRecords:
    where = ",".join(f"{name}={url}/{name}{habit and '/' + habit}" for name in NAMES)
    return CrmRecords(store, clock, Settings(_env_file=None, secret_key=KEY, systems=where))


async def signed(store: Store, system: str = "billing", **customer: Any) -> SetUp:
    """The step of somebody who has just signed a contract."""
    who = await a_customer(store, company="Engines Ltd", address={"city": "London"}, **customer)
    contract = f"con_{who.id}"
    fields: dict[str, Any] = {
        "office": "Berlin", "needs": "they want to halve their costs", "account_manager": "Jo",
        "contacts": [{"name": "Charles", "email": "charles@engines.example"}],
    }  # fmt: skip
    row = Contract(
        id=contract, reference="C-7", customer_id=who.id, told_at={}, signed_at=NOON,
        created_at=NOON, **fields,
    )  # fmt: skip
    await kept(store, row)
    follow_up = f"onboarding.{contract}"
    return SetUp(
        key=f"{follow_up}/set-up/{system}", customer_id=who.id, follow_up=follow_up, clause="4.2",
        about=system, system=system, contract_id=contract,
    )  # fmt: skip


async def the_row(store: Store) -> Establishment:
    (row,) = await rows(store, Establishment)
    return row


# -- as it should be -----------------------------------------------------------------------------


async def test_a_system_takes_a_customer_once(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """Its own reference is kept; asked again, nobody asks the system."""
    systems, url = fake
    verbs, step = by(store, clock, url), await signed(store)
    for _ in range(3):
        assert await verbs.set_up(step) == Established(done=True)
    (taken,) = systems.accepted
    row = await the_row(store)
    assert (row.state, row.reference, row.done_at) == ("done", taken.id, clock.now())
    assert (taken.key, systems.requests) == (row.id, 1)
    assert step.key not in taken.key
    assert [one.outcome for one in await rows(store, Decision)] == ["set_up"]


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("billing", "company name email address country / office"),
        ("crm", "company name email phone country locale / office account_manager contacts"),
        ("support", "company name email locale time_zone / contacts"),
        ("wiki", "company name email / "),
    ],
)
async def test_each_system_is_told_what_it_needs_and_no_more(
    memory_store: Store,
    clock: FakeClock,
    fake: tuple[FakeSystems, str],
    system: str,
    told: str,
) -> None:
    """What Sales knows of their needs goes nowhere; a system nobody knows gets the least."""
    systems, url = fake
    settings = Settings(_env_file=None, secret_key=KEY, systems=f"{system}={url}/{system}")
    step = await signed(memory_store, system)
    await CrmRecords(memory_store, clock, settings).set_up(step)
    (taken,) = systems.accepted
    said = json.loads(taken.raw)["data"]
    customer, contract = (set(part.split()) for part in told.split("/"))
    assert said["customer"].keys() == {"id"} | customer
    assert said["contract"].keys() == {"id", "signed_at"} | contract
    assert (said["contract"]["id"], said["system"], said["key"]) == ("C-7", system, taken.key)
    assert b"halve" not in taken.raw


async def test_the_signature_is_the_standards(memory_store: Store, clock: FakeClock) -> None:
    """Computed by its own words; nobody's secret signs for another, or for colleagues."""
    heard: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        heard.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=204)

    async with answering(take) as url:
        step = await signed(memory_store)
        assert await by(memory_store, clock, url).set_up(step) == Established(done=True)
    ((named, body),) = heard
    key = base64.b64decode(SECRETS["billing"].removeprefix("whsec_"))
    words = f"{named['webhook-id']}.{named['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.new(key, words, hashlib.sha256).digest()).decode()
    assert named["webhook-signature"] == f"v1,{made}"
    assert int(named["webhook-timestamp"]) == int(clock.real().timestamp())
    others = {Signer(KEY, label).secret for label in ("staff webhook", SYSTEM + "crm")}
    assert len(others | {SECRETS["billing"], KEY.get_secret_value()}) == 4


@asynccontextmanager
async def answering(handler: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# -- as it is not --------------------------------------------------------------------------------

AGAIN, PERSON = "again", "person"
OUTCOMES = {
    Fault.RATE_LIMITED: (AGAIN, "answered_429"),
    Fault.ERROR_BEFORE: (AGAIN, "answered_500"),
    Fault.ERROR_AFTER: (AGAIN, "answered_500"),
    Fault.HANG_BEFORE: (AGAIN, "no_answer"),
    Fault.HANG_AFTER: (AGAIN, "no_answer"),
    Fault.DRIP: (AGAIN, "no_answer"),
    Fault.RESET_BEFORE: (AGAIN, "no_answer"),
    Fault.RESET_AFTER: (AGAIN, "no_answer"),
    Fault.HALF_JSON: (AGAIN, "nonsense"),
    Fault.HTML: (AGAIN, "nonsense"),
    Fault.EMPTY: ("done", ""),
    Fault.WRONG_TYPE: ("done", ""),
    Fault.HUGE: (AGAIN, "nonsense"),
    Fault.REDIRECT: (PERSON, "redirected"),
    Fault.UNAUTHORISED: (PERSON, "unauthorised"),
    Fault.UNAVAILABLE: (AGAIN, "answered_503"),
}


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_fault_has_its_outcome(
    memory_store: Store,
    clock: FakeClock,
    fake: tuple[FakeSystems, str],
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is unclear is asked again, under the same id, so that nobody is set up twice."""
    monkeypatch.setattr(establishing, "SECONDS", DEADLINE)
    systems, url = fake
    systems.script.next.append(fault)
    verbs, step = by(memory_store, clock, url), await signed(memory_store)
    what, code = OUTCOMES[fault]
    if what == AGAIN:
        asked = verbs.set_up(step)
        begun = (lambda: systems.accepted) if fault.taken else (lambda: systems.requests)
        with pytest.raises(ApplicationError) as failed:
            await (waited_for(asked, begun) if fault in ENDLESS else asked)
        assert (failed.value.type, failed.value.message) == (code, code)
        assert not failed.value.non_retryable
    done = Established(done=what != PERSON, reason=code if what == PERSON else "")
    for _ in range(2):
        assert await verbs.set_up(step) == done
    assert len(systems.accepted) == (what != PERSON)
    assert (await the_row(memory_store)).state == ("by_person" if what == PERSON else "done")


async def test_who_is_not_there_is_asked_again(memory_store: Store, clock: FakeClock) -> None:
    """No connection, no customer set up; the address is in no error."""
    verbs, step = by(memory_store, clock, "http://127.0.0.1:9"), await signed(memory_store)
    with pytest.raises(ApplicationError, match=r"^no_connection") as failed:
        await verbs.set_up(step)
    assert failed.value.__cause__ is None
    assert (await the_row(memory_store)).deadline is None


@pytest.mark.parametrize(
    ("habit", "reason"),
    [("refusing", "refused"), ("taken", "conflict"), ("later", "accepted")],
)
async def test_what_a_system_leaves_to_others(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str], habit: str, reason: str
) -> None:
    """Once: the reason is on record, and the same key asks it no more."""
    systems, url = fake
    verbs, step = by(store, clock, url, habit), await signed(store)
    for _ in range(2):
        assert await verbs.set_up(step) == Established(done=False, reason=reason)
    assert systems.requests == 1


async def test_a_conflict_with_our_own_request_is_done(
    memory_store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """It took the first, and its answer was lost; it says 409, and names the key."""
    systems, url = fake
    systems.script.next.append(Fault.RESET_AFTER)
    verbs, step = by(memory_store, clock, url, "strict"), await signed(memory_store)
    with pytest.raises(ApplicationError):
        await verbs.set_up(step)
    assert await verbs.set_up(step) == Established(done=True)
    (taken,) = systems.accepted
    assert (await the_row(memory_store)).reference == taken.id


async def test_what_was_accepted_is_done_when_the_system_says_so(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """Or a colleague who looked; and a system that has them already, unasked, is not asked."""
    verbs, step = by(store, clock, fake[1], "later"), await signed(store)
    assert not (await verbs.set_up(step)).done
    async with store.transaction() as session:
        contract = await session.get_one(Contract, step.contract_id)
        await accounts.given(session, NOON, contract, "billing", at=NOON, reference="B-9", by="jo")
    row = await the_row(store)
    assert (row.state, row.reference, row.by) == ("done", "B-9", "jo")
    assert await verbs.set_up(step) == Established(done=True)
    async with store.transaction() as session:
        await accounts.given(session, NOON, contract, "crm", at=NOON)
    other = step.model_copy(update={"system": "crm", "key": "other"})
    assert await verbs.set_up(other) == Established(done=True)
    assert fake[0].requests == 1


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        ({"reference": "B-1"}, "B-1"),
        ({"reference": 17}, "17"),
        ({"reference": True}, None),
        ({"reference": "x" * 256}, None),
        ({"reference": "a\nb"}, None),
        ({"reference": ""}, None),
        ({"reference": {"id": 1}}, None),
        ({"reference": 10**400}, None),
        (["B-1"], None),
    ],
)
async def test_a_reference_is_kept_if_it_can_be(
    memory_store: Store, clock: FakeClock, said: object, reference: str | None
) -> None:
    """Whatever else stands there, the customer is set up."""

    async def take(request: web.Request) -> web.Response:
        return web.json_response(said)

    async with answering(take) as url:
        step = await signed(memory_store)
        assert (await by(memory_store, clock, url).set_up(step)).done
    assert (await the_row(memory_store)).reference == reference


# -- twice, and half ------------------------------------------------------------------------------


async def test_two_at_once_ask_one_at_a_time(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """Whoever comes while another asks is told to come again."""
    systems, url = fake
    systems.script.answering = 0.5
    verbs, step = by(store, clock, url), await signed(store)
    said = await asyncio.gather(*(verbs.set_up(step) for _ in range(4)), return_exceptions=True)
    again = [one for one in said if isinstance(one, ApplicationError)]
    assert {one.type for one in again} <= {"in_flight"}
    assert [one for one in said if one not in again] == [Established(done=True)] * (4 - len(again))
    assert (systems.requests, len(systems.accepted)) == (1, 1)


async def test_a_process_that_dies_in_between(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system has them, and nobody wrote it down: asked again, by the same id, it says so."""
    systems, url = fake
    verbs, step = by(store, clock, url), await signed(store)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(verbs.establishing, "_became", die)
    with pytest.raises(asyncio.CancelledError):
        await verbs.set_up(step)
    monkeypatch.undo()
    assert (await the_row(store)).state == "asked"
    with pytest.raises(ApplicationError, match=r"^in_flight"):
        await verbs.set_up(step)
    clock.advance(seconds=16)
    assert await verbs.set_up(step) == Established(done=True)
    (taken,) = systems.accepted
    assert systems.requests == 2
    assert (await the_row(store)).reference == taken.id


async def test_a_late_attempt_leaves_the_next_ones_key_alone(
    memory_store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """It held the key until its deadline; what it says afterwards is of yesterday."""
    verbs, step = by(memory_store, clock, fake[1]), await signed(memory_store)
    begun = await verbs.establishing._begin(step, "x")
    assert isinstance(begun, tuple)
    clock.advance(seconds=16)
    assert isinstance(await verbs.establishing._begin(step, "x"), tuple)
    await verbs.establishing._again(step, begun[1], "no_answer")
    with pytest.raises(ApplicationError, match=r"^in_flight"):
        await verbs.set_up(step)


# -- who is not sent anywhere ---------------------------------------------------------------------


async def test_nobody_erased_is_sent_anywhere(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """Nor anybody nobody knows."""
    systems, url = fake
    verbs, step = by(store, clock, url), await signed(store, erased_at=NOON)
    assert await verbs.set_up(step) == Established(done=False, reason="erased")
    nobody = step.model_copy(update={"customer_id": "cus_nobody", "key": "x"})
    assert await verbs.set_up(nobody) == Established(done=False, reason="erased")
    assert systems.requests == 0


async def test_nor_whoever_had_the_use_of_their_data_restricted(
    store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """A hold of another sort restricts messages alone."""
    systems, url = fake
    verbs, step = by(store, clock, url), await signed(store)
    held = {"customer_id": step.customer_id, "at": NOON}
    await kept(store, Hold(id="hold_1", kind="manual", **held))
    request = {"kind": "restrict", "state": "open", "received_at": NOON, "due_at": NOON}
    await kept(store, PrivacyRequest(id="prv_1", customer_id=step.customer_id, **request))
    assert (await verbs.set_up(step)).done
    await kept(store, Hold(id="prv_1", kind="manual", **held))
    other = step.model_copy(update={"key": "other", "system": "crm"})
    assert await verbs.set_up(other) == Established(done=False, reason="restricted")
    assert systems.requests == 1


async def test_a_system_nobody_named_is_for_a_person(store: Store, clock: FakeClock) -> None:
    """The row says so; whoever sees to it closes it."""
    verbs, step = CrmRecords(store, clock, SETTINGS), await signed(store)
    for _ in range(2):
        assert await verbs.set_up(step) == Established(done=False, reason="no_system")
    row = await the_row(store)
    assert (row.state, row.reason) == ("by_person", "no_system")
    assert len(await rows(store, Decision)) == 1


async def test_nothing_personal_is_said_of_it(
    memory_store: Store, clock: FakeClock, fake: tuple[FakeSystems, str]
) -> None:
    """Neither in a log, nor in what Temporal keeps, nor in what was decided."""
    systems, url = fake
    systems.script.next += [Fault.ERROR_AFTER, Fault.UNAUTHORISED]
    verbs, step = by(memory_store, clock, url), await signed(memory_store)
    with structlog.testing.capture_logs() as logged:
        with pytest.raises(ApplicationError) as failed:
            await verbs.set_up(step)
        answer = await verbs.set_up(step)
    decided = [f"{one.facts} {one.reason}" for one in await rows(memory_store, Decision)]
    words = f"{logged} {failed.value!r} {failed.value.details} {answer} {decided}".encode()
    assert not [one for one in PERSONAL if one in words]
    assert url.encode() not in words
