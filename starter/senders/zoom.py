"""Zoom: what becomes of the meetings that it holds for us.

A meeting is ours if a row of ours has Zoom's number of it, or we have just asked for it; nothing
comes of all others that the house has, nor of what we did ourselves. It was held if anybody but its
host, and but colleagues of theirs, came; what nobody came to is missed once it should have begun.
https://developers.zoom.us/docs/api/webhooks/
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from activities.crm import meetings, mirrors
from activities.crm.inbox import HOOKS
from activities.crm.tables import Inbox, Meeting, Mirror, Staff
from activities.settings import Settings
from starter.senders import Delivery, Reader, Reading, Readings, Reply, UnreadableError

NAME, MEETING = "zoom", "meeting"
AT, SIGNATURE = "x-zm-request-timestamp", "x-zm-signature"
AHEAD = timedelta(minutes=5)
LATE = timedelta(hours=2)  # it tries again after five, thirty and ninety minutes
CHALLENGE = "endpoint.url_validation"
# Whatever is signed begins with `v0:`, so that no answer to a challenge can be used as a signature.
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")
UUID = re.compile(r"[A-Za-z0-9+/=_-]{1,64}")
NUMBER = re.compile(r"[0-9]{1,25}")
PLANNED, ENDED, JOINED = "meeting.created", "meeting.ended", "meeting.participant_joined"
MOVED, DELETED, STARTED = "meeting.updated", "meeting.deleted", "meeting.started"
KNOWN = (PLANNED, MOVED, DELETED, STARTED, ENDED, JOINED)
MOST = 500  # of those who came to one meeting
Said = dict[str, Any]


class Zoom:
    name = NAME
    path = NAME
    variable = "AFTERCARE_ZOOM_SECRET"
    headers: Sequence[str] = (AT,)
    most = 1_000_000
    thanks = Reply()

    def is_set_up(self, settings: Settings) -> bool:
        return bool(settings.zoom_secret.get_secret_value().strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        """The challenge, as Zoom repeats it every three days; one with a signature has a right
        one."""
        if CHALLENGE.encode() not in delivery.body or not self.is_set_up(settings):
            return None
        said = _object(delivery.body)
        token = _part(said, "payload").get("plainToken")
        if said.get("event") != CHALLENGE or not isinstance(token, str):
            return None
        if not PLAIN.fullmatch(token) or not (
            SIGNATURE not in delivery.headers or _is_signed(delivery, settings)
        ):
            return None
        answer = {"plainToken": token, "encryptedToken": _hmac(token.encode(), settings)}
        return Reply(200, json.dumps(answer).encode(), "application/json")

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        """By `v0=` and an HMAC-SHA256 of the moment and the body, if that moment is not
        long ago: what is posted again is known by its key."""
        at = delivery.headers.get(AT, "")
        if not re.fullmatch("[0-9]{1,12}", at):
            return False
        late = real.timestamp() - int(at)
        near = -AHEAD.total_seconds() <= late <= LATE.total_seconds()
        return near and _is_signed(delivery, settings)

    def key(self, delivery: Delivery) -> str:
        """Zoom has no id of what it says: the meeting's, what, when, and of whom."""
        said = _object(delivery.body)
        what, held, at = said.get("event"), _held(said), said.get("event_ts")
        if not (isinstance(what, str) and held and isinstance(at, int)):
            return ""
        who = _part(_part(_part(said, "payload"), "object"), "participant")
        whom = who.get("participant_uuid") or who.get("user_id") if what == JOINED else None
        return "/".join(str(one) for one in (what, held, at, whom) if one is not None)

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        """What becomes of a meeting of ours, in our words; of all else, why nothing comes of it."""
        said = _object(delivery.body)
        what, object_ = said.get("event"), _part(_part(said, "payload"), "object")
        if not isinstance(what, str):
            raise UnreadableError("invalid")
        if what not in KNOWN:
            return Readings(left_out=["nothing_new"])
        number = str(object_.get("id") or "")
        if not NUMBER.fullmatch(number):
            raise UnreadableError("invalid")
        at = _millis(_part(said, "payload").get("time_stamp")) or _millis(said.get("event_ts"))
        async with reader.store.reading() as session:
            row, mirror = await _ours(session, number)
            if row is None:
                new = what == PLANNED and await _is_being_made(session, object_, at)
                return Readings(left_out=["nothing_new" if new else "not_ours"])
        if what in (ENDED, JOINED):
            return await _came_of(said, row, reader)
        if what == STARTED:
            return Readings(left_out=["until_it_ends"])
        plan = {} if what == DELETED else _plan(object_, row)
        if plan is None or (mirror and at and mirrors.is_echo(mirror, _said(plan, row), at)):
            return Readings(left_out=["nothing_new"])
        name = {PLANNED: "scheduled", MOVED: "moved", DELETED: "cancelled"}[what]
        id_ = f"{self.key(delivery) or delivery.digest}/{name}"
        return Readings([_word(id_, name, row, at, reader, **plan)])


async def _ours(session: AsyncSession, number: str) -> tuple[Meeting | None, Mirror | None]:
    """The meeting that has this number; its row may be yet to hear of it."""
    row = await meetings.find(session, number)
    if row is not None and row.reference == number:
        return row, await mirrors.find(session, NAME, MEETING, row.id)
    query = select(Mirror).where(Mirror.system == NAME, Mirror.external_id == number)
    mirror = (await session.execute(query.limit(1))).scalar_one_or_none()
    return (await session.get(Meeting, mirror.ref) if mirror else None), mirror


