"""Under which subject a letter goes, if whoever wrote it gave none."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import house_rules
from activities.crm.tables import Customer
from activities.rendering import TemplateFault, draft_for, facts_for
from activities.settings import Settings

PERSONAL = "personal-message"


async def subject_for(session: AsyncSession, settings: Settings, customer: Customer) -> str:
    """In the customer's language, as the template of such letters has it."""
    rules = await house_rules(session)
    try:
        facts = facts_for(
            customer,
            None,
            rules,
            follow_up="",
            key="",
            about="",
            public_url=settings.public_url,
            secret=settings.secret_key.get_secret_value(),
        )
        return draft_for(PERSONAL, customer.locale, facts).subject
    except TemplateFault:
        return rules.company.name
