"""What somebody said, kept as a note: it goes to the CRM, and follow-ups are told ids only."""

from __future__ import annotations

from activities.crm import enclosures, people
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
    """The note of this event, once, with what was enclosed. What a machine said is on record, but
    nobody has answered with it, or been in touch."""
    said = h.data
    opinion = said if isinstance(said, Opinion) else None
    by_machine = isinstance(said, Said) and said.automatic
    written = await people.write_down(
        h.session,
        key=f"{h.row.id}/said",
        customer_id=h.customer.id,
        follow_up=h.meant or (message.follow_up if message else None),
        at=h.at,
        direction="internal" if by_machine else direction,
        method=said.channel if isinstance(said, Said) and not by_machine else None,
        summary=getattr(said, "text", None) or h.event.type,
        feedback=_score(opinion),
        actions=opinion.actions if opinion else None,
        message_key=message.key if message else None,
        by=by,
    )
    if h.row.parent_id:
        await enclosures.belong(h.session, h.row.id, written)
    return written


def _score(said: Opinion | None) -> str | None:
    """One number: of all of it, where that was asked, else of the product."""
    scores = (said.overall, said.score, said.product) if said else ()
    return next((f"{score:g}" for score in scores if score is not None), None)
