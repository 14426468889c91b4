"""What a follow-up has heard, and the conditions it waits for. Plain data that never waits, so it
can be tested without Temporal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.events import (
    Answer,
    Complaint,
    ComplaintResolved,
    DoneElsewhere,
    End,
    Event,
    Hold,
    Lull,
    Order,
    Reply,
    Resume,
    Retry,
    RunNow,
    Skip,
    TaskDone,
)
from workflows.vocabulary import Contact, Outcome

Condition = Callable[[], bool]

UNPROVEN = "unproven"  # said to be done elsewhere, and nobody has seen it yet


class Facts:
    """Every fact is taken in before its signal's first wait; the same one twice is one."""

    def __init__(self, elsewhere: Iterable[str] = (), known: Iterable[str] = ()) -> None:
        self.replies: list[Reply] = []
        self.active: list[datetime] = []  # when the customer did something of their own accord
        self.lulls: list[datetime] = []  # when somebody reported that they did not
        self.holds: dict[str, None] = {}  # open, as far as was heard; the gate knows best
        self.cases: dict[str, None] = {}  # those of them that are complaints
        self.releases: dict[str, int] = {}  # how often, by hold: cases are reopened
        self.tasks: dict[str, TaskDone] = {}
        self.retries: dict[str, int] = {}  # how often, by clause
        self.hurried: dict[str, int] = {}
        self.skipped: dict[str, None] = {}
        self.elsewhere = dict.fromkeys(elsewhere, UNPROVEN)
        self.orders: dict[str, None] = {}
        self.arrivals: dict[str, datetime] = {}  # of an order's parcels, the last until now
        self.delivered: dict[str, datetime] = {}  # orders, once all of them has arrived
        self.provisioned: dict[str, datetime] = {}  # orders whose access was given
        self.expected: dict[str, datetime] = {}  # the latest estimate of an order's delivery
        self.parcels: dict[str, None] = {}  # those that have arrived
        self.untracked: dict[str, None] = {}  # those that nobody can follow yet
        self.settled: dict[str, None] = {}  # cases answered or closed
        self.went_back: dict[str, None] = {}  # orders cancelled, refunded or returned
        self.ended: Outcome | None = None
        self.known = dict.fromkeys(known)  # by name and id
        self.names: dict[str, None] = {}

    def take(self, name: str, event: Event) -> bool:
        """Take the event in; False if it is known already."""
        if event.id and f"{name} {event.id}" in self.known:
            return False
        if event.id:
            self.known[f"{name} {event.id}"] = None
        self.names[name] = None
        self._hear(event)
        if isinstance(event, Order):
            self._order(name, event)
        return True

    def _hear(self, event: Event) -> None:
        match event:
            case Reply(at=at) if at:
                self.replies.append(event)
                self.active.append(at)
            case Lull(at=at) if at:
                self.lulls.append(at)
            case Complaint(case_id=case) if case:
                self.held(case, complaint=True)
                self.settled.pop(case, None)  # it may be open again
            case ComplaintResolved(case_id=case) if case:
                self._release(case)
                self.settled[case] = None
            case Answer(case_id=case) if case:
                self.settled[case] = None
            case Hold(hold_id=hold) if hold:
                self.held(hold)
            case Resume(holds=holds):
                for hold in holds:
                    self._release(hold)
            case TaskDone(task_id=task):
                self.tasks.setdefault(task, event)
            case _:
                self._obey(event)

    def _obey(self, event: Event) -> None:
        match event:
            case Retry(clause=clause):
                self.retries[clause] = self.retries.get(clause, 0) + 1
            case RunNow(clause=clause):
                self.hurried[clause] = self.hurried.get(clause, 0) + 1
            case Skip(clause=clause) if clause:
                self.skipped[clause] = None
            case DoneElsewhere(clause=clause) if clause:
                self.elsewhere[clause] = ""
            case End():
                self.ended = self.ended or Outcome.ENDED

    def _order(self, name: str, order: Order) -> None:
        match name:
            case "order_placed":
                self.orders[order.order_id] = None
                self.active += [order.at] if order.at else []
            case "order_shipped" | "order_ready":
                self._on_its_way(order)
            case "order_delivered" | "order_picked_up" if order.at:
                self._arrived(order, order.at)
            case "account_provisioned" if order.at:
                self.provisioned.setdefault(order.order_id, order.at)
            case "order_cancelled" | "order_refunded" | "order_returned" if not order.partial:
                self.went_back[order.order_id] = None

    def _on_its_way(self, order: Order) -> None:
        """Of a parcel the last word counts: a number may come later than the news."""
        if order.expected:
            self.expected[order.order_id] = order.expected
        for parcel in order.shipments:
            self.untracked.pop(parcel, None)
        self.untracked |= dict.fromkeys(order.untracked)

    def _arrived(self, order: Order, at: datetime) -> None:
        """An order has arrived with the last of its parcels, in whatever order that is heard."""
        self.parcels |= dict.fromkeys(order.shipments)
        last = max(at, self.arrivals.get(order.order_id, at))
        self.arrivals[order.order_id] = last
        if order.complete:
            self.delivered[order.order_id] = last

    def delivered_at(self, order_id: str) -> datetime | None:
        """When all of the order had arrived; word that names no order is of this one."""
        return self.delivered.get(order_id) or self.delivered.get("")

    def provisioned_at(self, order_id: str) -> datetime | None:
        return self.provisioned.get(order_id) or self.provisioned.get("")

    def heard(self, name: str) -> bool:
        return name in self.names

    def held(self, hold: str, *, complaint: bool = False) -> None:
        self.holds[hold] = None
        if complaint:
            self.cases[hold] = None

    def _release(self, hold: str) -> None:
        self.releases[hold] = self.releases.get(hold, 0) + 1
        self.holds.pop(hold, None)
        self.cases.pop(hold, None)

    def released(self, holds: Iterable[str], before: Mapping[str, int]) -> bool:
        """Whether each hold was reported released since that count was taken."""
        return all(self.releases.get(hold, 0) > before.get(hold, 0) for hold in holds)

    def over(self, clause: str) -> str:
        """By whose word nothing more is done under the clause; empty while it is."""
        if self.ended:
            return self.ended
        if clause in self.skipped:
            return "skipped"
        return "elsewhere" if clause in self.elsewhere else ""

    def forget(self, clause: str, elsewhere: Iterable[str] = ()) -> None:
        """A word about one occurrence does not count for the next."""
        self.skipped.pop(clause, None)
        if clause not in elsewhere:
            self.elsewhere.pop(clause, None)

    def leave_to_others(self, clauses: Iterable[str]) -> None:
        """What another system carries out from now on; what it has done, it has done."""
        proven = {clause: why for clause, why in self.elsewhere.items() if why != UNPROVEN}
        self.elsewhere = dict.fromkeys(clauses, UNPROVEN) | proven

    def active_since(self, moment: datetime) -> bool:
        """Whether the customer replied or bought again after that, however late it was heard."""
        return any(at > moment for at in self.active)

    def reported_quiet(self) -> bool:
        """Whether a lull was reported, and nothing of the customer since."""
        return bool(self.lulls) and not self.active_since(max(self.lulls))


