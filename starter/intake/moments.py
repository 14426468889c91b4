"""When something happened, in policy time: a demonstration's events come by the world's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from activities.clock import Clock

SLACK = timedelta(minutes=5)  # by which a sender's clock may be ahead of ours
MOMENT = TypeAdapter(datetime)
# What follow-ups count from, besides when the event itself happened.
COUNTED = {"order": "confirmed_at", "contract": "signed_at"}


def happened(clock: Clock, at: datetime) -> datetime:
    """The moment as policies count it; one from before the demonstration began stays as it was."""
    pace = clock.pace
    if pace.factor != 1 and pace.since <= at <= clock.real() + SLACK:
        return pace.now(at)
    return at


def in_policy_time(clock: Clock, event: dict[str, Any]) -> dict[str, Any]:
    """The event with its moments as policies count them: whoever delivers it knows the world's."""
    if clock.pace.factor == 1:
        return event
    said = event | _moved(clock, event, "occurred_at")
    for part, name in COUNTED.items():
        if isinstance(said.get(part), dict):
            said[part] = said[part] | _moved(clock, said[part], name)
    return said


def _moved(clock: Clock, said: dict[str, Any], name: str) -> dict[str, Any]:
    """What cannot be read stays: it is refused as what it is."""
    try:
        at = MOMENT.validate_python(said.get(name))
    except ValidationError:
        return {}
    return {name: happened(clock, at).isoformat()} if at.tzinfo else {}
