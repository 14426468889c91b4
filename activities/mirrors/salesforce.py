"""Salesforce: accounts, contacts and tasks, each under our own id, so that to tell it again changes
nothing.

Up to 200 go in one request, and each has an outcome of its own. Nothing is read back but the ids of
accounts and contacts, which what belongs to them needs. What Salesforce says is made a code of: its
sentences may repeat what it was told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.channels.http import Answer, wait_of
from activities.clock import Clock
from activities.crm import mirrors
from activities.crm.establishments import is_restricted
from activities.crm.marking import ACCOUNT, CONTACT
from activities.crm.store import Store
from activities.crm.tables import Mirror
from activities.mirrors import (
    AfterError,
    LaterError,
    Outcome,
    RefusedError,
    TellingError,
    UnfitError,
    is_fit,
)
from activities.mirrors.salesforce_rows import Body, read
from activities.mirrors.tokens import SILENT, App, Tokens
from activities.settings import Settings

VERSION = "v64.0"  # of its API; each lives for three years at least
FIELD = "Aftercare_Id__c"  # ours, on Account, Contact and Task: text, external id, unique
SYSTEM = "salesforce"
AT_ONCE = 200  # records that a request may have
SECONDS = 30.0  # that a request may take: 200 records, and all flows that run on each
BUSY = timedelta(minutes=15)  # when the day's requests are used up, or nobody says how long
OBJECTS = {ACCOUNT: "Account", CONTACT: "Contact"}  # all else is a Task
LEANS = {ACCOUNT: "", CONTACT: ACCOUNT}  # on what each kind does; all else on a contact
LINKS = {ACCOUNT: "AccountId", CONTACT: "WhoId"}  # where what leans on it has its id
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
CODE = re.compile(r"[A-Z][A-Z_]{2,79}")

PASSING = ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION")
LIMITS = ("REQUEST_LIMIT_EXCEEDED", "CONCURRENT_REQUESTS_EXCEEDED")
FULL = "STORAGE_LIMIT_EXCEEDED"
GONE = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID")
MINE = ("INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")
FIELDS = ("INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "NOT_FOUND")
DOCS = "docs/systems.md says how"
CURES = {
    "settings": f"set AFTERCARE_SALESFORCE_URL (https), _CLIENT_ID and _CLIENT_SECRET; {DOCS}",
    "account": f"correct AFTERCARE_SALESFORCE_CLIENT_ID, its secret, and the run-as user; {DOCS}",
    "fields": f"create {FIELD} on Account, Contact, Task; let the user write its fields; {DOCS}",
    "right": f"give the app's run-as user API access, and its permission set; {DOCS}",
    "room": "its storage is full: make room, or buy some",
    "where": f"AFTERCARE_SALESFORCE_URL is not your My Domain; {DOCS}",
}


def app_of(settings: Settings) -> App:
    base = settings.salesforce_url.rstrip("/")
    return App(
        url=f"{base}/services/oauth2/token",
        client=settings.salesforce_client_id,
        secret=settings.salesforce_client_secret,
        says={"grant_type": "client_credentials"},
        basic=False,
        fit=is_fit(base),
        cures=CURES,
    )


class Salesforce:
    """Told of customers, of what was said to them and by them, and of what is to be done."""

    system, at_once = SYSTEM, AT_ONCE

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock = store, clock
        self._base = settings.salesforce_url.rstrip("/")
        self._tokens = Tokens(clock, app_of(settings))
        self._anew: set[str] = set()  # rows for which what they lean on is told again just now

    async def tell(self, rows: Sequence[Mirror]) -> Sequence[Outcome]:
        """Tell it of rows of one object. Nobody who was erased is told of any more."""
        found: dict[str, Body | Outcome] = {}
        async with self.store.reading() as session:
            for row in rows:
                try:
                    found[row.id] = await self._body(session, row)
                except TellingError as fault:
                    found[row.id] = fault
        bodies = {id_: body for id_, body in found.items() if isinstance(body, dict)}
        if bodies:
            results = await self._upserted(rows[0].kind, list(bodies.values()))
            found |= dict(zip(bodies, results, strict=True))
        return [await self._became(row, found[row.id], bodies.get(row.id, {})) for row in rows]

    async def _body(self, session: AsyncSession, row: Mirror) -> Body | None:
        """What it is to have of a row; a task needs its contact, a new contact may have an account.
        Whoever moves a contact to another account there is not contradicted."""
        customer, body = await read(session, row.kind, row.ref)
        if customer is None or body is None or customer.erased_at is not None:
            return None
        if await is_restricted(session, customer.id):
            raise AfterError("restricted")
        kind = LEANS.get(row.kind, CONTACT)
        other = await mirrors.find(session, SYSTEM, kind, customer.id) if kind else None
        id_ = other.external_id if other else None
        if kind == CONTACT and id_ is None:
            raise AfterError(mirrors.AFTER)
        if id_ and (kind == CONTACT or await self._is_new(session, row)):
            body[LINKS[kind]] = id_
        return body | {"attributes": {"type": _object(row.kind)}, FIELD: row.ref}

    async def _is_new(self, session: AsyncSession, row: Mirror) -> bool:
        """As it stands now: since the row was read, its account may have come."""
        now = await mirrors.find(session, SYSTEM, row.kind, row.ref)
        return now is None or now.external_id is None

    async def _became(self, row: Mirror, outcome: Any, body: Body) -> Outcome:
        """What leans on a record that is gone there waits for it to be told anew, once; a contact
        that was there before its account is told again, with it."""
        again, kind = row.id in self._anew, LEANS.get(row.kind, CONTACT)
        if not isinstance(outcome, AfterError):
            self._anew.discard(row.id)
        if isinstance(outcome, _GoneError) and not again and kind and LINKS[kind] in body:
            self._anew.add(row.id)
            await self._forget(kind, row.customer_id or "")
            return AfterError(mirrors.AFTER)
        if row.kind == ACCOUNT and row.external_id is None and isinstance(outcome, str):
            await self._forget(CONTACT, row.ref)
        told: Outcome = outcome
        return told

    async def _forget(self, kind: str, ref: str) -> None:
        async with self.store.transaction() as session:
            other = await mirrors.find(session, SYSTEM, kind, ref)
            if other is not None and other.external_id is not None:
                await mirrors.forget(session, other, self.clock.real())

    # -- requests and answers --------------------------------------------------------------------

    async def _upserted(self, kind: str, bodies: Sequence[Body]) -> Sequence[Outcome]:
        path = f"services/data/{VERSION}/composite/sobjects/{_object(kind)}/{FIELD}"
        said = {"allOrNone": False, "records": bodies}
        answer = await self._tokens.ask("PATCH", f"{self._base}/{path}", said, seconds=SECONDS)
        if answer.status != 200:
            raise self._meaning(answer.status, _code(answer.said, "errorCode"), answer)
        results: Any = answer.said
        if not isinstance(results, list) or len(results) != len(bodies):
            raise LaterError("nonsense")
        return [self._outcome(one) for one in results]

    def _outcome(self, said: Any) -> Outcome:
        """Of one record; one that is taken has an id, else the answer is none of Salesforce's."""
        said = said if isinstance(said, Mapping) else {}
        if said.get("success") is False:
            return self._meaning(400, _code(said.get("errors"), "statusCode"))
        id_ = said.get("id")
        fit = said.get("success") is True and isinstance(id_, str) and ID.fullmatch(id_)
        return str(id_) if fit else LaterError("nonsense")

    def _meaning(self, status: int, code: str, answer: Answer | None = None) -> TellingError:
        """What an answer that is no success means, by its code first."""
        if code in LIMITS or status == 429:
            wait = wait_of(answer, self.clock.real()) if answer else None
            return LaterError(code or "rate_limited", wait or BUSY)
        if status >= 500 or status < 300 or status in SILENT or code in PASSING:
            return LaterError(code or f"http_{status}")
        if cure := _unfit(status, code):
            return UnfitError(code or f"http_{status}", CURES[cure])
        if code in GONE:
            return _GoneError(code)
        return RefusedError(code or f"http_{status}")


def _unfit(status: int, code: str) -> str:
    """What is to be set up otherwise, if that is the matter: it concerns every row alike."""
    if code == FULL:
        return "room"
    if status < 400 or status == 405:
        return "where"
    if code in FIELDS or status == 404:
        return "fields"
    return "right" if status == 403 and code not in MINE else ""


class _GoneError(RefusedError):
    """What it is about is not there any more."""


def _object(kind: str) -> str:
    return OBJECTS.get(kind, "Task")


def _code(errors: Any, name: str) -> str:
    """The first error's code, if it looks like one of theirs."""
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get(name) if isinstance(first, Mapping) else None
    return code if isinstance(code, str) and CODE.fullmatch(code) else ""
