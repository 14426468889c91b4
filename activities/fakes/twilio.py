"""Twilio on this machine: `POST …/Messages.json`, and the list and the resource that look it up."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from activities.fakes.recipients import FROM, TO
from activities.fakes.taken import Taken, now, token
from activities.fakes.twilio_requests import CODES, NUMBER, MessageForm, form, read
from activities.fakes.wire import Answer, FakeHttp, Judged

VERSION = "2010-04-01"
PATH = f"/{VERSION}/Accounts/{{account}}/Messages"
PAGE, LARGEST_PAGE = 50, 1000
DATE_SENT = re.compile(r"DateSent[<>]?")
BY_STATUS = {401: 20003, 404: 20404, 413: 20001, 429: 20429, 500: 20500, 503: 20503}


class FakeTwilio(FakeHttp):
    """Takes what Twilio would take, and remembers it."""

    name = "twilio"

    def __init__(
        self,
        account_sid: str = "AC" + "0" * 32,
        auth_token: str = "fake",  # noqa: S107 - of a fake
        *,
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.account_sid = account_sid
        self.auth_token = auth_token

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post(PATH + ".json", self._send),
            web.get(PATH + ".json", self._list),
            web.get(PATH + "/{sid}.json", self._one),
        )

    def authorise(self, request: web.Request) -> Answer | None:
        pair = b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return self.trouble(401, {})
        if request.match_info["account"] != self.account_sid:
            return self.trouble(404, {})
        return None

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        return _error(BY_STATUS[status], status, **headers)

    # -- sending ---------------------------------------------------------------------------------

    async def _send(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, _recipient, self._judge)

    def _judge(self, request: web.Request, body: bytes) -> Judged:
        if request.content_type != "application/x-www-form-urlencoded":
            return _error(20001, 415)
        found = read(body)
        if isinstance(found, MessageForm):
            code = FROM.get(found.sender) or TO.get(found.to)
        else:
            code = found
        if code or isinstance(found, int):
            return _error(code or 20001, 400)
        one = Taken("SM" + token(32), _key(found), found.to, "", found.body, now(), body)
        return [one], Answer.of(201, self._resource(one, first=True))

    def _resource(self, one: Taken, *, first: bool = False) -> dict[str, Any]:
        """The message as Twilio tells of it: queued at first, delivered when asked later."""
        fields = form(one.raw)
        path = f"/{VERSION}/Accounts/{self.account_sid}/Messages/{one.id}"
        service = fields.get("MessagingServiceSid")
        at = format_datetime(one.at.astimezone(UTC))
        return {
            "account_sid": self.account_sid,
            "api_version": VERSION,
            "body": one.text,
            "date_created": at,
            "date_sent": None if first else at,
            "date_updated": at,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": fields.get("From"),
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service and first else "1",
            "price": None,
            "price_unit": "USD",
            "sid": one.id,
            "status": ("accepted" if service else "queued") if first else "delivered",
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": one.to,
            "uri": f"{path}.json",
        }

    # -- looking up ------------------------------------------------------------------------------

    async def _one(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._resource_of)

    def _resource_of(self, request: web.Request, body: bytes) -> Answer:
        """Under its own id a message is there at once; only the list comes later."""
        sid = request.match_info["sid"]
        found = next((one for one in self.accepted if one.id == sid), None)
        return Answer.of(200, self._resource(found)) if found else self.trouble(404, {})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._page_of)

    def _page_of(self, request: web.Request, body: bytes) -> Answer:
        asked = dict(request.query)
        try:
            size, page = _whole(asked.get("PageSize", PAGE)), _whole(asked.get("Page", 0))
            found = [one for one in self._book.shown(self.lag) if _meets(one, asked)]
        except ValueError:
            return _error(20001, 400)
        if not 1 <= size <= LARGEST_PAGE or page < 0:
            return _error(20001, 400)
        start = _place(found, asked.get("PageToken", "")) if page else 0
        return Answer.of(200, self._listing(found, start, size, page, asked))

    def _listing(
        self, found: list[Taken], start: int, size: int, page: int, asked: dict[str, str]
    ) -> dict[str, Any]:
        some = found[start : start + size]
        kept = {name: word for name, word in asked.items() if name not in ("Page", "PageToken")}

        def uri(**more: object) -> str:
            query = urlencode({**kept, "PageSize": size, **more})
            return f"/{VERSION}/Accounts/{self.account_sid}/Messages.json?{query}"

        follows = start + size < len(found)
        return {
            "messages": [self._resource(one) for one in some],
            "first_page_uri": uri(Page=0),
            "next_page_uri": uri(Page=page + 1, PageToken="PA" + some[-1].id) if follows else None,
            "previous_page_uri": None,
            "uri": uri(Page=page),
            "page": page,
            "page_size": size,
            "start": start,
            "end": start + len(some) - 1,
        }


def _error(code: int, status: int, **headers: str) -> Answer:
    body = {
        "code": code,
        "message": CODES[code],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer.of(status, body, **headers)


def _meets(one: Taken, asked: dict[str, str]) -> bool:
    """Whether a message meets the filters; days, not moments, as Twilio compares them."""
    if asked.get("To", one.to) != one.to:
        return False
    sender = form(one.raw).get("From", "")
    return asked.get("From", sender) == sender and all(
        _day_meets(one.at.astimezone(UTC).date(), name[8:], word)
        for name, word in asked.items()
        if DATE_SENT.fullmatch(name)
    )


def _day_meets(day: date, sign: str, word: str) -> bool:
    other = datetime.fromisoformat(word).date()
    return {"": day == other, "<": day <= other, ">": day >= other}[sign]


def _whole(word: str | int) -> int:
    if isinstance(word, str) and not re.fullmatch(r"[0-9]{1,6}", word):
        raise ValueError
    return int(word)


def _place(found: list[Taken], page_token: str) -> int:
    """After the last one of the page before, wherever newer ones have moved it."""
    ids = ["PA" + one.id for one in found]
    return ids.index(page_token) + 1 if page_token in ids else 0


def _key(found: MessageForm) -> str:
    """The ledger's key, where the status callback carries it: Twilio has no field for it."""
    words = parse_qs(urlsplit(found.status_callback).query)
    return next((words[name][0] for name in ("k", "key", "t") if name in words), "")


def _recipient(body: bytes) -> str:
    """Whom it is for, as far as that can be read."""
    found = parse_qs(body.decode(errors="replace")).get("To", [""])[0]
    return found if NUMBER.fullmatch(found) else ""
