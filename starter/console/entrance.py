"""The entrance: log in, log out, set a password by a one-time link."""

from __future__ import annotations

import re

from starlette.responses import Response

from starter.answers import Refusal
from starter.console import look
from starter.console.guard import Ask, Rooms
from starter.staff import SHORTEST

FIRST = "/tasks"  # where a login leads, unless a page was asked for
ROOM = re.compile(  # never another host
    r"/(?:tasks|cases|feedback|customers|follow-ups|inbox|outbox|templates|policies|privacy)(?:[/?][!-~]*)?"
)

rooms = Rooms()


@rooms.shows("/", anybody=True)
async def home(ask: Ask) -> Response:
    if ask.visitor:
        return ask.goes(_next(ask.asked("next")))
    return _login(ask)


@rooms.takes("/", anybody=True)
async def log_in(ask: Ask) -> Response:
    """A new session under a new token, whatever token the browser came with."""
    email, password = ask.form.get("email", ""), ask.form.get("password", "")
    sessions, came_from = ask.house.sessions, ask.request.client
    try:
        token = await sessions.log_in(email[:254], password, came_from.host if came_from else "")
    except Refusal as refusal:
        return _login(ask, refusal)
    await sessions.end(ask.token)
    return ask.keep(ask.goes(_next(ask.form.get("next"))), token)


@rooms.takes("/logout")
async def log_out(ask: Ask) -> Response:
    await ask.house.sessions.end(ask.token)
    answer = ask.goes("/")
    secure = ask.house.cookie.startswith("__Host-")  # browsers remove it only by the same words
    answer.delete_cookie(ask.house.cookie, path="/", httponly=True, samesite="lax", secure=secure)
    return answer


@rooms.shows("/setup/{link}", anybody=True)
async def invited(ask: Ask) -> Response:
    """Looking at it uses nothing up: programs that read mail open links, too."""
    return await _set_up(ask)


@rooms.takes("/setup/{link}", anybody=True)
async def set_up(ask: Ask) -> Response:
    link: str = ask.request.path_params["link"]
    password, email = ask.form.get("password", ""), ask.form.get("email", "")
    try:
        if password != ask.form.get("again"):
            raise Refusal("password_differs", "The two passwords are not the same.")
        token = await ask.house.sessions.set_up(link, password, email)
    except Refusal as refusal:
        if refusal.code == "link_gone":
            raise
        return await _set_up(ask, refusal, email=email)
    await ask.house.sessions.end(ask.token)
    return ask.keep(ask.goes(FIRST), token)


@rooms.shows("/console.css", anybody=True)
async def style(_: Ask) -> Response:
    return _file(look.style()[0], "text/css")


@rooms.shows("/mark.svg", anybody=True)
async def mark(_: Ask) -> Response:
    return _file(look.mark(), "image/svg+xml")


def _file(text: str, kind: str) -> Response:
    """One that the browser may keep: its address changes with it."""
    kept = {"Cache-Control": "public, max-age=86400"}
    return Response(text, media_type=kind, headers=kept)


def _login(ask: Ask, refusal: Refusal | None = None) -> Response:
    return ask.page(
        "login.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        next=_next(ask.form.get("next") or ask.asked("next")),
        email=ask.form.get("email", ""),
    )


async def _set_up(ask: Ask, refusal: Refusal | None = None, email: str = "") -> Response:
    account = await ask.house.sessions.invited(ask.request.path_params["link"])
    return ask.page(
        "setup.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        account=account,
        email=email,
        shortest=SHORTEST,
    )


def _next(wanted: str | None) -> str:
    """A room of ours; anything else is not gone to."""
    return wanted if wanted and ROOM.fullmatch(wanted) else FIRST
