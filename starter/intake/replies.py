"""An answer to what asked for feedback is feedback, too: a direct response (S1 5).

A person answers it like any question; beside its case it is kept as what they think, in words and
without a score, for somebody to say what it is.
"""

from __future__ import annotations

from contextlib import suppress

from activities.crm import feedback
from activities.crm.house import house_rules
from activities.crm.tables import Case, Message
from activities.rendering import TemplateFault, registry
from starter.intake.events import Question
from starter.intake.handling import Handling
from starter.intake.said import note

REPLY, FORM = "reply", "feedback"  # its source; and the link that a message asks with


async def kept_as_feedback(h: Handling, message: Message | None, case: Case) -> dict[str, str]:
    """Which feedback it is, if it answers a message that asked for some; else nothing."""
    if h.event.type != "reply.received" or message is None or not _asked(h, message):
        return {}
    written = await note(h, message)
    row = await feedback.keep(
        h.session,
        key=h.row.id,
        customer_id=h.customer.id,
        at=h.at,
        source=REPLY,
        order_id=h.order.id if h.order else message.order_id,
        follow_up=message.follow_up,
        clause=message.clause,
        message_key=message.key,
        case_id=case.id,
        category=h.data.category if isinstance(h.data, Question) else None,
        note_id=written.id,
    )
    feedback.place(row, (await house_rules(h.session)).taxonomy, h.now, by=REPLY)
    return {"feedback_id": row.id}


def _asked(h: Handling, message: Message) -> bool:
    """Whether it led to the form for feedback; what is mail of a case belongs to that."""
    if message.sop == h.catalogue.cases.name:
        return False
    with suppress(TemplateFault):  # with the register broken it is a question, and answered
        template = registry().get(message.template)
        return template is not None and FORM in template.links
    return False
