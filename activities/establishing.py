"""Setting a customer up in a system of the house's: asked by a signed request, once under its key.

The request carries the same id at every attempt, so that a system which has taken it does not take
it again; and one attempt asks at a time. What a system will not do is for a person: the reason is a
code. Addresses, names and answers never stand in an error or a log.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from activities.channels import UnknownOutcomeError
from activities.channels.http import REFUSALS, SILENT, Answer, AwayError, ask, wait_of
from activities.clock import Clock
from activities.crm import accounts, contracts, establishments
from activities.crm.milestones import decide
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Contract, Customer, Establishment
from activities.reconcile import later
from activities.settings import Settings
from activities.signing import SYSTEM, Signer
from workflows.vocabulary import Established, SetUp

SECONDS = 10.0  # that a system may take
GRACE = timedelta(seconds=5)  # real time in which a slow process has surely stopped asking
ALWAYS = ("company", "name", "email")
NEEDS: dict[str, tuple[str, ...]] = {  # besides the ids: what each cannot do without, and no more
    "billing": (*ALWAYS, "address", "country", "office"),
    "crm": (*ALWAYS, "phone", "country", "locale", "office", "account_manager", "contacts"),
    "support": (*ALWAYS, "locale", "time_zone", "contacts"),
}
OF_CONTRACT = ("office", "account_manager", "contacts")
LONGEST = 255  # of a reference
log = structlog.get_logger("aftercare.systems")


class Establishing:
    """The house's systems, as the settings name them."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock, self.settings = store, clock, settings

    async def set_up(self, step: SetUp) -> Established:
        """Raises a retryable `ApplicationError` while nobody can say whether it has them."""
        url = self.settings.named_systems.get(step.system)
        begun = await self._begin(step, url)
        if isinstance(begun, Established):
            return begun
        id_, until, body = begun
        signer = Signer(self.settings.secret_key, SYSTEM + step.system)
        headers = signer.headers(id_, self.clock.real(), body)
        try:
            answer = await ask("POST", url or "", seconds=SECONDS, headers=headers, body=body)
        except (AwayError, UnknownOutcomeError) as fault:
            code = fault.reason if isinstance(fault, AwayError) else "no_answer"
            raise await self._again(step, until, code) from None
        if code := _unclear(answer):
            raise await self._again(step, until, code, wait_of(answer, self.clock.real()))
        return await self._became(step, id_, answer)

    # -- before it is asked ----------------------------------------------------------------------

    async def _begin(
        self, step: SetUp, url: str | None
    ) -> Established | tuple[str, datetime, bytes]:
        """What is settled already; else the request, with the key taken for it until then."""
        now, real = self.clock.now(), self.clock.real()
        async with self.store.transaction() as session:
            customer = await lock_customer(session, step.customer_id)
            row = await establishments.find(session, step.key)
            if known := _known(row) or await _given(session, step):
                return known
            if row is not None and row.deadline is not None and row.deadline > real:
                raise later("in_flight", row.deadline - real)
            if customer is None:
                return Established(done=False, reason="erased")
            until = real + timedelta(seconds=SECONDS) + GRACE
            row = await establishments.ask(session, now, step, until)
            if reason := await self._against(session, customer, url):
                establishments.give_up(row, reason)
                await decide(session, now, step, "by_person", reason=reason, facts=_facts(step))
                return Established(done=False, reason=reason)
            contract = await contracts.find(session, step.contract_id) if step.contract_id else None
            return row.id, until, _body(row, customer, contract)

    async def _against(self, session: AsyncSession, customer: Customer, url: str | None) -> str:
        """Why no system is asked; empty: one is."""
        if customer.erased_at is not None:
            return "erased"
        if not url:
            return "no_system"
        return "restricted" if await establishments.is_restricted(session, customer.id) else ""

    # -- and after -------------------------------------------------------------------------------

    async def _became(self, step: SetUp, id_: str, answer: Answer) -> Established:
        status = answer.status
        if status == 202:
            return await self._accepted(step)
        if status < 300 or (status == 409 and _has(answer, id_)):
            return await self._done(step, answer)
        known = "conflict" if status == 409 else "refused"
        code = REFUSALS[status][0] if status in REFUSALS else known
        return await self._by_person(step, "redirected" if status < 400 else code)

    async def _done(self, step: SetUp, answer: Answer) -> Established:
        now, reference = self.clock.now(), _reference(answer)
        async with self.store.transaction() as session:
            await lock_customer(session, step.customer_id)
            row = await establishments.find(session, step.key)
            if row is not None and row.state != establishments.DONE:
                establishments.settle(row, now, reference=reference)
                await decide(session, now, step, "set_up", facts=_facts(step))
        return Established(done=True)

    async def _accepted(self, step: SetUp) -> Established:
        """It will be done; that it is, the system says by `account.provisioned`."""
        async with self.store.transaction() as session:
            await lock_customer(session, step.customer_id)
            row = await establishments.find(session, step.key)
            if known := _known(row):
                return known  # it was quicker than its own answer
            if row is not None:
                row.reason, row.deadline = establishments.ACCEPTED, None
        return Established(done=False, reason=establishments.ACCEPTED)

    async def _by_person(self, step: SetUp, reason: str) -> Established:
        log.warning("a system does not set a customer up", system=step.system, reason=reason)
        now = self.clock.now()
        async with self.store.transaction() as session:
            await lock_customer(session, step.customer_id)
            row = await establishments.find(session, step.key)
            if known := _known(row):
                return known
            if row is not None:
                establishments.give_up(row, reason)
            await decide(session, now, step, "by_person", reason=reason, facts=_facts(step))
        return Established(done=False, reason=reason)

    async def _again(
        self, step: SetUp, until: datetime, code: str, wait: timedelta | None = None
    ) -> ApplicationError:
        """Let the key go, for the next attempt, if it is still this one's."""
        async with self.store.transaction() as session:
            row = await establishments.find(session, step.key)
            if row is not None and row.deadline == until:
                row.deadline = None
        return later(code, wait, failure=True)


