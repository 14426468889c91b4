"""Salesforce on this machine: a token, and collections of accounts, contacts and tasks, upserted by
our own id.

Contacts to whom something happens, by their last name:

| last name | what comes of it |
|---|---|
| Validated | a validation rule of the house's does not want it |
| Double | a duplicate rule found another |
| Ambiguous | two records have that id |
| Locked | UNABLE_TO_LOCK_ROW at first, then taken |
| Broken | 500 for all that come with it |
| Malformed | 400 for all that come with it |
"""

from __future__ import annotations

import json
from collections import Counter
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
MOST = 200  # records in a collection
PREFIX = {"Account": "001", "Contact": "003", "Task": "00T"}
LINKS = {"AccountId": "Account", "WhoId": "Contact"}
BOOLEANS = ("HasOptedOutOfEmail", "DoNotCall")
NEEDED = {"Account": "Name", "Contact": "LastName"}
TEXT: dict[str, dict[str, int]] = {  # each object's fields, and how long they may be
    "Account": {FIELD: 255, "Name": 255},
    "Contact": {
        FIELD: 255,
        "AccountId": 18,
        **dict.fromkeys(BOOLEANS, 0),
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
        FIELD: 255,
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
STRANGE = {
    "Validated": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "Double": "DUPLICATES_DETECTED",
    "Ambiguous": "DUPLICATE_EXTERNAL_ID",
}
Record = dict[str, Any]


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
        self.lost: set[str] = set()  # our ids of records that nothing finds to which they belong
        self.sizes: list[int] = []  # how many records each request brought
        self._locked: set[str] = set()
        for one in self.accepted:
            self._keep(one)

    def routes(self) -> Iterable[web.RouteDef]:
        path = "/services/data/{version}/composite/sobjects/{what}/{field}"
        return web.post(LOGIN, self._log_in), web.patch(path, self._upsert)

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

    async def _upsert(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, lambda _: "", self._judge)

    def _judge(self, request: web.Request, body: bytes) -> Judged:
        what, field = (request.match_info[name] for name in ("what", "field"))
        if what not in TEXT or field != FIELD or what in self.lacking:
            return self.trouble(404, {})
        try:
            records = json.loads(body)["records"]
        except (ValueError, KeyError, TypeError):
            return _error(400, "JSON_PARSER_ERROR", "Unexpected character")
        if wrong := _malformed(what, records):
            return wrong
        self.sizes.append(len(records))
        refs = Counter(str(one.get(FIELD) or "") for one in records)
        taken: list[Taken] = []
        results = []
        for one in records:
            ref = str(one.get(FIELD) or "")
            error = _twice(ref, refs) or self._wrong(what, one, ref) or self._strange(one, ref)
            results.append(error or self._upserted(what, one, ref, taken))
        return taken, Answer.of(200, results)

    def _upserted(self, what: str, said: Record, ref: str, taken: list[Taken]) -> Record:
        known = self.records.get((what, ref))
        id_ = known["Id"] if known else PREFIX[what] + token(15)
        name = str(said.get("Subject") or said.get("LastName") or said.get("Name") or "")
        fields = {n: value for n, value in said.items() if n not in ("attributes", FIELD)}
        taken.append(Taken(id_, ref, what, name, "", now(), json.dumps(fields).encode()))
        self._keep(taken[-1])
        return {"id": id_, "success": True, "errors": [], "created": not known}

    def _keep(self, one: Taken) -> None:
        if (one.to, one.key) not in self.records:
            self.created.append(one.key)
        row = self.records.setdefault((one.to, one.key), {"Id": one.id})
        row |= json.loads(one.raw)

    # -- what Salesforce refuses -----------------------------------------------------------------

    def _wrong(self, what: str, said: Record, ref: str) -> Record | None:
        for name, value in said.items():
            if isinstance(value, str) and (code := _fault(name, value, TEXT[what][name])):
                return _failed(code, f"{name}: {value}")
        needed = NEEDED.get(what, FIELD)
        if not ref or not (self.records.get((what, ref), {}) | said).get(needed):
            return _failed("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{needed}]")
        for name, whose in LINKS.items():
            if said.get(name) and said[name] not in self._found(whose):
                return _failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return None

    def _found(self, what: str) -> set[str]:
        found = ((row["Id"], ref) for (kind, ref), row in self.records.items() if kind == what)
        return {id_ for id_, ref in found if ref not in self.lost}

    def _strange(self, said: Record, ref: str) -> Record | None:
        last = str(said.get("LastName", ""))
        if last == "Locked" and ref not in self._locked:
            self._locked.add(ref)
            return _failed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")
        code = STRANGE.get(last)
        return _failed(code, f"We do not want {last}") if code else None


def _malformed(what: str, records: Any) -> Answer | None:
    """What is wrong with the request, so that nothing of it is taken."""
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        return _error(400, "JSON_PARSER_ERROR", "a list of objects is expected")
    if len(records) > MOST:
        return _error(400, "EXCEEDED_ID_LIMIT", f"cannot submit more than {MOST} records")
    return next(filter(None, (_unreadable(what, one) for one in records)), None)


def _unreadable(what: str, said: Record) -> Answer | None:
    if said.get("attributes") != {"type": what}:
        return _error(400, "INVALID_TYPE", "attributes: the type is that of the address")
    for name in said.keys() - TEXT[what].keys() - {"attributes"}:
        return _error(400, "INVALID_FIELD", f"No such column '{name}' on sobject {what}")
    if said.get("LastName") == "Broken":
        return _error(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred")
    fields = ((name, value) for name, value in said.items() if name in TEXT[what])
    odd = any(value is not None and not _is_of_type(name, value) for name, value in fields)
    if odd or said.get("LastName") == "Malformed":
        return _error(400, "JSON_PARSER_ERROR", "cannot deserialize")
    return None


def _is_of_type(name: str, value: Any) -> bool:
    if name == "ActivityDate":
        return isinstance(value, str) and _is_date(value)
    return isinstance(value, bool if name in BOOLEANS else str)


def _twice(ref: str, refs: Counter[str]) -> Record | None:
    return _failed("DUPLICATE_VALUE", f"Duplicate external id: {ref}") if refs[ref] > 1 else None


def _fault(name: str, value: str, most: int) -> str:
    """The code of what is wrong with a field's value."""
    if len(value.encode("utf-16-le")) // 2 > most:
        return "STRING_TOO_LONG"
    if name == "Email" and value.count("@") != 1:
        return "INVALID_EMAIL_ADDRESS"
    odd = name in PICKED and value not in PICKED[name]
    return "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" if odd else ""


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _error(status: int, code: str, message: str) -> Answer:
    """As Salesforce says it: what it was told may stand in it."""
    return Answer.of(status, [{"message": message, "errorCode": code, "fields": []}])


def _failed(code: str, message: str) -> Record:
    """The same of one record among others, which go on."""
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}
