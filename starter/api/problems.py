"""Errors as RFC 9457 problem details: one shape, a stable code, and nothing from inside."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from starter.answers import Problem

MEDIA_TYPE = "application/problem+json"

# What each code means: first those that the doors give, then those of what lies behind them.
CODES: dict[str, str] = {
    "bad_json": "The body is not JSON",
    "body_too_large": "The body is larger than a megabyte",
    "conflict": "That does not fit what is there",
    "forbidden": "The key may not do that",
    "idempotency_in_progress": "The first request with this Idempotency-Key is still under way",
    "idempotency_key_invalid": "An Idempotency-Key is 1 to 255 printable characters",
    "idempotency_mismatch": "This Idempotency-Key was used for another request",
    "internal": "Something went wrong here; it was recorded",
    "invalid": "A value does not fit",
    "invalid_text": "A text holds characters that no text has",
    "media_type": "The body is to be application/json",
    "method_not_allowed": "That method is not for this address",
    "missing": "A value is missing",
    "not_found": "There is no such thing",
    "number_too_large": "A number is larger than JSON can carry exactly",
    "too_deep": "The body is nested too deeply",
    "too_slow": "The body did not arrive in time",
    "too_many": "A list or object is too long",
    "unauthorized": "A key is needed",
    "unavailable": "This cannot be kept at the moment; try again",
    "unknown_cursor": "The page is to start after something that is not there",
    "unknown_field": "There is no such field",
    "unknown_parameter": "There is no such parameter",
    # -- of events, follow-ups and policies
    "case_closed": "This case is closed",
    "case_open": "A case ends with its answer",
    "away": "The colleague is away",
    "customer_not_named": "Nobody can say whom this is about",
    "ended": "Its follow-up is over",
    "erased": "This customer was erased",
    "existing_customer": "They were a customer before",
    "id_looks_personal": "An id must not say who somebody is",
    "incomplete": "Something on its list is not done yet",
    "invalid_amount": "An amount is a decimal, written as a string",
    "invalid_email": "This is not an e-mail address",
    "invalid_id": "An id is 1 to 64 letters, digits, _ and -",
    "invalid_phone": "This is not a phone number",
    "invalid_time": "A time is written out, with its zone",
    "not_a_letter": "Only what goes by post is printed for it",
    "not_in_doubt": "It is known what became of this message",
    "not_resolved": "The task says that it is not resolved",
    "not_written": "It is not written yet",
    "nothing_to_send": "There is nothing to send",
    "occurred_in_the_future": "It cannot have happened yet",
    "order_missing": "This needs an order",
    "already_approved": "This version is approved",
    "changed_meanwhile": "The policy was changed meanwhile",
    "confirm_needed": "Somebody has to agree to what would be due at once",
    "needs_second_person": "Somebody else has to approve it",
    "no_such_version": "There is no such version",
    "nobody_answers": "Those in flight cannot be asked just now",
    "not_approved": "It moves nobody before it is approved",
    "nothing_in_force": "Nothing was ever set",
    "nothing_to_undo": "There is nothing to undo",
    "superseded": "A later version is in force",
    "nothing_waits": "No change of this policy waits for approval",
    "promised": "The customer was promised an earlier moment",
    "too_soon": "The customer has heard from us lately",
    "score_out_of_range": "A score is a number from 0 to 100",
    "sop_has_blanks": "The policy of this procedure is not filled in yet",
    "sop_off": "This procedure is switched off",
    "unknown_channel": "There is no such channel",
    "unknown_clause": "The procedure has no such clause",
    "unknown_colleague": "Nobody has such an account",
    "unknown_country": "A country is two letters, by ISO 3166",
    "unknown_event_type": "There is no such event",
    "unknown_key": "The policy has no such key",
    "unknown_locale": "A language is written as en or en-GB",
    "unknown_role": "There is no such role",
    "not_yet": "It has not begun",
    "unknown_root_cause": "The house knows no such root cause",
    "unknown_signal": "There is no such signal",
    "unknown_sop": "There is no such procedure",
    "unknown_template": "There is no such template",
    "unknown_type": "The house knows no such type of feedback",
    "unknown_topic": "There is no such topic",
    "unknown_time_zone": "A time zone is written as Europe/London",
    "unprintable": "Our fonts, or its envelope, cannot do this letter",
    "unprintable_text": "A line holds printable letters only",
    "unwritable_text": "A text holds characters that no text has",
    "which_case": "The customer has several open: name one",
    "which_follow_up": "The customer has several: name one",
    "wrong_value": "The policy does not take this value",
}

BY_STATUS = {
    400: "bad_json",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "body_too_large",
    415: "media_type",
    422: "invalid",
    503: "unavailable",
}


class Fault(Exception):  # noqa: N818 - an answer, not an accident
    """What the API itself says no to; its text is ours."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.param = status, code, param
        self.detail = detail or CODES[code] + "."
        self.headers = dict(headers or {})


def problem(fault: Fault | Problem) -> dict[str, Any]:
    """The members every error has, `param` only when one is at fault."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    title = CODES.get(fault.code) or HTTPStatus(fault.status).phrase
    said: dict[str, Any] = {
        "type": f"/docs#{fault.code}",
        "title": title,
        "status": fault.status,
        "code": fault.code,
        "detail": fault.detail,
        "request_id": request_id,
    }
    return said | ({"param": fault.param} if fault.param else {})


def answer(fault: Fault | Problem) -> JSONResponse:
    headers = dict(fault.headers) if isinstance(fault, Fault) else {}
    if fault.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if fault.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", "5")
    return JSONResponse(problem(fault), fault.status, headers, media_type=MEDIA_TYPE)


def from_status(status: int, headers: Mapping[str, str] | None = None) -> Fault:
    """What the framework found: no such address, no such method."""
    code = BY_STATUS.get(status, "internal" if status >= 500 else "invalid")
    return Fault(status, code, headers=headers)


def from_validation(error: RequestValidationError) -> Fault:
    """The first thing wrong, by the name the caller gave it; never the value."""
    first = error.errors()[0]
    kind = first["type"]
    param = ".".join(str(part) for part in first["loc"][1:]) or None
    if kind == "json_invalid":
        return Fault(400, "bad_json")
    if kind == "missing":
        return Fault(422, "missing", f"{param or 'A body'} is required.", param=param)
    if kind == "extra_forbidden":
        return Fault(422, "unknown_field", f"There is no field {param}.", param=param)
    return Fault(422, "invalid", f"{first['msg']}.", param=param)
