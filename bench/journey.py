"""The journey that is measured: a small procedure, written as every SOP is."""

from datetime import timedelta

from temporalio import workflow

from workflows import vocabulary as v
from workflows.follow_up import FollowUp
from workflows.vocabulary import Contact, Enrolment, Kind, Outcome

SOP = "bench"
KINDS = {"welcome": Kind.TRANSACTIONAL}


class Policy(v.Policy):
    patience: v.Span = timedelta(days=5)


@workflow.defn(name=SOP)
class Journey(FollowUp[Policy]):
    """A welcome; five days; if they answer meanwhile, or if they do not, a note of it."""

    steps = {"1.1": ("welcome",)}  # noqa: RUF012 - as every SOP has it

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment, enrolment.order_id)
        self.close = enrolment.purchased_at + self.policy.patience
        self.enrolment = enrolment

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        welcome = await self.welcome()
        with self.clause("1.2", "For five days we listen; what came of it is noted"):
            if not welcome:
                self.pass_over("not_welcomed")
            elif await self.until(self.close, unless=self.replied(welcome)):
                self.pass_over("answered")
                await self._note("1.2", "answered")
            else:
                self.pass_over("silent")
                await self._note("1.2", "silent")

    async def welcome(self) -> Contact | None:
        with self.clause("1.1", "On purchase, welcome them", due=self.enrolment.purchased_at):
            return await self.send("welcome")
