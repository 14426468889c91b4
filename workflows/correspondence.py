"""A colleague writes to a customer of their own accord: through the gate, once, on record.

What answers an open case goes with the case (`case.py`); this is for all else, what was drafted for
a follow-up that is over by now among it. It is mail that the customer did not ask for, so hours,
cap, holds and consent apply; no tier keeps a person's own words back.
"""

from temporalio import workflow

from workflows import vocabulary as v
from workflows.events import OptOut
from workflows.follow_up import FollowUp
from workflows.vocabulary import Draught, Outcome, Role

NAME = "correspondence"
TEMPLATE = "personal-message"
STEPS: dict[str, tuple[str, ...]] = {"1": (TEMPLATE,)}


class Policy(v.Policy): ...


@workflow.defn(name=NAME)
class Correspondence(FollowUp[Policy]):
    """One message of a colleague's."""

    steps = STEPS

    @workflow.init
    def __init__(self, start: Draught[Policy]) -> None:
        super().__init__(start, start.order_id)
        self.draft_id, self.template = start.draft_id, start.template or TEMPLATE

    @workflow.run
    async def run(self, start: Draught[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        with self.clause("1", "What a colleague writes goes out", self.soon()):
            await self.send(TEMPLATE, sender=Role.CSR, draft_id=self.draft_id, unreachable=Role.CSR)

    async def on_opt_out(self, opt_out: OptOut) -> None:
        """The gate minds it."""
