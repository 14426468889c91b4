"""E-mail by SendGrid: its package builds the mail, our transport carries it, its log tells.

SendGrid knows no idempotency key. Our key travels in the mail's `custom_args`, which the log gives
back for each message; the log can't be searched for it, so those to the address are read in turn.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sendgrid.helpers import mail as made
from sendgrid.helpers.mail.exceptions import ApiKeyIncludedException

from activities.channels import Accepted, Because, Parcel, Rejected, UnknownOutcomeError
from activities.channels.http import REFUSALS, SILENT, Answer, AwayError, ask, wait_of
from activities.channels.mail import (
    filed,
    headers,
    is_invitation,
    line,
    mailbox,
    shown,
    words,
)
from activities.clock import Clock

KEY, REFERENCE = "aftercare_key", "aftercare_reference"  # an event has fields of its own beside
SLACK = timedelta(minutes=5)  # by which their clock and ours may differ
MOST = 100  # messages to one address within minutes: more are not searched

# What SendGrid's servers append to `X-Message-Id` to name one message of a request.
SERVER = re.compile(r"\.(?:recvd|filter|ismtpd|geopod)[\w-]*[.-]")


class SendGridChannel:
    """Serves e-mail."""

    name = "email"
    provider = "sendgrid"
    conclusive = False  # the log is written some time after the mail was taken

    def __init__(
        self,
        clock: Clock,
        *,
        api_key: str,
        base: str,
        from_email: str,
        deadline: timedelta = timedelta(seconds=20),
        quarantine: timedelta = timedelta(minutes=3),
        lag: timedelta = timedelta(minutes=2),
    ) -> None:
        self.deadline, self.quarantine, self.lag = deadline, quarantine, lag
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {api_key}", "User-Agent": "aftercare"}
        self._base = base.rstrip("/")
        self._from = from_email
        self._seconds = deadline.total_seconds() / 2 * 0.9  # the last of it is ours, to hear it

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        body = mail(parcel, self._from)
        if isinstance(body, Rejected):
            return body
        try:
            answer = await self._ask("POST", "/v3/mail/send", body)
        except AwayError as away:
            return away.outcome
        return self._outcome(answer)

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...]:
        """What the log has of this address since then, read one by one for our key."""
        found = mailbox(parcel.to)
        if found is None or found.plain is None:
            return ()  # no mail was ever built for it
        try:
            async with asyncio.timeout(self._seconds):
                listed = await self._log("POST", "/v3/logs", _query(found.plain, since))
                ids = [_text(one, "sg_message_id") for one in _list(listed, "messages")]
                if len(ids) >= MOST:
                    raise UnknownOutcomeError("too_many")
                details = [await self._log("GET", f"/v3/logs/{quote(one, safe='')}") for one in ids]
        except TimeoutError:
            raise UnknownOutcomeError("time_out") from None
        ours = (one for one in details if _dict(one, "custom_args").get(KEY) == parcel.key)
        return tuple(dict.fromkeys(message_id(one) for one in ours))

    async def close(self) -> None:
        """Each request has its own connection: there is nothing to let go of."""

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        said = json.dumps(body).encode() if body is not None else None
        more = {"Content-Type": "application/json"} if said else {}
        url = self._base + path
        return await ask(
            method, url, seconds=self._seconds, headers=self._headers | more, body=said
        )

    def _outcome(self, answer: Answer) -> Accepted | Rejected:
        if answer.status == 202:
            # Taken, whatever else stands in the answer; without an id, their events will bring one.
            return Accepted(answer.headers.get("X-Message-Id", "").strip())
        if answer.status in REFUSALS:
            reason, because = REFUSALS[answer.status]
            wait = wait_of(answer, self._clock.real()) if because is Because.BUSY else None
            if answer.status == 403 and _fields(answer).startswith("from"):
                reason = "wrong_sender"
            return Rejected(reason, because, wait)
        if 400 <= answer.status < 500 and answer.status not in SILENT:
            return _refusal(answer)
        raise UnknownOutcomeError(f"status_{answer.status}")

    async def _log(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = await self._ask(method, path, body)
        except AwayError as away:
            raise UnknownOutcomeError(away.reason) from None
        if answer.status != 200 or not isinstance(answer.said, dict):
            # 404, too: of a message that is listed, the log must be able to say whose it is.
            raise UnknownOutcomeError(f"look_up_{answer.status}")
        return answer.said


def mail(parcel: Parcel, from_email: str) -> dict[str, Any] | Rejected:
    """The body of the request. The package's short cuts are left alone: they take an address for
    a name, show recipients to each other, and refuse what their own guides show."""
    to, sender = mailbox(parcel.to), mailbox(from_email)
    if to is None or to.plain is None:
        return Rejected("no_such_address" if to is None else "unroutable", Because.ADDRESS)
    if sender is None or sender.plain is None:
        return Rejected("wrong_sender", Because.ACCOUNT)
    personal = made.Personalization()
    personal.add_to(_who(made.To(), to.plain))
    for name, value in ((KEY, parcel.key), (REFERENCE, parcel.reference)):
        personal.add_custom_arg(made.CustomArg(name, value))
    whole = made.Mail()
    whole.from_email = _who(made.From(), sender.plain, shown(parcel.from_name))
    whole.subject = made.Subject(line(parcel.subject))
    whole.add_personalization(personal)
    for name, value in headers(parcel).items():
        whole.add_header(made.Header(name, value))
    reply_to = mailbox(parcel.reply_to)
    if reply_to and reply_to.plain:
        whole.reply_to = _who(made.ReplyTo(), reply_to.plain)
    try:
        whole.add_content(made.Content("text/plain", words(parcel.text)))
        if parcel.html:
            whole.add_content(made.Content("text/html", words(parcel.html)))
        _attach(whole, parcel)
    except ApiKeyIncludedException:  # or what the package takes for a key
        return Rejected("refused", Because.MESSAGE)
    whole.tracking_settings = made.TrackingSettings(  # its own unsubscribe would replace ours
        made.ClickTracking(False, False),
        made.OpenTracking(False),
        made.SubscriptionTracking(False),
    )
    said: dict[str, Any] = whole.get()
    return said


def _attach(whole: Any, parcel: Parcel) -> None:
    """An invitation is one more way of saying it, and a file as well. Of all content types with a
    parameter, SendGrid takes exactly that one: not even a charset beside it."""
    for one in parcel.attachments:
        if is_invitation(one):
            whole.add_content(made.Content(one.type, one.text))
        file = made.Attachment()
        file.file_content = made.FileContent(base64.b64encode(one.text.encode()).decode())
        file.file_type, file.file_name = made.FileType(filed(one)), made.FileName(one.name)
        file.disposition = made.Disposition("attachment")
        whole.add_attachment(file)


def message_id(entry: dict[str, Any]) -> str:
    """The `X-Message-Id` of a message in the log: its `sg_message_id` begins with it, and it may
    have dots itself. The events of the entry name it."""
    whole = _text(entry, "sg_message_id")
    for event in _list(entry, "events"):
        smtp_id = _text(event, "smtp-id").strip("<>").partition("@")[0]
        for known in (_text(event, "recv_msgid"), smtp_id):
            if known and whole.startswith(f"{known}."):
                return known
    return SERVER.split(whole, maxsplit=1)[0] or whole


def _who(email: Any, address: str, name: str = "") -> Any:
    """Address and name where they belong; the constructor would guess."""
    email.email, email.name = address, name or None
    return email


def _query(address: str, since: datetime) -> dict[str, Any]:
    mark = '"' if "'" in address else "'"
    moment = (since - SLACK).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = f'to_email = {mark}{address}{mark} AND sg_message_id_created_at >= TIMESTAMP "{moment}"'
    return {"query": said, "limit": MOST}


def _refusal(answer: Answer) -> Rejected:
    """What of it they do not like, by the field they name."""
    field = _fields(answer)
    if ".to." in field:
        return Rejected("no_such_address", Because.ADDRESS)
    if field.startswith("from"):
        return Rejected("wrong_sender", Because.ACCOUNT)
    return Rejected("refused", Because.MESSAGE)


def _fields(answer: Answer) -> str:
    errors = _list(answer.said, "errors")
    return next((field for field in (_text(one, "field") for one in errors) if field), "")


# -- nonsense has no fields ------------------------------------------------------------


def _text(said: Any, name: str) -> str:
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, str) else ""


def _list(said: Any, name: str) -> list[Any]:
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, list) else []


def _dict(said: Any, name: str) -> dict[str, Any]:
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, dict) else {}
