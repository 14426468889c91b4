"""What SendGrid takes: its API description, and what it refuses though the description does not.

The answers are worded after its documentation of errors.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from activities.fakes.taken import now

ADDRESS = (
    r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f-\U0010ffff]{1,64}"
    r"@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}"
)
HEADER = re.compile(r"[!-9;-~]+")
INVITATION = re.compile(r"text/calendar; ?method=[A-Z]+")
RESERVED = set(
    "x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding "
    "to from subject reply-to cc bcc".split()
)
LONGEST_WAIT = timedelta(hours=72)
MOST_RECIPIENTS, MOST_ARGUMENTS = 1000, 10_000
SAYS = {
    "personalizations": "The personalizations field is required and must have at least one "
    "personalization.",
    "to": "The to array is required for all personalization objects, and must have at least one "
    "email object with a valid email address.",
    "from": "The from object must be provided for every email send. It is an object that requires "
    'the email parameter, but may also contain a name parameter.  e.g. {"email" : '
    '"example@example.com"}  or {"email" : "example@example.com", "name" : "Example Recipient"}.',
    "email": "Does not contain a valid address.",
    "value": "The content value must be a string at least one character in length.",
    "content": "Unless a valid template_id is provided, the content parameter is required. There "
    "must be at least one defined content block.",
    "subject": "The subject is required. You can get around this requirement if you use a template "
    "with a subject defined or if every personalization has a subject defined.",
}
HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."


def _wrong(field: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("mail", "{message}", {"field": field, "message": message})


def _one_line(text: str) -> str:
    if re.search(r"[\r\n\x00]", text):
        raise PydanticCustomError("line", "It must not contain line breaks.")
    return text


Line = Annotated[str, AfterValidator(_one_line)]


def _typed(what: str) -> AfterValidator:
    """A content type. It has no parameters, but for one that they take letter by letter."""

    def check(given: str) -> str:
        if re.search(r"[;\r\n]", given) and not INVITATION.fullmatch(given):
            message = f"The {what} type cannot contain ';', or CRLF characters."
            raise PydanticCustomError("parameters", "{message}", {"message": message})
        return given

    return AfterValidator(check)


class Strict(BaseModel):
    """No unknown key, no null (None below: it was not given), nothing to be converted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_null(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for name, value in given.items():
                if value is None:
                    raise _wrong(str(name), "Invalid type. Expected a value, given: null.")
        return given


class Address(Strict):
    email: str = Field(pattern=f"^{ADDRESS}$")
    name: Line = ""


class Timed(Strict):
    send_at: int = 0

    @field_validator("send_at")
    @classmethod
    def _soon(cls, at: int) -> int:
        if at > (now() + LONGEST_WAIT).timestamp():
            raise PydanticCustomError("late", "Cannot be more than 72 hours in the future.")
        return at


def _headers(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if name.lower() in RESERVED:
            raise PydanticCustomError("reserved", "A reserved header cannot be set.")
        if not HEADER.fullmatch(name) or not value.isascii():
            raise PydanticCustomError("header", "Headers are names and values in ASCII.")
    return given


Headers = Annotated[dict[str, Line], AfterValidator(_headers)]


class Personalization(Timed):
    sender: Address | None = Field(None, alias="from")
    to: list[Address] = Field(min_length=1)
    cc: list[Address] = Field([], max_length=1000)
    bcc: list[Address] = Field([], max_length=1000)
    subject: Line = Field("", min_length=1)
    headers: Headers = {}
    substitutions: dict[str, str] = Field({}, max_length=10_000)
    dynamic_template_data: dict[str, Any] = {}
    custom_args: dict[str, str] = {}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        emails = [one.email.lower() for one in (*self.to, *self.cc, *self.bcc)]
        twice = next((one for one in emails if emails.count(one) > 1), None)
        if twice is not None:
            raise PydanticCustomError(
                "twice",
                "Each email address in the personalization block should be unique between to, cc, "
                "and bcc. We found the first duplicate instance of [{email}].",
                {"email": twice},
            )
        if sum(len(k) + len(v) for k, v in self.custom_args.items()) > MOST_ARGUMENTS:
            raise _wrong("custom_args", "Custom args may not exceed 10,000 bytes.")
        return self


class Content(Strict):
    type: Annotated[str, Field(min_length=1), _typed("content")]
    value: str = Field(min_length=1)


class Attachment(Strict):
    content: str = Field(min_length=1, pattern=r"^[A-Za-z0-9+/\s]+={0,2}\s*$")
    type: Annotated[str, Field(min_length=1), _typed("attachment")] = "application/octet-stream"
    filename: Line
    disposition: Literal["inline", "attachment"] = "attachment"
    content_id: Line = ""


class Asm(Strict):
    group_id: int
    groups_to_display: list[int] = Field([], max_length=25)


class Switch(Strict):
    enable: bool = False


class Footer(Switch):
    text: str = ""
    html: str = ""


class MailSettings(Strict):
    bypass_list_management: Switch = Switch()
    bypass_spam_management: Switch = Switch()
    bypass_bounce_management: Switch = Switch()
    bypass_unsubscribe_management: Switch = Switch()
    footer: Footer = Footer()
    sandbox_mode: Switch = Switch()


class ClickTracking(Switch):
    enable_text: bool = False


class OpenTracking(Switch):
    substitution_tag: str = ""


class SubscriptionTracking(Footer):
    substitution_tag: str = ""


class Analytics(Switch):
    utm_source: str = ""
    utm_medium: str = ""
    utm_term: str = ""
    utm_content: str = ""
    utm_campaign: str = ""


class TrackingSettings(Strict):
    click_tracking: ClickTracking = ClickTracking()
    open_tracking: OpenTracking = OpenTracking()
    subscription_tracking: SubscriptionTracking = SubscriptionTracking()
    ganalytics: Analytics = Analytics()


class Mail(Timed):
    """The body of POST /v3/mail/send; `custom_args` belong to a personalization (see there)."""

    personalizations: list[Personalization] = Field(min_length=1, max_length=1000)
    sender: Address = Field(alias="from")
    reply_to: Address | None = None
    reply_to_list: list[Address] = Field([], max_length=1000)
    subject: Line = Field("", min_length=1)
    content: list[Content] = []
    attachments: list[Attachment] = []
    template_id: str = ""
    headers: Headers = {}
    categories: list[Annotated[str, Field(max_length=255)]] = Field([], max_length=10)
    batch_id: str = ""
    asm: Asm | None = None
    ip_pool_name: str = Field("", min_length=2, max_length=64)
    mail_settings: MailSettings = MailSettings()
    tracking_settings: TrackingSettings = TrackingSettings()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if not self.template_id:
            if not self.subject and not all(one.subject for one in self.personalizations):
                raise _wrong("subject", SAYS["subject"])
            if not self.content:
                raise _wrong("content", SAYS["content"])
        if self.reply_to and self.reply_to_list:
            raise _wrong("reply_to_list", "Either reply_to or reply_to_list, not both.")
        for name, given in (("categories", self.categories), ("reply_to_list", self._repliers())):
            if len(set(given)) < len(given):
                raise _wrong(name, f"The {name} must be unique.")
        self._types()
        recipients = sum(len(one.to + one.cc + one.bcc) for one in self.personalizations)
        if recipients > MOST_RECIPIENTS:
            raise _wrong(
                "personalizations",
                "There is a limit of 1000 total recipients (to + cc + bcc) per request.",
            )
        return self

    def _repliers(self) -> list[str]:
        return [one.email.lower() for one in self.reply_to_list]

    def _types(self) -> None:
        """Plain text first, then HTML, each once at most."""
        types = [one.type.partition(";")[0].strip().lower() for one in self.content]
        order = ["text/plain", "text/html"]
        known = [one for one in types if one in order]
        if known != [one for one in order if one in known] or types[: len(known)] != known:
            raise _wrong(
                "content",
                "If present, text/plain must be first, followed by text/html, followed by any "
                "other content, each of them once.",
            )


class LogsQuery(Strict):
    """The body of POST /v3/logs."""

    query: str = ""
    limit: int = Field(10, ge=1, le=1000)
    subusers: list[str] = Field([], max_length=1)


def problems(fault: ValidationError) -> dict[str, Any]:
    """The faults in SendGrid's shape; nothing of the values is repeated."""
    return {"errors": [_problem(dict(one)) for one in fault.errors()[:10]]}


def _problem(error: dict[str, Any]) -> dict[str, Any]:
    if error["type"] in ("json_invalid", "model_type", "extra_forbidden"):
        return {"message": "Bad Request", "field": None, "help": None}
    place = [str(part) for part in error["loc"]]
    more = error.get("ctx", {}) if error["type"] == "mail" else {}
    place += [more["field"]] if more else []
    name = place[-1] if place else ""
    path = re.sub(r"\.\d+", "", ".".join(place))
    message = more.get("message") or SAYS.get(name) or error["msg"]
    return {"message": message, "field": ".".join(place) or None, "help": HELP + path}
