"""Sending once: gate, render, one request, record. Whatever dies between, the next attempt knows.

A row of the ledger is `sending` from the gate's yes to the provider's answer. Who finds it so asks
the provider what became of it, after the attempt's deadline and a quarantine; nobody sends blindly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import rendering
from activities.channels import Accepted, Channel, Parcel
from activities.clock import Clock, since_boot
from activities.crm import ledger
from activities.crm.house import HouseRules, house_rules
from activities.crm.milestones import decide
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Customer, Draft, Order
from activities.crm.tables import Message as Row
from activities.gate import VIP, Ask, judge
from activities.permission import Template, never, standing_of
from activities.reconcile import BUSY, later, parcel_of, reconcile
from activities.renderer import Renderer
from activities.rendering import Rendered, TemplateFault
from activities.settings import Settings
from workflows.contract import Messaging
from workflows.vocabulary import Answer, Handed, Message, Refused, Remainder, Sent, Settled, Step

log = structlog.get_logger("aftercare.messaging")

FAULT = "template"  # the type of what no retry cures


@dataclass(frozen=True)
class Attempt:
    """One try, which holds the message's row until the deadline."""

    number: int
    channel: Channel
    parcel: Parcel
    began: float  # seconds since boot


class GatedMessaging(Messaging):
    """The only way to a customer: no other code asks a channel to send."""

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
        self._settings = settings
        self._channels = channels
        self._renderer = renderer
        self._boot = boot

    @activity.defn
    async def send(self, message: Message) -> Answer:
        """Ask the gate and, if it says yes, send: once under its key, however often this runs."""
        begun = await self._begin(message)
        if begun is None:
            await self.reconcile(message)
            begun = await self._begin(message)
        if begun is None:
            raise later("in_flight", BUSY)
        return await self._dispatch(message, begun) if isinstance(begun, Attempt) else begun

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
        await reconcile(self._store, self._clock, self._channels, step.key)

    # -- the gate's transaction --------------------------------------------------------

    async def _begin(self, message: Message) -> Answer | Attempt | None:
        """The gate's answer, or an attempt that may send; None while another one may be."""
        began = self._boot()
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
                return settled or await self._ask(session, message, customer, row, began)
        except TemplateFault as fault:  # nothing was written
            raise ApplicationError(fault.code, type=FAULT, non_retryable=True) from None

    async def _settled(
        self, session: AsyncSession, message: Message, row: Row | None
    ) -> Settled | None:
        if row is None:
            return None
        if row.reason == VIP and message.draft_id:
            row.state, row.reason = ledger.RESERVED, None  # a person has written it since
        settled = await ledger.settled(session, row)
        if isinstance(settled, Sent):  # the attempt that sent it may have died before it said so
            await self._record_sent(session, message, row)
        elif isinstance(settled, Handed):
            await ledger.record(session, message, settled, self._clock.now())
        return settled

    async def _ask(
        self,
        session: AsyncSession,
        message: Message,
        customer: Customer,
        row: Row | None,
        began: float,
    ) -> Answer | Attempt:
        now, rules = self._clock.now(), await house_rules(session)
        template = self._renderer.registry().get(message.template)
        if template is None:
            raise TemplateFault("template_unknown", message.template)
        verdict = await judge(session, Ask(message, template, customer, row), now=now, rules=rules)
        row = row or ledger.enter(session, message, now)
        _describe(row, message, template)
        if verdict.way:
            row.channel, row.address = verdict.way
        if verdict.answer is not None:
            ledger.note_answer(row, verdict.answer)
            await ledger.record(session, message, verdict.answer, now, verdict.facts)
            return verdict.answer
        rendered = await self._render(session, message, customer, row, rules)
        row.locale, row.subject = rendered.locale, rendered.subject
        row.body_text, row.body_html = rendered.text, rendered.html
        channel = self._channels[row.channel or ""]
        ledger.reserve(row, now, self._clock.real() + channel.deadline)
        facts = {**verdict.facts, "attempt": row.attempts}
        await decide(session, now, message, "allowed", facts=facts)
        return Attempt(row.attempts, channel, parcel_of(row), began)

    async def _render(
        self,
        session: AsyncSession,
        message: Message,
        customer: Customer,
        row: Row,
        rules: HouseRules,
    ) -> Rendered:
        order = await session.get(Order, message.order_id) if message.order_id else None
        draft = await session.get(Draft, message.draft_id) if message.draft_id else None
        if message.draft_id and (draft is None or draft.customer_id != customer.id):
            raise TemplateFault("draft_missing", message.template)
        facts = self._renderer.facts_for(
            customer,
            order,
            rules,
            follow_up=row.follow_up,
            key=message.key,
            about=message.about,
            public_url=self._settings.public_url,
            secret=self._settings.secret_key.get_secret_value(),
        )
        return self._renderer.render(
            message.template, customer.locale, row.channel or "", facts, draft
        )

    # -- the request ---------------------------------------------------------------------

    async def _dispatch(self, message: Message, attempt: Attempt) -> Answer:
        """One request, and what came of it. Half of the deadline is for getting here, half for
        the provider, so that nothing leaves after it."""
        channel, half = attempt.channel, attempt.channel.deadline.total_seconds() / 2
        if self._boot() - attempt.began > half:
            await self._give_back(message, attempt)
            raise later("lease_lost", BUSY)
        try:
            async with asyncio.timeout(half):
                outcome = await channel.send(attempt.parcel)
        except Exception as error:  # noqa: BLE001 - whatever it was, the provider may have it
            log.warning("outcome_unknown", key=message.key, error=type(error).__name__)
            raise later("unknown", channel.deadline + channel.quarantine) from None
        if isinstance(outcome, Accepted):
            return await self._accepted(message, outcome.provider_id)
        if outcome.later:
            await self._give_back(message, attempt)
            raise later(outcome.reason, outcome.retry_after)
        return await self._refused(message, attempt, outcome.reason)

    async def _accepted(self, message: Message, provider_id: str) -> Sent:
        now = self._clock.now()
        async with self._store.transaction() as session:  # first and alone
            single = await ledger.confirm(session, message.key, provider_id, now)
        async with self._store.transaction() as session:
            await lock_customer(session, message.customer_id)
            row = await ledger.find(session, message.key)
            if row is None:
                return Sent(key=message.key, at=now)
            if not single:
                await ledger.trip(session, row, now)
            await self._record_sent(session, message, row)
            return Sent(key=message.key, at=row.sent_at or now)

    async def _give_back(self, message: Message, attempt: Attempt) -> None:
        """It surely did not go: whoever asks next asks the gate anew, and keeps the slot."""
        async with self._store.transaction() as session:
            row = await self._mine(session, message, attempt)
            if row is not None:
                row.state, row.deadline = ledger.RESERVED, None

    async def _refused(self, message: Message, attempt: Attempt, reason: str) -> Answer:
        answer = Refused(reason=reason)
        async with self._store.transaction() as session:
            row = await self._mine(session, message, attempt)
            if row is None:
                raise later("in_flight", BUSY)
            ledger.note_answer(row, answer)
            facts = {"channel": row.channel, "by": "provider"}
            await ledger.record(session, message, answer, self._clock.now(), facts)
        return answer

    async def _mine(self, session: AsyncSession, message: Message, attempt: Attempt) -> Row | None:
        """The row, if this attempt still holds it."""
        await lock_customer(session, message.customer_id)
        row = await ledger.find(session, message.key)
        if row is None or (row.state, row.attempts) != (ledger.SENDING, attempt.number):
            return None
        return row

    async def _record_sent(self, session: AsyncSession, message: Message, row: Row) -> None:
        sent = Sent(key=row.key, at=row.sent_at or row.created_at)
        facts = {"channel": row.channel, "attempt": row.attempts}
        await ledger.record(session, message, sent, sent.at, facts)


def _describe(row: Row, message: Message, template: Template) -> None:
    """What the message is, as it stands now: its template may have changed since the promise."""
    row.clause, row.order_id = message.clause or None, message.order_id or None
    row.template, row.kind = template.name, template.kind.value
    row.topic, row.asks = template.topic or None, template.asks or message.asks or None
    row.sender, row.draft_id = message.sender.value, message.draft_id or None
