"""SurveyMonkey on this machine: a survey to answer at `/r/{code}`, its API, and its webhook.

Whoever answers the page is told of by a signed webhook, which says ids only; the answers are to be
fetched, and a day has so many calls.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from activities.fakes.taken import Taken, now, token
from activities.fakes.wire import JSON, Answer, FakeHttp

SURVEY, COLLECTOR = "510000001", "420000001"
CODES = {401: "1011", 403: "1014", 404: "1020", 413: "1030", 429: "1040", 503: "1051"}
STARS = ("What do you think of the product?", "And of it all, overall?")
RECOMMEND = "How likely are you to recommend us?"
COMMENT = "Is there anything else?"
FORM = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A survey, a fake</title>
<style>body{{font:16px/1.6 system-ui;margin:2rem auto;max-width:40rem;padding:0 1rem}}</style>
<h1>A survey, a fake</h1><form method="post">{fields}<p><button>Done</button></p></form>"""
FIELD = "<p><label>{says}<br><input name='{name}' type='{type}' min='{least}' max='{most}'></label>"
THANKS = "<!doctype html><html lang='en'><title>Thanks</title><h1>Thank you, says a fake.</h1>"


def stars(heading: str, number: int) -> dict[str, Any]:
    """A rating: what was chosen, with its weight."""
    chosen = {"choice_metadata": {"weight": str(number)}, "simple_text": f"{number} stars"}
    answers = [{"row_id": "11", "choice_id": f"90{number}", **chosen}]
    return {"heading": heading, "family": "matrix", "subtype": "rating", "answers": answers}


def out_of_ten(heading: str, number: int) -> dict[str, Any]:
    """Whether they would recommend it; its weights say other things than its number."""
    weight = {"weight": str(100 if number > 8 else 0 if number > 6 else -100)}
    chosen = {"choice_metadata": weight, "simple_text": str(number)}
    answers = [{"row_id": "12", "choice_id": f"80{number}", **chosen}]
    return {"heading": heading, "family": "matrix", "subtype": "rating", "answers": answers}


def chosen(heading: str, words: str) -> dict[str, Any]:
    """One choice of several, in words."""
    answers = [{"choice_id": "701", "simple_text": words}]
    return {"heading": heading, "family": "single_choice", "subtype": "vertical"} | {
        "answers": answers
    }


def written(heading: str, words: str) -> dict[str, Any]:
    answers = [{"text": words, "simple_text": words}]
    return {"heading": heading, "family": "open_ended", "subtype": "essay", "answers": answers}


