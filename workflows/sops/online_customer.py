"""SOP `online-customer`: following up with new online customers. Version 1.0.

Its clauses stand beside this file, in the document's words (`online_customer.txt`). What the
document puts in [brackets] or leaves to judgement is the Policy; what it says is the procedure, in
its order. Each clause names its latest useful moment, mostly when the next is due; after it, the
clause is skipped as stale.

Where the document contradicts itself or is silent, this is how it is read:

- Its next review, 2026-07-24, is past. The catalogue says so; a review overdue stops no messages.
- The scope says "Customer Experience Officer", the definitions "Communications Officer": one role.
- Each milestone counts from its own anchor: 5.2.1 from the welcome, as accepted; 5.3.2 and 5.4.1
  from the purchase; 5.4.3 from the check-in, as sent. All are days as on the calendar; only the
  time that people are given runs on office hours.
- "Can be sent" (5.4.3) is on by default, "may initiate" (5.5.3) off.
- 5.5.3 speaks of a Sales Representative, the definitions of a Finance Officer for those of high
  potential: Sales has the task, Finance a copy, and both are for the Policy to say.
- 5.4.1 asks how satisfied the customer is, and so do other SOPs. It comes last: if the question was
  asked about this order in the days before, that message covers it, and an answer to either answers
  both. What was asked earlier does not stand for it, but is not asked again: it offers help.
- "All active customers" (5.6.1): not erased, not opted out, not gone; a hold comes before all.
- A review is asked for after the delivery. While a parcel is on its way, which `order-thanks` sees
  to, nobody asks; where nothing is shipped, or nobody sees to it, it counts from the purchase.
- Whatever is heard first, it counts from what happened first. A guest whose only purchase was
  undone is followed up no more; if they take an account, or buy again, they begin once more.
- After a purchase that was cancelled, refunded or returned: no upselling, no asking for a review.
  The follow-up itself goes on with the account, unless the desk ends it because there is none; but
  who bought nothing else is not helped to start with it, not missed, and not asked how it goes.
"""

from datetime import datetime, timedelta
from typing import Literal

from temporalio import workflow

from workflows import vocabulary as v
from workflows.events import Event, Issue, Lull
from workflows.facts import Active, Because, Condition, NothingLeft, either
from workflows.follow_up import FollowUp
from workflows.vocabulary import (
    Contact,
    Covered,
    Engagement,
    Enrolment,
    Fulfilment,
    Mode,
    Outcome,
    Preset,
    Rhythm,
    Role,
    State,
    Window,
)

SOP = "online-customer"
WENT_BACK = "went-back"  # before, tips and check-ins came of what had gone back, too

STEPS: dict[str, tuple[str, ...]] = {
    "5.1.1": ("welcome",),
    "5.1.2": ("access",),
    "5.2.1": ("getting-started", "product-tips"),
    "5.3.2": ("re-engagement",),
    "5.3.3": ("targeted-tips",),
    "5.4.1": ("check-in",),
    "5.4.3": ("check-in-follow-up",),
    "5.5.2": ("upgrade-your-plan", "discover-add-ons"),
    "5.5.3": ("sales-outreach",),
}

EXCUSED = {
    "5.3.1": "engagement is recorded as it comes; 5.3.2 and 5.5.1 ask for its score",
    "newsletters": "5.6.1: written for many at once, as broadcasts, in a release to come",
    "training": "the training register comes with a release of its own",
    "review": "the two signatures of the yearly review come with a release of their own",
}


