"""SOP `onboarding`: from the signed contract to a customer who knows their way. Version 1.0.

Its clauses stand beside this file, in the document's words (`onboarding.txt`); the steps of its
section 4 are numbered as they are there. It names no version, nobody who approved it and no date.

Where the document is silent, or contradicts itself, this is how it is read:

- The steps go in their order: nobody is set up before Sales has handed over (4.1), and the call is
  arranged after that. A hand-over that is late is a breach; the sales manager hears of it, and the
  task stays whose it is. What Sales declines to say goes to that manager; if they decline, too, the
  rest goes on with what there is.
- The customer does not wait for us: a call that was arranged before the hand-over, or before they
  are set up, is invited to at once, and reminded of. It only changes that nobody need arrange it.
- A call in the past is not invited to; the account manager says whether it was held. One in twenty
  minutes is invited to at once, and whatever reminder would leave less time than it should is left
  out. A call that is moved, even after it began, is the same entry in the calendar; so is one that
  was cancelled and is arranged again under the same meeting.
- A call that was missed or cancelled is arranged again; after the Policy's `tries` a manager
  decides whether there is to be one at all. Who declines to arrange or to hold it says that there
  is none.
- The 48 hours of 4.4 run from the session's end, by whichever door it is heard of: held without
  ever having been arranged, or before anybody was set up. The first that was held counts, once; of
  further ones there is mail, but no further survey.
- Mail of a call is transactional: it goes during a complaint, after an opt-out and at any hour. The
  survey waits for a complaint, and late is a breach; the 48 hours beat the customer's quiet hours.
  A very important customer's is written by a person. Without an address that takes it, the account
  manager, or Customer Support, has to find a way.
- An opt-out ends nothing here: the work is owed. A cancelled contract is ended by hand.
- Where another system calls them (4.3 is `elsewhere`), the survey waits for word that it was held.
- GDPR (6): the lawful basis, and what is kept, are on record with the hand-over.
"""

from datetime import datetime, timedelta
from typing import Literal

from temporalio import workflow

from workflows import appointments, events
from workflows import vocabulary as v
from workflows.appointments import Appointments
from workflows.checklist import Moment
from workflows.contract import Clerk
from workflows.facts import Because
from workflows.vocabulary import Enrolment, Form, Outcome, Role, State, Window

SOP = "onboarding"
STEPS: dict[str, tuple[str, ...]] = {
    "4.3": (
        "onboarding-invitation",
        "onboarding-moved",
        "onboarding-cancelled",
        "onboarding-reminder",
        "onboarding-call",
    ),
    "4.4": ("onboarding-survey", "onboarding-survey-reminder", "feedback-thanks"),
}
EXCUSED: dict[str, str] = {}
CHECKLIST = ("4.1", "4.2", "4.3", "4.4")  # Appendix A
DOCUMENTS = ("privacy-policy", "crm-manual")  # 7, by their names in the house rules
AGENDA = ("features", "questions")  # Appendix B
KEPT = (State.DONE, State.COVERED, State.ELSEWHERE)

Field = Literal["signed_at", "account_manager", "office", "contacts", "needs"]
Basis = Literal[
    "consent",
    "contract",
    "legal-obligation",
    "vital-interests",
    "public-task",
    "legitimate-interests",
]


class Policy(appointments.Policy):
    hand_over: v.Span = timedelta(hours=24)  # 4.1
    fields: tuple[Field, ...] = ("account_manager", "contacts", "needs")  # 4.1: what is needed
    lawful_basis: Basis = "contract"  # 6: GDPR, article 6
    give_up: v.Span = timedelta(days=60)  # 4.3, ours: waiting for a call of another system's
    survey: Window = Window(after=timedelta(hours=1), before=timedelta(hours=48))  # 4.4
    remind: bool = True  # 4.4, ours
    patience: v.Span = timedelta(days=3)  # 4.4, ours


