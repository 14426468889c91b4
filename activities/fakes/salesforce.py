"""Salesforce on this machine: a token, and upserts of contacts and tasks by our own id.

Contacts to whom something happens, by their last name:

| last name | what comes of it |
|---|---|
| Validated | 400: a validation rule of the house's does not want it |
| Double | 400: a duplicate rule found another |
| Ambiguous | 300: two records have that id |
| Locked | 400 UNABLE_TO_LOCK_ROW at first, then taken |
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from activities.fakes.taken import Taken, now, token
from activities.fakes.wire import Answer, FakeHttp, Judged

LOGIN = "/services/oauth2/token"
FIELD = "Aftercare_Id__c"
SAYS = {401: "INVALID_SESSION_ID", 404: "NOT_FOUND", 429: "REQUEST_LIMIT_EXCEEDED"}
PREFIX = {"Contact": "003", "Task": "00T"}
TEXT: dict[str, dict[str, int]] = {  # each object's fields, and how long they may be
    "Contact": {
        "FirstName": 40,
        "LastName": 80,
        "Email": 80,
        "Phone": 40,
        "MailingStreet": 255,
        "MailingCity": 40,
        "MailingPostalCode": 20,
        "MailingCountry": 80,
    },
    "Task": {
        "Subject": 255,
        "Description": 32_000,
        "Status": 255,
        "Priority": 255,
        "ActivityDate": 10,
        "WhoId": 18,
    },
}
PICKED = {
    "Status": {"Not Started", "In Progress", "Completed", "Deferred"},
    "Priority": {"High", "Normal", "Low"},
}
STRANGE = {"Validated": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Double": "DUPLICATES_DETECTED"}


class FakeSalesforce(FakeHttp):
    """Has what it was told, by object and our id; refuses what Salesforce refuses."""

    name = "salesforce"

    def __init__(
        self,
        client: tuple[str, str] = ("fake", "fake"),
        *,
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.client = client
        self.tokens: set[str] = set()
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.created: list[str] = []  # our ids, in the order they were first told
        self.lacking: set[str] = set()  # objects on which nobody created our field
        self.limit: int | None = None  # requests that are left of the day's
        self.lost: set[str] = set()  # our ids of contacts that no task finds
        self.old = False  # answers as versions before 46 do
        self._locked: set[str] = set()
        for one in self.accepted:
            self._keep(one)

    def routes(self) -> Iterable[web.RouteDef]:
        path = "/services/data/{version}/sobjects/{what}/{field}/{ref}"
        return (
            web.post(LOGIN, self._log_in),
            web.patch(path, self._upsert),
            web.get(path, self._show),
        )

    def delete(self, what: str, ref: str) -> None:
        """Somebody deletes a record."""
        del self.records[what, ref]

    # -- who asks --------------------------------------------------------------------------------

    def authorise(self, request: web.Request) -> Answer | None:
        if request.path == LOGIN:
            return None  # the secret is in the body
        scheme, _, said = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or said not in self.tokens:
            return self.trouble(401, {})
        if self.limit is not None:
            self.limit -= 1
            if self.limit < 0:
                return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return None

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        error = {"message": f"e{status}", "errorCode": SAYS.get(status, "SERVER_UNAVAILABLE")}
        return Answer.of(status, [error], **headers)

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._logged_in)

    def _logged_in(self, _: web.Request, body: bytes) -> Answer:
        said = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        if said.get("grant_type") != "client_credentials":
            return Answer.of(400, {"error": "unsupported_grant_type"})
        if (said.get("client_id"), said.get("client_secret")) != self.client:
            return Answer.of(400, {"error": "invalid_client", "error_description": "no such"})
        made = f"00D{token(12)}!{token(40)}"
        self.tokens.add(made)
        return Answer.of(200, {"access_token": made, "token_type": "Bearer"})

    # -- records ---------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._shown)

    def _shown(self, request: web.Request, _: bytes) -> Answer:
        row = self.records.get((request.match_info["what"], request.match_info["ref"]))
        return Answer.of(200, {"Id": row["Id"]}) if row else self.trouble(404, {})

    async def _upsert(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, lambda _: "", self._judge)

    def _judge(self, request: web.Request, body: bytes) -> Judged:
        what, field, ref = (request.match_info[name] for name in ("what", "field", "ref"))
        if what not in TEXT or field != FIELD or what in self.lacking or len(ref) > 255:
            return self.trouble(404, {})
        try:
            said = json.loads(body)
        except ValueError:
            return _error(400, "JSON_PARSER_ERROR", "Unexpected character")
        known = self.records.get((what, ref))
        if not isinstance(said, dict):
            return _error(400, "JSON_PARSER_ERROR", "an object is expected")
        if wrong := self._wrong(what, said, known) or self._strange(said, ref):
            return wrong
        id_ = known["Id"] if known else PREFIX[what] + token(15)
        name = str(said.get("Subject") or said.get("LastName") or "")
        made = Taken(id_, ref, what, name, "", now(), body)
        self._keep(made)
        if known and self.old:
            return [made], Answer(204)
        answer: dict[str, Any] = {"id": id_, "success": True, "errors": [], "created": not known}
        return [made], Answer.of(200 if known else 201, answer)

    def _keep(self, one: Taken) -> None:
        if (one.to, one.key) not in self.records:
            self.created.append(one.key)
        row = self.records.setdefault((one.to, one.key), {"Id": one.id})
        row |= json.loads(one.raw)

    # -- what Salesforce refuses -----------------------------------------------------------------

    def _wrong(
        self, what: str, said: dict[str, Any], known: dict[str, Any] | None
    ) -> Answer | None:
        for name, value in said.items():
            if name not in TEXT[what]:
                return _error(400, "INVALID_FIELD", f"No such column '{name}' on sobject {what}")
            if value is not None and (code := _fault(name, value, TEXT[what][name])):
                return _error(400, code, f"{name}: {value}")
        if what == "Contact" and not ((known or {}) | said).get("LastName"):
            return _error(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]")
        who = said.get("WhoId")
        there = {row["Id"] for (_, ref), row in self.records.items() if ref not in self.lost}
        if who and who not in there:
            return _error(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return None

    def _strange(self, said: dict[str, Any], ref: str) -> Answer | None:
        last = str(said.get("LastName", ""))
        if last == "Ambiguous":
            return Answer.of(300, ["/services/data/1", "/services/data/2"])
        if last == "Locked" and ref not in self._locked:
            self._locked.add(ref)
            return _error(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")
        code = STRANGE.get(last)
        return _error(400, code, f"We do not want {last}") if code else None


def _fault(name: str, value: Any, most: int) -> str:
    """The code of what is wrong with a field's value."""
    if not isinstance(value, str):
        return "JSON_PARSER_ERROR"
    if len(value.encode("utf-16-le")) // 2 > most:
        return "STRING_TOO_LONG"
    if name == "Email" and value.count("@") != 1:
        return "INVALID_EMAIL_ADDRESS"
    if name in PICKED and value not in PICKED[name]:
        return "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    return "JSON_PARSER_ERROR" if name == "ActivityDate" and not _is_date(value) else ""


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _error(status: int, code: str, message: str) -> Answer:
    """As Salesforce says it: what it was told may stand in it."""
    return Answer.of(status, [{"message": message, "errorCode": code, "fields": []}])
