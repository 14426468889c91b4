"""Twilio on this machine: `POST …/Messages.json`, and the list and the resource that look it up."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from pydantic import ValidationError

from activities.fakes.recipients import FROM, TO
from activities.fakes.taken import Taken, now, token
from activities.fakes.telling import Manner
from activities.fakes.twilio_requests import CODES, NUMBER, Filters, MessageForm, form, read
from activities.fakes.twilio_status import posts, statuses_to
from activities.fakes.wire import Answer, FakeHttp, Judged

VERSION = "2010-04-01"
PATH = f"/{VERSION}/Accounts/{{account}}/Messages"
BY_STATUS = {401: 20003, 404: 20404, 413: 20001, 429: 20429, 500: 20500, 503: 20503}


class FakeTwilio(FakeHttp):
    """Takes what Twilio would take, and remembers it."""

    name = "twilio"
    reaches_people = True

    def __init__(
        self,
        account_sid: str = "AC" + "0" * 32,
        auth_token: str = "fake",  # noqa: S107 - of a fake
        *,
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
        tells: str = "",
        manner: Manner | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.status = "active"
        self.media: dict[str, tuple[str, bytes]] = {}  # what was sent to us: its type, itself
        self.telling = statuses_to(tells, auth_token, manner) if tells else None

    def take(self, messages: Sequence[Taken]) -> None:
        """Told of at the address that came with it, else at the account's."""
        super().take(messages)
        for one in messages:
            if self.telling:
                self.telling.tell(posts(one, self.account_sid), _callback(one))

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post(PATH + ".json", self._send),
            web.get(PATH + ".json", self._list),
            web.get(PATH + "/{sid}.json", self._one),
            web.get(f"/{VERSION}/Accounts/{{account}}.json", self._account),
            web.get(PATH + "/{sid}/Media/{media}", self._media),
            web.get("/cdn/{media}", self._picture),
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

    # -- pictures that came in -------------------------------------------------------------------

    async def _media(self, request: web.Request) -> web.StreamResponse:
        """Who may see it is led on to where it lies."""
        name = request.match_info["media"]
        to = {"Location": f"http://{request.host}/cdn/{name}"}
        there = Answer(307, b"", to) if name in self.media else self.trouble(404, {})
        return await self.asked(request, lambda *_: there)

    async def _picture(self, request: web.Request) -> web.Response:
        """The address itself is the permission: with another beside it nothing is shown."""
        if "Authorization" in request.headers:
            return web.Response(status=400, text="Only one auth mechanism allowed")
        kind, content = self.media[request.match_info["media"]]
        return web.Response(body=content, headers={"Content-Type": kind})

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

    async def _account(self, request: web.Request) -> web.StreamResponse:
        """Whose it is, and whether it may be used."""
        said = {"sid": self.account_sid, "status": self.status, "type": "Full"}
        return await self.asked(request, lambda *_: Answer.of(200, said))

    def _resource_of(self, request: web.Request, body: bytes) -> Answer:
        """Under its own id a message is there at once; only the list comes later."""
        sid = request.match_info["sid"]
        found = next((one for one in self.accepted if one.id == sid), None)
        return Answer.of(200, self._resource(found)) if found else self.trouble(404, {})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._page_of)

    def _page_of(self, request: web.Request, body: bytes) -> Answer:
        try:
            asked = Filters.model_validate(dict(request.query))
        except ValidationError:
            return _error(20001, 400)
        found = [one for one in self.book.shown(self.lag) if _meets(one, asked)]
        start = _place(found, asked.page_token) if asked.page else 0
        some, size = found[start : start + asked.page_size], asked.page_size
        kept = {name: word for name, word in request.query.items() if not name.startswith("Page")}

        def uri(**more: object) -> str:
            return f"{request.path}?{urlencode({**kept, 'PageSize': size, **more})}"

        after = {"Page": asked.page + 1, "PageToken": "PA" + some[-1].id} if some else {}
        listing = {
            "messages": [self._resource(one) for one in some],
            "first_page_uri": uri(Page=0),
            "next_page_uri": uri(**after) if start + size < len(found) else None,
            "previous_page_uri": None,
            "uri": uri(Page=asked.page),
            "page": asked.page,
            "page_size": size,
            "start": start,
            "end": start + len(some) - 1,
        }
        return Answer.of(200, listing)


def _error(code: int, status: int, **headers: str) -> Answer:
    body = {
        "code": code,
        "message": CODES[code],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer.of(status, body, **headers)


def _meets(one: Taken, asked: Filters) -> bool:
    if not asked.meets(one.to, one.at):
        return False
    return not asked.sender or form(one.raw).get("From") == asked.sender


def _place(found: list[Taken], page_token: str) -> int:
    """After the last one of the page before, wherever newer ones have moved it."""
    ids = ["PA" + one.id for one in found]
    return ids.index(page_token) + 1 if page_token in ids else 0


def _key(found: MessageForm) -> str:
    """The ledger's key, where the status callback carries it: Twilio has no field for it."""
    words = parse_qs(urlsplit(found.status_callback).query)
    return next((words[name][0] for name in ("k", "key", "t") if name in words), "")


def _callback(one: Taken) -> str:
    return parse_qs(one.raw.decode(errors="replace")).get("StatusCallback", [""])[0]


def _recipient(body: bytes) -> str:
    """Whom it is for, as far as that can be read."""
    found = parse_qs(body.decode(errors="replace")).get("To", [""])[0]
    return found if NUMBER.fullmatch(found) else ""
