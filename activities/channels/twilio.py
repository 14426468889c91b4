"""SMS by Twilio: its client builds the requests, our transport carries them, its list is looked up.

Twilio knows no idempotency key and keeps no field of ours. The look-up compares the words: those of
one number since the attempt began are few, and a link in them is of one message only.
"""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance, MessagePage

from activities.channels import Accepted, Because, Parcel, Rejected, UnknownOutcomeError
from activities.channels.http import REFUSALS, SILENT, Answer, AwayError, ask, wait_of
from activities.channels.mail import words
from activities.clock import Clock

SLACK = timedelta(minutes=5)  # by which their clock and ours may differ
PAGE, PAGES = 100, 10  # more messages to one number within minutes are not searched
VALID = timedelta(hours=1)  # what Twilio can't pass on by then, it drops: nights begin on the hour
TRIAL = "Sent from your Twilio trial account - "  # what it puts before a trial account's words
# By itself it tells a status again only if there was no connection: for our 503 it must be asked.
INSIST = "#rc=5&rp=all"  # it reads that, and neither posts nor signs it
NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")

BY_CODE = {
    20003: ("unauthorised", Because.ACCOUNT),
    20008: ("forbidden", Because.ACCOUNT),  # test credentials
    20404: ("not_found", Because.ACCOUNT),
    20429: ("rate_limited", Because.BUSY),
    21211: ("no_such_number", Because.ADDRESS),
    21212: ("wrong_sender", Because.ACCOUNT),
    21217: ("no_such_number", Because.ADDRESS),
    21408: ("region_not_enabled", Because.MESSAGE),  # one number must not pause all the others'
    21603: ("wrong_sender", Because.ACCOUNT),
    21606: ("wrong_sender", Because.ACCOUNT),
    21608: ("trial_account", Because.ACCOUNT),
    21609: ("forbidden", Because.ACCOUNT),  # our public URL is none that it would call
    21610: ("stopped", Because.OPTED_OUT),
    21611: ("busy", Because.BUSY),  # the sender's queue is full
    21612: ("unroutable", Because.ADDRESS),
    21614: ("landline", Because.ADDRESS),
    21617: ("too_long", Because.MESSAGE),
    21635: ("landline", Because.ADDRESS),
    21659: ("wrong_sender", Because.ACCOUNT),
    21660: ("wrong_sender", Because.ACCOUNT),
    21701: ("wrong_sender", Because.ACCOUNT),
    21703: ("wrong_sender", Because.ACCOUNT),
    21704: ("wrong_sender", Because.ACCOUNT),
    21705: ("wrong_sender", Because.ACCOUNT),
    30001: ("busy", Because.BUSY),
}


