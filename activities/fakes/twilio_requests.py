"""What Twilio takes for a message: its API description, and what else it refuses, by its codes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
SENDER = re.compile(rf"{NUMBER.pattern}|[0-9]{{5,6}}|(?=.*[A-Za-z])[A-Za-z0-9 ]{{1,11}}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
LONGEST = 1600  # characters of a body
CODES = {
    20001: "Bad request",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service Unavailable",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid From Number (caller ID)",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' "
    "number",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number "
    "for this destination",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "Message cannot be sent with the current combination of 'To' and/or 'From' parameters",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21620: "Invalid media URL(s)",
    21705: "The Messaging Service SID is invalid",
    35118: "MessagingServiceSid is required to schedule a message",
}
BY_FIELD = {
    "To": 21211,
    "From": 21212,
    "FallbackFrom": 21212,
    "Body": 21617,
    "StatusCallback": 21609,
    "MediaUrl": 21620,
    "MessagingServiceSid": 21705,
}


def _code(code: int) -> PydanticCustomError:
    return PydanticCustomError("code", "{code}", {"code": code})


def url(text: str) -> str:
    """A whole one, on a host that could be one."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    whole = re.fullmatch(r"https?://[\x21-\x7e]+", text) and len(text) <= 4000
    if not whole or not re.fullmatch(r"[a-z0-9.:-]+", host):
        raise PydanticCustomError("url", "not a URL")
    return text


def moment(text: str) -> str:
    """A date and a time with its offset, as RFC 3339 writes them."""
    try:
        written = MOMENT.fullmatch(text) and datetime.fromisoformat(text)
    except ValueError:
        written = None
    if not written:
        raise PydanticCustomError("moment", "not a moment")
    return text


def _sender(text: str) -> str:
    if not SENDER.fullmatch(text):
        raise PydanticCustomError("sender", "no number, short code or name")
    return text


def _digits(text: str) -> str:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise PydanticCustomError("whole", "no whole number")
    return text


Number = Annotated[str, Field(pattern=f"^(?:{NUMBER.pattern})$")]
Moment = Annotated[str, AfterValidator(moment)]
Url = Annotated[str, AfterValidator(url)]
Whole = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
Count = Annotated[int, BeforeValidator(_digits)]  # pydantic itself would read "0.0"
Sid = r"[0-9a-fA-F]{32}$"
Switch = Literal["true", "false"]


class Filters(BaseModel):
    """What the list of messages can be asked for."""

    model_config = ConfigDict(alias_generator=to_pascal, extra="forbid")

    to: Number = ""
    sender: Number = Field("", alias="From")
    sent_on: Moment = Field("", alias="DateSent")
    sent_until: Moment = Field("", alias="DateSent<")
    sent_since: Moment = Field("", alias="DateSent>")
    page_size: Count = Field(50, ge=1, le=1000)
    page: Count = Field(0, ge=0, le=1_000_000)
    page_token: str = Field("", min_length=1)

    def meets(self, to: str, at: datetime) -> bool:
        """Days, not moments, are compared."""
        day = at.astimezone(UTC).date().isoformat()
        return (
            self.to in ("", to)
            and self.sent_on[:10] in ("", day)
            and day >= self.sent_since[:10]
            and day <= (self.sent_until[:10] or day)
        )


class MessageForm(BaseModel):
    """The fields of POST …/Messages.json; others are passed over, as Twilio does."""

    model_config = ConfigDict(alias_generator=to_pascal, strict=True)

    to: Number
    sender: Annotated[str, AfterValidator(_sender)] = Field("", alias="From")
    fallback_from: Number = ""
    messaging_service_sid: str = Field("", pattern=f"^MG{Sid}")
    body: str = Field("", max_length=LONGEST)
    media_url: list[Url] = Field([], max_length=10)
    content_sid: str = Field("", pattern=f"^HX{Sid}")
    content_variables: str = ""
    application_sid: str = Field("", pattern=f"^AP{Sid}")
    status_callback: Url = ""
    validity_period: Whole = "36000"
    attempt: Whole = "1"
    max_price: str = Field("0", pattern=r"^[0-9]{1,9}(?:\.[0-9]{1,9})?$")
    provide_feedback: Switch = "false"
    force_delivery: Switch = "false"
    smart_encoded: Switch = "false"
    shorten_urls: Switch = "false"
    send_as_mms: Switch = "false"
    content_retention: Literal["retain", "discard"] = "retain"
    address_retention: Literal["retain", "obfuscate"] = "retain"
    risk_check: Literal["enable", "disable"] = "enable"
    traffic_type: Literal["free"] = "free"
    persistent_action: list[str] = []
    schedule_type: Literal["none", "fixed"] = "none"
    send_at: Moment = ""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if not (self.sender or self.messaging_service_sid):
            raise _code(21603)
        if not (self.body.strip() or self.media_url or self.content_sid):
            raise _code(21602)
        if not 1 <= int(self.validity_period) <= 36_000:
            raise _code(20001)
        scheduled = self.schedule_type == "fixed"
        if scheduled != bool(self.send_at):
            raise _code(20001)
        if scheduled and not self.messaging_service_sid:
            raise _code(35118)
        if self.sender == self.to:
            raise _code(21612)
        return self


LISTS = {"MediaUrl", "PersistentAction"}


def form(body: bytes) -> dict[str, str | list[str]]:
    """The fields of a form; a field that may come once and comes twice is no field of ours."""
    fields: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000):
        known = fields.get(name)
        if name in LISTS:
            fields[name] = [*(known or []), value]
        elif known is not None:
            raise ValueError(name)
        else:
            fields[name] = value
    return fields


def read(body: bytes) -> MessageForm | int:
    """The message, or the code of what is wrong with it."""
    try:
        fields = form(body)
    except ValueError:
        return 20001
    if not fields.get("To"):
        return 21604
    try:
        return MessageForm.model_validate(fields)
    except ValidationError as fault:
        return _first(fault)


def _first(fault: ValidationError) -> int:
    error = fault.errors()[0]
    if error["type"] == "code":
        return int(error["ctx"]["code"])
    return BY_FIELD.get(str(error["loc"][0]), 20001)
