"""How a customer is reached: by a message, or through a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Generic

from workflows.bounces import FIND_A_WAY, Bounces
from workflows.checklist import HERE, Clause
from workflows.contract import Messaging, Records
from workflows.events import PolicyChanged, TaskDone
from workflows.facts import Answered, Condition, Facts, never, why
from workflows.steps import DAILY
from workflows.vocabulary import (
    PAST,
    Contact,
    Covered,
    Enrolment,
    Handed,
    Kind,
    Message,
    Milestone,
    Mode,
    PolicyT,
    Refused,
    Relationship,
    Role,
    Sent,
    Settled,
    State,
    Task,
    Withdrawal,
)

# Why not even what they must have can go.
NOWHERE = ("no_address", "suppressed", "stopped", "undeliverable")
VIP, IMPERSONAL = Refused(reason="vip"), Refused(reason="impersonal")


class Contacts(Bounces, Generic[PolicyT]):
    """Sending, asking and telling: each once under its key, each under the clause it is for."""

    def __init__(
        self,
        start: Enrolment[PolicyT] | Relationship[PolicyT],
        order_id: str = "",
        known: Iterable[str] = (),
    ) -> None:
        facts = Facts(start.policy.elsewhere, known)
        super().__init__(start.customer_id, start.pace, facts, early=start.early)
        imported = start if isinstance(start, Enrolment) and start.imported_at else None
        self.imported_at = imported.imported_at if imported else None
        self.began = imported.purchased_at if imported else None  # where it looks back from
        self.policy = start.policy
        self.moved = 0  # how often the policy was changed under way,
        self.version = start.policy_version  # and to which of its versions
        # What is slept for, by its line, and how its moment is found.
        self.plans: dict[str, tuple[Clause, Callable[[], Milestone]]] = {}
        self.kinds = start.kinds
        self._order_id = order_id

    async def on_policy(self, changed: PolicyChanged) -> None:
        """From now on, the policy as it stands now: what is slept for moves with it, what is done
        stays done."""
        if changed.version < self.version:
            return
        try:
            policy = type(self.policy).model_validate(changed.policy)
        except ValueError:
            await self._puzzle("read the policy that was sent to it")
            return
        self.facts.leave_to_others(policy.elsewhere)
        self.policy, self.version = policy, changed.version
        self.moved += 1

    def replied(self, to: Contact) -> Answered:
        return Answered(self.facts, to)

    def soon(self) -> datetime:
        """The latest useful moment of a step that nothing follows."""
        return self.moment() + self.policy.grace

    @property
    def order_id(self) -> str:
        """The purchase this is about; after a sign-up, the first that was heard of."""
        return self._order_id or next(iter(self.facts.orders), "")

    async def send(
        self,
        step: str,
        *,
        template: str = "",
        unless: Condition | None = None,
        reminds: Contact | None = None,
        asks: str = "",
        sender: Role = Role.COMMUNICATIONS,
        draft_id: str = "",
        order_id: str | None = None,
        unreachable: Role | None = None,
        variant: str = "",
        **more: Any,
    ) -> Contact | None:
        """Send it once, as soon as the gate lets it; what went, or None if nothing did.

        With `unreachable` named, that role is to find a way if there is no address that takes it.
        The template's text may be another `variant` than what the clause is about.
        What else a message may carry (`promise`, `since`, `case_id`…) its noun says.
        """
        about, template = HERE.get().about, template or step  # the template may be renamed
        answered = self.replied(reminds) if reminds else None
        message = Message(
            **self._step(step, about),
            variant=variant,
            template=template,
            kind=self._kind(template),
            sender=sender,
            draft_id=draft_id,
            order_id=self.order_id if order_id is None else order_id,
            asks=asks,
            reminds=reminds.key if reminds else "",
            **more,
        )
        self._post(message, unreachable)
        settled = await self._settle(Messaging.send, message, step, answered or unless or never)
        if settled in (VIP, IMPERSONAL):
            settled = await self._in_person(message, answered or unless or never)
        if isinstance(settled, Refused) and settled.reason in NOWHERE:
            await self._seek(unreachable)
        if isinstance(settled, Sent) and answered:
            self.reminders.append((HERE.get().number, settled, answered))
            if answered.before(settled.at):
                await self._note(HERE.get().number, "the reply had come first")
        return settled if isinstance(settled, Sent | Covered) else None

    async def _in_person(self, message: Message, unless: Condition) -> Settled:
        """What no machine should write, a person does; what they wrote goes, under the same key."""
        what = "write to this customer in person"
        task = await self._hand_over(
            message.sender, what, template=message.template, due_by=message.promise
        )
        if not isinstance(task, Handed):
            return task
        done = await self._done_by(task, HERE.get().latest or self.soon(), unless)
        if done.draft_id:
            message = message.model_copy(update={"draft_id": done.draft_id})
            return await self._settle(Messaging.send, message, message.template, unless)
        off = self.facts.over(HERE.get().number) or (why(unless) if unless() else "")
        if done.declined or done.released:
            self.pass_over(done.released or "declined")
        elif task.task_id in self.facts.tasks:
            self._record(State.DONE)
        elif off:
            await self._put_away(message.template, off)
            self.pass_over(off)
        else:
            self.handed[task.task_id] = HERE.get().name  # it stays on somebody's list
        return task

    async def ask(
        self,
        role: Role,
        what: str,
        within: timedelta,
        *,
        template: str,
        mode: Mode = Mode.EACH,
        cap: int | None = None,
        asks: str = "",
        unless: Condition | None = None,
        since: datetime | None = None,
        **more: Any,
    ) -> Contact | None:
        """Have a person write it; if nobody came in time, or could, it goes as it stands."""
        what_goes: dict[str, Any] = {"sender": role, "asks": asks, "since": since, "unless": unless}
        what_goes |= {name: more[name] for name in ("case_id", "promise") if name in more}
        if mode is Mode.AUTO:
            return await self.send(template, **what_goes)
        task = await self._hand_over(
            role,
            what,
            unless or never,
            within=within,
            template=template,
            mode=mode,
            cap=cap,
            asks=asks,
            since=since,
            **more,
        )
        done = TaskDone()
        match task:
            case Covered():
                return task
            case Refused(reason=reason) if reason != "capacity":
                return None
            case Handed():
                if not more.get("promise"):  # else it is late after that, whenever they came
                    HERE.set(replace(HERE.get(), by=task.due))  # their time is the clause's, too
                done = await self._done_by(task, task.due, unless or never)
        if done.declined:
            self.pass_over("declined")
            return None
        sent = await self.send(template, draft_id=done.draft_id, **what_goes)
        line = self.lines[HERE.get().name]
        undone = isinstance(task, Handed) and task.task_id not in self.facts.tasks
        if undone and line.state in PAST:
            await self._put_away(template, line.reason or "went_by_itself")
        return sent

    async def tell(
        self,
        role: Role,
        what: str,
        *,
        within: timedelta = DAILY,
        template: str = "",
        copy_to: Role | None = None,
        unless: Condition = never,
        **more: Any,
    ) -> Handed | None:
        """Give a role a task; when it is due is said by those who know its working hours."""
        task = await self._hand_over(
            role, what, unless, within=within, template=template, copy_to=copy_to, **more
        )
        if not isinstance(task, Handed):
            return None
        self.handed[task.task_id] = HERE.get().name
        return task

    async def _find_a_way(self, role: Role) -> None:
        await self.tell(role, FIND_A_WAY)

    def _count_anew(self, key: str) -> None:
        if any(plan().counted_from == key for _, plan in self.plans.values()):
            self.moved += 1

    async def _hand_over(
        self, role: Role, what: str, unless: Condition = never, *, template: str = "", **more: Any
    ) -> Settled:
        task = Task(
            **self._step(*self._task(template)),
            role=role,
            what=what,
            template=template,
            kind=self._kind(template),
            order_id=self.order_id,
            **more,
        )
        return await self._settle(Records.hand_over, task, f"{role}: {what}", unless)

    async def _put_away(self, template: str, reason: str) -> None:
        """Take a task back that nobody needs to do any more."""
        withdrawal = Withdrawal(**self._step(*self._task(template)), reason=reason)
        await self._do(Records.withdraw, withdrawal, f"task back: {reason}")

    def _task(self, template: str) -> tuple[str, ...]:
        return "task", HERE.get().number, template, HERE.get().about

    def _kind(self, template: str) -> Kind:
        return self.kinds.get(template, Kind.RELATIONSHIP)

    async def _done_by(
        self, task: Handed, moment: datetime | None, unless: Condition = never
    ) -> TaskDone:
        """Wait for a person, at most until the moment, or until somebody says now.

        With no moment named nothing goes without them, and nobody is hurried into it.
        """
        number = HERE.get().number
        hurried = self.facts.hurried.get(number, 0)

        def enough() -> bool:
            hurry = moment is not None and self.facts.hurried.get(number, 0) > hurried
            return task.task_id in self.facts.tasks or hurry or unless()

        self.asked[task.task_id] = None
        if moment is not None:
            self.awaited[number] = None
        self._expect(moment or task.due)
        await self._wait(enough, moment, what="a person's turn")
        self.asked.pop(task.task_id, None)
        self.awaited.pop(number, None)
        self._look_up()
        return self.facts.tasks.get(task.task_id, TaskDone())