class FakeSurveyMonkey(FakeHttp):
    """Keeps what was answered, says so, and shows it to whoever has the token."""

    name = "surveymonkey"

    def __init__(
        self,
        access_token: str = "sm-fake",  # noqa: S107 - whoever knows it gets a fake
        secret: str = "client&secret",  # noqa: S107
        *,
        webhook: str = "",
        daily: int = 500,
        lag: timedelta = timedelta(0),
        keep: Path | None = None,
    ) -> None:
        super().__init__(lag=lag, keep=keep)
        self.access_token, self.secret = access_token, secret
        self.webhook, self.daily = webhook, daily

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get("/v3/surveys/{survey}/responses/{response}/details", self._details),
            web.get("/v3/users/me", self._me),
            web.get("/r/{code}", self._form),
            web.post("/r/{code}", self._answered),
        )

    def authorise(self, request: web.Request) -> Answer | None:
        given = request.headers.get("Authorization", "")
        return None if given == f"Bearer {self.access_token}" else self.trouble(401, {})

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        error = {"id": CODES.get(status, "1050"), "http_status_code": status, "name": "A fault"}
        return Answer.of(status, {"error": error | {"message": "It went wrong."}}, **headers)

    # -- what becomes of the survey --------------------------------------------------------------

    def respond(
        self, variables: Mapping[str, str], *questions: dict[str, Any], id_: str = ""
    ) -> str:
        """Somebody has answered, who came with these custom variables; the response's id."""
        at = now()
        response: dict[str, Any] = {
            "id": id_ or str(int(token(9), 16)),
            "survey_id": SURVEY,
            "collector_id": COLLECTOR,
            "custom_variables": dict(variables),
            "response_status": "completed",
            "date_created": at.isoformat(timespec="seconds"),
            "date_modified": at.isoformat(timespec="seconds"),
            "ip_address": "192.0.2.1",
            "pages": [{"id": "310", "questions": [{"id": "61", **one} for one in questions]}],
        }
        raw = json.dumps(response).encode()
        self.book.take(Taken(response["id"], "", SURVEY, "answered", "", at, raw))
        return str(response["id"])

    def event(self, response: str, what: str = "response_completed", id_: str = "") -> bytes:
        """What the webhook says of it."""
        said = {
            "name": "Aftercare",
            "filter_type": "survey",
            "filter_id": SURVEY,
            "event_type": what,
            "event_id": id_ or str(int(token(9), 16)),
            "object_type": "response",
            "object_id": response,
            "event_datetime": now().isoformat(),
            "resources": {"survey_id": SURVEY, "collector_id": COLLECTOR, "user_id": "7"},
        }
        return json.dumps(said).encode()

    def signed(self, body: bytes) -> dict[str, str]:
        made = hmac.digest(self.secret.encode(), body, hashlib.sha1)
        return {**JSON, "Sm-Signature": base64.b64encode(made).decode()}

    async def tell(self, body: bytes) -> int:
        """Post it to the webhook, as often as this is called; its answer's status."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.webhook, data=body, headers=self.signed(body)) as answer,
        ):
            return answer.status

    # -- requests --------------------------------------------------------------------------------

    async def _details(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, self._shown)

    async def _me(self, request: web.Request) -> web.StreamResponse:
        return await self.asked(request, lambda *_: Answer.of(200, {"id": "7"}))

    def _shown(self, request: web.Request, _: bytes) -> Answer:
        if self.looked_up > self.daily:
            left = {"X-Ratelimit-App-Global-Day-Remaining": "0"}
            return self.trouble(429, {**left, "X-Ratelimit-App-Global-Day-Reset": "3600"})
        wanted, survey = request.match_info["response"], request.match_info["survey"]
        mine = (one for one in self.book.shown(self.lag) if (one.id, one.to) == (wanted, survey))
        if (found := next(mine, None)) is None:
            return self.trouble(404, {})
        response = json.loads(found.raw)
        if request.query.get("simple") != "true":
            _without_words(response)
        return Answer.of(200, response)

    async def _form(self, _: web.Request) -> web.Response:
        asked = [(f"q{n}", says, "number", 1, 5) for n, says in enumerate(STARS)]
        asked += [("ten", RECOMMEND, "number", 0, 10), ("text", COMMENT, "text", 0, 0)]
        names = ("name", "says", "type", "least", "most")
        fields = (FIELD.format(**dict(zip(names, one, strict=True))) for one in asked)
        return web.Response(text=FORM.format(fields="".join(fields)), content_type="text/html")

    async def _answered(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        said = [
            stars(html.escape(says), int(form[f"q{n}"]))
            for n, says in enumerate(STARS)
            if form.get(f"q{n}", "").isdecimal()
        ]
        said += [out_of_ten(RECOMMEND, int(form["ten"]))] if form.get("ten", "").isdecimal() else []
        said += [written(COMMENT, form["text"])] if form.get("text") else []
        response = self.respond(dict(request.query), *said)
        if self.webhook:
            await self.tell(self.event(response))
        return web.Response(text=THANKS, content_type="text/html")


def _without_words(response: dict[str, Any]) -> None:
    """As it is shown to who does not ask for them: ids only, besides what was written."""
    for question in response["pages"][0]["questions"]:
        for name in ("heading", "family", "subtype"):
            question.pop(name, None)
        for answer in question["answers"]:
            answer.pop("simple_text", None)
