"""A rehearsal's timeline: what was done when, under which clause, and why; told from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from activities.crm import tables as t
from activities.crm.store import Store
from starter.reports import words
from workflows.sops import CASE, CORRESPONDENCE, KEEP_IN_TOUCH
from workflows.vocabulary import Role

SILENT = ("allowed", "potential", "waiting")  # what came of it follows in a line of its own
SHORT = {  # the SOPs as people call them
    "online-customer": "S0",
    "order-thanks": "S1",
    "sales-follow-up": "S2",
    "satisfaction": "S3",
    "onboarding": "S4",
    KEEP_IN_TOUCH.name: "years",
    CORRESPONDENCE.name: "desk",
}
PEOPLE = {
    Role.CSR: "customer service",
    Role.COMMUNICATIONS: "communications",
    Role.FINANCE: "finance",
    Role.MARKETING: "marketing",
    Role.SALES: "sales",
    Role.SALES_MANAGER: "the sales manager",
    Role.ACCOUNT_MANAGER: "the account manager",
    Role.PRIVACY: "data protection",
    Role.ENGINEER: "an engineer",
    Role.SERVICE: "the service team",
    Role.MANAGER: "the manager",
    Role.QUALITY: "quality assurance",
}
BY_CHANNEL = {"email": "by e-mail", "sms": "by SMS", "letter": "by letter", "call": "by telephone"}
PHRASES = {
    "sent": "{} sent",
    "deferred": "{} put off",
    "held": "{} held back",
    "handed": "given to a person",
    "refused": "{} left out",
    "skipped": "{} left out",
    "covered": "{} covered by another message",
    "blocked": "{} blocked: an engineer must mend it",
    "released": "{} released",
    "engagement": "asked how engaged they are",
    "escalated": "it goes further up",
    "reassigned": "it goes to a colleague",
    "set_up": "{} has set them up",
    "by_person": "{}: a person is to set them up",
    "case_opened": "{} is opened",
    "case_answered": "a person answers",
    "case_resolved": "it is put right, as we think",
    "case_reopened": "it is open again",
    "case_closed": "the case is closed",
}


ENDS = {  # of a case
    "yes": "the customer is satisfied",
    "no_answer": "the customer was asked, and said nothing",
    "decided": "whoever had it decided so",
    "answered": "a person answered",
    "not_needed": "it needed no answer",
    "not_satisfied": "the customer is not satisfied",
    "here": "",
}


QUIET = {"no_answer": "the customer said nothing"}


@dataclass(frozen=True)
class Moment:
    """One thing that was done, or was not."""

    at: datetime
    local: datetime  # on the customer's own clock
    day: int  # since the purchase, on the customer's own calendar
    clause: str
    what: str
    why: str = ""
    gist: str = ""  # the same whenever it happens
    customer: int = 1  # the how manieth of the rehearsal
    sop: str = ""  # whose clause it is; none: what was said


@dataclass(frozen=True)
class Cast:
    """One customer of the rehearsal."""

    number: int
    id: str
    zone: ZoneInfo
    began: datetime
    orders: tuple[str, ...] = ()  # placed when it began

    def moment(
        self, at: datetime, clause: str, what: str, why: str = "", *, gist: str = "", sop: str = ""
    ) -> Moment:
        local = at.astimezone(self.zone)
        day = (local.date() - self.began.astimezone(self.zone).date()).days
        return Moment(at, local, day, clause, what, why, gist or what, self.number, sop)


async def timeline(store: Store, cast: list[Cast], said: list[Moment]) -> list[Moment]:
    """All that the tables know, and what was said, in order."""
    moments = list(said)
    for who in cast:
        reader = await _Reader.of(store, who)
        moments += reader.moments()
    return sorted(moments, key=lambda one: (one.customer, one.at))


class _Reader:
    """One customer's decisions, put into words."""

    def __init__(self, who: Cast) -> None:
        self.who = who
        self.decisions: list[t.Decision] = []
        self.messages: dict[str, t.Message] = {}
        self.tasks: dict[str, t.Task] = {}
        self.enrolments: list[t.Enrolment] = []
        self.holds: dict[str, t.Hold] = {}
        self.cases: dict[str, str] = {}  # what each is: a complaint, an inquiry

    @classmethod
    async def of(cls, store: Store, who: Cast) -> _Reader:
        reader = cls(who)
        async with store.reading() as session:

            async def rows(table: type[t.Base]) -> list[t.Base]:
                query = select(table).where(table.__table__.c.customer_id == who.id)
                return list((await session.execute(query)).scalars())

            reader.decisions = [
                row for row in await rows(t.Decision) if isinstance(row, t.Decision)
            ]
            things = (t.Message, t.Task, t.Hold, t.Case)
            for row in [row for table in things for row in await rows(table)]:
                match row:
                    case t.Message():
                        reader.messages[row.key] = row
                    case t.Task():
                        reader.tasks[row.key] = row
                    case t.Hold():
                        reader.holds[row.id] = row
                    case t.Case():
                        reader.cases[row.id] = row.kind
            found = await rows(t.Enrolment)
            reader.enrolments = [row for row in found if isinstance(row, t.Enrolment)]
        return reader

    def moments(self) -> Iterator[Moment]:
        for row in self.decisions:
            if row.outcome not in SILENT and row.reason != "sop_off":
                what, why = self._words(row)
                gist = f"{row.outcome} {self._name(row)}"
                sop = short(row.follow_up)
                yield self.who.moment(row.at, row.clause or "", what, why, gist=gist, sop=sop)
        decided = {row.key for row in self.decisions if row.outcome == "handed"}
        for task in self.tasks.values():
            if task.key not in decided:
                what, sop = self._task(task), short(task.follow_up)
                yield self.who.moment(task.created_at, task.clause or "", what, sop=sop)
        for follow_up in self.enrolments:
            what, sop = f"{follow_up.sop} begins", short(follow_up.id)
            yield self.who.moment(follow_up.started_at, "", what, sop=sop)
        for hold in self.holds.values():
            why = words.reason(hold.kind)
            yield self.who.moment(hold.at, "", "on hold", why)
            if hold.released_at:
                yield self.who.moment(hold.released_at, "", "the hold is released")

    def _words(self, row: t.Decision) -> tuple[str, str]:
        """What was done, and why."""
        name, why = self._name(row), ended(row.reason, row.follow_up)
        what = PHRASES.get(row.outcome, row.outcome.replace("_", " ")).format(name).strip()
        match row.outcome:
            case "sent":
                what, why = f"{what} {self._way(row)}".rstrip(), self._hand(row)
            case "handed" if row.key in self.tasks:
                what = self._task(self.tasks[row.key])
            case "deferred":
                why = words.reason(str(row.facts.get("why") or "")) or why
            case "held":
                ids = (row.reason or "").split(", ")
                kinds = {self.holds[id_].kind if id_ in self.holds else id_ for id_ in ids}
                why = ", ".join(sorted(map(words.reason, kinds)))
            case "covered":
                why = ""
            case "escalated" | "reassigned":
                to = str(row.facts.get("to") or "")
                why = f"now with {PEOPLE.get(Role(to), to) if to in set(Role) else to}"
            case "case_opened":
                kind = "an inquiry" if row.reason == "inquiry" else "a complaint"
                what, why = PHRASES[row.outcome].format(kind), ""
            case "engagement":
                why = row.reason or ""
        return what, why

    def _name(self, row: t.Decision) -> str:
        message = self.messages.get(row.key or "")
        task = self.tasks.get(row.key or "")
        named = (message and message.template) or (task and (task.template or task.title))
        return named or str(row.facts.get("template") or row.facts.get("system") or "")

    def _way(self, row: t.Decision) -> str:
        message = self.messages.get(row.key or "")
        return BY_CHANNEL.get((message and message.channel) or "", "")

    def _hand(self, row: t.Decision) -> str:
        message = self.messages.get(row.key or "")
        return "as a person wrote it" if message and message.draft_id else ""

    def _task(self, task: t.Task) -> str:
        due = task.due_at.astimezone(self.who.zone)
        role = PEOPLE.get(Role(task.role), task.role) if task.role in set(Role) else task.role
        return f"{role}: {task.title}, by {due:%a %d %b %H:%M}"


