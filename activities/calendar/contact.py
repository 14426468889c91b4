"""Contact hours: when a customer may be written to, by their own clock."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from activities.calendar.walls import DAY, Spell, spells
from activities.crm.house import HouseRules

MINUTE = timedelta(minutes=1)
SEARCHED = 5  # days: a date line may skip one, a clock change may close another


def open_from(moment: datetime, zone: ZoneInfo, rules: HouseRules, who: str) -> datetime:
    """The moment itself, or when the customer may next be contacted.

    Everybody's doors open a little later than the house rule says, each customer's at a minute of
    their own: so nine o'clock is spread out.
    """
    opens, closes = _after(rules.contact_opens, _spread(who, rules)), rules.contact_closes
    if opens <= moment.astimezone(zone).time() < closes:
        return moment
    for spell in _around(moment, zone, opens, closes):
        if spell.start >= moment:
            return spell.start
    raise ValueError("the contact hours never open")


def last_open_before(moment: datetime, zone: ZoneInfo, rules: HouseRules) -> datetime:
    """The last whole minute before the moment in which a customer there may be contacted."""
    for spell in reversed(_around(moment, zone, rules.contact_opens, rules.contact_closes)):
        last = min(moment, spell.end) - MINUTE
        if last >= spell.start:
            return last
    raise ValueError("the contact hours never open")


def slot_in_window(
    opens: datetime, closes: datetime, zone: ZoneInfo, rules: HouseRules, who: str
) -> datetime:
    """The moment within the window that suits best; where nothing suits, its beginning."""
    slot = open_from(opens, zone, rules, who)
    if slot <= closes:
        return slot
    slot = last_open_before(closes, zone, rules)
    return slot if slot >= opens else opens


def _around(moment: datetime, zone: ZoneInfo, opens: time, closes: time) -> list[Spell]:
    """The spells some days either way, in their order."""
    here = moment.astimezone(zone).date()
    days = (here + n * DAY for n in range(-SEARCHED, SEARCHED))
    return sorted(spell for day in days for spell in spells(day, opens, closes, zone))


def _spread(who: str, rules: HouseRules) -> timedelta:
    """This customer's share of the spread: always the same, whole seconds."""
    day = date.min
    longest = datetime.combine(day, rules.contact_closes) - datetime.combine(
        day, rules.contact_opens
    )
    seconds = int(min(rules.spread, longest / 2).total_seconds())
    digest = hashlib.sha256(who.encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8]) % (seconds + 1))


def _after(wall: time, span: timedelta) -> time:
    return (datetime.combine(date.min, wall) + span).time()