@dataclass(frozen=True)
class Active:
    """Whether the customer gave a sign of life after the moment."""

    facts: Facts
    since: datetime
    reason = "active"

    def __call__(self) -> bool:
        return self.facts.active_since(self.since)


@dataclass(frozen=True)
class WentBack:
    """Whether the purchase was cancelled, refunded or returned; one named by hand names none."""

    facts: Facts
    order_id: str
    reason = "returned"

    def __call__(self) -> bool:
        return not self.facts.went_back.keys().isdisjoint({"", self.order_id})


@dataclass(frozen=True)
class NothingLeft:
    """Whether the purchase went back, and nothing else was bought that they still have."""

    facts: Facts
    order_id: str
    reason = "returned"

    def __call__(self) -> bool:
        others = self.facts.orders.keys() - self.facts.went_back.keys() - {self.order_id}
        return WentBack(self.facts, self.order_id)() and not others


@dataclass(frozen=True)
class Arrived:
    """Whether a parcel, or the whole of its order, is with the customer already."""

    facts: Facts
    order_id: str
    parcel: str = ""
    reason = "delivered_first"

    def __call__(self) -> bool:
        return self.parcel in self.facts.parcels or bool(self.facts.delivered_at(self.order_id))


@dataclass(frozen=True)
class Answered:
    """Whether a message is answered: by a reply that names it, or a later one naming none."""

    facts: Facts
    to: Contact
    reason = "answered"

    def __call__(self) -> bool:
        return any(True for _ in self._when())

    def before(self, moment: datetime) -> bool:
        """Whether an answer had been written by then, however late it was heard."""
        return any(at < moment for at in self._when())

    def _when(self) -> Iterator[datetime]:
        for reply in self.facts.replies:
            named, after = reply.to == self.to.key, reply.at is not None and reply.at >= self.to.at
            if reply.at and (named or (after and not reply.to)):
                yield reply.at


def never() -> bool:
    return False


def why(condition: Condition) -> str:
    """What a condition that came true is called on record."""
    return str(getattr(condition, "reason", "not_called_for"))


@dataclass(frozen=True)
class Because:
    """A condition, and what is to be put on record once it is true."""

    condition: Condition
    reason: str

    def __call__(self) -> bool:
        return self.condition()


@dataclass(frozen=True)
class either:  # noqa: N801 - it reads as a word
    """Whether one of the two is true; what is put on record is the reason of that one."""

    one: Condition
    other: Condition

    def __call__(self) -> bool:
        return self.one() or self.other()

    @property
    def reason(self) -> str:
        return why(self.one if self.one() else self.other)
