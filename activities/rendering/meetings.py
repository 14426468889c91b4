"""An appointment as a template may say it: its day and hour where the customer lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_name
from babel.units import format_unit

from activities.crm.tables import Meeting
from activities.rendering.purchases import address
from activities.rendering.values import Url, clean

HOUR = 60
SPACES = str.maketrans("\u202f\xa0", "  ")  # a text message has no others


@dataclass(frozen=True)
class Appointment:
    """A meeting as it stands now, in nobody's language yet."""

    row: Meeting
    host: str
    zone: ZoneInfo

    def said(self, spoken: Locale) -> Talk:
        starts = self.row.starts_at.astimezone(self.zone)
        ends = (self.row.starts_at + timedelta(minutes=self.row.minutes)).astimezone(self.zone)
        return Talk(
            day=format_date(starts, "full", locale=spoken),
            time=_time(starts, spoken),
            until=_time(ends, spoken),
            zone=get_timezone_name(starts, "long", locale=spoken).translate(SPACES),
            length=_length(self.row.minutes, spoken),
            link=address(self.row.url),
            title=clean(self.row.title or ""),
            host=clean(self.host),
        )


@dataclass(frozen=True)
class Talk:
    """A meeting as a template may use it; an empty text is not known."""

    day: str
    time: str
    until: str
    zone: str  # in whose time those are
    length: str
    link: Url | str  # where it is joined
    title: str
    host: str  # the name of the colleague who holds it


def _time(moment: datetime, spoken: Locale) -> str:
    return format_time(moment, "short", locale=spoken).translate(SPACES)


def _length(minutes: int, spoken: Locale) -> str:
    unit, count = ("hour", minutes // HOUR) if minutes % HOUR == 0 else ("minute", minutes)
    return str(format_unit(count, f"duration-{unit}", "long", locale=spoken)).translate(SPACES)
