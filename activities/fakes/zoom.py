"""Zoom on this machine: tokens, meetings, and the webhook that tells what becomes of them.

`POST /hold/{id}` has a meeting begin and end: with its host and a guest, or `?guest=no` in vain.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from activities.fakes.taken import Taken, now, token
from activities.fakes.wire import JSON, Answer, FakeHttp, Judged

HOST = "hostid000000000000000A"
HOUR = timedelta(hours=1)
CODES = {401: 124, 403: 4711, 404: 3001, 429: 429}
FIELDS = ("topic", "start_time", "duration", "timezone", "agenda", "type")


class FakeZoom(FakeHttp):
    """Holds meetings for whoever has a token, and says what becomes of them."""

    name = "zoom"

    def __init__(
        self,
        account: str = "account",
        client: str = "client",
        secret: str = "zoom-fake",  # noqa: S107 - whoever knows it gets a fake
        *,
        webhook: str = "",
        webhook_secret: str = "zoom-secret",  # noqa: S107
        users: Iterable[str] = (),
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.known = b64encode(f"{client}:{secret}".encode()).decode()
        self.account, self.webhook, self.webhook_secret = account, webhook, webhook_secret
        self.users = {"me", *users}  # who may hold one
        self.tokens: dict[str, datetime] = {}  # until when each is good
        self.file = keep / "zoom-meetings.json" if keep else None
        self.meetings: dict[str, dict[str, Any]] = self._kept()
        self.untold: list[bytes] = []  # events that the webhook has not heard
        self.deleted: list[str] = []

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post("/oauth/token", self._token),
            web.get("/v2/users/me", self._me),
            web.get("/v2/users/{user}/meetings", self._list),
            web.post("/v2/users/{user}/meetings", self._change),
            web.patch("/v2/meetings/{id}", self._change),
            web.delete("/v2/meetings/{id}", self._change),
            web.post("/hold/{id}", self._hold),
        )

    def authorise(self, request: web.Request) -> Answer | None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return None if self.tokens.get(given, now()) > now() else self.trouble(401, {})

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        said = {"code": CODES.get(status, status), "message": "It went wrong."}
        return Answer.of(status, said, **headers)

    # -- what becomes of a meeting ---------------------------------------------------------------

    def happened(self, what: str, meeting: dict[str, Any], **more: Any) -> bytes:
        """The event, as the webhook is told of it."""
        at = int(now().timestamp() * 1000)
        object_ = {n: v for n, v in meeting.items() if n not in ("join_url", "agenda")} | more
        said = {"account_id": self.account, "object": object_, "time_stamp": at}
        body = {"event": f"meeting.{what}", "payload": said, "event_ts": at}
        return json.dumps(body).encode()

    def held(self, id_: str, *guests: str, host: bool = True) -> list[bytes]:
        """All that is told of one holding: who came, by their addresses, and that it is over."""
        meeting = self.meetings[id_] | {"uuid": f"{token(22)}=="}
        people = [("host", HOST, "host@example.com")] if host else []
        people += [(f"guest {n}", "", email) for n, email in enumerate(guests)]
        came = [
            {"user_name": name, "id": who, "participant_uuid": token(12), "email": email}
            for name, who, email in people
        ]
        moment = now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return [
            self.happened("started", meeting),
            *(self.happened("participant_joined", meeting, participant=one) for one in came),
            self.happened("ended", meeting, end_time=moment),
        ]

    def signed(self, body: bytes, at: datetime | None = None) -> dict[str, str]:
        moment = str(int((at or now()).timestamp()))
        key, said = self.webhook_secret.encode(), b"v0:" + moment.encode() + b":" + body
        signature = f"v0={hmac.digest(key, said, hashlib.sha256).hex()}"
        return {**JSON, "x-zm-request-timestamp": moment, "x-zm-signature": signature}

    async def tell(self) -> None:
        """Post all that the webhook has not heard, in order."""
        async with aiohttp.ClientSession() as session:
            while self.webhook and self.untold:
                body = self.untold.pop(0)
                async with session.post(self.webhook, data=body, headers=self.signed(body)):
                    pass

    # -- requests --------------------------------------------------------------------------------

    async def _token(self, request: web.Request) -> web.StreamResponse:
        made = f"tok{token(24)}"
        form = parse_qs((await request.read()).decode("utf-8", "replace"))
        account = form.get("account_id") == [self.account]
        fit = form.get("grant_type") == ["account_credentials"] and account
        if request.headers.get("Authorization") != f"Basic {self.known}" or not fit:
            return web.json_response({"reason": "Invalid client_id or client_secret"}, status=400)
        self.tokens[made] = now() + HOUR
        said = {"access_token": made, "token_type": "bearer", "expires_in": 3599}
        return web.json_response(said)

    async def _me(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, lambda *_: Answer.of(200, {"id": HOST}))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._listed)

    async def _change(self, request: web.Request) -> web.StreamResponse:
        answer = await self.submitted(request, lambda _: "", self._judge)
        if self.webhook and self.untold:
            self._telling = asyncio.create_task(self.tell())
        return answer

    async def _hold(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.meetings:
            return web.Response(status=404)
        guests = [] if request.query.get("guest") == "no" else ["guest@example.com"]
        self.untold += self.held(request.match_info["id"], *guests)
        await self.tell()
        return web.Response()

    def _listed(self, request: web.Request, _: bytes) -> Answer:
        if request.match_info["user"] not in self.users:
            return self.trouble(404, {})
        size = int(request.query.get("page_size", "30"))
        start = int(request.query.get("next_page_token") or "0")
        shown = {one.id for one in self.book.shown(self.lag)}
        hidden = {one.id for one in self.accepted} - shown
        mine = [one for id_, one in self.meetings.items() if id_ not in hidden]
        page, rest = mine[start : start + size], len(mine) > start + size
        token_ = str(start + size) if rest else ""
        return Answer.of(200, {"meetings": page, "next_page_token": token_})

    def _judge(self, request: web.Request, body: bytes) -> Judged:
        id_ = request.match_info.get("id", "")
        if (id_ and id_ not in self.meetings) or request.match_info.get("user", "me") not in (
            self.users
        ):
            return self.trouble(404, {})
        if request.method == "DELETE":
            self.deleted.append(id_)
            self._tells("deleted", self.meetings.pop(id_))
            return [], Answer(204)
        try:
            said = {name: value for name, value in json.loads(body).items() if name in FIELDS}
        except (ValueError, AttributeError):
            return Answer.of(300, {"code": 300, "message": "Request body is no JSON."})
        if request.method == "PATCH":
            self.meetings[id_] |= said
            self._tells("updated", self.meetings[id_])
            return [], Answer(204)
        made = said | {"id": 80_000_000_000 + int(token(6), 16), "uuid": f"{token(22)}=="}
        made |= {"host_id": HOST, "join_url": f"https://zoom.test/j/{made['id']}?pwd={token(6)}"}
        self.meetings[str(made["id"])] = made
        self._tells("created", made)
        taken = Taken(str(made["id"]), said.get("agenda", ""), "me", said["topic"], "", now(), body)
        return [taken], Answer.of(201, made)

    def _tells(self, what: str, meeting: dict[str, Any]) -> None:
        self.untold.append(self.happened(what, meeting))
        if self.file is not None:
            self.file.write_text(json.dumps(self.meetings))

    def _kept(self) -> dict[str, dict[str, Any]]:
        known = self.file.exists() if self.file else False
        return dict(json.loads(self.file.read_text())) if self.file and known else {}
