"""What the SOPs of a contract have people do: tasks that are awaited, however long they take, and
taken back as soon as what they are for is known from elsewhere. What a system of the house's can do
by itself, it does; people do the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from workflows import vocabulary as v
from workflows.checklist import BEFORE_IMPORT, HERE, Moment
from workflows.contract import Records
from workflows.events import TaskDone
from workflows.facts import Because, Condition, never, why
from workflows.listening import Listening
from workflows.steps import DAILY
from workflows.vocabulary import Enrolment, Form, Handed, Role, SetUp, State, Task, Withdrawal


class Policy(v.Policy):
    systems: tuple[v.Code, ...] = ("billing", "crm", "support")
    system_time: v.Span = timedelta(hours=1)  # ours: how long one is tried; then a person does it
    set_up_time: v.Span = timedelta(days=1)  # ours: a working day


ContractT = TypeVar("ContractT", bound=Policy)


class Errands(Listening[ContractT]):
    """Whose steps are mostly for people."""

    documents: ClassVar[tuple[str, ...]] = ()  # what is read for the tasks, by the house's names

    def __init__(self, enrolment: Enrolment[ContractT]) -> None:
        super().__init__(enrolment)
        self.contract_id = enrolment.contract_id
        self.given: dict[str, str] = {}  # the latest task, by the checklist's line
        self.accounts: dict[str, None] = {}  # the systems that have the customer
        self.rounds: dict[str, int] = {}  # how often something had to be begun

    @property
    def order_id(self) -> str:
        """It is about no purchase, whatever else they buy."""
        return ""

    def is_of_mine(self, contract_id: str) -> bool:
        """Word that names no contract is of this one."""
        return contract_id in ("", self.contract_id)

    async def have_done(
        self,
        role: Role,
        what: str,
        known: Condition = never,
        *,
        by: Moment | None = None,
        template: str = "",
        **more: Any,
    ) -> TaskDone | None:
        """What whoever did it said; None if nobody has, and nobody needs to any more.

        The clause is late when its task is, unless it was promised `by` another moment.
        """
        name = HERE.get().name
        if self.is_past():
            return TaskDone(declined=True)
        step = self._step(*self._task(self._nth(name).removeprefix(name)))
        task = Task(
            **step,
            role=role,
            what=what,
            template=template,
            kind=self._kind(template),
            contract_id=self.contract_id,
            documents=self.documents,
            **more,
        )
        settled = await self._settle(Records.hand_over, task, f"{role}: {what}", known)
        if not isinstance(settled, Handed):  # nobody has room for it: somebody may tomorrow
            await self._wait(known, self.now() + DAILY)
            return None
        self.given[name] = settled.task_id
        HERE.set(replace(HERE.get(), by=by or settled.due))
        done = await self._done_by(settled, None, unless=known)
        if settled.task_id in self.facts.tasks:
            return done
        reason = self.facts.over(HERE.get().number) or why(known)
        withdrawal = Withdrawal(**self._step() | {"key": task.key}, reason=reason)
        await self._do(Records.withdraw, withdrawal, f"task back: {reason}")
        return None

    def _nth(self, name: str) -> str:
        """The second time something has to be begun, it needs a name of its own."""
        self.rounds[name] = self.rounds.get(name, 0) + 1
        return name if self.rounds[name] == 1 else f"{name}-{self.rounds[name]}"

    # -- where the customer is set up --------------------------------------------------------

    async def set_up_in(self, number: str, systems: tuple[str, ...]) -> None:
        """Each by itself, if it takes calls; a person does the rest, all in one task."""
        if self.is_past():
            self.pass_over(BEFORE_IMPORT)
            return
        for system in systems:
            await self._establish(number, system)
        all_set_up = Because(lambda: self.accounts.keys() >= set(systems), "set_up")
        declined = False
        while not (self.facts.over(number) or all_set_up() or declined):
            left = tuple(system for system in systems if system not in self.accounts)
            time = self.policy.set_up_time
            what, role = "set this customer up", Role.ACCOUNT_MANAGER
            done = await self.have_done(
                role, what, all_set_up, form=Form.SET_UP, within=time, checks=left
            )
            declined = bool(done and done.declined)
            for system in left if done and not declined else ():
                self.is_set_up(number, system)
        off = self.facts.over(number) or ("" if all_set_up() else "declined")
        for system in systems:
            if off and system not in self.accounts:
                state = State.ELSEWHERE if off == "elsewhere" else State.SKIPPED
                self._record_for(self.lines[f"{number} {system}"], state, off)
        if off:
            self.pass_over(off)
        else:
            self._record(State.DONE)

    async def _establish(self, number: str, system: str) -> None:
        with self.clause(number, f"Their account: {system}", about=system):
            latest = self.now() + self.policy.system_time

            def unwanted() -> bool:
                known = system in self.accounts or self.now() >= latest
                return known or bool(self.facts.over(number))

            asked = {"system": system, "contract_id": self.contract_id}
            step = SetUp(**self._step("set-up", system) | asked)
            found = await self._do(Records.set_up, step, f"set up: {system}", unwanted, latest)
            if found and found.done:
                self.accounts[system] = None
            if over := self.facts.over(number):
                self.pass_over(over)
            elif system in self.accounts:
                self._record(State.DONE)
            else:
                self._record(State.WAITING, found.reason if found else "no_answer")

    def is_set_up(self, number: str, system: str) -> None:
        """By whichever door it is heard."""
        self.accounts[system] = None
        line = self.lines.get(f"{number} {system}")
        if line and line.state is State.WAITING:
            self._record_for(line, State.DONE)
