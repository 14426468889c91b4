"""A template as a customer would get it: to look at, or as a test to a colleague."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities import rendering
from activities.crm.customers import find
from activities.crm.house import house_rules
from activities.crm.store import Store
from activities.crm.tables import Customer, Order
from activities.rendering import TEMPLATES, Rendered, TemplateFault, samples, sms
from activities.rendering.lint_sent import FAULTS
from activities.settings import Settings
from starter.answers import Refusal


@dataclass(frozen=True)
class Preview(Rendered):
    """What a customer would read; nothing is sent, and the links in it are signed for nobody."""

    template: str
    channel: str
    characters: int  # of the text
    segments: int | None  # of an SMS, as networks count; of anything else none


async def preview(
    store: Store,
    settings: Settings,
    template: str,
    *,
    channel: str | None = None,
    locale: str | None = None,
    about: str = "",
    customer: str | None = None,
    root: Path = TEMPLATES,
) -> Preview:
    """The template by the house rules as they stand, for the sample customer or a real one.

    `channel`: by default the template's first; `locale`: by default the customer's own; `about`:
    one of its variants; `customer`: an id, ours or another system's. Raises `Refusal` for what
    there is not, and for a template that cannot be rendered (its code, and what to do).
    """
    async with store.reading() as session:
        rules = await house_rules(session)
        person, order = await _whom(session, customer)
    try:
        known = rendering.registry(root).get(template)
        if known is None:
            raise Refusal("not_found", f"there is no template `{template}`", param="template")
        channel = channel or known.channels[0]
        if channel not in known.channels:
            there = ", ".join(known.channels)
            raise Refusal("not_found", f"`{template}` has words for: {there}", param="channel")
        if about and about not in known.variants:
            there = ", ".join(known.variants) or "nothing in particular"
            raise Refusal("not_found", f"`{template}` may be about: {there}", param="about")
        facts = samples.facts_of(person, order, rules, about, settings.public_url)
        said = rendering.render(template, locale or person.locale, channel, facts, root=root)
    except TemplateFault as fault:
        words = FAULTS.get(fault.code, "cannot be rendered")
        raise Refusal(fault.code, f"`{template}`: {words}: aftercare doctor") from None
    counted = sms.segments(said.text) if channel == "sms" else None
    return Preview(**vars(said), template=template, channel=channel,
                   characters=len(said.text), segments=counted)  # fmt: skip


async def _whom(session: AsyncSession, customer: str | None) -> tuple[Customer, Order | None]:
    """A customer with their newest order; by default the sample ones."""
    if customer is None:
        return samples.PERSON, samples.ORDER
    person = await find(session, customer)
    if person is None:
        raise Refusal("not_found", "there is no such customer", param="customer", status=404)
    newest = func.coalesce(Order.confirmed_at, Order.created_at).desc()
    query = select(Order).where(Order.customer_id == person.id).order_by(newest).limit(1)
    return person, (await session.execute(query)).scalar_one_or_none()
