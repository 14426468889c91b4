"""A case's log in plain words: opened, answered, put right, closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

OUTCOMES = {
    "case_answered": "was answered",
    "case_closed": "was closed",
    "case_opened": "was opened",
    "case_reopened": "was opened again: the customer is not satisfied",
    "case_resolved": "was put right",
    "case_updated": "had news",
}
REASONS = {
    "answered": "it was answered",
    "complaint": "a complaint",
    "decided": "somebody decided so",
    "elsewhere": "outside, by a person",
    "erased": "the customer was erased",
    "here": "by a person, in a message of ours",
    "inquiry": "an inquiry",
    "no_answer": "the customer did not say whether they are satisfied",
    "not_needed": "no answer was needed",
    "phone": "by a person, on the telephone",
    "worse": "it is worse than was thought",
    "yes": "the customer is satisfied",
}
FACTS = {
    "by": "by {}",
    "root_cause": "its cause: {}",
    "severity": "severity {}",
    "times": "{} times so far",
    "type": "about {}",
}


def is_of(outcome: str) -> bool:
    """Whether this is a line of a case's log."""
    return outcome in OUTCOMES


def sentence(outcome: str, code: str | None, facts: Mapping[str, Any]) -> str:
    """One line of the log, for somebody who answers the telephone."""
    words = f"The case {OUTCOMES[outcome]}"
    if code:
        words += f": {REASONS.get(code, code.replace('_', ' '))}"
    known = [text.format(facts[name]) for name, text in FACTS.items() if facts.get(name)]
    if isinstance(seconds := facts.get("seconds"), int):
        known.append(f"after {span(timedelta(seconds=seconds))}")
    return f"{words} ({'; '.join(known)})." if known else f"{words}."


def span(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{time.days} days"