def ended(reason: str | None, follow_up: str | None) -> str:
    """What a clause or a case ended with, in words: about the customer, not about a provider."""
    ends = ENDS if short(follow_up) == CASE.name else QUIET
    return ends.get(reason or "") or words.reason(reason)


def short(follow_up: str | None) -> str:
    """The SOP of a follow-up, as people call it."""
    sop = (follow_up or "").partition(".")[0]
    return SHORT.get(sop, sop)


# -- two timelines beside each other -------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """What becomes of one line of a timeline under other timings."""

    kind: str  # earlier, later, new, gone, same
    before: Moment | None
    after: Moment | None

    @property
    def by(self) -> timedelta:
        """How far it moved."""
        if self.before is None or self.after is None:
            return timedelta()
        return abs(self.after.at - self.before.at)


MINUTE = timedelta(minutes=1)  # what moved by less stayed


def compare(before: list[Moment], after: list[Moment]) -> list[Change]:
    """What moved, what came and what went, in the order of its time."""
    theirs, changes = _by_gist(after), []
    for gist, was in _by_gist(before).items():
        now = theirs.pop(gist, None)
        changes.append(_change(was, now))
    changes += [Change("new", None, now) for now in theirs.values()]
    return sorted(changes, key=_when)


def _change(was: Moment, now: Moment | None) -> Change:
    if now is None:
        return Change("gone", was, None)
    if abs(now.at - was.at) < MINUTE:
        return Change("same", was, now)
    return Change("earlier" if now.at < was.at else "later", was, now)


def _when(change: Change) -> tuple[int, datetime]:
    moments = (moment for moment in (change.after, change.before) if moment)
    return min((moment.customer, moment.at) for moment in moments)


def _by_gist(moments: list[Moment]) -> dict[tuple[int, str, str, str, int], Moment]:
    """Each line by what it is about, and the how manieth of its like it is."""
    counted: Counter[tuple[int, str, str, str]] = Counter()
    found = {}
    for moment in moments:
        gist = (moment.customer, moment.sop, moment.clause, moment.gist)
        found[(*gist, counted[gist])] = moment
        counted[gist] += 1
    return found
