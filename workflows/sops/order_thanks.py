"""SOP `order-thanks`: thanking customers, and what follows an order. One per order.

Its clauses stand beside this file, in the document's words (`order_thanks.txt`), numbered as its
section 3, "Procedure", numbers them; the lines below each are ours to count. It names nobody who
approved it and no date of review, and the catalogue says so.

Where the document contradicts itself or others, or is silent, this is how it is read:

- Clause 1 counts 24 hours from the order's confirmation, which may be long before it is paid. The
  deadline beats comfort: at worst it goes in the last open slot before it; later is a breach.
- The welcome of a new customer thanks for the order it names, and then it stands for clause 1,
  which gives it an hour's start. The welcome itself is never left out.
- Without a name or a product nothing generic goes, unless the Policy says so: a person writes it.
- "Physical note (for premium customers)" is an option of the document's, on by default; a letter
  besides the e-mail, and none without a postal address.
- Clause 2 tells of each parcel once. A number that is missing is waited for a few hours; news that
  comes after the parcel itself is not passed on.
- Clause 3 counts days as on the calendar, from the delivery: of the last parcel, or collected at
  the counter; of what is digital, or a service, from the access that was given, else from the
  confirmation. Where no carrier says so by the estimate and some days' grace, a person finds out.
- Clause 3 is first to ask whether they are satisfied, as it knows of the delivery. What others
  asked before its days began does not stand for it: then it asks only what was not asked.
- The 24 hours of clause 4 are hours of the clock, and a person's answer ends them; they, the
  ladder and the news of progress are the case's own (`workflows/case.py`).
- Cancelled or refunded, the desk ends the follow-up; returned, nobody asks how it pleases. Of a
  part, nothing ends, and what went back is named no more.
- What another system does (the Policy's `elsewhere`) is left to it, and shown as unproven until
  its evidence comes.
- 29 February's anniversary is the 28th of that month where there is none.
"""

from datetime import datetime, timedelta

from temporalio import workflow

from workflows import events
from workflows import vocabulary as v
from workflows.facts import Arrived, Condition, either
from workflows.purchase import Purchase
from workflows.vocabulary import Enrolment, Form, Handed, Outcome, Rhythm, Role, State, Window

SOP = "order-thanks"

STEPS: dict[str, tuple[str, ...]] = {
    "1": ("thank-you", "thank-you-note"),
    "2": ("order-shipped", "ready-for-pickup"),
    "3": ("satisfaction-check",),
    "5": ("feedback-thanks",),
}

EXCUSED = {
    "4.2": "the ladder and the news of progress are the case's own",
    "6.1": "written for many at once, as broadcasts, in a release to come",
    "review": "the yearly review comes with a release of its own",
}

FURTHEST = timedelta(days=365)  # some shops write 31 December 9999 where they do not know

NEWS_FIRST = "news-first"  # before, the clause waited on for what it had heard in one breath
NO_PARCEL = ""  # news of the order as a whole
NOTICES = {"order_shipped": "order-shipped", "order_ready": "ready-for-pickup"}


class Policy(v.Policy):
    thanks: Window = Window(after=timedelta(hours=1), before=timedelta(hours=24))  # 1
    generic: bool = False  # 1: whether it may go without their name and what they bought
    note: bool = True  # 1: "physical note",
    note_for: tuple[str, ...] = ("premium", "vip")  # for these
    note_after: v.Span = timedelta(days=1)  # 1, ours: a day after the thanks
    tracking_wait: v.Span = timedelta(hours=4)  # 2, ours: how long a notice waits for its number
    ask: Window = Window(after=timedelta(days=3), before=timedelta(days=5))  # 3
    estimate: v.Span = timedelta(days=7)  # 3, ours: delivery after this, where nobody says when
    overdue: v.Span = timedelta(days=3)  # 3, ours: so long after that a person finds out
    give_up: v.Span = timedelta(days=60)  # 3, ours: after the order; then nobody asks any more
    patience: v.Span = timedelta(days=14)  # 5, ours: how long feedback is waited for

    def reach(self) -> timedelta:
        return self.give_up + self.ask.before + self.grace + self.patience


