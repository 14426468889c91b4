"""SendGrid on this machine: `POST /v3/mail/send`, and the Email Logs that look it up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from activities.fakes import sendgrid_logs as logs
from activities.fakes.recipients import REFUSED, TOO_BIG, UNVERIFIED, who
from activities.fakes.sendgrid_events import events_to, posts
from activities.fakes.sendgrid_requests import SAYS, LogsQuery, Mail, Personalization, problems
from activities.fakes.taken import Taken, now
from activities.fakes.telling import Manner
from activities.fakes.wire import Answer, FakeHttp, Judged

ERRORS = {
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "The from address does not match a verified Sender Identity. Mail cannot be sent until "
    "this error is resolved.",
    404: "not found",
    413: "content too large",
    415: "Content-Type should be application/json.",
    429: "too many requests",
    500: "internal error, please try again later",
    503: "service unavailable",
}


class FakeSendGrid(FakeHttp):
    """Takes what SendGrid would take, and remembers it."""

    name = "sendgrid"
    reaches_people = True

    def __init__(
        self,
        api_key: str = "SG.fake",
        *,
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
        tells: str = "",
        manner: Manner | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.api_key = api_key
        self.scopes = ["mail.send", "email_activity.read", "messages.read"]
        self.telling = events_to(tells, manner) if tells else None

    def take(self, messages: Sequence[Taken]) -> None:
        super().take(messages)
        for one in messages:
            if self.telling:
                self.telling.tell(posts(one, _arguments(one)))

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post("/v3/mail/send", self._send),
            web.post("/v3/logs", self._list),
            web.get("/v3/logs/{id}", self._one),
            web.get("/v3/scopes", self._scopes),
        )

    def authorise(self, request: web.Request) -> Answer | None:
        given = request.headers.get("Authorization", "")
        return None if given == f"Bearer {self.api_key}" else self.trouble(401, {})

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        field = "from" if status == 403 else None
        error = {"message": ERRORS[status], "field": field, "help": None}
        if status == 429:
            wait = timedelta(seconds=float(headers.get("Retry-After", "0")))
            headers = {**headers, "X-RateLimit-Reset": str(int((now() + wait).timestamp()))}
        return Answer.of(status, {"errors": [error]}, **headers)

    # -- sending ---------------------------------------------------------------------------------

    async def _send(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, _recipient, self._judge)

    def _judge(self, request: web.Request, body: bytes) -> Judged:
        if refused := self._unreadable(request):
            return refused
        try:
            mail = Mail.model_validate_json(body)
        except ValidationError as fault:
            return Answer.of(400, problems(fault))
        taken = list(_messages(mail, body, token_urlsafe(16)))
        if refused := self._refusal(mail, taken):
            return refused
        if mail.mail_settings.sandbox_mode.enable:
            return Answer(200)
        return taken, Answer(202, b"", {"X-Message-Id": taken[0].id})

    def _refusal(self, mail: Mail, messages: Iterable[Taken]) -> Answer | None:
        """Well said, and still not taken: because of who writes, or to whom."""
        if who(mail.sender.email) == UNVERIFIED:
            return self.trouble(403, {})
        for place, one in enumerate(messages):
            if who(one.to) == TOO_BIG:
                return self.trouble(413, {})
            if who(one.to) == REFUSED:
                field = f"personalizations.{place}.to.0.email"
                error = {"message": SAYS["email"], "field": field, "help": None}
                return Answer.of(400, {"errors": [error]})
        return None

    def _unreadable(self, request: web.Request) -> Answer | None:
        if request.content_type != "application/json":
            return self.trouble(415, {})
        if request.headers.get("Content-Encoding", "gzip") != "gzip":
            return self.trouble(415, {})
        return None

    # -- looking up ------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._found)

    def _found(self, request: web.Request, body: bytes) -> Answer:
        if refused := self._unreadable(request):
            return refused
        try:
            asked = LogsQuery.model_validate_json(body)
            found = logs.matching(asked.query, self.book.shown(self.lag))
        except ValidationError as fault:
            return Answer.of(400, problems(fault))
        except logs.QueryError:
            error = {"message": "invalid query", "field": "query", "help": None}
            return Answer.of(400, {"errors": [error]})
        return Answer.of(
            200, {"messages": [logs.summary(one) for one in islice(found, asked.limit)]}
        )

    async def _one(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._details)

    async def _scopes(self, request: web.Request) -> web.StreamResponse:
        """What the key may do."""
        return await self.asked(request, lambda *_: Answer.of(200, {"scopes": self.scopes}))

    def _details(self, request: web.Request, body: bytes) -> Answer:
        wanted = request.match_info["id"]
        for one in self.book.shown(self.lag):
            if logs.message_id(one) == wanted:
                return Answer.of(200, logs.details(one, _arguments(one)))
        return self.trouble(404, {})


def _messages(mail: Mail, body: bytes, id_: str) -> Iterator[Taken]:
    """One for each recipient, whoever sees whom."""
    text = mail.content[0].value if mail.content else ""
    for envelope in mail.personalizations:
        for one in (*envelope.to, *envelope.cc, *envelope.bcc):
            subject = envelope.subject or mail.subject
            yield Taken(id_, _key(envelope), one.email, subject, text, now(), body)


def _key(envelope: Personalization) -> str:
    """The ledger's key: the custom arg that is called one."""
    named = (value for name, value in envelope.custom_args.items() if name.endswith("key"))
    return next(named, "")


def _arguments(one: Taken) -> dict[str, str]:
    for envelope in logs.body(one)["personalizations"]:
        if one.to in [address["email"] for address in envelope["to"]]:
            return dict(envelope.get("custom_args", {}))
    return {}


def _recipient(body: bytes) -> str:
    """Whom it is for, as far as that can be read."""
    try:
        found: Any = json.loads(body)["personalizations"][0]["to"][0]["email"]
    except (ValueError, LookupError, TypeError):
        return ""
    return str(found)
