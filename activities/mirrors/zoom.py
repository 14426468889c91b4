"""Zoom holds our meetings: made, moved and deleted there as they are here.

It has no key of ours to find one by, so that ours stands in each meeting's agenda, and what may
have been made already is looked for before it is made. Where a meeting is joined goes to the inbox,
from where everybody hears it. Nothing of the customer goes to Zoom: neither name nor address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from activities.channels.http import Answer, wait_of
from activities.clock import Clock
from activities.crm import inbox, meetings, mirrors
from activities.crm.house import house_rules
from activities.crm.meetings import OFF, plan_of
from activities.crm.store import Store
from activities.crm.tables import Customer, Meeting, Mirror
from activities.mirrors import LaterError, Outcome, RefusedError, UnfitError, is_fit
from activities.mirrors.tokens import BUSY, SILENT, App, Tokens
from activities.settings import Settings

SYSTEM = "zoom"
SECONDS = 10.0  # that a request may take
ME = "me"  # the app's owner, who holds what no colleague is named for
PAGES = 20  # of meetings to come, of 300 each, that are looked through
LINK = re.compile(r"https?://[^\s<>\"]{1,1990}")
ID = re.compile(r"[0-9]{1,25}")
DOCS = "docs/systems.md says how"
CURES = {
    "settings": f"set AFTERCARE_ZOOM_ACCOUNT_ID, _CLIENT_ID and _CLIENT_SECRET; {DOCS}",
    "account": f"correct AFTERCARE_ZOOM_ACCOUNT_ID, _CLIENT_ID and _CLIENT_SECRET; {DOCS}",
    "scopes": f"give the app its scopes: meetings written, read and deleted by an admin; {DOCS}",
}
Body = dict[str, Any]


def app_of(settings: Settings) -> App:
    auth = settings.zoom_auth_base.rstrip("/")
    return App(
        url=f"{auth}/oauth/token",
        client=settings.zoom_client_id,
        secret=settings.zoom_client_secret,
        says={"grant_type": "account_credentials", "account_id": settings.zoom_account_id},
        basic=True,
        fit=is_fit(settings.zoom_api_base) and is_fit(auth) and bool(settings.zoom_account_id),
        cures=CURES,
    )


class Zoom:
    """Told of meetings whose place is for it to say."""

    system, at_once = SYSTEM, 1

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock = store, clock
        self._api = settings.zoom_api_base.rstrip("/")
        self._tokens = Tokens(clock, app_of(settings))

    async def tell(self, rows: Sequence[Mirror]) -> Sequence[Outcome]:
        return [await self._told(row) for row in rows]

    async def _told(self, row: Mirror) -> str | None:
        """Have it there as it stands here; what is over, or was never made, is left alone."""
        async with self.store.reading() as session:
            meeting = await session.get(Meeting, row.ref)
            customer = await session.get(Customer, meeting.customer_id) if meeting else None
            title = (await house_rules(session)).company.name
        if meeting is None or customer is None:
            return row.external_id
        id_, erased = row.external_id, customer.erased_at is not None
        if meeting.state == meetings.CANCELLED or erased:
            await self._says(row, OFF)
            await self._delete(id_ or (await self._known(meeting) or {}).get("id"))
            return id_
        if meeting.state != meetings.SCHEDULED or meetings.ends_at(meeting) <= self.clock.now():
            return id_
        await self._says(row, plan_of(meeting.starts_at, meeting.minutes))
        if id_ and await self._changed(id_, meeting, title):
            return id_
        made = await self._known(meeting) or await self._made(meeting, title)
        id_ = await self._said(meeting, made)
        if made.get("start_time") != _moment(meeting.starts_at):  # made before it was moved
            await self._changed(id_, meeting, title)
        return id_

    async def _says(self, row: Mirror, what: str) -> None:
        """Before it is asked: Zoom's word of it may be here sooner than its answer."""
        async with self.store.transaction() as session:
            await mirrors.say(session, row, what, self.clock.real())

    # -- what is done there ----------------------------------------------------------------------

    async def _known(self, meeting: Meeting) -> Body | None:
        """What was made for this meeting by a try whose answer nobody heard."""
        for host in dict.fromkeys((meeting.organiser or ME, ME)):
            page = ""
            for _ in range(PAGES):
                said = {"type": "upcoming", "page_size": "300", "next_page_token": page}
                path = f"/users/{quote(host, safe='')}/meetings?{urlencode(said)}"
                answer = await self._asked("GET", path)
                if answer.status == 404:  # no such user
                    break
                body = _body(answer)
                for one in body.get("meetings") or ():
                    if isinstance(one, dict) and one.get("agenda") == _key(meeting):
                        return one
                page = str(body.get("next_page_token") or "")
                if not page:
                    break
        return None

    async def _made(self, meeting: Meeting, title: str) -> Body:
        """By the colleague who holds it; by the app's owner, where Zoom does not know them."""
        body = {"type": 2, "agenda": _key(meeting), **_plan(meeting, title)}
        for host in dict.fromkeys((meeting.organiser or ME, ME)):
            answer = await self._asked("POST", f"/users/{quote(host, safe='')}/meetings", body)
            if answer.status != 404:
                return _body(answer)
        raise UnfitError("no_such_user", CURES["account"])

    async def _changed(self, id_: str, meeting: Meeting, title: str) -> bool:
        """False: it is not there any more, so that it has to be made again."""
        answer = await self._asked("PATCH", f"/meetings/{id_}", _plan(meeting, title))
        return _done(answer)

    async def _delete(self, said: Any) -> None:
        if said and ID.fullmatch(str(said)):
            _done(await self._asked("DELETE", f"/meetings/{said}"))

    async def _said(self, meeting: Meeting, made: Body) -> str:
        """What Zoom calls it, and where it is joined: kept before anybody may forget it."""
        id_, url = str(made.get("id", "")), made.get("join_url")
        if not ID.fullmatch(id_) or not isinstance(url, str) or not LINK.fullmatch(url):
            raise LaterError("nonsense")
        now = self.clock.now()
        event: Body = {
            "id": f"{meeting.id}/{id_}/linked",
            "type": "meeting.linked",
            "occurred_at": now.isoformat(),
            "customer": {"id": meeting.customer_id},
            "data": {"meeting_id": meeting.id, "reference": id_, "url": url},
        }
        async with self.store.transaction() as session:
            if await inbox.known(session, SYSTEM, event["id"]) is None:
                session.add(inbox.row_for(SYSTEM, event, occurred_at=now, now=now))
        return id_

    # -- requests --------------------------------------------------------------------------------

    async def _asked(self, method: str, path: str, body: Body | None = None) -> Answer:
        """What it says to whom it knows; 404 is an answer, all else that is no success raises."""
        answer = await self._tokens.ask(method, f"{self._api}/v2{path}", body, seconds=SECONDS)
        if 200 <= answer.status < 300 or answer.status == 404:
            return answer
        raise self._meaning(answer)

    def _meaning(self, answer: Answer) -> Exception:
        """What an answer that is no success means; Zoom's codes are numbers."""
        status, code = answer.status, _code(answer)
        if status == 429:
            return LaterError("rate_limited", wait_of(answer, self.clock.real()) or BUSY)
        if status >= 500 or status in SILENT or status < 400:
            return LaterError(f"http_{status}")
        if status == 403 or code in ("4711", "4700"):
            return UnfitError(f"zoom_{code}" if code else "forbidden", CURES["scopes"])
        return RefusedError(f"zoom_{code}" if code else f"http_{status}")


def _plan(meeting: Meeting, title: str) -> Body:
    return {
        "topic": (meeting.title or title)[:200],
        "start_time": _moment(meeting.starts_at),
        "duration": meeting.minutes,
        "timezone": "UTC",
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(meeting: Meeting) -> str:
    return f"aftercare:{meeting.id}"


def _body(answer: Answer) -> Body:
    """An answer without one is none of Zoom's: a portal's, or half of one."""
    said: Any = answer.said
    if not isinstance(said, dict):
        raise LaterError("nonsense")
    return said


def _done(answer: Answer) -> bool:
    """Whether there was something to do it to; any other success is nobody's of Zoom's."""
    if answer.status not in (204, 404):
        raise LaterError("nonsense")
    return answer.status == 204


def _code(answer: Answer) -> str:
    said: Any = answer.said
    code = said.get("code") if isinstance(said, Mapping) else None
    return str(code) if isinstance(code, int) and 0 < code < 10**9 else ""
