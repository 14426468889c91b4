"""SOP `satisfaction`: following up on a purchase, and confirming that the customer is satisfied."""

from temporalio import workflow

from workflows import vocabulary as v
from workflows.follow_up import FollowUp
from workflows.vocabulary import Enrolment, Outcome

SOP = "satisfaction"

STEPS: dict[str, tuple[str, ...]] = {
    "4.1": ("satisfaction-survey", "order-experience"),
    "4.4": ("feedback-thanks",),
}

EXCUSED = {
    "4.5": "the weekly and monthly reports come with a release of their own",
}


class Policy(v.Policy):
    after: v.Count = 2  # 4.1: business days; the day of the purchase is day 0
    before: v.Count = 5  # 4.1: to the end of this one
    sample: int = 10  # 3, ours: how many of a hundred follow-ups quality assurance looks at


@workflow.defn(name=SOP)
class Satisfaction(FollowUp[Policy]):
    """One purchase's follow-up: asked, written down, confirmed."""

    steps = STEPS
    standing = ("3", "4.3", "4.4")

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment, enrolment.order_id)
        self.enrolment = enrolment

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        with self.clause("4.1", "2-5 business days after the purchase, contact them", self.soon()):
            await self.send("order-experience", asks="experience")
