"""Billing, CRM and support on this machine: `POST /<system>`, signed, once under each webhook-id.

What comes under an id that is known already gets the answer of then; `POST /<system>/<habit>`
behaves otherwise:

| habit | answers |
|---|---|
| strict | 409 with the key, to what it has already |
| later | 202: it takes it, and will say when it is done |
| refusing | 422 |
| taken | 409 without a key: somebody else has that address |
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from activities.fakes.taken import Taken, now, token
from activities.fakes.wire import Answer, FakeHttp, Judged

NAMES = ("billing", "crm", "support")
TOLERANCE = timedelta(minutes=5)


class FakeSystems(FakeHttp):
    """Takes what a house's systems would take, and remembers it; with a secret for a system, only
    what is signed with that."""

    name = "systems"

    def __init__(
        self,
        secrets: dict[str, str] | None = None,
        *,
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.secrets = secrets or {}

    def routes(self) -> Iterable[web.RouteDef]:
        return web.post("/{system}", self._asked), web.post("/{system}/{habit}", self._asked)

    def authorise(self, request: web.Request) -> Answer | None:
        """Who asks says so by the signature, which needs the body: see `_judge`."""
        return None

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        return Answer.of(status, {"error": f"e{status}"}, **headers)

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, lambda _: "", self._judge)

    def _judge(self, request: web.Request, body: bytes) -> Judged:
        system, habit = request.match_info["system"], request.match_info.get("habit", "")
        id_, secret = request.headers.get("webhook-id", ""), self.secrets.get(system)
        if secret is not None and not _is_signed(request, body, secret):
            return self.trouble(401, {})
        said = _read(body)
        if not id_ or said is None:
            return self.trouble(400, {})
        if habit in ("refusing", "taken"):
            return self.trouble(422 if habit == "refusing" else 409, {})
        same = (one for one in self.accepted if (one.key, one.to) == (id_, system))
        if known := next(same, None):
            status = 409 if habit == "strict" else 200
            return Answer.of(status, {"key": id_, "reference": known.id})
        customer = said["customer"]["id"]
        made = Taken(f"{system}-{token(8)}", id_, system, f"customer {customer}", "", now(), body)
        status = 202 if habit == "later" else 201
        return [made], Answer.of(status, {"key": id_, "reference": made.id})


def _read(body: bytes) -> dict[str, Any] | None:
    """What is asked, if it is for a customer."""
    try:
        said = json.loads(body)["data"]
        return said if isinstance(said["customer"]["id"], str) else None
    except (ValueError, KeyError, TypeError):
        return None


def _is_signed(request: web.Request, body: bytes, secret: str) -> bool:
    """As a receiver would look: the key, the moment, and the body as it came."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    id_, at, signature = (request.headers.get(name, "") for name in names)
    if not at.isdecimal() or abs(now().timestamp() - int(at)) > TOLERANCE.total_seconds():
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return False
    made = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
    return hmac.compare_digest(signature, f"v1,{base64.b64encode(made).decode()}")
