"""The press: a message as its reader gets it, kept on its row and packed for its channel."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.channels import Attachment, Parcel
from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Draft, Meeting, Order
from activities.crm.tables import Message as Row
from activities.reconcile import parcel_of
from activities.renderer import Renderer
from activities.rendering import Rendered, TemplateFault, background, invitation, tokens
from activities.rendering.tracking import tracked
from activities.settings import Settings
from workflows.vocabulary import Kind, Message


class Press:
    """Renders with the links and addresses that the settings name."""

    def __init__(self, renderer: Renderer, settings: Settings) -> None:
        self._renderer = renderer
        self._settings = settings
        self._secret = settings.secret_key.get_secret_value()

    async def __call__(
        self,
        session: AsyncSession,
        message: Message,
        customer: Customer,
        row: Row,
        rules: HouseRules,
    ) -> Parcel:
        """The parcel for the row's channel. Raises `TemplateFault` for what cannot be rendered."""
        rendered, facts = await self._render(session, message, customer, row, rules)
        row.locale, row.subject = rendered.locale, rendered.subject
        row.body_text, row.body_html = rendered.text, rendered.html
        attached = await self._attached(session, message, customer, row, rules)
        row.attachments = [asdict(one) for one in attached]
        unsolicited = row.kind != Kind.TRANSACTIONAL.value
        return replace(
            parcel_of(row),
            from_name=rules.company.name,
            reply_to=self._reply_to(row) or rules.company.support_email,
            unsubscribe=str(facts["links"].unsubscribe) if unsolicited else "",
        )

    async def _attached(
        self,
        session: AsyncSession,
        message: Message,
        customer: Customer,
        row: Row,
        rules: HouseRules,
    ) -> list[Attachment]:
        """The calendar's entry for the meeting that an e-mail speaks of, while it lies ahead or
        was called off: with the same id whatever becomes of it."""
        if not message.meeting_id or row.channel != "email":
            return []
        meeting = await session.get(Meeting, message.meeting_id)
        if meeting is None or meeting.customer_id != customer.id:
            raise TemplateFault("meeting_missing", message.template)
        method = invitation.METHODS.get(meeting.state)
        if method is None:
            return []
        said = invitation.Entry(
            attendee=row.address or "",
            called=customer.name or "",
            house=rules.company.name,
            support=rules.company.support_email,
            subject=row.subject or "",
            text=row.body_text or "",
            made=row.created_at,
        )
        text = invitation.calendar(meeting, method, said)
        return [Attachment(invitation.NAME, invitation.content_type(method), text)]

    def _reply_to(self, row: Row) -> str:
        """An address of the message's own, if there is a domain for answers."""
        domain = self._settings.reply_domain
        return f"r+{tokens.make_short(self._secret, 'reply', row.id)}@{domain}" if domain else ""

    async def _render(
        self,
        session: AsyncSession,
        message: Message,
        customer: Customer,
        row: Row,
        rules: HouseRules,
    ) -> tuple[Rendered, dict[str, Any]]:
        order = await session.get(Order, message.order_id) if message.order_id else None
        draft = await session.get(Draft, message.draft_id) if message.draft_id else None
        if message.draft_id and (draft is None or draft.customer_id != customer.id):
            raise TemplateFault("draft_missing", message.template)
        locale, channel = customer.locale, row.channel or ""
        about = message.variant or message.about
        wanted: frozenset[str] = frozenset()
        if draft is None:  # else its words stand already
            wanted = self._renderer.wanted(message.template, locale, channel, about)
        known = await background(
            session,
            wanted,
            customer,
            order,
            rules,
            now=row.created_at,
            key=message.key,
            case_id=message.case_id,
            meeting_id=message.meeting_id,
        )
        ours: dict[str, Any] = {"public_url": self._settings.public_url, "secret": self._secret}
        facts = self._renderer.facts_for(
            customer,
            order,
            rules,
            follow_up=row.follow_up,
            key=message.key,
            about=about,
            survey=self._settings.survey,
            background=known,
            **ours,
        )
        if draft is None and rules.track_links and self._is_offer(message, row):
            facts = tracked(facts, rules, reference=row.id, **ours)
        return self._renderer.render(message.template, locale, channel, facts, draft), facts

    def _is_offer(self, message: Message, row: Row) -> bool:
        """Whether it asks its reader to do something that is of no order: whether they did is what
        such mail is measured by. In a text message the longer address would cost too much."""
        template = self._renderer.registry()[message.template]
        return template.action and row.channel == "email" and row.kind != Kind.TRANSACTIONAL.value