class TwilioChannel:
    """Serves SMS."""

    name = "sms"
    provider = "twilio"
    conclusive = False  # its list may come later than the message was taken

    def __init__(
        self,
        clock: Clock,
        *,
        account_sid: str,
        auth_token: str,
        base: str,
        messaging_service_sid: str = "",
        from_number: str = "",
        public_url: str = "",
        deadline: timedelta = timedelta(seconds=20),
        quarantine: timedelta = timedelta(seconds=60),
        lag: timedelta = timedelta(seconds=30),
    ) -> None:
        self.deadline, self.quarantine, self.lag = deadline, quarantine, lag
        self._clock = clock
        self._account, self._token, self._base = account_sid, auth_token, base.rstrip("/")
        self._sender = (
            {"messaging_service_sid": messaging_service_sid}
            if messaging_service_sid
            else {"from_": from_number}
        )
        self._callback = f"{public_url.rstrip('/')}/hooks/twilio/status"
        self._seconds = deadline.total_seconds() / 2 * 0.9  # the last of it is ours, to hear it

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        if not NUMBER.fullmatch(parcel.to):
            return Rejected("no_such_number", Because.ADDRESS)
        line = _Line(self._seconds)
        try:
            made = await self._client(line).messages.create_async(**self._request(parcel))
            sid = str(made.sid)
        except AwayError as away:
            return away.outcome
        except UnknownOutcomeError:
            raise
        except Exception:  # noqa: BLE001 - what it makes of an answer; the answer itself we have
            sid = ""
        return self._outcome(line.answer, sid)

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...]:
        """The messages to this number since then that say the same, whatever became of them:
        what Twilio took and then lost is for its status to tell."""
        said, first = _same(parcel.text), since - SLACK
        try:
            async with asyncio.timeout(self._seconds):
                listed = [one async for one in self._list(parcel.to, first)]
        except (TimeoutError, AwayError):
            raise UnknownOutcomeError("time_out") from None
        ours = (one for one in listed if _same(one.body or "") == said)
        return tuple(dict.fromkeys(str(one.sid) for one in ours if one.direction != "inbound"))

    async def close(self) -> None:
        """Each request has its own connection: there is nothing to let go of."""

    def _client(self, line: _Line) -> Client:
        """A client for one request; the environment must not move it to another host."""
        client = Client(
            self._account, self._token, http_client=line, environment={"none of": "os.environ"}
        )
        client.api.base_url = self._base
        return client

    def _request(self, parcel: Parcel) -> dict[str, Any]:
        """`SmartEncoded` is off: it would change the words that the look-up compares."""
        request: dict[str, Any] = {
            "to": parcel.to,
            "body": words(parcel.text),
            "validity_period": int(VALID.total_seconds()),
            "smart_encoded": False,
            **self._sender,
        }
        if self._callback.startswith("https://"):
            named = urlencode({"t": parcel.reference})
            request["status_callback"] = f"{self._callback}?{named}{INSIST}"
        return request

    def _outcome(self, answer: Answer | None, sid: str) -> Accepted | Rejected:
        if answer is None:
            raise UnknownOutcomeError("no_answer")
        if answer.status == 201:
            # Taken, whatever else stands in the answer; its status callbacks may bring the id.
            return Accepted(sid if SID.fullmatch(sid) else "")
        if answer.status >= 500 or answer.status in SILENT:
            raise UnknownOutcomeError(f"status_{answer.status}")
        code = answer.said.get("code") if isinstance(answer.said, dict) else None
        known = BY_CODE.get(code) if isinstance(code, int) else None
        reason, because = known or REFUSALS.get(answer.status) or ("refused", Because.MESSAGE)
        if answer.status < 300 or (because is Because.MESSAGE and answer.status < 400):
            raise UnknownOutcomeError(f"status_{answer.status}")
        wait = wait_of(answer, self._clock.real()) if because is Because.BUSY else None
        return Rejected(reason, because, wait)

    async def _list(self, to: str, first: datetime) -> AsyncIterator[MessageInstance]:
        """Its list, newest first, as far back as that."""
        line = _Line(self._seconds)
        try:
            page: MessagePage | None = await self._client(line).messages.page_async(
                to=to, page_size=PAGE
            )
            for _ in range(PAGES):
                rows = list(page or ())
                young = [one for one in rows if _created(one, first) >= first]
                for one in young:
                    yield one
                if not young or page is None:
                    return
                page = await page.next_page_async()
        except (TwilioException, ValueError, TypeError, KeyError, AttributeError):
            status = line.answer.status if line.answer else 0
            raise UnknownOutcomeError(f"look_up_{status}") from None
        raise UnknownOutcomeError("too_many")


class _Line(AsyncHttpClient):  # type: ignore[misc] # it has no types
    """Our transport in the place of Twilio's: no retries, no log lines, a time-out that is kept."""

    def __init__(self, seconds: float) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._seconds = seconds
        self.answer: Answer | None = None

    async def request(  # noqa: PLR0917 - Twilio's signature
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
        allow_redirects: bool = False,
    ) -> Response:
        known = b64encode(":".join(auth or ("", "")).encode()).decode()
        self.answer = None
        self.answer = await ask(
            method,
            url,
            seconds=self._seconds,
            headers={**(headers or {}), "Authorization": f"Basic {known}"},
            params=params and {name: str(value) for name, value in params.items()},
            body=urlencode(data, doseq=True).encode() if data else None,
        )
        text = (self.answer.body or b"").decode("utf-8", "replace")
        return Response(self.answer.status, text, self.answer.headers)


def _same(text: str) -> str:
    return " ".join(words(text).removeprefix(TRIAL).split())


def _created(one: MessageInstance, otherwise: datetime) -> datetime:
    """When it was made; what does not say counts as new."""
    made: datetime | None = one.date_created
    if made is None:
        return otherwise
    return made if made.tzinfo else made.replace(tzinfo=UTC)
