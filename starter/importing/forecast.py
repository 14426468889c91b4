"""What an import would set going, by each procedure's own word: whose, how much, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import Office, house_rules
from starter.catalogue import Catalogue
from starter.importing.foreseeing import Due, foresee, foresee_years
from starter.importing.past import STARTS, Past, Subject
from starter.intake.starts import PER_CONTRACT, PER_CUSTOMER, TO_PROVISION
from workflows.rhythms import key
from workflows.sops import Sop
from workflows.vocabulary import Enrolment, Policy, Rhythm

DAY, WEEK, HOUR = timedelta(days=1), timedelta(days=7), timedelta(hours=1)


@dataclass
class Forecast:
    """How many messages and tasks there may be at most, within what time."""

    begun: Counter[str] = field(default_factory=Counter)  # follow-ups, by SOP
    over: int = 0  # orders of which nothing is left to do
    day: int = 0  # messages within a day,
    week: int = 0  # within a week,
    hour: int = 0  # in the fullest hour of it,
    hour_at: datetime | None = None  # which is this one
    fullest_day: int = 0
    tasks_day: int = 0
    tasks_week: int = 0
    templates: Counter[str] = field(default_factory=Counter)  # of the week, by SOP and template


@dataclass(frozen=True)
class Terms:
    """What follow-ups would begin under, as the house stands now."""

    begun_by: dict[str, list[Sop]]
    policies: dict[str, Policy]
    years: Policy
    office: Office


async def terms(session: AsyncSession, catalogue: Catalogue) -> Terms:
    begun_by, policies = dict[str, list[Sop]](), dict[str, Policy]()
    for what in STARTS:
        on = await catalogue.begun_by(session, what)
        begun_by[what] = [sop for sop in on if not await catalogue.off(session, sop)]
        for sop in begun_by[what]:
            policies[sop.name] = await catalogue.policy(session, sop)
    years = await catalogue.policy(session, catalogue.years)
    return Terms(begun_by, policies, years, (await house_rules(session)).office(None))


def forecast(past: Past, known: Sequence[str], terms: Terms, now: datetime) -> Forecast:
    """`known` are the orders that are on record already."""
    found, hours, days = Forecast(), Counter[int](), Counter[int]()
    welcomed, rhythms = set[int](), set[tuple[int, str]]()
    before = set(known)
    for subject in past.begun():
        if subject.undone or (subject.order_id and subject.order_id in before):
            continue
        sops = list(_begun(subject, terms, welcomed, found, now))
        for sop in sops:
            others = tuple(other.name for other in sops if other is not sop)
            dues, wanted = _foreseen(sop, subject, others, terms, now)
            fresh = [r for r in wanted if (id(subject.person), key(r)) not in rhythms]
            rhythms |= {(id(subject.person), key(rhythm)) for rhythm in fresh}
            dues += foresee_years(fresh, terms.years, now, now + WEEK) if fresh else []
            found.begun[sop.name] += 1
            for due in dues:
                _count(found, due, now, hours, days)
    if hours:
        fullest, found.hour = max(hours.items(), key=lambda each: (each[1], -each[0]))
        found.hour_at = now + fullest * HOUR
    found.fullest_day = max(days.values(), default=0)
    return found


def _begun(
    subject: Subject, terms: Terms, welcomed: set[int], found: Forecast, now: datetime
) -> Iterator[Sop]:
    """The SOPs that begin with it; as `starts` would have it."""
    sops = {sop.name: sop for what in subject.starts for sop in terms.begun_by[what]}
    for sop in sops.values():
        if sop.name in PER_CUSTOMER:
            if id(subject.person) not in welcomed and subject.is_first():
                welcomed.add(id(subject.person))
                yield sop
        elif not (subject.contract_id or (subject.order_id and sop.name not in PER_CONTRACT)):
            continue
        elif _is_over(subject, sop, terms.policies[sop.name], now):
            found.over += 1
        else:
            yield sop


def _is_over(subject: Subject, sop: Sop, policy: Policy, now: datetime) -> bool:
    reach = policy.reach()
    if not subject.order_id or subject.at is None or reach is None or subject.at + reach >= now:
        return False
    return not sop.years or subject.at != subject.person.first


def _foreseen(
    sop: Sop, subject: Subject, others: tuple[str, ...], terms: Terms, now: datetime
) -> tuple[list[Due], list[Rhythm]]:
    assert subject.at is not None  # noqa: S101 - it began
    shape: Any = Enrolment
    enrolment: Enrolment[Any] = shape[sop.policy](
        customer_id="foreseen",
        purchased_at=subject.at,
        confirmed_at=subject.at,
        policy=terms.policies[sop.name],
        order_id=subject.order_id,
        contract_id=subject.contract_id,
        needs_access=subject.fulfilment in TO_PROVISION,
        fulfilment=subject.fulfilment,
        delivered_at=subject.delivered_at,
        early=tuple(subject.news),
        tier=subject.person.tier,
        by_phone=subject.person.by_phone,
        first_bought_at=subject.person.first,
        others=others,
        imported_at=now,
    )
    return foresee(sop, enrolment, now, terms.office)


def _count(
    found: Forecast, due: Due, now: datetime, hours: Counter[int], days: Counter[int]
) -> None:
    ahead = due.at - now
    if ahead > WEEK:
        return
    if not due.template:
        found.tasks_week += 1
        found.tasks_day += ahead <= DAY
        return
    found.week += 1
    found.day += ahead <= DAY
    found.templates[f"{due.sop} {due.template}"] += 1
    hours[ahead // HOUR] += 1
    days[ahead // DAY] += 1