def _known(row: Establishment | None) -> Established | None:
    """What a key came to for good."""
    if row is None:
        return None
    if row.state == establishments.DONE:
        return Established(done=True)
    if row.state == establishments.BY_PERSON or row.reason == establishments.ACCEPTED:
        return Established(done=False, reason=row.reason or "")
    return None


async def _given(session: AsyncSession, step: SetUp) -> Established | None:
    """Whether the system has them already, unasked, or because somebody saw to it."""
    if not step.contract_id or await accounts.missing(session, step.contract_id, (step.system,)):
        return None
    return Established(done=True)


def _facts(step: SetUp) -> dict[str, Any]:
    return {"system": step.system, "contract": step.contract_id}


def _body(row: Establishment, customer: Customer, contract: Contract | None) -> bytes:
    """The same at every attempt, but for what has become known meanwhile."""
    wanted = NEEDS.get(row.system, ALWAYS)
    own = {name: getattr(customer, name) for name in wanted if name not in OF_CONTRACT}
    signed = contract.signed_at if contract else None
    theirs = {name: getattr(contract, name) for name in wanted if contract and name in OF_CONTRACT}
    said = {
        "type": "customer.set_up",
        "timestamp": _iso(row.asked_at),
        "data": {
            "key": row.id,
            "system": row.system,
            "customer": {"id": customer.id, **own},
            "contract": {
                "id": (contract.reference or contract.id) if contract else row.contract_id,
                "signed_at": _iso(signed),
                **theirs,
            },
        },
    }
    return json.dumps(said, separators=(",", ":")).encode()


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _unclear(answer: Answer) -> str:
    """Why this says nothing of whether they have them; empty: it does."""
    status = answer.status
    if status >= 500 or status in (*SILENT, 425, 429) or status < 200:
        return f"answered_{status}"
    return "nonsense" if status < 300 and status != 202 and not _is_theirs(answer) else ""


def _is_theirs(answer: Answer) -> bool:
    """Whether it was the system that answered: no page of a proxy's, nothing torn or endless."""
    body = answer.body
    if body is None:
        return False
    kind = {name.lower(): value for name, value in answer.headers.items()}.get("content-type", "")
    if not body.strip() or kind.lower().startswith("text/plain"):
        return True
    return answer.said is not None


def _has(answer: Answer, id_: str) -> bool:
    """Whether a conflict is with our own request, which it names: then it was taken before."""
    return isinstance(answer.said, dict) and answer.said.get("key") == id_


def _reference(answer: Answer) -> str | None:
    """What the system calls them, if it says so in a line that can be kept."""
    said = answer.said
    found = said.get("reference") if isinstance(said, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found) if abs(found) < 10**18 else None
    if not isinstance(found, str) or not found.isprintable():
        return None
    return found if 0 < len(found) <= LONGEST else None
