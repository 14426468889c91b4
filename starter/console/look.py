"""How the console looks: its pages, what each state is called, and its headers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from activities.rendering import prose
from starter.console.addresses import query
from starter.reports import case, remarks, words
from workflows.vocabulary import Form, State

HERE = Path(__file__).parent / "pages"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # browsers name a form's origin only so
    "Cross-Origin-Opener-Policy": "same-origin",
}
LETTER = {  # what customers read, within a page of ours: it cannot act, nor ask for anything
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
LOOKS = ("wide", "narrow", "dark")
HEADING = re.compile(r"(</?)h[1-6](?=>)")
DARK = "(prefers-color-scheme: dark)"


class Sign(NamedTuple):
    """A state as staff see it: never by colour alone."""

    word: str
    icon: str
    tone: str


MESSAGES = {
    "reserved": Sign("waiting", "clock", "now"),
    "sending": Sign("on its way", "arrow", "now"),
    "sent": Sign("sent", "check", "good"),
    "delivered": Sign("delivered", "checks", "good"),
    "bounced": Sign("bounced", "back", "bad"),
    "refused": Sign("not sent", "minus", "warn"),
    "covered": Sign("said elsewhere", "checks", "quiet"),
    "unknown": Sign("unknown", "question", "bad"),
}
CLAUSES = {
    State.DONE: Sign("done", "check", "good"),
    State.COVERED: Sign("covered", "checks", "good"),
    State.ELSEWHERE: Sign("elsewhere", "arrow", "quiet"),
    State.SKIPPED: Sign("skipped", "minus", "quiet"),
    State.NEXT: Sign("next", "play", "now"),
    State.WAITING: Sign("waiting", "person", "now"),
    State.HELD: Sign("on hold", "pause", "warn"),
    State.BLOCKED: Sign("blocked", "cross", "bad"),
    State.LATE: Sign("late", "bang", "bad"),
    State.LATER: Sign("later", "dot", "quiet"),
}
FOLLOW_UPS = {
    "running": Sign("running", "play", "now"),
    "on_hold": Sign("on hold", "pause", "warn"),
    "completed": Sign("completed", "check", "good"),
    "ended": Sign("ended", "cross", "quiet"),
    "opted_out": Sign("opted out", "minus", "quiet"),
}
TASKS = {
    "open": Sign("open", "person", "now"),
    "done": Sign("done", "check", "good"),
    "declined": Sign("declined", "minus", "warn"),
    "released": Sign("taken back", "back", "quiet"),
    "withdrawn": Sign("not needed", "minus", "quiet"),
}
CASES = {
    "open": Sign("open", "bang", "warn"),
    "resolved": Sign("put right, to be confirmed", "question", "now"),
    "answered": Sign("answered", "check", "good"),
    "closed": Sign("closed", "checks", "good"),
}
KINDS = {
    "complaint": Sign("complaint", "bang", "bad"),
    "inquiry": Sign("inquiry", "question", "now"),
}
SNOOZED = Sign("put off", "clock", "quiet")
FORMS = {  # what closes a task
    Form.FREE: "something to do",
    Form.ANSWER: "a first answer",
    Form.RESOLVE: "to put right",
    Form.CONFIRM: "to ask whether it is right",
    Form.CALL: "a call",
    Form.ARRIVAL: "to find out where it is",
    Form.REVIEW: "a review",
    Form.SALES_CALL: "a call by Sales",
    Form.CLASSIFY: "to classify",
    Form.TRANSFER: "to hand over",
    Form.SET_UP: "to set up",
    Form.SCHEDULE: "to arrange",
    Form.MEETING: "a meeting",
}
SOON = timedelta(hours=4)  # what is due within is worth a look at the clock
CHANNELS = {"email": "E-mail", "sms": "SMS", "letter": "Letter", "call": "Telephone call"}


class Look:
    """The pages, filled and sent with safe headers."""

    def __init__(self) -> None:
        self._pages = _pages()

    def page(self, name: str, things: Mapping[str, Any], status: int = 200) -> Response:
        return HTMLResponse(self._pages.get_template(name).render(things), status, HEADERS)


def chosen(look: str | None) -> str:
    """How a message is to be looked at."""
    return look if look in LOOKS else LOOKS[0]


def letter(html: str, look: str | None) -> Response:
    """What a customer reads, by day or in the dark, for a frame that it cannot leave."""
    html = html.replace(DARK, "all" if look == "dark" else "not all")
    return HTMLResponse(html, headers=LETTER)


@cache
def style() -> tuple[str, str]:
    """The style sheet, and what its address says of its version."""
    css = (HERE / "console.css").read_text(encoding="utf-8")
    return css, hashlib.sha256(css.encode()).hexdigest()[:10]


@cache
def mark() -> str:
    return (HERE / "mark.svg").read_text(encoding="utf-8")


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals |= {
        "css": f"/console.css?v={style()[1]}",
        "channels": CHANNELS,
        "message_signs": MESSAGES,
        "clause_signs": CLAUSES,
        "follow_up_signs": FOLLOW_UPS,
        "task_signs": TASKS,
        "case_signs": CASES,
        "kind_signs": KINDS,
        "snoozed_sign": SNOOZED,
        "task_forms": FORMS,
        "remark": remarks.remark,
    }
    pages.filters |= {
        "when": _when,
        "left": _left,
        "age": _age,
        "there": _there,
        "script": _script,
        "moment": datetime.fromisoformat,
        "marked": _marked,
        "reason": words.reason,
        "ending": lambda code: case.REASONS.get(code) or words.reason(code),
        "role": _role,
        "capitalised": lambda text: str(text)[:1].upper() + str(text)[1:],
        "query": lambda chosen, **more: query(chosen, **{n: str(v) for n, v in more.items()}),
        "plain": lambda code: str(code).replace("_", " ").replace("-", " "),
    }
    return pages


@pass_context
def _when(context: Context, moment: datetime | None) -> Markup:
    """A moment by the office's clock; by the world's for who points at it."""
    if moment is None:
        return Markup("")
    zone = ZoneInfo(context["zone"])
    here, now = moment.astimezone(zone), context["clock"].now().astimezone(zone)
    year = "" if here.year == now.year else f" {here.year}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.astimezone(UTC).isoformat(timespec="seconds"),
        f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"{here:%a} {here.day} {here:%b}{year}, {here:%H:%M}",
    )


@pass_context
def _left(context: Context, moment: datetime) -> Sign:
    """How long there is until a moment, or how long it is past."""
    left = moment - context["clock"].now()
    if left < timedelta():
        return Sign(f"{remarks.span(-left)} over", "bang", "bad")
    return Sign(f"in {remarks.span(left)}", "clock", "warn" if left < SOON else "quiet")


@pass_context
def _age(context: Context, moment: datetime, until: datetime | None = None) -> str:
    """How long ago it was, or how long it took."""
    return remarks.span((until or context["clock"].now()) - moment)


@pass_context
def _there(context: Context, zone: str) -> str:
    """What the clock says where the customer is."""
    try:
        return f"{context['clock'].now().astimezone(ZoneInfo(zone)):%a %H:%M}"
    except (KeyError, ValueError, OSError):
        return "not known"


def _marked(text: str) -> Markup:
    """What stands in backticks is code."""
    parts = enumerate(str(text).split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in parts)


def _script(text: str) -> Markup:
    """What is read aloud, under lesser headings than the page's own; prose holds nothing active."""
    html = prose.read(text).html
    return Markup(HEADING.sub(r"\1h3", html))  # noqa: S704


def _role(role: str) -> str:
    """A role as people say it."""
    return role.replace("-", " ").capitalize()
