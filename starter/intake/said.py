"""What somebody said, kept as a note: it goes to the CRM, and follow-ups are told ids only."""

from __future__ import annotations

from activities.crm import people
from activities.crm.tables import Message, Note
from starter.intake.events import Opinion, Said
from starter.intake.handling import Handling


async def write_down(
    h: Handling, *, direction: str = "in", by: str | None = None
) -> Message | None:
    """Keep what was said as a note; the message of ours it answers, if one is known."""
    said = h.data
    meant = said.message if isinstance(said, Said) else None
    message = await people.message_meant(h.session, h.customer.id, meant)
    if getattr(said, "text", None) or isinstance(said, Said):
        await note(h, message, direction=direction, by=by)
    return message


async def note(
    h: Handling, message: Message | None = None, *, direction: str = "in", by: str | None = None
) -> Note:
    """The note of this event, once."""
    said = h.data
    opinion = said if isinstance(said, Opinion) else None
    return await people.write_down(
        h.session,
        key=f"{h.row.id}/said",
        customer_id=h.customer.id,
        follow_up=h.meant or (message.follow_up if message else None),
        at=h.at,
        direction=direction,
        method=said.channel if isinstance(said, Said) else None,
        summary=getattr(said, "text", None) or h.event.type,
        feedback=_score(opinion),
        actions=opinion.actions if opinion else None,
        message_key=message.key if message else None,
        by=by,
    )


def _score(said: Opinion | None) -> str | None:
    """One number: of all of it, where that was asked, else of the product."""
    scores = (said.overall, said.score, said.product) if said else ()
    return next((f"{score:g}" for score in scores if score is not None), None)