class Policy(v.Policy):
    access_wait: v.Span = timedelta(minutes=15)  # 5.1.2, ours: how long the welcome waits for it
    guide: Window = Window(after=timedelta(hours=24), before=timedelta(hours=48))  # 5.2.1
    guide_template: Literal["getting-started", "product-tips"] = "getting-started"  # 5.2.1
    low_engagement: v.Span = timedelta(days=7)  # 5.3.2
    preset: Preset = Preset.STANDARD  # 5.3.2: how little is low
    repeat: bool = True  # 5.3.2: once more when a customer who had come back falls silent
    check_in: v.Span = timedelta(days=14)  # 5.4.1
    check_in_window: v.Span = timedelta(days=5)  # 5.4.1, ours: who asks in it asks for both
    check_in_mode: Mode = Mode.EACH  # 5.4.1: how the CSR makes it personal
    check_in_cap: v.Count | None = 50  # 5.4.1: so many a day for a person, the rest goes as it is
    csr_time: v.Span = timedelta(days=1)  # 5.4.1, ours: a working day, then it goes by itself
    remind: bool = True  # 5.4.3: "can be sent"
    patience: v.Span = timedelta(days=3)  # 5.4.3
    campaigns: tuple[str, ...] = STEPS["5.5.2"]  # 5.5.2
    sales_outreach: bool = False  # 5.5.3: "may initiate"
    outreach_by: Role = Role.SALES  # 5.5.3
    outreach_copy: Role | None = Role.FINANCE  # 5.5.3
    outreach_time: v.Span = timedelta(days=3)  # 5.5.3, ours: working days


