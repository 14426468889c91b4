"""Tokens that a system gives our app for its own name and secret (OAuth 2.0, RFC 6749, 4.4).

One is shown for as long as it is good; when the system knows it no more, it is asked for another,
once. Neither secret nor token stands in anything that is raised, logged or shown.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from re import fullmatch
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from activities.channels import UnknownOutcomeError
from activities.channels.http import Answer, AwayError, ask, wait_of
from activities.clock import Clock
from activities.mirrors import LaterError, UnfitError

SECONDS = 10.0  # that asking for one may take
BUSY = timedelta(minutes=1)  # when nobody says how long
LASTS = timedelta(hours=1)  # if nobody says less
EARLIER = timedelta(minutes=5)  # it is not used to its last moment
SHORTEST = timedelta(seconds=30)
SILENT = (408, 425, 499)  # of a request that somebody between us gave up on


@dataclass(frozen=True)
class App:
    """Ours, as a system knows it."""

    url: str  # where its tokens come from
    client: str
    secret: SecretStr
    says: Mapping[str, str]  # beside its name and secret
    basic: bool  # whether those stand in a header; else among what it says
    fit: bool  # nothing is missing, and all of it goes over closed lines
    cures: Mapping[str, str]  # what an engineer is told: "settings" if it is not, else "account"


class Tokens:
    """One app's, and what is asked with them."""

    def __init__(self, clock: Clock, app: App) -> None:
        self._clock, self._app = clock, app
        self._token, self._until = "", clock.real()

    async def ask(self, method: str, url: str, body: Any = None, *, seconds: float) -> Answer:
        """What the system says to whom it knows, whatever that is; a body is sent as JSON."""
        had = bool(self._token) and self._clock.real() < self._until
        if not had:
            await self.renew()
        answer = await self._request(method, url, body, seconds)
        if answer.status == 401 and had:
            await self.renew()
            answer = await self._request(method, url, body, seconds)
        if answer.status == 401:
            self._token = ""
            raise UnfitError("unauthorised", self._app.cures["account"])
        return answer

    async def _request(self, method: str, url: str, body: Any, seconds: float) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is None:
            return await _asked(method, url, headers, None, seconds)
        headers["Content-Type"] = "application/json"
        return await _asked(method, url, headers, json.dumps(body).encode(), seconds)

    async def renew(self) -> None:
        """Ask for another, whichever we have."""
        self._token, app, secret = "", self._app, self._app.secret.get_secret_value()
        if not (app.fit and app.client and secret):
            raise UnfitError("not_set", app.cures["settings"])
        headers, said = {"Content-Type": "application/x-www-form-urlencoded"}, dict(app.says)
        if app.basic:
            known = b64encode(f"{app.client}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {known}"
        else:
            said |= {"client_id": app.client, "client_secret": secret}
        answer = await _asked("POST", app.url, headers, urlencode(said).encode(), SECONDS)
        self._refuse(answer)
        body = answer.said if isinstance(answer.said, dict) else {}
        token, lasts = body.get("access_token"), body.get("expires_in", LASTS.seconds)
        if not isinstance(token, str) or not fullmatch("[!-~]{1,4000}", token):
            raise LaterError("nonsense")
        self._token, self._until = token, _end(lasts, self._clock.real())

    def _refuse(self, answer: Answer) -> None:
        status, cure = answer.status, self._app.cures["account"]
        if status == 429:
            raise LaterError("rate_limited", wait_of(answer, self._clock.real()) or BUSY)
        if status >= 500 or status in SILENT:
            raise LaterError(f"http_{status}")
        if status in (400, 401, 403):
            raise UnfitError("unauthorised", cure)
        if status != 200:
            raise UnfitError(f"http_{status}", cure)


def _end(lasts: Any, real: datetime) -> datetime:
    if not isinstance(lasts, int) or isinstance(lasts, bool):
        raise LaterError("nonsense")
    span = timedelta(seconds=min(max(lasts, 0), LASTS.seconds))
    return real + max(span - EARLIER, SHORTEST)


async def _asked(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float
) -> Answer:
    try:
        return await ask(method, url, seconds=seconds, headers=headers, body=body)
    except AwayError as fault:
        raise LaterError(fault.reason) from None
    except UnknownOutcomeError:
        raise LaterError("no_answer") from None
