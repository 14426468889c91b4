"""What becomes of a message after it went, as its provider reports it: each report taken in once.

Reports come in any order, twice, and late. So a message only moves on: sent, delivered, come back;
what came back stays so, because a server that took a mail may still return it, and none takes it
after that. Whoever reports anything of a message has it: an attempt that was in doubt is settled.
Opens and clicks prove nothing, as machines open and follow, too: they are on record, and no more.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from activities.crm import consents, doubts, ledger, people
from activities.crm.ledger import BOUNCED, DELIVERED
from activities.crm.milestones import record_decision
from activities.crm.store import lock_addresses
from activities.crm.suppressions import suppress
from activities.crm.tables import Enrolment, Message, MessageEvent, Milestone, new_id
from starter.intake.handling import Handling, minds
from starter.intake.inside import Report
from workflows.vocabulary import Kind, State

CAME = ("delivered", "complained")  # who takes it for spam has it
CAME_BACK = ("bounced", "dropped", "undelivered", "failed")
CHANNEL = {"sendgrid": "email", "twilio": "sms"}
# Nobody is reached there any more, by this channel or at all.
LASTING = ("no_such_address", "no_such_number", "landline", "complained")
TAKEN_BACK = {  # the customer's own word, which they gave the provider
    "complained": "email",
    "unsubscribed": "email",
    "stopped": "sms",
}
SIGNAL = "message_bounced"
TITLE = "Find another way to reach this customer: `{template}` did not arrive"


async def reported(h: Handling) -> None:
    said = h.data if isinstance(h.data, Report) else None
    row = await h.session.get(Message, said.message, with_for_update=True) if said else None
    if said is None or row is None or row.customer_id != h.customer.id or not row.attempts:
        h.note("none", None, "not_ours")  # another service of ours may write through this account
        return
    await lock_addresses(h.session, h.customer)  # before any button, as the gate takes them
    _keep(h, said, row)
    h.note("recorded")
    address = row.address
    if past := _attempt_before(row, said):
        address = past.get("address")
    elif not await doubts.prove(h.session, row, said.provider_id or "", h.now, said.provider):
        h.note("recorded", row.follow_up, "accepted_twice")
    else:
        await _move_on(h, said, row)
    await _mind(h, said, address)


def _keep(h: Handling, said: Report, row: Message) -> None:
    """On record, once: an event has one id, under which it is carried out once."""
    more = {"provider_id": said.provider_id} if said.provider_id else {}
    h.session.add(
        MessageEvent(
            id=new_id("mev"),
            key=f"{said.provider}/{h.row.event_id}",
            message_id=row.id,
            customer_id=row.customer_id,
            what=said.what,
            at=h.at,
            source=said.provider,
            reason=said.reason,
            data=more,
            recorded_at=h.now,
        )
    )


def _attempt_before(row: Message, said: Report) -> dict[str, Any] | None:
    """The attempt it is about, if the message has gone another way since."""
    if known := ledger.came_back(row, said.provider_id or ""):
        return known
    if row.via == said.provider and row.provider_id is not None:
        return None
    channel = CHANNEL.get(said.provider)
    gone = (one for one in row.tried or () if one.get("bounced") and one["channel"] == channel)
    return next(gone, None)


async def _move_on(h: Handling, said: Report, row: Message) -> None:
    if said.what in CAME and row.state == ledger.SENT:
        row.state = DELIVERED
    elif said.what in CAME_BACK and row.state != BOUNCED:
        row.state, row.reason = BOUNCED, said.reason or BOUNCED
        await _show(h, row)
        await _tell(h, row, said)
    elif said.what in CAME_BACK and _weight(said.reason) > _weight(row.reason):
        row.reason = said.reason
        await _show(h, row)


def _weight(reason: str | None) -> tuple[bool, str]:
    """Of two reasons the one that closes more; the same, whichever came first."""
    return reason in LASTING, reason or ""


async def _show(h: Handling, row: Message) -> None:
    """Beside its line of the checklist: it was done, and did not arrive."""
    query = select(Milestone).where(
        Milestone.message_key == row.key, Milestone.state == State.DONE.value
    )
    for line in (await h.session.execute(query)).scalars():
        line.reason = row.reason


async def _mind(h: Handling, said: Report, address: str | None) -> None:
    """What it says of the address, and of what the customer wants."""
    codes = [code for code in (said.what, said.reason or "") if code]
    lasting = next((code for code in reversed(codes) if code in LASTING), None)
    if address and lasting:
        await suppress(h.session, address, lasting, h.now)
    for scope in dict.fromkeys(TAKEN_BACK[code] for code in codes if code in TAKEN_BACK):
        taken = await consents.state(
            h.session, h.customer.id, {scope: False}, at=h.at, now=h.now, source=said.provider
        )
        if taken:
            await h.tell("opted_out", {"topic": scope})
    if said.reason in doubts.OURS:
        await doubts.tell(h.session, said.provider, said.reason, h.now)


async def _tell(h: Handling, row: Message, said: Report) -> None:
    """It came back: on record, and its follow-up hears of it; of a dead address, all of them do."""
    owed, lasting = row.kind == Kind.TRANSACTIONAL, said.reason in LASTING
    await record_decision(
        h.session,
        h.now,
        customer_id=row.customer_id,
        follow_up=row.follow_up,
        clause=row.clause,
        key=row.key,
        outcome=BOUNCED,
        reason=row.reason,
        facts={"channel": row.channel, "via": said.provider},
    )
    body = {"message": row.key, "owed": owed, "lasting": lasting}
    running = await h.running()
    for one in running:
        if one.id == row.follow_up and (owed or lasting):
            step = {"step": row.key.removeprefix(f"{row.follow_up}/")}
            h.signal(one, SIGNAL, body | step)
        elif lasting and minds(one.sop, SIGNAL):
            h.signal(one, SIGNAL, body | {"owed": False})
    over = await h.session.get(Enrolment, row.follow_up)
    if owed and (over is None or over.ended_at is not None):
        await people.call(
            h.session,
            h.now,
            key=f"{row.key}/{BOUNCED}",
            title=TITLE.format(template=row.template),
            customer_id=row.customer_id,
            follow_up=row.follow_up,
            clause=row.clause,
            brief={"message": row.id},
        )