@workflow.defn(name=SOP)
class OnlineCustomer(FollowUp[Policy]):
    """One new customer's follow-up, from the welcome to the years after."""

    steps = STEPS
    standing = ("5.1.2", "5.3.3")

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment, enrolment.order_id)
        self.enrolment, self.purchase = enrolment, enrolment.purchased_at
        self.owes_access = False
        self.missed: list[datetime] = []  # when we said that we miss them
        self.minds_returns = False

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        self.minds_returns = self.is_new(WENT_BACK)
        welcome = await self.welcome()
        await self.help_to_start(welcome)
        await self.encourage()
        await self.ask_how_it_goes()
        await self.recommend()
        await self.stay_in_touch()

    async def welcome(self) -> Contact | None:
        with self.clause("5.1.1", "On purchase or sign-up, welcome them", self.lull, self.purchase):
            if self.enrolment.needs_access:
                self.owes_access = not await self.until(self.waited_long, unless=self.has_access)
            welcome = self.welcomed_before() or await self.send("welcome", unreachable=Role.CSR)
        if self.owes_access and not self.has_access():
            with self.clause("5.1.2", "Their access, when it comes"):
                self.await_event("account_provisioned")
        return welcome

    async def help_to_start(self, welcome: Contact | None) -> None:
        with self.clause("5.2.1", "24-48 hours after the welcome, help them start", self.lull):
            await self.between(
                lambda: self.policy.guide, after=welcome, otherwise=lambda: self.purchase
            )
            await self.send(self.policy.guide_template, unless=self.nothing_left)
        if self.owes_access and not self.has_access():
            with self.clause("5.1.2", "Their access, which has not come in a day"):
                await self.tell(Role.CSR, "find out why their access has not come")

    async def encourage(self) -> None:
        with self.clause("5.3.2", "After 7 days of low engagement: we miss you", self.check_in):
            await self.until(self.lull)
            if self.nothing_left():
                self.pass_over("returned")
                return
            match await self.engagement(self.policy.preset):
                case Engagement.LOW:
                    await self.miss_them()
                case Engagement.NORMAL:
                    self.pass_over("engaged")
                case Engagement.UNKNOWN:
                    self.pass_over("no_engagement_data")

    async def ask_how_it_goes(self) -> None:
        with self.clause("5.4.1", "About 14 days after purchase, a CSR checks in", self.close):
            await self.until(self.check_in)
            sop = self.policy
            asked = await self.ask(
                Role.CSR,
                "make the check-in personal",
                sop.csr_time,
                template="check-in",
                mode=sop.check_in_mode,
                cap=sop.check_in_cap,
                asks="satisfaction",
                unless=self.nothing_left,
                since=self.check_in() - sop.check_in_window,
            )
        with self.clause("5.4.3", "If they do not respond within 3 days, follow up", self.close):
            if asked and not sop.remind:
                self.pass_over("off")
            elif asked and await self.reply_within(lambda: self.policy.patience, to=asked):
                self.pass_over("answered")
            elif asked and self.nothing_left():
                self.pass_over("returned")
            elif asked:
                await self.send("check-in-follow-up", reminds=asked)

    async def recommend(self) -> None:
        sop = self.policy
        with self.clause("5.5.1", "Identify whom more products or services would serve"):
            potential = await self.potential(unless=self.returned)
        with self.clause("5.5.2", "Marketing triggers a campaign that suits them", self.soon()):
            if potential.campaign in sop.campaigns:
                await self.send(potential.campaign, sender=Role.MARKETING, unless=self.returned)
        with self.clause("5.5.3", "Sales reaches out to those of high potential", self.soon()):
            if not sop.sales_outreach:
                self.pass_over("off")
            elif potential.high:
                await self.tell(
                    sop.outreach_by,
                    "offer what would take them further",
                    within=sop.outreach_time,
                    template="sales-outreach",
                    copy_to=sop.outreach_copy,
                    unless=self.returned,
                )

    async def stay_in_touch(self) -> None:
        with self.clause("5.6.1", "Stay in touch: news, loyalty (5.6.2), reviews (5.6.3)"):
            loyalty = Rhythm(name="loyalty-offer", sop=SOP, clause="5.6.2", since=self.purchase)
            arrived = self.facts.delivered_at(self.order_id) or self.enrolment.delivered_at
            review = Rhythm(
                name="review-request",
                sop=SOP,
                clause="5.6.3",
                since=arrived or self.purchase,
                order_id=self.order_id,
                waits=arrived is None and self.is_on_its_way(),
            )
            await self.keep_in_touch(*([loyalty] if self.returned() else [loyalty, review]))

    def welcomed_before(self) -> Contact | None:
        """By a follow-up of theirs that has ended since: nobody is welcomed twice."""
        key, at = self.enrolment.welcomed, self.enrolment.welcomed_at
        if at is None:
            return None
        self._record(State.COVERED, key)
        return Covered(key=key, at=at)

    # -- when, by the policy as it stands ----------------------------------------------

    def waited_long(self) -> datetime:
        return self.purchase + self.policy.access_wait

    def lull(self) -> datetime:
        return self.purchase + self.policy.low_engagement

    def check_in(self) -> datetime:
        return self.purchase + self.policy.check_in

    def close(self) -> datetime:
        sop = self.policy
        return self.check_in() + sop.csr_time + sop.patience + sop.grace

    # -- whenever it happens -----------------------------------------------------------

    async def on_common_issue(self, issue: Issue) -> None:
        """Once per issue, however often it is met with."""
        says = "For a common issue, send targeted tips"
        with self.clause("5.3.3", says, self.soon(), about=issue.topic):
            await self.send("targeted-tips")

    async def on_low_engagement(self, lull: Lull) -> None:
        """Reported from outside. Before the seven days are over, it is for the milestone to say."""
        belied = lull.at is not None and self.facts.active_since(lull.at)
        if self.now() < self.lull() or belied or self.nothing_left():
            return
        if not self.missed or (self.policy.repeat and self.facts.active_since(self.missed[-1])):
            spell = str(len(self.missed) + 1) if self.missed else ""
            with self.clause("5.3.2", "Low engagement, reported later", self.soon(), about=spell):
                await self.miss_them()

    async def miss_them(self) -> None:
        """Once in a spell of silence, unless the customer breaks it first."""
        self.missed.append(self.now())
        active = Active(self.facts, self.now())
        await self.send("re-engagement", unless=either(active, self.nothing_left))

    async def count_from(self, moment: datetime) -> None:
        """They began with what came first, whatever was heard first."""
        if moment < self.purchase:
            self.purchase = moment
            self.moved += 1

    async def on_event(self, name: str, event: Event) -> None:
        """Access that comes after the welcome has a message of its own."""
        if name == "account_provisioned" and self.owes_access:
            with self.clause("5.1.2", "Their access, now that it has come"):
                await self.send("access")

    @property
    def nothing_left(self) -> Condition:
        """Whether what they bought went back: nobody helps them with what they do not have."""
        left = NothingLeft(self.facts, self.order_id)
        return Because(lambda: self.minds_returns and left(), left.reason)

    def is_on_its_way(self) -> bool:
        """Whether a parcel is yet to come: then somebody finds out, and until then nobody asks."""
        sent = self.enrolment.fulfilment in (Fulfilment.SHIP, Fulfilment.PICKUP)
        return sent and "order-thanks" in self.enrolment.others

    def has_access(self) -> bool:
        return self.enrolment.access_given or self.facts.heard("account_provisioned")
