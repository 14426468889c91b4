"""SOP `sales-follow-up`: Sales follows up on a sale, and stays in touch. Version 1.0.

Its clauses stand beside this file, in the document's words (`sales_follow_up.txt`), numbered as its
sections 2 to 5 number them; the lines of section 4 are ours to count. It leaves more blank than any
other: what only the office reads (who approved it, where records are kept, for how long) is the
`Header`, what the follow-up goes by the `Policy`, and with a blank in either nothing starts.

Where the document contradicts itself or others, or is silent, this is how it is read:

- [Time Frame] stands in 4 and in 5.2: it is one value, counted from the sale, and late is after it.
  Where a follow-up is asked for by hand, it counts from that: the sale may be long ago.
- The three percentages of section 2 are targets: without them the SOP starts, and is warned of.
- "Section 5.5" and "Appendix C", for escalation, are errata: 5.5 is records, C training. It is 5.6
  with the forms of Appendix B; what comes of a complaint is the case's own (`workflows/case.py`).
- Sales thanks for the order and asks how it pleases, which can fall before the delivery. So it
  waits for that as long as the time frame lets Sales have its time; was there none by then, it asks
  how ordering went, and never about the product.
- `order-thanks` and then `satisfaction` ask whether they are satisfied before it does. With one of
  them it waits, too: what was asked within its own time frame stands for it, and else it asks only
  about the order. Who would rather be called is not asked by `order-thanks`.
- "Phone or email": who would rather be called is called, with the script, until the time is over;
  who cannot be reached is written to. What goes in writing a colleague may make their own, and if
  nobody came it goes as it stands. A call of ours that was logged elsewhere is the contact, too.
- Appendix D, the exceptions (3): VIPs hear from people only, from the sales manager unless the
  Policy says else; of whom a sensitive matter is known, they hear what they must, and no more.
- Feedback (5.3) is classified by whoever took the call; what comes otherwise, by Customer Service.
- "At least every [interval]" (5.4) counts from the last time we were in touch, whoever was; it
  lives in `keep-in-touch`, with the interval as it stands then.
- Repeat business and referral (2): more is offered by Sales where that would serve the customer,
  unless `online-customer` does so for the same order; they are asked whom else we might help once
  they have had time to know us, and not if the call has settled it.
- Cancelled or refunded, the desk ends the follow-up; returned, nobody asks about the product, sells
  more of it, or asks to be recommended for it.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from workflows import events
from workflows.checklist import HERE
from workflows.facts import Because, Condition, either, never
from workflows.rhythms import REGULAR
from workflows.sops.sales_contact import Header, Policy, SalesContact
from workflows.vocabulary import (
    Enrolment,
    Form,
    Handed,
    Outcome,
    Rhythm,
    Role,
    Sent,
    Settled,
    State,
)

__all__ = ["EXCUSED", "SOP", "STEPS", "Header", "Policy", "SalesFollowUp"]

SOP = "sales-follow-up"
SELLS = "online-customer"  # which finds out itself what else would serve

STEPS: dict[str, tuple[str, ...]] = {
    "2": ("sales-outreach", "referral-request"),
    "5.2": ("sales-follow-up", "sales-experience", "sales-call"),
    "5.3": ("feedback-thanks",),
}

EXCUSED = {
    "4.2.1": "deviations and their corrections come with the reports, in a release of their own",
    "4.2.2": "the training register comes with a release of its own",
    "4.2.3": "the report of outcomes comes with a release of its own",
    "4.3.1": "5.6: putting right, and the root cause, are the case's own",
    "4.3.2": "5.6: the ladder is the case's own",
    "4.3.3": "what staff say of the procedure comes with its review, in a release of its own",
    "targets": "2: kept in the policy; their reports come with a release of their own",
    "review": "6: the yearly review comes with a release of its own",
    "retention": "the policy says how long; what is due is deleted in a release to come",
}


@workflow.defn(name=SOP)
class SalesFollowUp(SalesContact):
    """One sale's follow-up, from the first word after it to the next sale."""

    steps = STEPS
    standing = ("5.3", "5.6")
    concerns = ("5.6", "Discontent: have it put right, or escalated")
    thanks = ("5.3", "Thank them for their feedback")

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment)
        self.referral = False  # whether whom else we might help was talked about

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        if self.is_vip:
            self.make_exception("vip")
        await self.get_in_touch()
        self.account_for_it()
        await self.gather_feedback()
        await self.stay_in_touch()
        self.keep_records()
        await self.offer_more()
        await self.ask_for_referral()

    def prepared(self, *, handed: bool) -> None:
        """The brief is made with the task, and its alerts are fresh whenever it is read."""
        with self.clause("5.1", "Prepare: purchases, feedback, alerts, preferences"):
            if handed:
                self._record(State.DONE, "brief")
            else:
                self.pass_over("not_called_for")

    async def get_in_touch(self) -> None:
        says = "Within its time after the sale, get in touch: thank, confirm, help"
        with self.clause("5.2", says, self.latest, self.closes):
            await self.until(self.opens, unless=self.met)
            if self.enrolment.order_id:
                await self.wait_for_delivery()
            self.count_from_here(self.closes, self.latest)
            if self.enrolment.by_phone and self.policy.calls and not self.met():
                what, script = "call them: thank, ask how it is, and offer help", "sales-call"
                self.contact = await self.call(self.who, what, form=Form.SALES_CALL, script=script)
            elif not self.met():
                self.contact = await self.have_it_written()
            if self.contact is None and self.met_at and not self.facts.over("5.2"):
                self.contact, self.spoken = Sent(key=self.met_by, at=self.met_at), True
                self._record(State.DONE, "spoken_elsewhere")

    async def gather_feedback(self) -> None:
        with self.clause("5.3", "Write down what they say, and classify it"):
            await self.hear_back(lambda: self.policy.patience)

    async def stay_in_touch(self) -> None:
        with self.clause("5.4", "Be in touch regularly: how it is going, and what is new"):
            since = self.contact.at if self.contact else self.since()
            if over := self.facts.over("5.4"):
                self.pass_over(over)
            elif self.went_back():
                self.pass_over("returned")
            else:
                every = self.policy.interval
                rhythm = Rhythm(name=REGULAR, sop=SOP, clause="5.4", since=since, every=every)
                await self.keep_in_touch(rhythm)

    def keep_records(self) -> None:
        """Whatever went is its own note; of a call, the form asks for all that belongs in one."""
        with self.clause("5.5", "Keep on record: date, method, summary, feedback, actions"):
            if self.contact is None:
                self.pass_over("not_contacted")
            else:
                self._record(State.DONE)

    async def offer_more(self) -> None:
        says = "Repeat business: what more would serve them"
        with self.clause("2", says, self.no_more_offers, about="repeat"):
            if not self.policy.repeat:
                self.pass_over("off")
            elif self.runs_beside(SELLS):
                self.pass_over("online_customer")
            elif self.contact is None:
                self.pass_over("not_contacted")
            elif not await self.until(self.offer_due, unless=self.went_back):
                await self.have_more_offered()
            else:
                self.pass_over("returned")

    async def ask_for_referral(self) -> None:
        says = "Ask whom else we might help"
        with self.clause("2", says, self.no_more_asking, about="referral"):
            moot = either(self.went_back, Because(lambda: self.referral, "referral_settled"))
            if not self.policy.referral:
                self.pass_over("off")
            elif self.contact is None:
                self.pass_over("not_contacted")
            elif not await self.until(self.referral_due, unless=moot):
                await self.send(
                    "referral-request", asks="referral", order_id="", sender=self.who, unless=moot
                )
            else:
                self.pass_over(moot.reason)

    # -- whenever it happens -----------------------------------------------------------------

    async def _hand_over(
        self, role: Role, what: str, unless: Condition = never, *, template: str = "", **more: Any
    ) -> Settled:
        task = await super()._hand_over(role, what, unless, template=template, **more)
        if HERE.get().number == "5.2" and isinstance(task, Handed):
            self.prepared(handed=True)
        return task

    async def have_more_offered(self) -> None:
        """By Sales, in person, to whom it would serve; to others nobody offers anything."""
        sop, potential = self.policy, await self.potential()
        if potential.campaign:
            await self.tell(
                sop.repeat_by,
                "offer what would take them further",
                within=sop.repeat_time,
                template="sales-outreach",
                unless=self.went_back,
            )

    async def follow_opportunity(self) -> None:
        with self.clause("2", "Repeat business: follow up what the call came upon", about="call"):
            what, time = "follow up what they may need, as the call has it", self.policy.repeat_time
            await self.tell(self.who, what, within=time)

    def on_call(self, done: events.TaskDone) -> None:
        self.referral = done.referral is not None
        if done.opportunity:
            self.meanwhile(self.follow_opportunity())

    async def thank_for(self, feedback: events.Feedback) -> None:
        await super().thank_for(feedback)
        await self.have_it_classified(feedback)

    async def have_it_classified(self, feedback: events.Feedback) -> None:
        """By Customer Service, unless whoever took it down has done so."""
        mark = feedback.feedback_id
        if not mark:
            return
        with self.clause("5.3", "Its type, urgency, and what may become of it", about=f"of-{mark}"):
            if feedback.classified:
                self._record(State.DONE, "classified")
            else:
                what, time = "classify what this customer said", self.policy.classify_time
                form = Form.CLASSIFY
                await self.tell(Role.SERVICE, what, within=time, form=form, feedback_id=mark)

    async def on_event(self, name: str, event: events.Event) -> None:
        match event:
            case events.Interaction(ours=True, order_id=order, at=at) if at and self.is_mine(order):
                if self.met_at is None and at >= self.since():
                    self.met_at, self.met_by = at, f"interaction/{event.id}"
            case _:
                await super().on_event(name, event)

    def account_for_it(self) -> None:
        """What became of the preparation, and whether an exception was made."""
        if "5.1" not in self.lines:
            self.prepared(handed=False)
        line = self.lines["5.2"]
        if line.reason == "sensitive":
            self.make_exception(line.reason)
        elif "3" not in self.lines:
            self.make_exception("")

    def make_exception(self, reason: str) -> None:
        says = "Exceptions: VIPs hear from people, sensitive matters rest"
        with self.clause("3", says):
            if reason:
                self._record(State.DONE, reason)
            else:
                self.pass_over("not_called_for")
