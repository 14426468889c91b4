"""When what repeats comes round: which occurrence, counted from what. Plain arithmetic."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from workflows.vocabulary import Noun, Rhythm, Span

LOYALTY, REVIEW, ANNIVERSARY = "loyalty-offer", "review-request", "anniversary"
REGULAR = "regular-follow-up"
SAYS = {
    LOYALTY: "A loyalty offer for long-term customers",
    REVIEW: "Ask for a review",
    ANNIVERSARY: "The anniversary of their first purchase",
    REGULAR: "Be in touch regularly: how it is going, and what is new",
}
OFTEN = timedelta(days=1)  # nobody is to hear of us more often, whatever an event says


class _Interval(Noun):
    """What a policy has of it, among much else."""

    interval: Span | None = None


def key(rhythm: Rhythm) -> str:
    return f"{rhythm.name} {rhythm.order_id}".strip()


def earlier(more: dict[str, Rhythm], known: dict[str, Rhythm]) -> dict[str, Rhythm]:
    """The first purchase is the earliest that was heard of, in whatever order that was."""
    one, other = more.get(ANNIVERSARY), known.get(ANNIVERSARY)
    return {ANNIVERSARY: one} if one and other and one.since < other.since else {}


def years_after(moment: datetime, years: int) -> datetime:
    """The same day so many years later; the 28th of February for a 29th that is not there."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)


def next_touch(rhythm: Rhythm) -> datetime | None:
    """When it is time again, counted from the last time; never, if nobody said how often."""
    return rhythm.since + max(rhythm.every, OFTEN) if rhythm.every else None


def as_of(rhythm: Rhythm, moment: datetime) -> Rhythm:
    """The rhythm as it would go on from there, had it been kept until then."""
    every = max(rhythm.every, OFTEN) if rhythm.every else None
    if every is None or rhythm.since + every >= moment:
        return rhythm
    last = rhythm.since + (moment - rhythm.since) // every * every
    return rhythm.model_copy(update={"since": last})


def touched(rhythm: Rhythm, at: datetime | None, policy: str) -> Rhythm:
    """The rhythm as of the last touch, and as often as its SOP's policy has it now."""
    since = max(rhythm.since, at or rhythm.since)
    return rhythm.model_copy(update={"since": since, "every": _every(policy) or rhythm.every})


def _every(policy: str) -> timedelta | None:
    """None, if the policy could not be had, or leaves it blank."""
    try:
        return _Interval.model_validate_json(policy).interval if policy else None
    except ValidationError:
        return None
