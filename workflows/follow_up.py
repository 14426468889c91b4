"""The building blocks that every SOP is written with."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from temporalio import workflow

from workflows.checklist import HERE, OPEN, Clause, Moment
from workflows.contacts import Contacts
from workflows.contract import Clerk, Insight, Records
from workflows.facts import Condition, WentBack, either, never, why
from workflows.steps import Ended, T, Verb
from workflows.vocabulary import (
    PAST,
    BusinessDays,
    Contact,
    Ending,
    Engagement,
    KeepInTouching,
    Measure,
    Milestone,
    Opening,
    Outcome,
    PolicyT,
    Potential,
    Preset,
    Rhythm,
    Shift,
    State,
    Step,
    Window,
)


class FollowUp(Contacts[PolicyT]):
    """A customer's way through one SOP: a timeline, and standing orders for all that happens."""

    steps: ClassVar[dict[str, tuple[str, ...]]] = {}  # the templates each clause may send
    standing: ClassVar[tuple[str, ...]] = ()  # the clauses that only come when called for
    counted: Opening | None = None  # from which working day to which, where it counts them

    async def procedure(self) -> None:
        raise NotImplementedError

    async def follow(self) -> Outcome:
        self._answer_early()
        self.set_out_from(self.began)
        with suppress(Ended):
            await self.procedure()
        await self._quiet()
        outcome = self.facts.ended or Outcome.COMPLETED
        ending = Ending(**self._step("close"), outcome=outcome)
        await self._put_down(Records.close, ending, f"close: {outcome}")
        # What is heard during that is answered too; and after this nothing awaits any more.
        await self._quiet()
        self._strike_out(outcome, owed=not self.facts.ended)
        return outcome

    def left(self) -> Iterable[str]:
        """What may still be sent: by the clauses to come, and by the standing orders at work."""
        for clause, templates in self.steps.items():
            states = {line.state for line in self.lines.values() if line.clause == clause}
            to_come = clause not in self.standing and states.isdisjoint(PAST)
            if to_come or not states.isdisjoint(OPEN):
                yield from templates

    # -- the timeline ----------------------------------------------------------------

    async def until(self, moment: Moment, unless: Condition = never) -> bool:
        """Sleep durably until the moment; True if `unless` came first. The rest the gate knows.

        A moment that the policy has a say in is given as a function: it may change meanwhile.
        """
        return await self._sleep(lambda: self._milestone(_said(moment)), unless)

    async def between(
        self,
        window: Callable[[], Window],
        after: Contact | None,
        otherwise: Moment,
        unless: Condition = never,
    ) -> bool:
        """Sleep until the best moment of the window after that message; True if `unless` came.

        Should it not have gone, or have bounced since, the window counts from `otherwise`.
        """

        def plan() -> Milestone:
            start = after.at if after else _said(otherwise)
            counted = {
                "before": start + window().before,
                "otherwise": _said(otherwise) + window().after,
                "counted_from": after.key if after else "",
            }
            return self._milestone(start + window().after).model_copy(update=counted)

        return await self._sleep(plan, unless)

    async def reply_within(self, patience: Callable[[], timedelta], to: Contact) -> bool:
        """Whether this message is answered in time, counted from when it went."""
        return await self.until(lambda: to.at + patience(), unless=self.replied(to))

    def _milestone(self, due: datetime) -> Milestone:
        return Milestone(**self._step("plan") | {"due": due})

    async def _sleep(self, plan: Callable[[], Milestone], unless: Condition) -> bool:
        """Sleep until the moment that was planned, or until a person says now; should the policy
        be changed meanwhile, until the moment it has then."""
        here = HERE.get()
        hurried = self.facts.hurried.get(here.number, 0)

        def enough() -> bool:
            return unless() or self.facts.hurried.get(here.number, 0) > hurried

        self.plans[here.name] = here, plan
        while True:
            moved = self.moved
            await self._sleep_as_planned(here, plan(), either(enough, self._moved_since(moved)))
            if self.moved == moved or enough() or self.facts.over(here.number):
                break
        del self.plans[here.name]
        self._look_up()
        return unless()

    async def _sleep_as_planned(
        self, here: Clause, milestone: Milestone, enough: Condition
    ) -> None:
        """Have the moment planned and recorded, then sleep until it."""
        moment = due = milestone.due or self.now()
        if self.now() < due and not enough() and not self.facts.over(here.number):
            planned = await self._at_once(Clerk.plan, milestone, "plan", due)
            moment = max(planned, min(due, milestone.otherwise or due))
            moment = min(moment, milestone.before or due)
            if here.latest and moment >= here.latest:
                moment = due  # better early than never
            self.awaited[here.number] = None
            self._write(State.NEXT, due=moment)
            self._expect(moment)
        HERE.set(replace(here, by=milestone.before or moment))
        self.come_to(milestone.before or moment)
        await self._wait(enough, until=moment)
        self.awaited.pop(here.number, None)

    def _moved_since(self, moved: int) -> Condition:
        return lambda: self.moved > moved

    @workflow.query(description="What another policy would do to what is slept for; nothing moves.")
    def shifts(self, policy: dict[str, Any], counted: Opening | None = None) -> list[Shift]:
        """Each clause that is slept for, with its moment now and the one it would have; where it
        counts working days, whoever knows the holidays has counted them."""
        mine, now = (self.policy, self.counted), self._moments()
        try:
            self.policy, self.counted = type(self.policy).model_validate(policy), counted or mine[1]
            then, ours = self._moments(), self.policy.elsewhere
        finally:
            self.policy, self.counted = mine
        shifts = []
        for name, (moment, _) in now.items():
            clause, _, about = name.partition(" ")
            moves = None if clause in ours else then.get(name)
            left = moves is None or moves[1]  # too late for it altogether
            to = None if left else moves and moves[0]
            shifts.append(Shift(clause=clause, about=about, now=moment, then=to))
        return shifts

    def _moments(self) -> dict[str, tuple[datetime, bool]]:
        """When each is due that is slept for, and whether that would be too late to be of use."""
        moments = {}
        for name, (here, plan) in self.plans.items():
            latest = here.latest
            stale = latest is not None and latest <= self.now()
            moments[name] = plan().due or self.now(), stale
        return moments

    def await_event(self, name: str) -> None:
        """Show that the clause waits for something outside, which a standing order will answer."""
        self._record(State.WAITING, name)

    async def hears(self, what: str, fact: Condition, until: datetime) -> bool:
        """Wait for something from outside, at most until the moment; whether it came."""
        number = HERE.get().number
        hurried = self.facts.hurried.get(number, 0)

        def enough() -> bool:
            return fact() or self.facts.hurried.get(number, 0) > hurried

        if not enough() and self.now() < until:
            self.await_event(what)
            self.awaited[number] = None
            await self._wait(enough, until, what=what)
            self.awaited.pop(number, None)
            self._look_up()
        return fact()

    def count_from_here(self, due: Moment, latest: Moment | None = None) -> None:
        """Now it is known by when the clause ought to be done, and until when that is of use."""
        here = HERE.get()
        HERE.set(replace(here, by=due, of_use=latest or here.of_use))

    async def business_days(self, since: datetime, after: int, before: int) -> Opening:
        """From the office's opening on one of its working days to its closing on another; only who
        knows the holidays can tell."""
        days = BusinessDays(**self._step("days"), since=since, after=after, before=before)
        return await self.must_learn(Clerk.business_days, days, "business days")

    async def must_learn(self, verb: Verb[T], step: Step, gist: str) -> T:
        """Ask until there is an answer, as nothing goes on without it; what no retry cures waits
        for an engineer."""
        while True:
            found = await self._learn(verb, step, gist, None)
            self._look_up()
            if found is None:
                found = await self._do(verb, step, gist, lambda: bool(self.facts.ended))
                self._look_up()
            if found is not None:
                return found

    def meanwhile(self, track: Coroutine[Any, Any, None]) -> None:
        """Let it run beside the timeline, which does not wait for it."""
        self._aside(self._until_ended(track))

    async def _until_ended(self, track: Coroutine[Any, Any, None]) -> None:
        with suppress(Ended):
            await track

    # -- what is known ---------------------------------------------------------------

    async def engagement(self, preset: Preset) -> Engagement:
        """How engaged they are; what was reported from outside, and not belied since, counts."""
        if self.is_past():
            return Engagement.UNKNOWN
        if self.facts.reported_quiet():
            return Engagement.LOW
        measure, latest = Measure(**self._step("engagement"), preset=preset), HERE.get().latest
        found = await self._learn(Insight.engagement, measure, "engagement", latest)
        return found or Engagement.UNKNOWN

    @property
    def returned(self) -> WentBack:
        return WentBack(self.facts, self.order_id)

    async def potential(self, unless: Condition = never) -> Potential:
        """Whether more would serve them, and what; on record with the reasons."""
        if unless() or self.is_past():
            self.pass_over(why(unless))
            return Potential()
        step = Step(**self._step("potential"))
        found = await self._learn(Insight.potential, step, "potential", self.soon())
        if found is None:
            self.pass_over("no_engagement_data")
            return Potential()
        self._record(State.DONE, ", ".join(found.reasons))
        return found

    async def keep_in_touch(self, *rhythms: Rhythm) -> None:
        """Ask for the years after: a workflow of its own, whichever SOP leads there."""
        me = workflow.info().workflow_id
        if self.imported_at is not None:
            known_since = {"imported_at": self.imported_at}
            rhythms = tuple(rhythm.model_copy(update=known_since) for rhythm in rhythms)
        who = KeepInTouching(customer_id=self.customer_id, follow_up=me, rhythms=rhythms)
        await self._do(Records.keep_in_touch, who, "keep in touch")
        self._record(State.DONE)


def _said(moment: Moment) -> datetime:
    return moment() if callable(moment) else moment
