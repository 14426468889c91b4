"""SurveyMonkey: a survey was answered. It says ids only; the answers are fetched, once.

Whose they are is proved by the link's custom variable `r`, which a message of ours had: without one
nothing comes of them. https://api.surveymonkey.com/v3/docs#webhook-callbacks
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from activities.crm import customers
from activities.crm.house import house_rules
from activities.crm.tables import Inbox, Message
from activities.rendering import tokens
from activities.settings import Settings
from starter.senders import (
    Delivery,
    NotYetError,
    Reader,
    Reading,
    Readings,
    Reply,
    UnreadableError,
    asking,
    surveys,
)

NAME = "surveymonkey"
VARIABLE = "r"  # of the survey's web link
ANSWERED = ("response_completed", "response_updated")
ID = re.compile(r"[0-9]{1,30}")
MOST = 20  # answers to one message: who has more to say is somebody's script
LONGEST_WAIT = timedelta(hours=24)
# After what nobody is asked again for a while: a private app has 500 calls a day.
PAUSES = {
    "no_answer": timedelta(seconds=30),
    "bad_answer": timedelta(minutes=1),
    "rate_limited": timedelta(minutes=1),
    "forbidden": timedelta(minutes=15),
    "unauthorised": timedelta(minutes=15),
}
FAULTS = {401: "unauthorised", 403: "forbidden", 429: "rate_limited"}
GONE = (404, 410)


class SurveyMonkey:
    name = NAME
    path = NAME
    variable = "AFTERCARE_SURVEYMONKEY_SECRET"
    headers: Sequence[str] = ()
    most = 100_000
    thanks = Reply()

    def __init__(self) -> None:
        self._paused: dict[str, tuple[str, datetime]] = {}  # by host: why, and until when

    def is_set_up(self, settings: Settings) -> bool:
        client, _, secret = settings.surveymonkey_secret.get_secret_value().partition("&")
        return bool(client.strip() and secret.strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        """By base64 of an HMAC-SHA1, whose key is `CLIENT_ID&CLIENT_SECRET`; it has no moment."""
        key = settings.surveymonkey_secret.get_secret_value().encode()
        right = base64.b64encode(hmac.digest(key, delivery.body, hashlib.sha1))
        said = delivery.headers.get("sm-signature", "")
        return hmac.compare_digest(said.encode("utf-8", "surrogateescape"), right)

    def key(self, delivery: Delivery) -> str:
        said = _object(delivery.body).get("event_id")
        return said if isinstance(said, str) else ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        """The opinion that a response is; None of what else becomes of a survey concerns us."""
        said = _object(delivery.body)
        if said.get("event_type") not in ANSWERED or said.get("object_type") != "response":
            return Readings(left_out=["nothing_new"])
        response = await self._fetched(_address(said), reader)
        message = await _message(response, reader)
        if message is None:
            return Readings(left_out=["not_ours"])
        async with reader.store.reading() as session:
            rules = (await house_rules(session)).surveys
            mine = Inbox.event_id.startswith(f"{message.id}.", autoescape=True)
            query = select(func.count()).where(Inbox.source == NAME, mine)
            before = (await session.execute(query)).scalar_one()
        if before >= MOST:
            return Readings(left_out=["enough"])
        opinion = surveys.read(response, rules)
        if opinion.amiss:  # the rules are mended, then it is read again: nothing of it is lost
            return Readings(failed=opinion.amiss)
        if not (opinion.scores or opinion.text):
            return Readings(left_out=["nothing_said"])
        return Readings([Reading(_event(said, response, opinion, message, reader))])

    async def _fetched(self, path: str, reader: Reader) -> dict[str, Any]:
        """The response with its questions' words; one call, or none while they are left alone."""
        settings = reader.settings
        base, token = settings.surveymonkey_api_base.rstrip("/"), settings.surveymonkey_token
        why, until = self._paused.get(base, ("", reader.real))
        if reader.real < until:
            raise NotYetError(why)
        if not token.get_secret_value():
            raise NotYetError("surveymonkey_token_missing")
        try:
            answer = await asking.get(
                base + path,
                authorization=asking.bearer(token.get_secret_value()),
                params={"simple": "true"},
            )
        except asking.AwayError:
            raise self._pause(base, "no_answer", reader.real, PAUSES["no_answer"]) from None
        if answer.status in GONE:
            raise UnreadableError("survey_response_not_found")
        if answer.status != 200 or not isinstance(answer.body, dict):
            good = 200 <= answer.status < 400
            code = FAULTS.get(answer.status, "bad_answer" if good else "no_answer")
            wait = max(PAUSES[code], _wait(answer) if code == "rate_limited" else timedelta())
            raise self._pause(base, code, reader.real, wait)
        return answer.body

    def _pause(self, base: str, code: str, real: datetime, wait: timedelta) -> NotYetError:
        self._paused[base] = (code, real + wait)
        return NotYetError(code)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _address(said: dict[str, Any]) -> str:
    resources = said.get("resources")
    survey = resources.get("survey_id") if isinstance(resources, dict) else None
    ids = [one for one in (survey, said.get("object_id")) if isinstance(one, str)]
    if len(ids) != 2 or not all(ID.fullmatch(one) for one in ids):
        raise UnreadableError("invalid")
    return f"/v3/surveys/{ids[0]}/responses/{ids[1]}/details"


def _wait(answer: asking.Said) -> timedelta:
    """As they ask: the day's calls may be used up, or only this minute's."""
    spent = answer.headers.get("x-ratelimit-app-global-day-remaining") == "0"
    span = "day" if spent else "minute"
    names = ("retry-after", f"x-ratelimit-app-global-{span}-reset")
    known = (answer.headers.get(name, "") for name in names)
    seconds = [int(one) for one in known if re.fullmatch("[0-9]{1,6}", one)]
    return min(timedelta(seconds=max(seconds, default=0)), LONGEST_WAIT)


async def _message(response: dict[str, Any], reader: Reader) -> Message | None:
    """The one whose link was followed; none: no token of ours, or all of it is gone."""
    said = response.get("custom_variables")
    token = said.get(VARIABLE) if isinstance(said, dict) else None
    secret = reader.settings.secret_key.get_secret_value()
    if not (secret and isinstance(token, str) and token.isascii()):
        return None
    message_id = tokens.read_short(secret, "feedback", token.strip())
    if message_id is None:
        return None
    async with reader.store.reading() as session:
        message = await session.get(Message, message_id)
        whose = await customers.find(session, message.customer_id) if message else None
    return message if whose and whose.erased_at is None else None


def _event(
    said: dict[str, Any],
    response: dict[str, Any],
    opinion: surveys.Opinion,
    message: Message,
    reader: Reader,
) -> dict[str, Any]:
    """One opinion for each thing that was said: the same response, changed, is another."""
    changed = str(response.get("date_modified") or "")[:40]
    event: dict[str, Any] = {
        "id": f"{message.id}.{said['object_id']}.{changed if changed.isprintable() else ''}",
        "type": "feedback.received",
        "customer": {"id": message.customer_id},
        "data": {"source": NAME, "channel": "form", "message": message.id, **opinion.scores},
    }
    if opinion.text:
        event["data"]["text"] = opinion.text
    if (at := _moment(changed, reader)) is not None:
        event["occurred_at"] = at.isoformat()
    return event


def _moment(said: str, reader: Reader) -> datetime | None:
    """When that was, by the clock that policies go by."""
    try:
        moment = datetime.fromisoformat(said)
        return reader.now - max(reader.real - moment, timedelta())
    except (ValueError, TypeError, OverflowError):
        return None
