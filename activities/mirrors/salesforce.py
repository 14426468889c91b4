"""Salesforce: contacts and tasks, each under our own id, so that to tell it again changes nothing.

Whoever asks shows a token that is good for some time; when it is not, for a new one once. Nothing
is read back but the id of a contact, which its tasks need. What Salesforce says is made a code of:
its sentences may repeat what it was told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from activities.channels import UnknownOutcomeError
from activities.channels.http import Answer, AwayError, ask, wait_of
from activities.clock import Clock
from activities.crm import mirrors
from activities.crm.establishments import is_restricted
from activities.crm.marking import CONTACT
from activities.crm.store import Store
from activities.crm.tables import Mirror
from activities.mirrors import AfterError, LaterError, RefusedError, UnfitError, is_fit
from activities.mirrors.salesforce_rows import Body, read
from activities.settings import Settings

VERSION = "v64.0"  # of its API; each lives for three years at least
FIELD = "Aftercare_Id__c"  # ours, on Contact and on Task: text, external id, unique
SYSTEM = "salesforce"
SECONDS = 10.0  # that a request may take
BUSY = timedelta(minutes=15)  # when the day's requests are used up, or nobody says how long
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
CODE = re.compile(r"[A-Z][A-Z_]{2,79}")
TOKEN = re.compile(r"[!-~]{1,4000}")

PASSING = ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION")
LIMITS = ("REQUEST_LIMIT_EXCEEDED", "CONCURRENT_REQUESTS_EXCEEDED")
SILENT = (408, 425, 499)  # of a request that somebody between us gave up on
FULL = "STORAGE_LIMIT_EXCEEDED"
GONE = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID")
MINE = ("INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")
FIELDS = ("INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "NOT_FOUND")
DOCS = "docs/systems.md says how"
CURES = {
    "settings": f"set AFTERCARE_SALESFORCE_URL (https), _CLIENT_ID and _CLIENT_SECRET; {DOCS}",
    "account": f"correct AFTERCARE_SALESFORCE_CLIENT_ID, its secret, and the run-as user; {DOCS}",
    "fields": f"create {FIELD} on Contact and on Task, and let the user write its fields; {DOCS}",
    "right": f"give the app's run-as user API access, and its permission set; {DOCS}",
    "room": "its storage is full: make room, or buy some",
    "where": f"AFTERCARE_SALESFORCE_URL is not your My Domain; {DOCS}",
}


class Salesforce:
    """Told of customers, of what was said to them and by them, and of what is to be done."""

    system = SYSTEM

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock = store, clock
        self._base = settings.salesforce_url.rstrip("/")
        self._client = settings.salesforce_client_id
        self._secret = settings.salesforce_client_secret
        self._token = ""
        self._anew: set[str] = set()  # rows whose contact was told again for them

    async def tell(self, row: Mirror) -> str | None:
        """Tell it of the row as it stands. Nobody who was erased is told of any more."""
        async with self.store.reading() as session:
            customer, body = await read(session, row.kind, row.ref)
            if customer is None or body is None or customer.erased_at is not None:
                return None
            if await is_restricted(session, customer.id):
                raise AfterError("restricted")
            contact = await mirrors.find(session, SYSTEM, CONTACT, customer.id)
        if row.kind == CONTACT:
            return await self._upsert("Contact", row.ref, body)
        if contact is None or contact.external_id is None:
            raise AfterError(mirrors.AFTER)
        try:
            return await self._upsert("Task", row.ref, body | {"WhoId": contact.external_id})
        except _GoneError:
            await self._find_anew(row, contact)
            raise

    async def _find_anew(self, row: Mirror, contact: Mirror) -> None:
        """Its contact was deleted, or merged with another: that is told again, once for a row."""
        if row.id not in self._anew:
            self._anew.add(row.id)
            async with self.store.transaction() as session:
                await mirrors.forget(session, contact, self.clock.real())
            raise AfterError(mirrors.AFTER)

    # -- requests --------------------------------------------------------------------------------

    async def _upsert(self, what: str, ref: str, body: Body) -> str | None:
        path = f"{what}/{FIELD}/{quote(ref, safe='')}"
        answer = await self._asked("PATCH", path, json.dumps(body).encode())
        if answer.status in (200, 201):
            return _id(answer, "id")
        if answer.status == 204 and what == "Contact":  # as older versions answer to a change
            return _id(await self._asked("GET", f"{path}?fields=Id"), "Id")
        if answer.status == 204:
            return None
        raise LaterError("nonsense")

    async def _asked(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """What it says to a request by whom it knows; raises what stands in the way."""
        had = self._token
        self._token = had or await self._new_token()
        answer = await self._request(method, path, body)
        if answer.status == 401 and had:
            self._token = await self._new_token()
            answer = await self._request(method, path, body)
        if answer.status == 401:
            self._token = ""
            raise UnfitError("unauthorised", CURES["account"])
        if not 200 <= answer.status < 300:
            raise self._meaning(answer)
        return answer

    async def _request(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._base}/services/data/{VERSION}/sobjects/{path}"
        return await _ask(method, url, headers, body)

    async def _new_token(self) -> str:
        self._token = ""
        if not is_fit(self._base) or not self._client or not self._secret.get_secret_value():
            raise UnfitError("not_set", CURES["settings"])
        said = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "client_secret": self._secret.get_secret_value(),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(said).encode()
        answer = await _ask("POST", f"{self._base}/services/oauth2/token", headers, body)
        if answer.status in (400, 401, 403):
            raise UnfitError("unauthorised", CURES["account"])
        if answer.status != 200:
            raise self._meaning(answer)
        token = answer.said.get("access_token") if isinstance(answer.said, Mapping) else None
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise LaterError("nonsense")
        return token

    # -- answers ---------------------------------------------------------------------------------

    def _meaning(self, answer: Answer) -> Exception:
        """What an answer that is no success means, by its code first."""
        status, code = answer.status, _code(answer)
        if code in LIMITS or status == 429:
            wait = wait_of(answer, self.clock.real()) or BUSY
            return LaterError(code or "rate_limited", wait)
        if status >= 500 or status in SILENT or code in PASSING:
            return LaterError(code or f"http_{status}")
        if cure := _unfit(status, code):
            return UnfitError(code or f"http_{status}", CURES[cure])
        if code in GONE:
            return _GoneError(code)
        return RefusedError("not_unique" if status == 300 else code or f"http_{status}")


def _unfit(status: int, code: str) -> str:
    """What is to be set up otherwise, if that is the matter: it concerns every row alike."""
    if code == FULL:
        return "room"
    if (status < 400 and status != 300) or status == 405:
        return "where"
    if code in FIELDS or status == 404:
        return "fields"
    return "right" if status == 403 and code not in MINE else ""


class _GoneError(RefusedError):
    """What it is about is not there any more."""


async def _ask(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    try:
        return await ask(method, url, seconds=SECONDS, headers=headers, body=body)
    except AwayError as fault:
        raise LaterError(fault.reason) from None
    except UnknownOutcomeError:
        raise LaterError("no_answer") from None


def _id(answer: Answer, name: str) -> str:
    """What it calls the record; an answer without is none of Salesforce's."""
    said: Any = answer.said
    id_ = said.get(name) if isinstance(said, Mapping) else None
    if not isinstance(id_, str) or not ID.fullmatch(id_):
        raise LaterError("nonsense")
    return id_


def _code(answer: Answer) -> str:
    """The first error's code, if it looks like one of theirs."""
    said: Any = answer.said
    first = said[0] if isinstance(said, list) and said else None
    code = first.get("errorCode") if isinstance(first, Mapping) else None
    return code if isinstance(code, str) and CODE.fullmatch(code) else ""
