"""Talking to a fake over its wire, byte by byte if need be; and the vendors' descriptions."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.twilio import FakeTwilio

DESCRIPTIONS = Path(__file__).parent / "descriptions"
ACCOUNT = "AC" + "0" * 32
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
BEARER = {"Authorization": "Bearer SG.fake"}
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:fake".encode()).decode()}
AS_JSON, AS_FORM = "application/json", "application/x-www-form-urlencoded"
MAIL: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "ada@example.com"}], "custom_args": {"key": "k-1"}}],
    "from": {"email": "care@shop.example", "name": "The Shop"},
    "subject": "Welcome",
    "content": [{"type": "text/plain", "value": "Good day"}],
}
SMS = {"To": "+447700900123", "From": "+15005550006", "Body": "Good day"}


@dataclass(frozen=True)
class Said:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Asked:
    """One request, as it goes to the fake and to the judge alike."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    type: str = AS_JSON

    def to(self, base: str, timeout: float = 10) -> Said:
        parts = urlsplit(base)
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        try:
            headers = {**self.headers, **({"Content-Type": self.type} if self.type else {})}
            line.request(self.method, self.path, self.body, headers)
            answer = line.getresponse()
            return Said(answer.status, answer.msg, answer.read())
        finally:
            line.close()

    def mock(self, host: str) -> MockRequest:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return MockRequest(
            host, self.method, parts.path, None, query, None, self.headers, None, self.body,
            self.type,
        )  # fmt: skip


def mail(body: Any = MAIL) -> Asked:
    return Asked("POST", "/v3/mail/send", BEARER, json.dumps(body).encode())


def logs(query: str = "", **more: Any) -> Asked:
    return Asked("POST", "/v3/logs", BEARER, json.dumps({"query": query, **more}).encode())


def log(id_: str) -> Asked:
    return Asked("GET", f"/v3/logs/{id_}", BEARER, type="")


def sms(fields: dict[str, Any] | list[tuple[str, str]] | None = None) -> Asked:
    body = urlencode(SMS if fields is None else fields).encode()
    return Asked("POST", f"{MESSAGES}.json", BASIC, body, AS_FORM)


def listed(**filters: object) -> Asked:
    return Asked("GET", f"{MESSAGES}.json?{urlencode(filters)}", BASIC, type="")


class Description:
    """A vendor's word on what may be asked, and on what is answered."""

    def __init__(self, name: str, host: str) -> None:
        self._api = OpenAPI.from_dict(json.loads((DESCRIPTIONS / f"{name}.json").read_text()))
        self._host = host

    def refuses(self, asked: Asked) -> bool:
        try:
            self._api.validate_request(asked.mock(self._host))
        except OpenAPIError:
            return True
        return False

    def check(self, asked: Asked, said: Said) -> None:
        """Raises if the answer is not as described."""
        kind = said.headers.get_content_type()
        answer = MockResponse(said.body, said.status, dict(said.headers), kind)
        self._api.validate_response(asked.mock(self._host), answer)


@contextmanager
def on_a_thread(fake: FakeSendGrid | FakeTwilio) -> Iterator[str]:
    """Serves while the test does not wait for anything."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = fake.serving()
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(10)
    finally:
        leaving = serving.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(leaving, loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
