"""Sending once: gate, render, one request, record. Whatever dies between, the next attempt knows.

A row of the ledger is `sending` from the gate's yes to the provider's answer. Who finds it so asks
the provider what became of it, after the attempt's deadline and a quarantine; nobody sends blindly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import rendering
from activities.carriers import Carriers
from activities.channels import Channel
from activities.clock import Clock, since_boot
from activities.crm import ledger, providers
from activities.crm.house import HouseRules, house_rules
from activities.crm.milestones import decide
from activities.crm.providers import Go, Wait
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Customer
from activities.crm.tables import Message as Row
from activities.dispatch import Attempt, Dispatch
from activities.gate import BY_HAND, Ask, Verdict, asks_of, carried, judge, order_of
from activities.permission import Template, Way, never, standing_of
from activities.press import Press
from activities.reconcile import BUSY, later, reconcile
from activities.renderer import Renderer
from activities.rendering import TemplateFault
from activities.settings import Settings
from workflows.contract import Messaging
from workflows.vocabulary import (
    Answer,
    Deferred,
    Handed,
    Kind,
    Message,
    Refused,
    Remainder,
    Sent,
    Settled,
    Step,
)

FAULT = "template"  # the type of what no retry cures


class GatedMessaging(Messaging):
    """The only way to a customer: other code asks a channel for nothing but a colleague's test."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        channels: Mapping[str, Channel],
        *,
        renderer: Renderer = rendering,
        boot: Callable[[], float] = since_boot,
    ) -> None:
        self._store = store
        self._clock = clock
        self._carriers = Carriers(store, clock, settings, channels)
        self._renderer = renderer
        self._press = Press(renderer, settings)
        self._boot = boot
        self._dispatch = Dispatch(store, clock, boot)

    @activity.defn
    async def send(self, message: Message) -> Answer:
        """Ask the gate and, if it says yes, send: once under its key, however often this runs."""
        while True:
            begun = await self._begin(message)
            if begun is None:
                await self.reconcile(message)
                begun = await self._begin(message)
            match begun:
                case None:
                    raise later("in_flight", BUSY)
                case Wait(reason=reason, until=until):
                    raise later(reason, until - self._clock.real())
                case Attempt():
                    if sent := await self._dispatch(message, begun):
                        return sent  # else refused on this channel: there may be another
                case answer:
                    return answer

    @activity.defn
    async def anything_left(self, rest: Remainder) -> bool:
        """Whether the gate would still let any of it through, now or later."""
        known = self._renderer.registry()
        async with self._store.reading() as session:
            customer = await session.get(Customer, rest.customer_id)
            if customer is None:
                return False
            rules, standing = await house_rules(session), await standing_of(session, customer)
        left = (known[name] for name in rest.templates if name in known)
        return any(not never(template, standing, rules) for template in left)

    async def reconcile(self, step: Step) -> None:
        """Find out what became of an attempt under the step's key, if one is open."""
        await reconcile(self._store, self._clock, self._carriers, step.key)

    # -- the gate's transaction --------------------------------------------------------

    async def _begin(self, message: Message) -> Answer | Attempt | Wait | None:
        """The gate's answer, or an attempt that may send; None while another one may be."""
        try:
            async with self._store.transaction() as session:
                customer = await lock_customer(session, message.customer_id)
                if customer is None:
                    unknown = Refused(reason="no_customer")
                    await ledger.record(session, message, unknown, self._clock.now())
                    return unknown
                row = await ledger.find(session, message.key)
                if row is not None and row.state == ledger.SENDING:
                    return None
                settled = await self._settled(session, message, row)
                return settled or await self._ask(session, message, customer, row)
        except TemplateFault as fault:  # nothing was written
            raise ApplicationError(fault.code, type=FAULT, non_retryable=True) from None

    async def _settled(
        self, session: AsyncSession, message: Message, row: Row | None
    ) -> Settled | None:
        if row is None:
            return None
        if row.reason in BY_HAND and message.draft_id:
            row.state, row.reason = ledger.RESERVED, None  # a person has written it since
        if message.again and row.state == ledger.BOUNCED and row.kind == Kind.TRANSACTIONAL:
            ledger.reopen(row)  # what they must have goes another way
        settled = await ledger.settled(session, row)
        if isinstance(settled, Sent):  # the attempt that sent it may have died before it said so
            await ledger.record_sent(session, message, row, self._clock.now())
        elif isinstance(settled, Handed):
            await ledger.record(session, message, settled, self._clock.now())
        return settled

    async def _ask(
        self,
        session: AsyncSession,
        message: Message,
        customer: Customer,
        row: Row | None,
    ) -> Answer | Attempt | Wait:
        now, rules = self._clock.now(), await house_rules(session)
        template = self._renderer.registry().get(message.template)
        if template is None:
            raise TemplateFault("template_unknown", message.template)
        tried = tuple(one["channel"] for one in row.tried) if row else ()
        # An attempt that nobody knows the end of binds the message to its channel.
        only = row.channel or "" if row and row.begun_at else ""
        order = await order_of(session, template, message)
        ask = Ask(message, template, customer, row, tried, only, order)
        verdict = await judge(session, ask, now=now, rules=rules)
        row = row or ledger.enter(session, message, now)
        _describe(row, message, template, carried(ask))
        if verdict.answer is not None:
            if verdict.way:
                row.channel, row.address = verdict.way
            ledger.note_answer(row, verdict.answer)
            await ledger.record(session, message, verdict.answer, now, verdict.facts)
            return self._waited_out(verdict.answer)
        admitted = await self._admit(session, replace(ask, row=row), verdict, rules)
        if isinstance(admitted, Wait | Refused):
            return admitted
        channel, go = admitted
        parcel = await self._press(session, message, customer, row, rules)
        began = self._boot()  # not before: whoever waits for the lock holds nothing yet
        first = ledger.reserve(row, now, self._clock.real(), channel.deadline, channel.provider)
        facts = {**verdict.facts, "channel": row.channel, "attempt": row.attempts}
        if not self._carriers.released(row.address or ""):
            row.reason = ledger.NOT_RELEASED
            facts["released"] = False
        elif row.reason == ledger.NOT_RELEASED:  # it was not, when it was last tried
            row.reason = None
        if row.reason != providers.AWAY:  # else that was said, and what comes of it will be
            await decide(session, now, message, "allowed", facts=facts)
        return Attempt(row.attempts, channel, parcel, began, go, first)

    def _waited_out(self, answer: Answer) -> Answer | Wait:
        """A step that waits already, as a retry of its activity, waits on there: its history need
        not grow by a timer for every night that its provider is away."""
        if isinstance(answer, Deferred) and activity.in_activity() and activity.info().attempt > 1:
            span = self._clock.pace.real(answer.until - self._clock.now())
            return Wait("deferred", self._clock.real() + span)
        return answer

    async def _admit(
        self, session: AsyncSession, ask: Ask, verdict: Verdict, rules: HouseRules
    ) -> tuple[Channel, Go] | Wait | Refused:
        """Who carries it, now; or until when it waits, which its row then says; or that this is
        past its latest moment."""
        row, message, way = ask.row, ask.message, verdict.way
        if row is None or way is None:
            raise ValueError("only what the gate lets through is carried")
        admitted = await self._on(session, row, way)
        urgent = ask.template.kind is Kind.TRANSACTIONAL
        if isinstance(admitted, Wait) and admitted.lasting and urgent and not ask.only:
            other = replace(ask, tried=(*ask.tried, way.channel))
            detour = await judge(session, other, now=self._clock.now(), rules=rules)
            if detour.way and detour.answer is None:
                other_way = await self._on(session, row, detour.way)
                admitted = admitted if isinstance(other_way, Wait) else other_way
                row.channel, row.address = way if isinstance(admitted, Wait) else detour.way
        if isinstance(admitted, Wait):
            now, span = self._clock.now(), admitted.until - self._clock.real()
            due = now + span * self._clock.pace.factor
            if message.latest and due >= message.latest:
                stale, facts = Refused(reason="stale"), {"waited": admitted.reason}
                ledger.note_answer(row, stale)
                await ledger.record(session, message, stale, now, verdict.facts | facts)
                return stale
            if admitted.reason == providers.AWAY:
                facts = {"channel": way.channel, "fault": admitted.fault}
                reason = admitted.reason
                await ledger.put_off(
                    session, message, row, now, reason=reason, facts=facts, due=due
                )
            else:
                row.slot_at = due
        return admitted

    async def _on(self, session: AsyncSession, row: Row, way: Way) -> tuple[Channel, Go] | Wait:
        """Whether the message may go this way now."""
        if row.channel != way.channel:
            row.turn_at = None  # it was another provider's
        row.channel, row.address = way
        channel, real = self._carriers.choose(way.channel, way.address), self._clock.real()
        if not self._dispatch.has_room(channel):
            return Wait(providers.BUSY, real + BUSY)
        go = await providers.admit(
            session,
            channel.provider,
            row,
            rate=self._carriers.rate(way.channel),
            now=real,
            lease=channel.deadline,
            urgent=row.kind == Kind.TRANSACTIONAL.value,
        )
        return go if isinstance(go, Wait) else (channel, go)


def _describe(row: Row, message: Message, template: Template, carries: str) -> None:
    """What the message is, as it stands now: its template may have changed since the promise."""
    row.clause, row.order_id = message.clause or None, message.order_id or None
    row.template, row.kind = template.name, template.kind.value
    row.topic, row.asks = template.topic or None, asks_of(template, message) or carries or None
    row.sender, row.draft_id = message.sender.value, message.draft_id or None
    row.meeting_id = message.meeting_id or None
