"""Who may come in. A page asks for a login unless it says that anybody may see it; a form has to
carry its page's token and come from our own pages."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from activities.crm import policies
from activities.crm.house import HouseRules, house_rules
from starter.answers import Refusal
from starter.console import forms, mishaps
from starter.console.look import Look
from starter.desk import Desk
from starter.reports import Reports
from starter.staff import Sessions, Visitor

COOKIE = "aftercare"
MANAGERS = policies.APPROVERS


@dataclass(frozen=True)
class House:
    """What the pages lead to."""

    desk: Desk
    reports: Reports
    sessions: Sessions
    look: Look
    own: str  # where the public reaches us
    cookie: str

    @classmethod
    def over(cls, desk: Desk) -> House:
        own = urlsplit(desk.settings.public_url)
        return cls(
            desk=desk,
            reports=Reports(desk.store, desk.clock),
            sessions=Sessions(desk.store, desk.clock),
            look=Look(),
            own=own.netloc,
            cookie=f"__Host-{COOKIE}" if own.scheme == "https" else COOKIE,
        )


@dataclass(frozen=True)
class Ask:
    """A request that was let in."""

    request: Request
    house: House
    rules: HouseRules
    token: str  # the browser's, logged in or not
    visitor: Visitor | None = None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def reports(self) -> Reports:
        return self.house.reports

    @property
    def me(self) -> Visitor:
        """Who is logged in; pages that anybody may see do not ask."""
        if self.visitor is None:
            raise Refusal("not_logged_in", "Log in first.", status=403)
        return self.visitor

    def asked(self, name: str) -> str | None:
        """A parameter of the address; none if it is absent or empty."""
        return self.request.query_params.get(name) or None

    def page(self, name: str, *, status: int = 200, **things: Any) -> Response:
        """The page as this visitor sees it, and the token that its forms are bound to."""
        known = {
            "visitor": self.visitor,
            "managers": MANAGERS,
            "rules": self.rules,
            "zone": self.rules.time_zone,
            "form_token": form_token(self.token),
            "clock": self.reports.clock,
        }
        answer = self.house.look.page(name, {**known, **things}, status)
        carried = self.request.cookies.get(self.house.cookie) == self.token
        return answer if carried else self.keep(answer, self.token)

    def goes(self, path: str) -> Response:
        return RedirectResponse(path, status_code=303)

    def keep(self, answer: Response, token: str) -> Response:
        """Have the browser carry this token from now on."""
        secure = self.house.cookie != COOKIE
        answer.set_cookie(
            self.house.cookie, token, path="/", httponly=True, samesite="lax", secure=secure
        )
        return answer


Handler = Callable[[Ask], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    path: str
    handler: Handler
    method: Literal["GET", "POST"] = "GET"
    anybody: bool = False  # without a login
    roomy: bool = False  # its form holds what somebody took time to write: none of that gets lost


class Rooms:
    """Pages as they are written down."""

    def __init__(self) -> None:
        self.pages: list[Page] = []

    def shows(self, path: str, *, anybody: bool = False) -> Callable[[Handler], Handler]:
        return self._add(path, "GET", anybody)

    def takes(
        self, path: str, *, anybody: bool = False, roomy: bool = False
    ) -> Callable[[Handler], Handler]:
        return self._add(path, "POST", anybody, roomy)

    def _add(
        self, path: str, method: Literal["GET", "POST"], anybody: bool, roomy: bool = False
    ) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.pages.append(Page(path, handler, method, anybody, roomy))
            return handler

        return add


def guarded(page: Page, house: House) -> Callable[[Request], Awaitable[Response]]:
    """The page behind everything that is asked before it."""

    async def endpoint(request: Request) -> Response:
        request.scope["route"] = page  # what the log says of it
        ask = None
        try:
            ask = await _knock(house, request)
            if request.method == "POST":
                forms.check_origin(request, house.own)
                most = forms.ROOMY if page.roomy else forms.LARGEST
                ask = replace(ask, form=await forms.read(request, most))
                ask = _ours(ask)
            if ask.visitor is None and not page.anybody:
                return _outside(ask, page)
            forms.check(request)
            return await page.handler(ask)
        except Refusal as refusal:
            return mishaps.refused(ask or _nobody(house, request), refusal, page)
        except Exception as error:  # noqa: BLE001 - its text may name somebody
            return mishaps.failed(ask or _nobody(house, request), error, page)

    return endpoint


async def lost(house: House, request: Request) -> Response:
    """The page that is not there."""
    try:
        return (await _knock(house, request)).page("lost.html", status=404)
    except Exception as error:  # noqa: BLE001 - its text may name somebody
        return mishaps.failed(_nobody(house, request), error)


def form_token(token: str) -> str:
    """What a form carries: only who holds the browser's token can know it."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


async def _knock(house: House, request: Request) -> Ask:
    """Who asks, by the token that the browser carries."""
    token = request.cookies.get(house.cookie, "")
    visitor = await house.sessions.whose(token) if token else None
    if visitor:
        structlog.contextvars.bind_contextvars(staff=visitor.id)
    async with house.desk.store.reading() as session:
        rules = await house_rules(session)
    return Ask(request, house, rules, token or secrets.token_urlsafe(32), visitor)


def _nobody(house: House, request: Request) -> Ask:
    """Whoever asks while nobody can say who it is."""
    token = request.cookies.get(house.cookie) or secrets.token_urlsafe(32)
    return Ask(request, house, HouseRules(), token)


def _ours(ask: Ask) -> Ask:
    """The form, if it is one of our pages'."""
    said = dict(ask.form)
    if not hmac.compare_digest(said.pop("token", "").encode(), form_token(ask.token).encode()):
        raise forms.foreign()
    return replace(ask, form=said)


def _outside(ask: Ask, page: Page) -> Response:
    """To the login; what somebody wrote before their session ended is shown to them first."""
    if kept := mishaps.kept(ask, page):
        return ask.page("logged_out.html", status=403, kept=kept)
    return ask.goes(_login(ask.request))


def _login(request: Request) -> str:
    """The login, and from there on to the page that was asked for."""
    if request.method != "GET" or request.url.path == "/":
        return "/"
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/?next={quote(request.url.path + query, safe='')}"
