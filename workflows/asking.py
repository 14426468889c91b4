"""How a purchase's customer is asked how it pleases, by SOPs that others may be asking before.

Each has its window, and waits in it for the delivery, and for whoever asks first: what others asked
within it stands for it, and outside of it, it asks only what they did not. Who would rather be
called is called, by a person with the script. Who cannot be called, or is not reached, is written
to, and not called once more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from workflows.checklist import HERE
from workflows.contacts import NOWHERE
from workflows.events import TaskDone
from workflows.facts import Condition, either, never, why
from workflows.purchase import Purchase
from workflows.vocabulary import (
    Contact,
    Covered,
    Form,
    Handed,
    PolicyT,
    Refused,
    Role,
    Sent,
    State,
)

CALL = ("call",)  # the channel


class Asking(Purchase[PolicyT]):
    """One purchase's question, and by which way it is put."""

    product: ClassVar[str]  # the template that asks about what they bought,
    ordering: ClassVar[str]  # and the one that asks how buying it went

    # -- what the SOP says -------------------------------------------------------------------

    def opens(self) -> datetime:
        raise NotImplementedError

    def closes(self) -> datetime:
        raise NotImplementedError

    def last_chance(self) -> datetime:
        """Until when the delivery is waited for."""
        raise NotImplementedError

    def latest(self) -> datetime:
        raise NotImplementedError

    @property
    def is_second(self) -> bool:
        """Whether another asks about the product first."""
        raise NotImplementedError

    @property
    def who(self) -> Role:
        return Role.CSR

    @property
    def met(self) -> Condition:
        """Whether nobody need ask any more."""
        return never

    def is_given_up(self, done: TaskDone) -> bool:
        """Whether nothing is tried instead: a colleague saw no need, or they must be left alone."""
        return done.declined or done.released not in ("", "capacity")

    def on_call(self, done: TaskDone) -> None:
        """What came of a call besides."""

    # -- what is asked, and when -------------------------------------------------------------

    async def wait_for_delivery(self) -> None:
        """While the window lasts, unless it is settled before."""
        settled = either(self.went_back, self.met)
        await self.until(self.last_chance, unless=either(self.asks_now, settled))

    def asks_now(self) -> bool:
        return self.has_arrived() and not self.is_second

    def question(self) -> tuple[str, str]:
        """The template, and what it asks: of the product only who has it, and was not asked."""
        if self.asks_now() and not self.went_back():
            return self.product, "satisfaction"
        return self.ordering, "experience"

    async def write(self, **more: Any) -> Contact | None:
        """At once, and as it stands."""
        template, asks = self.question()
        more |= {"since": self.opens(), "promise": self.closes(), "sender": self.who}
        return await self.send(template, asks=asks, unless=self.met, **more)

    # -- on the telephone --------------------------------------------------------------------

    async def call(self, role: Role, what: str, *, form: Form, script: str = "") -> Contact | None:
        """A colleague calls, with the script; who cannot be called is written to."""
        template, asks = self.question()
        task = await self._hand_over(
            role,
            what,
            self.met,
            template=script or template,
            form=form,
            due_by=self.closes(),
            asks=asks,
            since=self.opens(),
        )
        match task:
            case Covered():
                return task
            case Refused(reason=reason) if reason in NOWHERE:
                return await self.write()
            case Refused(reason="capacity"):
                return await self.write(without=CALL)
            case Handed():
                return await self.called(task, script or template)
        return None

    async def called(self, task: Handed, script: str) -> Contact | None:
        latest, met = self.latest(), self.met
        done = await self._done_by(task, latest, met)
        if task.task_id not in self.facts.tasks:
            over = self.facts.over(HERE.get().number) or (why(met) if met() else "")
            over = over or ("stale" if self.now() >= latest else "")
            await self._put_away(script, over or "went_by_itself")
            if not over:
                return await self.write(without=CALL)
            self.pass_over(over)
        elif self.is_given_up(done):
            self.pass_over(done.released or "declined")
        elif done.reached is False or done.released:
            return await self.write(without=CALL)
        else:
            self.spoken = True
            self._record(State.DONE, "call")
            self.on_call(done)
            return Sent(key=task.task_id, at=done.at or self.now())
        return None
