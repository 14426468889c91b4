"""SOP `order-thanks`: thanking customers, and what follows an order."""

from datetime import timedelta

from temporalio import workflow

from workflows import vocabulary as v
from workflows.follow_up import FollowUp
from workflows.vocabulary import Enrolment, Outcome, Rhythm, Window

SOP = "order-thanks"

STEPS: dict[str, tuple[str, ...]] = {
    "1": ("thank-you", "thank-you-note"),
    "2": ("order-shipped", "ready-for-pickup"),
    "3": ("satisfaction-check",),
    "5": ("feedback-thanks",),
}

EXCUSED = {
    "4.1": "each question is a case of its own; its clock and its answer are in `case`",
    "4.2": "the ladder and the news of progress are those of `case`",
    "6.1": "written for many at once, as broadcasts, in a release to come",
    "6.2": "`keep-in-touch` has the anniversary",
    "review": "the yearly review comes with a release of its own",
}


class Policy(v.Policy):
    thanks: Window = Window(after=timedelta(hours=1), before=timedelta(hours=24))  # 1
    note: bool = True  # 1: a letter for premium customers
    ask: Window = Window(after=timedelta(days=3), before=timedelta(days=5))  # 3


@workflow.defn(name=SOP)
class OrderThanks(FollowUp[Policy]):
    """One order's follow-up, from the thanks to the question whether all is well."""

    steps = STEPS
    standing = ("2", "4", "5")

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment, enrolment.order_id)
        self.enrolment = enrolment
        self.confirmed = enrolment.confirmed_at or enrolment.purchased_at

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        by = self.confirmed + self.policy.thanks.before
        with self.clause("1", "Thank them within 24 hours of the order", self.soon()):
            await self.between(self.policy.thanks, after=None, otherwise=self.confirmed)
            await self.send("thank-you", asks="thanks", promise=by)
        arrived = self.delivered(self.enrolment.delivered_at or self.confirmed)
        with self.clause("3", "3-5 days after delivery, ask whether all is well", self.soon()):
            await self.between(self.policy.ask, after=None, otherwise=arrived)
            await self.send("satisfaction-check", asks="satisfaction")
        with self.clause("6", "Stay in touch: the anniversary of their first order"):
            since = self.enrolment.purchased_at
            await self.keep_in_touch(Rhythm(name="anniversary", sop=SOP, clause="6", since=since))
