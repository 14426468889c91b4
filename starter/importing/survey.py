"""Looking a file through before anything of it is taken: what does not fit, and what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import values
from activities.crm.house import house_rules
from activities.crm.inbox import IMPORT, IMPORTING
from activities.crm.tables import Alias, Customer, Inbox, Order
from starter.answers import Refusal
from starter.importing.forecast import Forecast, forecast, terms
from starter.importing.lines import Bad, BadLineError, Lines, understood
from starter.importing.past import Past
from starter.importing.reading import Source
from starter.intake import Intake
from starter.intake.events import Event, Opinion
from starter.intake.opinions import check_type

AT_A_TIME = 400  # names that the database is asked for at once
Progress = Callable[[int], None]  # how many lines have been read


@dataclass
class Survey:
    """What is in a file."""

    lines: int = 0
    events: int = 0
    twice: int = 0  # lines that say what another has said
    known: int = 0  # events that an earlier run has brought in
    unfinished: int = 0  # those it kept and did not come to: they are carried out with these
    new_customers: int = 0
    known_customers: int = 0
    complaints: int = 0  # open ones, to be seen to
    bad: list[Bad] = field(default_factory=list)
    ahead: Forecast = field(default_factory=Forecast)
    settled: frozenset[str] = frozenset()  # the events of complaints that were put right


class Surveyor:
    """Reads the lines of a file, and remembers what follows from them."""

    def __init__(self, intake: Intake, lines: Lines) -> None:
        self.intake, self.lines, self.past = intake, lines, Past()
        self.found = Survey()
        self.ids: dict[str, bool] = {}  # whether it is known already
        self.complaints: list[tuple[str, Event, str | None]] = []  # by which number, too

    async def look(self, source: Source, progress: Progress | None = None) -> Survey:
        found, now = self.found, self.intake.clock.now()
        async with self.intake.store.reading() as session:
            rules = await house_rules(session)
            under = await terms(session, self.intake.catalogue)
        for number, row in source.records():  # which may take minutes: nothing is kept open
            found.lines += 1
            self._line(number, row, rules)
            if progress and not found.lines % 100:
                progress(found.lines)
        async with self.intake.store.reading() as session:
            await self._remember(session)
            cut_off = Inbox.source == IMPORT, Inbox.state == IMPORTING
            query = select(func.count()).where(*cut_off)
            found.unfinished = (await session.execute(query)).scalar_one()
            orders = [each.order_id for each in self.past.subjects.values() if each.order_id]
            known = [name for part in _parts(orders) for name in await _orders(session, part)]
        self._tally()
        found.ahead = forecast(self.past, known, under, now)
        return found

    def _line(self, number: int, row: Sequence[str], rules: Any) -> None:
        read = self.lines.read(number, row)
        if isinstance(read, Bad):
            self.found.bad.append(read)
            return
        try:
            fit = [self._fit(event, rules) for event in read]
        except BadLineError as fault:
            header = self.lines.headers.get(fault.path, fault.path)
            self.found.bad.append(Bad(number, header, fault.words))
            return
        if read[0]["id"] in self.ids:
            self.found.twice += 1
            return
        for said, (event, at, phone) in zip(read, fit, strict=True):
            self.ids[said["id"]] = False
            self.past.take(event, at, phone)
            if event.type == "complaint.opened":
                self.complaints.append((said["id"], event, phone))
        self.found.events += len(read)

    def _fit(self, said: dict[str, Any], rules: Any) -> tuple[Event, Any, str | None]:
        """The event, when it was, and by which number its customer is called."""
        event, phone = understood(said), None
        try:
            at = self.intake.when(event)
            details = event.details()
            if isinstance(details, Opinion):
                check_type(rules, details.type, "data.type")
        except Refusal as refusal:
            raise BadLineError(refusal.param or "", refusal.detail) from None
        if event.customer and event.customer.phone:
            try:
                country = event.customer.country or rules.country
                phone = values.phone_of(event.customer.phone, country)
            except values.UnfitValueError as unfit:
                raise BadLineError("customer.phone", unfit.detail) from None
        return event, at, phone

    async def _remember(self, session: AsyncSession) -> None:
        """Which of it is on record already."""
        for part in _parts(list(self.ids)):
            query = select(Inbox.event_id).where(Inbox.source == IMPORT, Inbox.event_id.in_(part))
            for known in (await session.execute(query)).scalars():
                self.ids[known] = True
        for part in _parts(list(self.past.people)):
            for name in await _people(session, part):
                self.past.people[name].known = True

    def _tally(self) -> None:
        found, everybody = self.found, self.past.everybody()
        found.known = sum(self.ids.values())
        found.known_customers = sum(person.known for person in everybody)
        found.new_customers = len(everybody) - found.known_customers
        found.complaints = sum(len(person.open_complaints()) for person in everybody)
        settled = set[str]()
        for event_id, event, phone in self.complaints:
            person = self.past.person_of(event, phone)
            name = str(event.data.get("reference") or "")
            if person is not None and name not in person.open_complaints():
                settled.add(event_id)
        found.settled = frozenset(settled)


async def _orders(session: AsyncSession, names: Sequence[str]) -> list[str]:
    known = await session.execute(select(Order.id).where(Order.id.in_(names)))
    named = await session.execute(select(Order.reference).where(Order.reference.in_(names)))
    return [name for name in (*known.scalars(), *named.scalars()) if name]


async def _people(session: AsyncSession, names: Sequence[str]) -> list[str]:
    """Which of these names somebody on record has."""
    found = list[str]()
    columns: dict[str, list[Any]] = {
        "id": [Customer.id, Alias.alias],
        "email": [Customer.email],
        "phone": [Customer.phone],
    }
    for kind, known_as in columns.items():
        mine = [name.partition(":")[2] for name in names if name.startswith(f"{kind}:")]
        for column in known_as if mine else []:
            rows = await session.execute(select(column).where(column.in_(mine)))
            found += [f"{kind}:{value}" for value in rows.scalars()]
    return found


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), AT_A_TIME):
        yield names[start : start + AT_A_TIME]