@workflow.defn(name=SOP)
class Onboarding(Appointments[Policy]):
    """One contract's customer: handed over, set up, shown around, asked."""

    steps = STEPS
    standing = ("3",)
    calls, mail, caller, agenda = "4.3", SOP, Role.ACCOUNT_MANAGER, AGENDA
    documents = DOCUMENTS
    concerns = ("3", "Customer Support has it put right")
    thanks = ("4.4", "Thank them for their feedback")

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment)
        self.signed = enrolment.purchased_at
        self.taken_over = False
        self.surveying = self.surveyed = False

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        await self.take_over()
        await self.keep_it_private()
        await self.set_them_up()
        await self.call_them()
        await self.hear_how_it_was()
        await self.look_through_the_checklist()

    async def take_over(self) -> None:
        says = "Within 24 hours of signing, Sales hands over what it knows"
        with self.clause("4.1", says, due=self.hand_over_by):
            await self.complete_the_contract()
            self.taken_over = True

    async def set_them_up(self) -> None:
        with self.clause("4.2", "Accounts in billing, CRM and support"):
            await self.set_up_in("4.2", self.policy.systems)

    async def call_them(self) -> None:
        says = "One hour together: the features, and their questions"
        with self.clause("4.3", says, due=self.arranged_by()):
            while not (self.diary.held_at or self.declined or self.facts.over("4.3")):
                if call := self.diary.coming():
                    await self.see_through(call)
                else:
                    await self.have_one_arranged()
            if self.diary.held_at:
                self._record(State.DONE)
            else:
                self.pass_over(self.facts.over("4.3") or "declined")

    async def ask_how_it_was(self, ended: datetime) -> None:
        with self.clause("4.4", "Within 48 hours of the call, ask how it was"):
            self.count_from_here(
                lambda: ended + self.policy.survey.before,
                lambda: ended + self.policy.survey.before + self.policy.grace,
            )
            await self.between(lambda: self.policy.survey, after=None, otherwise=ended)
            self.contact = await self.send(
                "onboarding-survey",
                promise=ended + self.policy.survey.before,
                sender=Role.SERVICE,
                unreachable=Role.SERVICE,
            )
        await self.ask_once_more(lambda: ended + self.policy.survey.before + self.policy.grace)
        self.surveyed = True

    async def ask_once_more(self, latest: Moment) -> None:
        with self.clause("4.4", "If they do not answer, ask once more", latest, about="reminder"):
            if self.contact is None:
                self.pass_over("not_asked")
            elif not self.policy.remind:
                self.pass_over("off")
            elif await self.reply_within(lambda: self.policy.patience, to=self.contact):
                self.pass_over("answered")
            else:
                await self.send(
                    "onboarding-survey-reminder", reminds=self.contact, sender=Role.SERVICE
                )

    async def keep_it_private(self) -> None:
        with self.clause("6", "Keep their data private, on a lawful basis"):
            kept = ", ".join(self.policy.fields)
            await self._note("6", f"basis: {self.policy.lawful_basis}; kept: {kept}")
            self._record(State.DONE, self.policy.lawful_basis)
        with self.clause("7", "The documents that its tasks link"):
            self._record(State.DONE, ", ".join(DOCUMENTS))

    async def look_through_the_checklist(self) -> None:
        with self.clause("8", "All of the onboarding checklist is done"):
            if all(self.lines[step].state in KEPT for step in CHECKLIST):
                self._record(State.DONE)
            else:
                self.pass_over("incomplete")

    def arranged_by(self) -> Moment | None:
        """A call that an import tells nothing of is still to be, for as long as others wait."""
        return (lambda: self.signed + self.policy.give_up) if self.imported_at else None

    # -- 4.1: what Sales knows ---------------------------------------------------------------

    def hand_over_by(self) -> datetime:
        return self.signed + self.policy.hand_over

    async def complete_the_contract(self) -> None:
        """Sales is asked for what is missing, again if need be; then its manager is."""
        asked, late = Role.SALES, False
        while not self.facts.over("4.1"):
            missing = await self.missing()
            if not missing:
                self._record(State.DONE)
                return
            if not late:
                self.meanwhile(self.alarm())
                late = True
            done = await self.have_done(
                asked,
                "hand over what is known of this customer",
                form=Form.TRANSFER,
                by=self.hand_over_by,
                due_by=self.hand_over_by(),
                checks=tuple(missing),
            )
            if done and done.declined and asked is Role.SALES_MANAGER:
                self.pass_over("declined")
                return
            asked = Role.SALES_MANAGER if done and done.declined else asked
        self.pass_over(self.facts.over("4.1"))

    async def missing(self) -> list[str]:
        asked = {"contract_id": self.contract_id, "fields": self.policy.fields}
        known = v.Completeness(**self._step("missing") | asked)
        return await self.must_learn(Clerk.missing, known, "what is missing")

    async def alarm(self) -> None:
        """Late, it is on the sales manager's list, too, until it has come."""
        here = Because(lambda: self.taken_over, "handed_over")
        with self.clause("4.1", "If it is late, the sales manager hears of it", about="late"):
            if not await self.until(self.hand_over_by, unless=here):
                await self._wait(lambda: here() or "4.1" in self.given)
            if here() or self.facts.over("4.1"):
                self.pass_over(self.facts.over("4.1") or "in_time")
                return
            task, what = self.given["4.1"], "see to it that this customer is handed over"
            await self.have_done(Role.SALES_MANAGER, what, here, escalates=task)
            self._record(State.DONE)

    # -- 4.4: how it was -------------------------------------------------------------------------

    def on_held(self) -> None:
        """The 48 hours run from here, however far the other steps have come."""
        if self.diary.held_at and not self.surveying:
            self.surveying = True
            self.meanwhile(self.ask_how_it_was(self.diary.held_at))

    async def hear_how_it_was(self) -> None:
        """Another system's call is waited for; else it is known by now that there was none."""
        held = Because(lambda: bool(self.diary.held_at), "held")
        if not held():
            with self.clause("4.4", "Within 48 hours of the call, ask how it was"):
                if self.facts.over("4.3") == "elsewhere":
                    await self.hears("meeting_held", held, self.moment() + self.policy.give_up)
                if not held():
                    self.pass_over("not_held")
        if held():
            await self._wait(lambda: self.surveyed)

    # -- whenever it happens -----------------------------------------------------------------------

    async def on_event(self, name: str, event: events.Event) -> None:
        match event:
            case events.Provided(system=system, contract_id=contract):
                if system and self.is_of_mine(contract):
                    self.is_set_up("4.2", system)
            case _:
                await super().on_event(name, event)

    async def on_opt_out(self, opt_out: events.OptOut) -> None:
        """The work is owed whatever they opted out of; the gate refuses the survey."""
