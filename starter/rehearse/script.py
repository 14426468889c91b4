"""What the customer and the staff do in a rehearsal: a JSON list, each entry at its time.

    [{"after": "3d", "event": "consent.changed", "data": {"email_marketing": false}},
     {"after": "8d2h", "event": "complaint.opened", "data": {"reference": "K-1"}},
     {"after": "9d", "task": "answer", "sop": "case", "outcome": {"answered": "phone"}},
     {"after": "14d3h", "signal": "task_done", "data": {"text": "How is it going?"}},
     {"after": "15d", "event": "contract.signed", "contract": {"id": "V-1"}},
     {"after": "16d", "task": "schedule", "outcome": {"starts_at": {"after": "20d4h"}}},
     {"after": "20d", "event": "complaint.resolved", "data": {"reference": "K-1"}}]

`event` comes through the door for checkout systems, `signal` through the one for staff, `control`
is one of hold, resume, skip, run-now, retry, end. `task` closes the oldest open task of a clause, a
role or a form. `write` is a colleague's own message. `sop` says whose follow-up is meant, where a
customer has several. An order's news is of the first order, a contract's and a meeting's of the
last contract, unless they name another. Where a moment is asked for, `{"after": "20d4h"}` will do:
so long after the purchase. A rehearsal runs until its follow-ups have ended and the last entry is
played; `{"after": …, "until": true}` makes it go on until then.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from activities.crm.spans import span_of


class ScriptError(ValueError):
    """The script cannot be played; the message says which entry, and what is wrong with it."""


def span(text: object) -> timedelta:
    """A time as people write it: `8d2h`, `90m`."""
    found = span_of(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("write it like 8d2h, 90m or 0s")
    return found


class Entry(BaseModel):
    """One thing that somebody does, so long after the purchase."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[timedelta, BeforeValidator(span)]
    event: str = ""
    signal: str = ""
    control: Literal["", "hold", "resume", "skip", "run-now", "retry", "end"] = ""
    task: str = ""
    write: str = ""
    until: bool = False
    sop: str = ""
    outcome: dict[str, Any] = {}
    data: dict[str, Any] = {}
    order: dict[str, Any] | None = None
    contract: dict[str, Any] | None = None
    clause: str = ""
    reason: str = "rehearsed"

    @model_validator(mode="after")
    def _one_thing(self) -> Entry:
        one = (self.event, self.signal, self.control, self.task, self.write, self.until)
        if sum(map(bool, one)) != 1:
            raise ValueError("give one of event, signal, control, task, write, until")
        if self.outcome and not self.task:
            raise ValueError("an outcome is a task's")
        return self

    @property
    def says(self) -> str:
        if self.task or self.write:
            return f"task {self.task} done" if self.task else "a colleague writes"
        of = str((self.order or self.contract or {}).get("id") or "")
        return " ".join(filter(None, (self.event or self.signal or self.control, of)))

    @property
    def words(self) -> str:
        """What was said with it, if anything."""
        said = self.data.get("text") or self.outcome.get("text") or self.outcome.get("note")
        return f"“{said or self.write}”" if said or self.write else ""


_ENTRIES = TypeAdapter(list[Entry])


def dated(said: Any, began: datetime) -> Any:
    """What was said, its moments as on the calendar of this rehearsal."""
    match said:
        case {"after": str(text)} if len(said) == 1 and (after := span_of(text)) is not None:
            return (began + after).isoformat()
        case dict():
            return {name: dated(value, began) for name, value in said.items()}
        case list():
            return [dated(value, began) for value in said]
    return said


def read_script(text: str | bytes | list[Any] | None) -> list[Entry]:
    """The entries in the order of their time."""
    if not text:
        return []
    try:
        raw = text if isinstance(text, list) else json.loads(text)
    except ValueError as error:
        raise ScriptError(f"the script is not JSON: {error}") from None
    if not isinstance(raw, list):
        raise ScriptError('the script is a JSON list: [{"after": "8d2h", "event": …}, …]')
    try:
        entries = _ENTRIES.validate_python(raw)
    except ValidationError as error:
        raise ScriptError("; ".join(map(_explain, error.errors()))) from None
    return sorted(entries, key=lambda entry: entry.after)


def _explain(fault: Any) -> str:
    where, *field = fault["loc"]
    words = str(fault["msg"]).removeprefix("Value error, ")
    return f"entry {where + 1}{''.join(f', {name}' for name in field)}: {words}"
