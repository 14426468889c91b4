"""A meeting as calendar programs take it: one entry for all that becomes of it (RFC 5545, 5546).

Its moments are in UTC. A single appointment needs no zone's rules, and every program shows it by
its reader's own clock; rules that were sent along would be another thing to be out of date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

from icalendar import Alarm, Calendar, Event, vCalAddress, vText, vUri

from activities.crm.tables import Meeting
from activities.rendering.values import clean, visible

Method = Literal["REQUEST", "CANCEL"]
METHODS: dict[str, Method] = {"scheduled": "REQUEST", "cancelled": "CANCEL"}
NAME = "invite.ics"
PRODUCT = "-//Aftercare//Aftercare//EN"
BEFORE = timedelta(minutes=15)  # the calendar's own reminder
ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]+@[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]+")
LINK = re.compile(r"https?://[^\s<>\"\\^`{|}\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Entry:
    """What the message says of the meeting, to whom, and when it was made."""

    attendee: str
    called: str
    house: str
    support: str
    subject: str
    text: str
    made: datetime


def content_type(method: Method) -> str:
    return f"text/calendar; method={method}"


def calendar(meeting: Meeting, method: Method, said: Entry) -> str:
    """The whole file, the same for the same meeting and message."""
    whole = Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("method", method)
    whole.add_component(_event(meeting, method, said))
    return str(whole.to_ical().decode())


def _event(meeting: Meeting, method: Method, said: Entry) -> Event:
    event, title = Event(), clean(meeting.title or said.subject) or clean(said.house)
    event.add("uid", meeting.uid)
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", said.made)
    event.add("dtstart", meeting.starts_at)
    event.add("dtend", meeting.starts_at + timedelta(minutes=meeting.minutes))
    event.add("summary", title)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("transp", "OPAQUE")
    link = meeting.url if meeting.url and LINK.fullmatch(meeting.url) else ""
    parts = (link, visible(said.text))
    event.add("description", "\n\n".join(part for part in parts if part))
    if link:
        event.add("location", link)
        event["url"] = vUri(link)
    host = meeting.organiser or ""
    event["organizer"] = _who(host if ADDRESS.fullmatch(host) else said.support, said.house)
    guest = _who(said.attendee, said.called)
    guest.params |= {
        "CUTYPE": vText("INDIVIDUAL"),
        "ROLE": vText("REQ-PARTICIPANT"),
        "PARTSTAT": vText("NEEDS-ACTION"),
        "RSVP": vText("FALSE" if method == "CANCEL" else "TRUE"),
    }
    event["attendee"] = guest
    if method == "REQUEST":  # what is called off rings no bell
        event.add_component(_bell(title))
    return event


def _bell(title: str) -> Alarm:
    bell = Alarm()
    bell.add("action", "DISPLAY")
    bell.add("trigger", -BEFORE)
    bell.add("description", title)
    return bell


def _who(address: str, name: str) -> vCalAddress:
    """An address with what its owner is called; neither can end its line and begin another."""
    who = vCalAddress(f"mailto:{quote(address, safe='@+-._~!$*')}")
    if shown := clean(name).replace('"', "'"):
        who.params["CN"] = vText(shown)
    return who
