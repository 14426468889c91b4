"""Twilio's status callbacks: what becomes of each SMS it took, as it tells of it, signed."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from activities.fakes.recipients import UNDELIVERED
from activities.fakes.taken import Taken
from activities.fakes.telling import Manner, Telling

WAITS = (1, 2, 5, 10, 15)  # the vendor tries no more than five times


def statuses_to(url: str, auth_token: str, manner: Manner | None = None) -> Telling:
    validator = RequestValidator(auth_token)

    def signed(address: str, body: bytes) -> dict[str, str]:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return {"X-Twilio-Signature": validator.compute_signature(address, fields)}

    return Telling(url, "application/x-www-form-urlencoded", signed, WAITS, manner)


def posts(one: Taken, account_sid: str) -> list[bytes]:
    """The callbacks about one SMS: none for the status that the answer had."""
    code = UNDELIVERED.get(one.to)
    last = {"MessageStatus": "undelivered", "ErrorCode": code} if code else {}
    return [
        _form(one, account_sid, {"MessageStatus": "sent"}),
        _form(one, account_sid, last or {"MessageStatus": "delivered"}),
    ]


def _form(one: Taken, account_sid: str, said: dict[str, str]) -> bytes:
    fields = {
        "SmsSid": one.id,
        "SmsStatus": said["MessageStatus"],
        "To": one.to,
        "MessageSid": one.id,
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "RawDlrDoneDate": "",
    }
    return urlencode(fields | said).encode()