async def _is_being_made(session: AsyncSession, object_: Said, at: datetime | None) -> bool:
    """Whether it is one that we have just asked for, and do not know by its number yet."""
    starts, minutes = _iso(object_.get("start_time")), object_.get("duration")
    if at is None or starts is None or not isinstance(minutes, int):
        return False
    query = select(Mirror).where(Mirror.system == NAME, Mirror.kind == MEETING)
    query = query.where(Mirror.external_id.is_(None) | Mirror.told_at.is_(None)).limit(MOST)
    asked = list((await session.execute(query)).scalars())
    plan = meetings.plan_of(starts, minutes)
    return any(mirrors.is_echo(one, plan, at, only=True) for one in asked)


def _said(plan: Said, row: Meeting) -> str:
    """That plan, as it was asked for; none: it is off."""
    if not plan:
        return meetings.OFF
    return meetings.plan_of(
        datetime.fromisoformat(plan["starts_at"]), plan.get("minutes", row.minutes)
    )


async def _came_of(said: Said, row: Meeting, reader: Reader) -> Readings:
    """What its end makes of it, with all who came; whichever of the two is told last says so."""
    held = _held(said)
    known = [one async for one in _told(held, reader)]
    ends = [one for one in (said, *known) if one.get("event") == ENDED]
    came = [one for one in (said, *known) if one.get("event") == JOINED]
    if not ends:
        return Readings(left_out=["until_it_ends"])
    end = _part(_part(ends[0], "payload"), "object")
    at = _iso(end.get("end_time")) or _millis(ends[0].get("event_ts"))
    colleagues = await _colleagues(row, reader)
    if any(_is_guest(one, colleagues) for one in came):
        return Readings([_word(f"{held}/held", "held", row, at, reader)])
    if not came:  # not even its host: nobody tells us who comes, so a colleague does
        return Readings(left_out=["who_came_is_not_told"])
    if _age(at, reader) < row.starts_at:
        return Readings(left_out=["before_its_time"])
    return Readings([_word(f"{held}/missed", "missed", row, at, reader)])


async def _told(held: str, reader: Reader) -> Any:
    """What else was delivered of this very meeting: its end, and who joined it."""
    like = [
        Inbox.event_id.startswith(f"{what}/{held}/", autoescape=True) for what in (ENDED, JOINED)
    ]
    query = select(Inbox).where(Inbox.source == NAME, Inbox.type == HOOKS + NAME, like[0] | like[1])
    query = query.options(undefer(Inbox.body)).order_by(Inbox.event_id)  # its end comes first
    async with reader.store.reading() as session:
        rows = (await session.execute(query.limit(MOST))).scalars()
        for row in rows:
            yield _object(row.body or b"")


async def _colleagues(row: Meeting, reader: Reader) -> set[str]:
    async with reader.store.reading() as session:
        query = select(func.lower(Staff.email)).where(Staff.email.is_not(None))
        known = set((await session.execute(query)).scalars())
    return known | {(row.organiser or "").lower()} - {""}


def _is_guest(said: Said, colleagues: set[str]) -> bool:
    object_ = _part(_part(said, "payload"), "object")
    who = _part(object_, "participant")
    email = who.get("email")
    ours = isinstance(email, str) and email.strip().lower() in colleagues
    return not ours and (not who.get("id") or who.get("id") != object_.get("host_id"))


def _plan(object_: Said, row: Meeting) -> Said | None:
    """When it is to be, as far as that is said; None: nothing about that has changed."""
    starts, minutes = _iso(object_.get("start_time")), object_.get("duration")
    fit = isinstance(minutes, int) and not isinstance(minutes, bool) and 1 <= minutes <= 1440
    if starts is None and not fit:
        return None
    plan: Said = {"starts_at": (starts or row.starts_at).isoformat()}
    return plan | ({"minutes": minutes} if fit else {})


def _word(
    id_: str, name: str, row: Meeting, at: datetime | None, reader: Reader, **data: Any
) -> Reading:
    event = {
        "id": id_,
        "type": f"meeting.{name}",
        "occurred_at": _age(at, reader).isoformat(),
        "customer": {"id": row.customer_id},
        "data": {"source": NAME, "meeting_id": row.id, **data},
    }
    return Reading(event)


def _age(at: datetime | None, reader: Reader) -> datetime:
    """When that was, by the clock that policies go by; what is ahead of it is now."""
    return reader.now - max(reader.real - (at or reader.real), timedelta())


def _is_signed(delivery: Delivery, settings: Settings) -> bool:
    at, said = (delivery.headers.get(name, "") for name in (AT, SIGNATURE))
    right = _hmac(b"v0:" + at.encode("utf-8", "replace") + b":" + delivery.body, settings)
    return hmac.compare_digest(said.encode("utf-8", "replace"), f"v0={right}".encode())


def _hmac(said: bytes, settings: Settings) -> str:
    key = settings.zoom_secret.get_secret_value().encode()
    return hmac.digest(key, said, hashlib.sha256).hex()


def _held(said: Said) -> str:
    """This holding of a meeting: its number stays, when it is held again."""
    uuid = _part(_part(said, "payload"), "object").get("uuid")
    return uuid if isinstance(uuid, str) and UUID.fullmatch(uuid) else ""


def _object(body: bytes) -> Said:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _part(said: Said, name: str) -> Said:
    part = said.get(name)
    return part if isinstance(part, dict) else {}


def _iso(said: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(said)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, TypeError, OverflowError):
        return None


def _millis(said: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(said / 1000, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
