"""The years after: one workflow per customer, whichever SOPs lead to it.

What repeats lives here, as rhythms that each SOP adds. It takes its policy anew for each, unlike an
SOP, whose customers keep the procedure they began with; and it never ends because of an opt-out:
the gate refuses what may not go, and the customer may come back.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pydantic import Field
from temporalio import workflow

from workflows import vocabulary as v
from workflows.checklist import BEFORE_IMPORT, Clause
from workflows.contract import Clerk, Insight
from workflows.events import Event, OptOut, Order, PolicyChanged, Rhythms
from workflows.facts import WentBack
from workflows.follow_up import FollowUp
from workflows.rhythms import (
    ANNIVERSARY,
    LOYALTY,
    REGULAR,
    REVIEW,
    SAYS,
    as_of,
    earlier,
    key,
    next_touch,
    touched,
    years_after,
)
from workflows.steps import Ended
from workflows.vocabulary import Outcome, Relationship, Rhythm, Role

NAME = "keep-in-touch"
STEPS: dict[str, tuple[str, ...]] = {
    "5.6.2": (LOYALTY,),
    "5.6.3": (REVIEW,),
    "5.4": (REGULAR,),
    "6": (ANNIVERSARY,),
}
YEAR = timedelta(days=365)
EVENTS = 500  # a history longer than this costs more to replay than it tells
MEMORY = 200  # so many of the last events are known again


class Policy(v.Policy):
    grace: v.Span = timedelta(days=30)
    loyalty: bool = True  # 5.6.2
    loyalty_tenure: int = Field(1, ge=1, le=100)  # 5.6.2: after so many years,
    loyalty_every: int = Field(1, ge=1, le=100)  # and then every so many
    reviews: bool = True  # 5.6.3
    review_after: v.Span = timedelta(days=30)  # 5.6.3, after delivery; all are asked alike
    anniversaries: bool = True  # S1 6
    regular: bool = True  # S2 5.4; how often, its own policy says


@workflow.defn(name=NAME)
class KeepInTouch(FollowUp[Policy]):
    """One sleeper for all rhythms; each occurrence, once due, is a track of its own."""

    @workflow.init
    def __init__(self, start: Relationship[Policy]) -> None:
        super().__init__(start, known=start.seen)
        self.rhythms = {key(rhythm): rhythm for rhythm in start.rhythms}
        self.occurrences = dict(start.occurrences)
        self.lines = {f"{line.clause} {line.about}".strip(): line for line in start.lines}
        self.facts.holds |= dict.fromkeys(start.holds)
        self.facts.cases |= dict.fromkeys(start.cases)
        self.facts.skipped |= dict.fromkeys(start.skipped)
        self.handed |= start.handed
        self.shown = {"on_hold": bool(start.holds), "complaints": len(start.cases)}
        self.beating: dict[str, None] = {}
        self.news = 0  # counts what changes which rhythm comes next
        self.old = False
        self.count_years()

    @workflow.run
    async def run(self, start: Relationship[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        self._show()  # a run that continues another has no details yet
        self.catch_up()
        self.ageing = asyncio.create_task(self.grow_old())
        await self.take_policy()
        while True:
            self._look_up()
            if self.ripe() and self._is_quiet():
                workflow.continue_as_new(self.carried())
            await self.sleep()

    async def sleep(self) -> None:
        """Sleep until the next rhythm is due, or the plan changes, or it is time to renew."""
        news = self.news

        def stirred() -> bool:
            return self.news > news or (self.ripe() and self._is_quiet())

        coming = self.next()
        if coming is None:
            await self._wait(stirred)
            return
        due, rhythm = coming
        hurried = self.facts.hurried.get(rhythm.clause, 0)
        with self._under(self.occasion(rhythm, due)):
            if await self.until(due, unless=stirred):
                return
        await self.take_policy()
        if rhythm.name == REGULAR and self.facts.hurried.get(rhythm.clause, 0) == hurried:
            rhythm = await self.look_back(rhythm, due)
        then = self.due(rhythm)  # it may have moved
        overdue = rhythm.name == REGULAR and then is not None and then < due
        if self.facts.over(rhythm.clause) or then == due or overdue:
            self.beating[key(rhythm)] = None
            self._aside(self.beat(rhythm, due))

    async def beat(self, rhythm: Rhythm, due: datetime) -> None:
        here = self.occasion(rhythm, due)
        try:
            with self.clause(here.number, here.says, here.latest, due, about=here.about):
                await self.give(rhythm)
        except Ended:
            return
        self.occurrences[key(rhythm)] = self.occurrences.get(key(rhythm), 0) + 1
        self.facts.forget(rhythm.clause, self.policy.elsewhere)
        if rhythm.name == REGULAR:
            self.rhythms[key(rhythm)] = touched(rhythm, self.now(), "")
        del self.beating[key(rhythm)]
        self.news += 1

    async def look_back(self, rhythm: Rhythm, due: datetime) -> Rhythm:
        """Whoever was in touch since, that counts; and so does what the SOP's policy says now."""
        with self._under(self.occasion(rhythm, due)):
            policy = await self._at_once(Clerk.current_policy, rhythm.sop, "policy", "")
            step = v.Step(**self._step("touch"))
            at = await self._at_once(Insight.last_touch, step, "last touch", None)
        self.rhythms[key(rhythm)] = touched(rhythm, at, policy)
        return self.rhythms[key(rhythm)]

    async def give(self, rhythm: Rhythm) -> None:
        """A review is asked for once in a while, and not of what went back: the gate sees to it."""
        review = rhythm.name == REVIEW
        await self.send(
            rhythm.name,
            asks="review" if review else "",
            order_id=rhythm.order_id or None,
            sender=Role.SALES if rhythm.name == REGULAR else Role.COMMUNICATIONS,
            unless=WentBack(self.facts, rhythm.order_id) if review else None,
        )

    # -- which comes when ----------------------------------------------------------------

    def next(self) -> tuple[datetime, Rhythm] | None:
        idle = [r for k, r in self.rhythms.items() if k not in self.beating]
        coming = [(due, r) for r in idle if (due := self.due(r))]
        return min(coming, key=lambda beat: beat[0], default=None)

    def due(self, rhythm: Rhythm) -> datetime | None:
        """The next occurrence's moment; None if there is none to come, or not in this calendar."""
        if rhythm.clause in self.policy.elsewhere:
            return None
        try:
            return self.falls(rhythm, self.occurrences.get(key(rhythm), 0))
        except (OverflowError, ValueError):
            return None

    def falls(self, rhythm: Rhythm, before: int) -> datetime | None:
        sop = self.policy
        if rhythm.name == LOYALTY and sop.loyalty:
            return years_after(rhythm.since, sop.loyalty_tenure + before * sop.loyalty_every)
        if rhythm.name == REVIEW and sop.reviews and not before and not rhythm.waits:
            return rhythm.since + sop.review_after
        if rhythm.name == ANNIVERSARY and sop.anniversaries:
            return years_after(rhythm.since, before + 1)
        if rhythm.name == REGULAR and sop.regular:
            return next_touch(rhythm)
        return None

    def _moments(self) -> dict[str, tuple[datetime, bool]]:
        """Of every rhythm, as the first of them alone is slept for."""
        idle = [r for k, r in self.rhythms.items() if k not in self.beating]
        coming = [(self.occasion(r, due), due) for r in idle if (due := self.due(r))]
        return {o.name: (due, due + self.policy.grace <= self.now()) for o, due in coming}

    def occasion(self, rhythm: Rhythm, due: datetime) -> Clause:
        """The clause, and which occurrence: a year's offer, an order's review."""
        about = rhythm.order_id or str(self.occurrences.get(key(rhythm), 0) + 1)
        return Clause(rhythm.clause, SAYS[rhythm.name], due + self.policy.grace, due, about)

    async def take_policy(self) -> None:
        """As it stands now; the one before, if it cannot be had."""
        said = await self._at_once(Clerk.current_policy, NAME, "policy", "")
        if said:
            try:
                self.policy = Policy.model_validate_json(said)
            except ValueError:
                workflow.logger.warning("the policy cannot be read; the one before stays")

    # -- whenever it happens ---------------------------------------------------------------

    async def on_opt_out(self, opt_out: OptOut) -> None: ...

    async def on_policy(self, changed: PolicyChanged) -> None:
        await super().on_policy(changed)
        self.news += 1

    async def on_event(self, name: str, event: Event) -> None:
        before = dict(self.rhythms)
        match event:
            case Rhythms(rhythms=more):
                known = {key(rhythm): rhythm for rhythm in more if rhythm.name in SAYS}
                self.rhythms = known | self.rhythms | earlier(known, self.rhythms)
                self.count_years()
                self.catch_up()
            case Order(order_id=order) if order:
                for rhythm in [r for r in self.rhythms.values() if r.order_id == order]:
                    self.on_order(name, event, rhythm)
        self.news += self.rhythms != before

    def on_order(self, name: str, order: Order, rhythm: Rhythm) -> None:
        """A rhythm of that order counts from its delivery, and ends with its return."""
        if name in ("order_delivered", "order_picked_up") and order.at and order.complete:
            came = {"since": order.at, "waits": False}
            self.rhythms[key(rhythm)] = rhythm.model_copy(update=came)
        elif WentBack(self.facts, rhythm.order_id)() and key(rhythm) not in self.beating:
            del self.rhythms[key(rhythm)]
            with self._under(self.occasion(rhythm, self.now())):
                self.pass_over("returned")

    def count_years(self) -> None:
        """Anniversaries that were over before we were asked are nobody's to mark."""
        rhythm = self.rhythms.get(ANNIVERSARY)
        while rhythm and self.is_over(rhythm):
            self.occurrences[ANNIVERSARY] = self.occurrences.get(ANNIVERSARY, 0) + 1

    def catch_up(self) -> None:
        """What came round before an import is past: marked so, and never given."""
        for name, rhythm in self.rhythms.items():
            imported = rhythm.imported_at
            if imported and rhythm.name == REGULAR:
                self.rhythms[name] = as_of(rhythm, imported)
                continue
            while imported and name not in self.beating and (due := self.due(rhythm)):
                if due >= imported:
                    break
                with self._under(self.occasion(rhythm, due)):
                    self.pass_over(BEFORE_IMPORT)
                self.occurrences[name] = self.occurrences.get(name, 0) + 1

    def is_over(self, rhythm: Rhythm) -> bool:
        due = None if key(rhythm) in self.beating else self.due(rhythm)
        return due is not None and due + self.policy.grace < self.now()

    # -- a new run ---------------------------------------------------------------------------

    def ripe(self) -> bool:
        info = workflow.info()
        long = info.get_current_history_length() > EVENTS or info.is_continue_as_new_suggested()
        return long or self.old

    async def grow_old(self) -> None:
        await workflow.sleep(self.pace.real(YEAR), summary="a new run")
        self.old = True

    def carried(self) -> Relationship[Policy]:
        return Relationship[Policy](
            customer_id=self.customer_id,
            policy=self.policy,
            policy_version=self.version,
            pace=self.pace,
            kinds=self.kinds,
            rhythms=tuple(self.rhythms.values()),
            occurrences=self.occurrences,
            seen=tuple(self.facts.known)[-MEMORY:],
            lines=tuple(self.lines.values()),
            holds=tuple(self.facts.holds),
            cases=tuple(self.facts.cases),
            skipped=tuple(self.facts.skipped),
            handed=self.handed,
        )
