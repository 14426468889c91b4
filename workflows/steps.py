"""How one step is settled with the world: once, in its time, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState

from workflows import vocabulary as v
from workflows.checklist import BEFORE_IMPORT, HERE, Checklist, Clause, Moment
from workflows.contract import ATTEMPT, BULK, RETRY, SENDING, Clerk, Records
from workflows.facts import Condition, either, never, why
from workflows.vocabulary import Kind, State

T = TypeVar("T")
Verb = Callable[[Any, Any], Awaitable[T]]

DAILY = timedelta(days=1)  # a held step asks again, should its release never be heard
PAUSE = timedelta(minutes=1)  # a deferred one never at once, whatever moment the gate names

# Where many wait for a slot, what a customer is waiting for goes first.
PRIORITY = {Kind.TRANSACTIONAL: 1, Kind.RELATIONSHIP: 3, Kind.MARKETING: 5}
MOMENT = timedelta(seconds=1)  # for an attempt under way, before it is told that nobody wants it
NOBODY = object()  # answered
PUT_DOWN = "put-down-at-once"  # a patch: notes and ends were activities of their own
IN_TURN = "told-in-turn"  # a patch: all that became of a line was told at once


class Ended(Exception):  # noqa: N818 - no error
    """The follow-up was ended, or the customer left; raised where the timeline next looks up."""


class Steps(Checklist):
    """What every track of a follow-up does its steps with."""

    @contextmanager
    def clause(
        self,
        number: str,
        says: str,
        latest: Moment | None = None,
        due: Moment | None = None,
        *,
        about: str = "",
    ) -> Iterator[None]:
        """Whatever is done inside is done under this clause: in CRM, console and Temporal UI."""
        self._look_up()
        with self._under(Clause(number, says, latest, due, about)):
            self._write(State.NEXT)
            yield
            self.come_to(HERE.get().due or self.moment())
            if self.lines[HERE.get().name].state is State.NEXT:
                self.pass_over(self.facts.over(number) or "not_called_for")

    def _look_up(self) -> None:
        if self.facts.ended:
            raise Ended

    async def _wait(
        self, fact: Condition, until: datetime | None = None, *, what: str = ""
    ) -> None:
        """Wait for the fact, at most until the moment; a person's skip or end cuts it short."""
        here = HERE.get()

        def enough() -> bool:
            return fact() or bool(self.facts.over(here.number))

        while not enough():
            left = until - self.now() if until else None
            if until is not None and left is not None and left <= timedelta():
                self.come_to(until)
                return
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    enough,
                    timeout=None if left is None else self.pace.real(left),
                    timeout_summary=f"{here.name} {what or here.says}".strip(),
                )
            self.come_to(self.now())

    async def _settle(
        self, verb: Verb[v.Answer], step: v.Step, gist: str, unless: Condition = never
    ) -> v.Settled:
        """Ask the gate until the step is settled or no longer worth doing: then withdraw it."""
        here, first = HERE.get(), True
        if self.is_past():
            self.pass_over(BEFORE_IMPORT)
            return v.Refused(reason=BEFORE_IMPORT)

        def moot() -> str:
            answered = why(unless) if unless() else ""
            stale = "stale" if here.latest and self.now() >= here.latest else ""
            return self.facts.over(here.number) or answered or stale

        def unwanted() -> bool:
            return bool(moot())

        while not unwanted():
            releases = dict(self.facts.releases)  # one heard while the gate is asked counts
            match await self._do(verb, step, gist, unwanted, here.latest, eager=first):
                case v.Held(holds=holds):
                    self._write(State.HELD, ", ".join(holds))
                    released = partial(self.facts.released, holds, releases)
                    again = sooner(self.now() + DAILY, here)
                    await self._wait(either(unwanted, released), again, what=f"{gist}: on hold")
                case v.Deferred(until=moment):
                    self._write(State.NEXT, due=moment)
                    self._expect(moment)
                    slot = sooner(max(moment, self.now() + PAUSE), here)
                    await self._wait(unwanted, slot, what=f"{gist}: put off")
                case None:
                    pass  # a fact came first: look again
                case settled:
                    return self._tick(settled)
            first = False
        return self._tick(await self._withdraw(step.key, moot()))

    async def _withdraw(self, key: str, reason: str) -> v.Settled:
        """Only the ledger decides that a step did not go."""
        withdrawal = v.Withdrawal(**self._step() | {"key": key}, reason=reason)
        became = await self._do(Records.withdraw, withdrawal, f"withdraw: {reason}")
        return became or v.Refused(reason=reason)

    async def _do(
        self,
        verb: Verb[T],
        noun: Any,
        gist: str = "",
        unwanted: Condition = never,
        latest: datetime | None = None,
        *,
        eager: bool = True,
    ) -> T | None:
        """Have it done, however long that takes; None when nobody wants it any more."""
        while not unwanted():
            try:
                return await self._try(verb, noun, gist, unwanted, latest, eager=eager)
            except ActivityError as fault:
                if unwanted():
                    return None
                if fault.retry_state is RetryState.TIMEOUT:
                    # No further attempt fits in.
                    await self._wait(unwanted, latest, what=f"{gist}: in vain")
                elif fault.retry_state is RetryState.MAXIMUM_ATTEMPTS_REACHED:
                    eager = False  # in histories of before, where the first asking was one attempt
                elif not await self._mended(fault, gist, unwanted, latest):
                    return None
        return None

    async def _try(
        self,
        verb: Verb[T],
        noun: Any,
        gist: str,
        unwanted: Condition = never,
        latest: datetime | None = None,
        *,
        eager: bool = True,
    ) -> T | None:
        handle = workflow.start_activity_method(
            verb,
            noun,
            start_to_close_timeout=ATTEMPT,
            schedule_to_close_timeout=self.pace.real(latest - self.now()) if latest else None,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"{HERE.get().name} {gist}".strip(),
            **lane(noun, eager=eager),
        )
        await workflow.wait_condition(lambda: handle.done() or unwanted())
        if not handle.done():
            with suppress(asyncio.TimeoutError):  # most attempts under way are over in a moment
                await workflow.wait_condition(
                    handle.done, timeout=MOMENT, timeout_summary="an answer"
                )
        if not handle.done():
            handle.cancel()  # ends the retries; an attempt still under way is awaited even so
        try:
            answer: T = await handle
        except ActivityError as fault:
            if isinstance(fault.cause, CancelledError):
                return None
            raise
        return answer

    async def _mended(
        self, fault: ActivityError, gist: str, unwanted: Condition, latest: datetime | None
    ) -> bool:
        """What no retry cures waits, visibly, for an engineer; True if it is to be tried again."""
        here, cause = HERE.get(), fault.cause
        retries = self.facts.retries.get(here.number, 0)
        code = cause.type if isinstance(cause, ApplicationError) and cause.type else "fault"

        def again() -> bool:
            return self.facts.retries.get(here.number, 0) > retries

        def decided() -> bool:
            return again() or bool(self.facts.over(here.number)) or unwanted()

        self._record(State.BLOCKED, code)
        key = self._step("mend", here.number, here.about, gist, str(retries))
        task = v.Task(**key, role=v.Role.ENGINEER, what=f"mend {code}")
        with suppress(ActivityError):  # should the alarm fail too, the checklist still says it
            await self._try(Records.hand_over, task, task.what, decided, latest)
        await self._wait(decided, latest, what=f"{gist}: to be mended")
        self._write(State.NEXT)
        return again()

    async def _learn(
        self, verb: Verb[T], noun: v.Step, gist: str, latest: datetime | None
    ) -> T | None:
        """Ask at once; should nobody answer, again and again for as long as it is worth it."""
        here = HERE.get()

        def moot() -> bool:
            return bool(self.facts.over(here.number)) or bool(latest and self.now() >= latest)

        answer = await self._at_once(verb, noun, gist, None)
        if answer is None and not moot():
            with suppress(ActivityError):
                answer = await self._try(verb, noun, gist, moot, latest)
        return answer

    async def _tell_clerk(self, mark: v.Mark) -> None:
        """What became of a line is told in turn: of two words at once either may be heard last."""
        turn = self.turns.setdefault(HERE.get().name, asyncio.Lock())
        if turn.locked() and not workflow.patched(IN_TURN):
            await self._tell(mark)
            return
        async with turn:
            await self._tell(mark)

    async def _tell(self, mark: v.Mark) -> None:
        """What became of a clause is told until it is heard, unless more has become of it since."""
        name, gist = HERE.get().name, f"{mark.state} {mark.reason}".strip()

        def outdated() -> bool:
            return self.lines[name].state is not mark.state

        if await self._at_once(Clerk.mark, mark, gist, NOBODY) is NOBODY and not outdated():
            with suppress(ActivityError):
                await self._try(Clerk.mark, mark, gist, outdated)

    async def _note(self, clause: str, text: str) -> None:
        note = v.Note(**self._step("note", clause, text) | {"clause": clause}, text=text)
        await self._put_down(Records.note, note, text)

    async def _put_down(self, verb: Verb[None], noun: Any, gist: str) -> None:
        """Have it written within this workflow task, or else however long that takes."""
        at_once = workflow.patched(PUT_DOWN)
        if not at_once or await self._at_once(verb, noun, gist, NOBODY) is NOBODY:
            await self._do(verb, noun, gist)

    def _aside(self, track: Coroutine[Any, Any, None]) -> None:
        """Let it run beside the timeline; the end waits for it."""
        task = asyncio.create_task(track)
        self.tracks[task] = None
        task.add_done_callback(lambda done: self.tracks.pop(done, None))

    def _is_quiet(self) -> bool:
        """Whether nothing that was heard, and nothing begun, is left unfinished."""
        return workflow.all_handlers_finished() and not self.tracks

    async def _quiet(self) -> None:
        await workflow.wait_condition(self._is_quiet)


def lane(noun: Any, *, eager: bool) -> dict[str, Any]:
    """On which queue a step is done, and what goes before it.

    A timeline's first asking stays on the workflow's own queue: there the worker that asks also
    answers, at once, which spares a trip through the server (6 state transitions a milestone, 7
    on any other queue). There it is tried again, too, however long its provider is away: to ask
    anew would cost each history six events, and what goes first its priority says. What comes
    again after a hold, or at the opening hour, comes in crowds: relationship and marketing then
    stand in the bulk queue, where they keep nobody waiting for a welcome.
    """
    is_message = isinstance(noun, v.Message)
    kind = noun.kind if is_message else Kind.TRANSACTIONAL
    retry = SENDING if is_message else RETRY
    options = {"retry_policy": retry, "priority": Priority(priority_key=PRIORITY[kind])}
    return options if eager or kind is Kind.TRANSACTIONAL else {**options, "task_queue": BULK}


def sooner(moment: datetime, here: Clause) -> datetime:
    return min(moment, here.latest) if here.latest else moment
