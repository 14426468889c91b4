"""How Sales gets in touch after a sale: when, by whom, by which way; and by which policy."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from workflows import vocabulary as v
from workflows.asking import Asking
from workflows.facts import Because, Condition
from workflows.vocabulary import Contact, Enrolment, Mode, Role

FIRST = ("satisfaction", "order-thanks")  # who asks before this one does; the latter never calls
BY_DAY = timedelta(hours=20)  # so long before the time is over, it is day wherever they live
IN_TIME = 4  # of a short time frame, the last quarter is for the message's way

Frame = Annotated[timedelta, Field(gt=timedelta(), le=v.LONGEST)]
Interval = Annotated[timedelta, Field(ge=timedelta(days=1), le=v.LONGEST)]
Words = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Percent = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class Policy(v.Policy):
    within: Frame  # 4, 5.2: [Time Frame], from the sale
    interval: Interval  # 5.4: [Define Interval]
    first: v.Span = timedelta(hours=4)  # 5.2, ours: thanks and welcome come before
    sales_time: v.Span = timedelta(days=2)  # 5.2, ours: so long Sales has it, wherever that fits
    sales_days: v.Count = 1  # 5.2, ours: working days to make a message their own
    mode: Mode = Mode.EACH  # 5.2: how they do that
    cap: v.Count | None = 50  # 5.2, ours: so many a day for a person, the rest goes as it is
    calls: bool = True  # 5.2: whether who would rather be called is
    vip_by: Role = Role.SALES_MANAGER  # 3: who follows up with VIPs
    patience: v.Span = timedelta(days=14)  # 5.3, ours: how long their answer is waited for
    classify_time: v.Span = timedelta(days=1)  # 5.3, ours: working days
    repeat: bool = True  # 2: whether more is offered to whom it would serve,
    repeat_after: v.Span = timedelta(days=21)  # ours: so long after the contact,
    repeat_by: Role = Role.SALES  # ours: by them,
    repeat_time: v.Span = timedelta(days=3)  # ours: in so many working days
    referral: bool = True  # 2: whether they are asked to recommend us,
    referral_after: v.Span = timedelta(days=30)  # ours: so long after the contact


class Header(Policy):
    """What the document leaves blank and only the office reads."""

    approved_by: Words  # [Approver's Name, Position]
    approval_date: date
    next_review: date
    system: Words  # 5.3: [System/Database Name]
    record_system: Words  # 5.5: [Record-Keeping System]
    retention: Frame  # [Specify Duration]
    distribution: tuple[Words, ...] = ("Sales Team", "Customer Service Department")
    csat_target: Percent | None = None  # 2: [%], in twelve months
    repeat_target: Percent | None = None
    loyalty_target: Percent | None = None


class SalesContact(Asking[Policy]):
    """The contact itself; what is around it, the SOP says."""

    product, ordering = "sales-follow-up", "sales-experience"

    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment)
        self.met_at: datetime | None = None  # when a colleague was in touch, outside of all this,
        self.met_by = ""  # and in which interaction

    # -- when, by the policy as it stands ----------------------------------------------------

    def since(self) -> datetime:
        """The sale; or when somebody asked for its follow-up, whose time counts from there."""
        return self.enrolment.requested_at or self.enrolment.purchased_at

    def opens(self) -> datetime:
        sop = self.policy
        return self.since() + min(sop.first, sop.within / IN_TIME)

    def closes(self) -> datetime:
        return self.since() + self.policy.within

    def last_chance(self) -> datetime:
        return max(self.opens(), self.closes() - self.policy.sales_time)

    def latest(self) -> datetime:
        return self.closes() + self.policy.grace

    def sent_by(self) -> datetime:
        """Until when a colleague may write, so that it still goes by day, and in time."""
        return self.closes() - min(BY_DAY, self.policy.within / IN_TIME)

    def touched_at(self) -> datetime:
        return self.contact.at if self.contact else self.since()

    def offer_due(self) -> datetime:
        return self.touched_at() + self.policy.repeat_after

    def no_more_offers(self) -> datetime:
        return self.offer_due() + self.policy.grace

    def referral_due(self) -> datetime:
        return self.touched_at() + self.policy.referral_after

    def no_more_asking(self) -> datetime:
        return self.referral_due() + self.policy.grace

    # -- who asks, and what ------------------------------------------------------------------

    @property
    def is_vip(self) -> bool:
        return self.enrolment.tier == "vip"

    @property
    def who(self) -> Role:
        return self.policy.vip_by if self.is_vip else Role.SALES

    @property
    def is_second(self) -> bool:
        """Whether another asks first; `order-thanks` calls nobody."""
        callers, writer = FIRST
        by_phone = self.enrolment.by_phone
        return self.runs_beside(callers) or (self.runs_beside(writer) and not by_phone)

    @property
    def met(self) -> Condition:
        """Whether a colleague has been in touch already, outside of all this."""
        return Because(lambda: self.met_at is not None, "spoken_elsewhere")

    async def have_it_written(self) -> Contact | None:
        """A colleague makes it their own; if nobody came in time, it goes as it stands."""
        template, asks = self.question()
        days = await self.business_days(self.now(), 0, self.policy.sales_days)
        return await self.ask(
            self.who,
            "make the follow-up on their purchase personal",
            timedelta(),
            template=template,
            mode=self.policy.mode,
            cap=self.policy.cap,
            asks=asks,
            since=self.opens(),
            unless=self.met,
            due_by=min(days.closes, self.sent_by()),
            promise=self.closes(),
        )
