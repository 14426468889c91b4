"""Taking a file in: kept in the inbox first, then carried out from there, in the order it happened.

What is kept is kept once, by its id; what is carried out is carried out once. So the same file
again, or after a kill, goes on where it was, and does nothing twice.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.exc import IntegrityError

from activities.crm import inbox
from activities.crm.inbox import IMPORT, IMPORTING
from activities.crm.tables import Inbox
from starter.desk.base import audit
from starter.importing.lines import FIRST, Bad, Lines, understood
from starter.importing.reading import Source
from starter.importing.survey import Survey
from starter.intake import TOGETHER, Intake
from starter.intake.identity import INTRODUCING

AT_A_TIME = 250  # events that are kept in one transaction
Progress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


@dataclass(frozen=True)
class Taken:
    kept: int  # events that were new
    carried: int  # those that were carried out, with what came of an earlier run


class Carrier:
    def __init__(self, intake: Intake, progress: Progress) -> None:
        self.intake, self.store, self.progress = intake, intake.store, progress

    async def take(self, source: Source, lines: Lines, survey: Survey, by: str) -> Taken:
        """All of the file that fits."""
        kept = 0
        async with self.store.transaction() as session:
            facts = {"lines": survey.lines, "bad": len(survey.bad)}
            audit(session, self.intake.clock.now(), by=by, what="import", target=None,
                  reason=None, **facts)  # fmt: skip
        for batch in _batches(_events(source, lines, survey), AT_A_TIME):
            kept += await self._keep(batch)
            self.progress("keep", kept, survey.events - survey.known)
        return Taken(kept, await self.carry_out())

    async def _keep(self, events: Sequence[dict[str, Any]]) -> int:
        """In one transaction; should another run keep the same meanwhile, once more."""
        for left in reversed(range(3)):
            try:
                return await self._keep_once(events)
            except IntegrityError:
                if not left:
                    raise
        return 0

    async def _keep_once(self, events: Sequence[dict[str, Any]]) -> int:
        now = self.intake.clock.now()
        ids = [event["id"] for event in events]
        async with self.store.transaction() as session:
            query = select(Inbox.event_id).where(Inbox.source == IMPORT, Inbox.event_id.in_(ids))
            known = set((await session.execute(query)).scalars())
            new = {event["id"]: event for event in events if event["id"] not in known}
            for event in new.values():
                at = self.intake.when(
                    understood({k: v for k, v in event.items() if k != "settled"})
                )
                row = inbox.row_for(IMPORT, event, occurred_at=at, now=now)
                row.state = IMPORTING
                session.add(row)
        return len(new)

    async def carry_out(self) -> int:
        """What is kept and not carried out yet: who they are first, then what happened, in its
        order; and when all of it is on record, what may still begin."""
        begins = Inbox.parent_id.is_not(None)
        first = Inbox.type.in_(FIRST)
        done = 0
        for which in (~begins & first, ~begins & ~first, begins):
            rows = await self._waiting(which)
            what = "begin" if which is begins else "record"
            for start in range(0, len(rows), TOGETHER):
                await self.intake.carry_out_together(rows[start : start + TOGETHER])
                self.progress(what, min(start + TOGETHER, len(rows)), len(rows))
            done += len(rows) if which is not begins else 0
        return done

    async def _waiting(self, which: ColumnElement[bool]) -> list[str]:
        introducing = case((Inbox.type.in_(INTRODUCING), 0), else_=1)
        query = select(Inbox.id).where(Inbox.source == IMPORT, Inbox.state == IMPORTING, which)
        async with self.store.reading() as session:
            found = await session.execute(query.order_by(Inbox.occurred_at, introducing, Inbox.id))
            return list(found.scalars())


def write_rejected(source: Source, bad: Sequence[Bad], path: Path) -> None:
    """The lines that do not fit, to be mended and imported by themselves, with what is wrong.

    With a mark of its encoding: the same command reads it, whatever it said of the whole file's.
    """
    numbers = {each.line: each for each in bad}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=source.delimiter)
        writer.writerow([*source.header, "problem"])
        for number, row in source.records():
            if each := numbers.get(number):
                writer.writerow([*row, f"{each.column}: {each.words}".lstrip(": ")])


def _events(source: Source, lines: Lines, survey: Survey) -> Iterator[dict[str, Any]]:
    bad = {each.line for each in survey.bad}
    for number, row in source.records():
        read = lines.read(number, row) if number not in bad else []
        if isinstance(read, Bad):
            continue
        for event in read:
            yield event | ({"settled": True} if event["id"] in survey.settled else {})


def _batches(events: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for event in events:
        batch.append(event)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
