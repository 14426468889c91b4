"""What goes to a customer beside any procedure: through the gate, once, on record.

A colleague writes of their own accord. What answers an open case goes with the case (`case.py`);
this is for all else, what was drafted for a follow-up that is over by now among it. It is mail that
the customer did not ask for, so hours, cap, holds and consent apply; no tier keeps a person's own
words back.

And thanks for feedback that came when no procedure was left to thank for it.
"""

from temporalio import workflow

from workflows import vocabulary as v
from workflows.events import OptOut
from workflows.follow_up import FollowUp
from workflows.vocabulary import Draught, Outcome, Role

NAME = "correspondence"
TEMPLATE, THANKS = "personal-message", "feedback-thanks"
STEPS: dict[str, tuple[str, ...]] = {"1": (TEMPLATE,), "2": (THANKS,)}


class Policy(v.Policy): ...


@workflow.defn(name=NAME)
class Correspondence(FollowUp[Policy]):
    """One message of a colleague's, or of thanks."""

    steps = STEPS
    standing = ("1", "2")

    @workflow.init
    def __init__(self, start: Draught[Policy]) -> None:
        super().__init__(start, start.order_id)
        self.draft_id, self.template = start.draft_id, start.template or TEMPLATE
        self.feedback_id, self.category = start.feedback_id, start.category

    @workflow.run
    async def run(self, start: Draught[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        if self.feedback_id:
            await self.thank()
            return
        with self.clause("1", "What a colleague writes goes out", self.soon()):
            await self.send(TEMPLATE, sender=Role.CSR, draft_id=self.draft_id, unreachable=Role.CSR)

    async def thank(self) -> None:
        """Once for each feedback, whoever else has heard of it."""
        with self.clause("2", "Thank them for their feedback", self.soon()):
            await self.send(THANKS, asks=f"thanks-for-{self.feedback_id}", variant=self.category)

    async def on_opt_out(self, opt_out: OptOut) -> None:
        """The gate minds it."""