@workflow.defn(name=SOP)
class OrderThanks(Purchase[Policy]):
    """One order's follow-up, from the thanks to the years after."""

    steps = STEPS
    standing = ("4", "5")
    concerns = ("4", "Answer every question or concern within 24 hours")
    thanks = ("5", "Thank them for their feedback, and say what becomes of it")

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment)
        self.announced: dict[str, None] = {}  # the parcels they were told of, by notice
        self.is_sent = False  # all of it

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        self.expect_shipping()
        await self.thank_them()
        await self.ask_whether_satisfied()
        await self.wait_for_feedback()
        await self.stay_in_touch()

    async def thank_them(self) -> None:
        if self.policy.note and self.enrolment.tier in self.policy.note_for:
            self.meanwhile(self.add_a_note())
        with self.clause("1", "Thank them within 24 hours of the order", self.too_late, self.by):
            second = timedelta(seconds=self.pace.factor)  # of the world's: the welcome goes first
            await self.between(
                lambda: self.policy.thanks.opens_after(second),
                after=None,
                otherwise=lambda: self.confirmed,
            )
            await self.send(
                "thank-you",
                asks="thanks",
                promise=self.by(),
                impersonal=self.policy.generic,
                sender=Role.CSR,
                unless=self.went_back,
            )

    async def add_a_note(self) -> None:
        with self.clause("1", "For premium customers, a note by post", self.noted, about="note"):
            await self.until(self.note_due)
            await self.send(
                "thank-you-note",
                impersonal=self.policy.generic,
                sender=Role.CSR,
                unless=self.went_back,
            )

    async def ask_whether_satisfied(self) -> None:
        with self.clause("3", "3-5 days after delivery, ask whether they are satisfied"):
            arrived = await self.delivery()
            self.no_more_shipping()
            if arrived is None:
                return
            self.count_from_here(
                lambda: arrived + self.policy.ask.before,
                lambda: arrived + self.policy.ask.before + self.policy.grace,
            )
            await self.between(
                lambda: self.policy.ask, after=None, otherwise=arrived, unless=self.went_back
            )
            self.contact = await self.send(
                "satisfaction-check",
                asks="satisfaction",
                since=arrived + self.policy.ask.after,
                promise=arrived + self.policy.ask.before,
                sender=Role.CSR,
                unless=self.went_back,
            )

    async def wait_for_feedback(self) -> None:
        with self.clause("5", "Invite feedback, by form or by answer"):
            await self.hear_back(lambda: self.policy.patience)

    async def stay_in_touch(self) -> None:
        with self.clause("6", "Stay in touch: the anniversary of their first purchase"):
            since = self.enrolment.first_bought_at or self.enrolment.purchased_at
            if self.went_back():
                self.pass_over("returned")
            else:
                anniversary = Rhythm(name="anniversary", sop=SOP, clause="6", since=since)
                await self.keep_in_touch(anniversary)

    # -- when, by the policy as it stands --------------------------------------------------

    def by(self) -> datetime:
        return self.confirmed + self.policy.thanks.before

    def too_late(self) -> datetime:
        return max(self.by(), self.confirmed + self.policy.ask.after)

    def note_due(self) -> datetime:
        return self.by() + self.policy.note_after

    def noted(self) -> datetime:
        return self.note_due() + self.policy.grace

    # -- until it has arrived --------------------------------------------------------------

    async def delivery(self) -> datetime | None:
        """When it reached them; None if it went back, or never did as far as anybody knows."""
        if self.at_once:
            wait = self.confirmed + self.policy.ask.after
            await self.hears("account_provisioned", self.is_decided, wait)
            arrived: datetime | None = self.arrived_at() or self.confirmed
        else:
            await self.carrier_says()
            if not self.is_decided():
                await self.somebody_finds_out()
            await self.hears("order_delivered", self.is_decided, self.deadline)
            arrived = self.arrived_at()
        if self.went_back():
            self.pass_over("returned")
            return None
        if arrived is None:
            self.pass_over(self.facts.over("3") or "never_delivered")
        return arrived

    async def carrier_says(self) -> None:
        """Until it is overdue; the estimate may move meanwhile."""
        due: datetime | None = None
        while not self.is_decided() and due != self.overdue():
            due = self.overdue()
            await self.hears("order_delivered", either(self.is_decided, self.is_moved(due)), due)

    async def somebody_finds_out(self) -> None:
        """Nobody has said that it arrived: a colleague asks the carrier, or the customer."""
        what = "find out whether this order has arrived"
        task = await self._hand_over(Role.CSR, what, self.is_decided, form=Form.ARRIVAL)
        if not isinstance(task, Handed):
            return
        done = await self._done_by(task, self.deadline, unless=self.is_decided)
        if done.arrived:
            self.seen = done.at
        elif task.task_id not in self.facts.tasks:
            await self._put_away("", "heard" if self.is_decided() else "never_delivered")

    def is_decided(self) -> bool:
        return self.has_arrived() or self.went_back()

    def overdue(self) -> datetime:
        said = self.facts.expected.get(self.order_id) or self.enrolment.expected_at
        if said is None or said > self.confirmed + FURTHEST:
            said = self.confirmed + self.policy.estimate
        return said + self.policy.overdue

    def is_moved(self, due: datetime) -> Condition:
        return lambda: self.overdue() != due

    @property
    def deadline(self) -> datetime:
        return max(self.confirmed + self.policy.give_up, self.overdue())

    # -- whenever it happens -----------------------------------------------------------

    def expect_shipping(self) -> None:
        """The clause stands open until all of it was announced."""
        if "2" in self.lines:
            return  # news came first
        with self.clause("2", "Tell them when it has shipped, or can be collected"):
            if self.at_once:
                self.pass_over("nothing_to_ship")
            else:
                pick_up = self.enrolment.fulfilment is v.Fulfilment.PICKUP
                self.await_event("order_ready" if pick_up else "order_shipped")
        if self.is_sent and self.is_new(NEWS_FIRST):
            self.no_more_shipping()

    def no_more_shipping(self) -> None:
        """All of it was announced, or it is too late for that."""
        line = self.lines.get("2")
        if line and line.state is State.WAITING:
            if NO_PARCEL in {notice.partition(" ")[2] for notice in self.announced}:
                return  # the notice's line is this one, and says itself what becomes of it
            if self.announced:
                self._record_for(line, State.DONE)
            else:
                reason = "delivered_first" if self.has_arrived() else "never_shipped"
                self._record_for(line, State.SKIPPED, reason)

    async def on_order(self, name: str, order: events.Order) -> None:
        """Each parcel by itself: one that waits for its number keeps no other waiting."""
        if notice := NOTICES.get(name):
            for parcel in order.shipments or (NO_PARCEL,):
                if f"{notice} {parcel}" not in self.announced:
                    self.announced[f"{notice} {parcel}"] = None
                    self.meanwhile(self.announce(notice, parcel, order))
            self.is_sent = self.is_sent or order.complete
            if order.complete:
                self.no_more_shipping()
        elif self.has_arrived():
            self.no_more_shipping()

    async def announce(self, notice: str, parcel: str, order: events.Order) -> None:
        """Once, with the number to follow it by if one comes in time."""
        says = "It is on its way" if notice == "order-shipped" else "It can be collected"
        arrived = Arrived(self.facts, self.order_id, parcel)
        with self.clause("2", says, self.soon(), about=parcel):
            if notice == "order-shipped" and parcel in order.untracked:
                wait = self.moment() + self.policy.tracking_wait
                await self.until(wait, unless=either(arrived, self.has_number(parcel)))
            await self.send(notice, unless=arrived)

    def has_number(self, parcel: str) -> Condition:
        return lambda: parcel not in self.facts.untracked

    def left(self) -> tuple[str, ...]:
        """Whatever they opted out of, they hear of what is on its way."""
        coming = () if self.at_once or self.has_arrived() else STEPS["2"]
        return (*super().left(), *coming)
