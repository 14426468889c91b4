"""SOP `satisfaction`: following up on a purchase, and confirming that the customer is satisfied.

Its clauses stand beside this file, in the document's words (`satisfaction.txt`), numbered as its
section 4, "Procedure", numbers them. It names nobody who approved it and no date of review, and the
catalogue says so. Its text came with its quotation marks garbled; here they are what they were.

Where the document contradicts itself or others, or is silent, this is how it is read:

- Clause 4.1 counts business days, on the calendar of the customer's office; the day of the purchase
  is day 0, and late is after the office has closed on day 5. The deadline beats comfort.
- It can fall before the delivery, and yet ask about the product. So it waits for the delivery until
  its last hours; if there was none by then, it asks about the order, and never about the product.
- `order-thanks` asks whether they are satisfied before it does, as it knows of the delivery. With
  it, 4.1 waits until its last day; what was asked within its own window stands for it, and else it
  asks only about the order. The product is left to `order-thanks`, whose answers count for both.
- What keeps 4.1 back beyond its window, an open complaint say, makes it late; it is still asked for
  as long as the Policy's `grace`. With `order-thanks`, only for a day: its question is due by then,
  too, and two in two days are one too many. It is left out as stale, and is a breach on record.
- "Preferred method (phone, …)": who would rather be called is called, by a person with the script,
  from the window's first day on. A planned call counts as a contact. Who is not reached is written
  to; if nobody calls in time, that is a breach, and the call is still to be made.
- What comes of a concern (4.3), and whether they are satisfied with that (4.4), is the case's own.
- Quality assurance "monitors": it looks at a sample of follow-ups, chosen by their ids.
- Cancelled or refunded, the desk ends the follow-up; returned, nobody asks about the product.
"""

from datetime import datetime, timedelta
from zlib import crc32

from pydantic import Field
from temporalio import workflow

from workflows import events
from workflows import vocabulary as v
from workflows.asking import Asking
from workflows.vocabulary import Enrolment, Form, Outcome, Role

SOP = "satisfaction"
FIRST = "order-thanks"  # which asks before this one does
LEFT_ALONE = "left-alone"  # before, who was not to be called any more was written to
BESIDE = timedelta(days=1)  # how late it may be where `order-thanks` asks soon after
BY_DAY = timedelta(hours=20)  # so long before the window closes, it is day wherever they live

STEPS: dict[str, tuple[str, ...]] = {
    "4.1": ("satisfaction-survey", "order-experience"),
    "4.4": ("feedback-thanks",),
}

EXCUSED = {
    "4.4.1": "the case's own: it asks once it is put right, and a no opens it again",
    "4.5": "feedback is on record; the weekly and monthly reports come with a release of their own",
    "records": "5: messages, calls, answers, scores and each case's log are on record as they come",
    "reports": "5, 6: the monthly report and its three figures come with a release of their own",
    "review": "6: the yearly review comes with a release of its own",
}


class Policy(v.Policy):
    working_days = ("after", "before")

    after: v.Count = 2  # 4.1: business days, of which the purchase's is day 0
    before: v.Count = 5  # 4.1: to the end of this one
    calls: bool = True  # 4.1: whether who would rather be called is
    patience: v.Span = timedelta(days=7)  # 4.2, ours: how long their answer is waited for
    sample: int = Field(10, ge=0, le=100)  # 3, ours: of so many in a hundred follow-ups
    review_time: v.Span = timedelta(days=5)  # 3, ours: working days

    def reach(self) -> timedelta:
        weeks = timedelta(weeks=self.before // 5 + 2)  # with holidays between
        return weeks + self.grace + self.patience


@workflow.defn(name=SOP)
class Satisfaction(Asking[Policy]):
    """One purchase's follow-up: asked, written down, confirmed."""

    steps = STEPS
    standing = ("4.3", "4.4")
    concerns = ("4.3", "Listen, and have it put right or escalated")
    thanks = ("4.4", "Thank them for their feedback")
    product, ordering = STEPS["4.1"]

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment)

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        await self.get_in_touch()
        await self.gather_feedback()
        await self.draw_a_sample()

    async def get_in_touch(self) -> None:
        await self.count_days()
        says = "2-5 business days after the purchase, get in touch"
        with self.clause("4.1", says, self.latest, self.closes):
            await self.until(self.opens)
            await self.wait_for_delivery()
            self.count_from_here(self.closes, self.latest)
            if self.enrolment.by_phone and self.policy.calls:
                what = "call them: are they satisfied?"
                self.contact = await self.call(Role.CSR, what, form=Form.CALL)
            else:
                self.contact = await self.write()

    async def gather_feedback(self) -> None:
        with self.clause("4.2", "Write down what they say of the product, and of all of it"):
            await self.hear_back(lambda: self.policy.patience)

    def is_given_up(self, done: events.TaskDone) -> bool:
        return done.declined or (super().is_given_up(done) and self.is_new(LEFT_ALONE))

    @property
    def is_second(self) -> bool:
        """Whether `order-thanks` asks first; who would rather be called is called in any case."""
        return self.runs_beside(FIRST) and not self.enrolment.by_phone

    # -- when, by the policy as it stands ----------------------------------------------------

    async def count_days(self) -> None:
        """Only who knows the office's holidays can; anew, should it count otherwise meanwhile."""
        while True:
            asked = self.days()
            window = await self.business_days(*asked)
            if asked == self.days():
                self.counted = window
                return

    def days(self) -> tuple[datetime, int, int]:
        return self.enrolment.purchased_at, self.policy.after, self.policy.before

    async def on_policy(self, changed: events.PolicyChanged) -> None:
        before = self.days()
        await super().on_policy(changed)
        await self.recount(before)

    async def count_from(self, moment: datetime) -> None:
        before = self.days()
        await super().count_from(moment)
        await self.recount(before)

    async def recount(self, before: tuple[datetime, int, int]) -> None:
        if self.counted and self.days() != before:
            await self.count_days()
            self.moved += 1

    def opens(self) -> datetime:
        return self.counted.opens if self.counted else self.enrolment.purchased_at

    def closes(self) -> datetime:
        return self.counted.closes if self.counted else self.enrolment.purchased_at

    def last_chance(self) -> datetime:
        return max(self.opens(), self.closes() - BY_DAY)

    def latest(self) -> datetime:
        grace = self.policy.grace
        return self.closes() + (min(grace, BESIDE) if self.is_second else grace)

    # -- and besides -------------------------------------------------------------------------

    async def draw_a_sample(self) -> None:
        with self.clause("3", "Quality assurance looks at a sample of follow-ups"):
            subject = self.enrolment.order_id or self.customer_id
            if crc32(f"{SOP}.{subject}".encode()) % 100 >= self.policy.sample:
                self.pass_over("not_in_the_sample")
            else:
                what, time = "say how well this follow-up was done", self.policy.review_time
                await self.tell(Role.QUALITY, what, within=time, form=Form.REVIEW)
