"""What comes of an event that starts nothing: consent, activity, trouble, talk, erasure.

What somebody wrote goes to the CRM; follow-ups are told ids only.
"""

from __future__ import annotations

from activities.crm import cases, consents, numbers, privacy, tasks
from activities.crm.house import house_rules
from activities.crm.milestones import record_decision
from activities.crm.tables import Engagement, new_id
from starter.intake.events import (
    AboutData,
    Activity,
    Contact,
    Evidence,
    Permission,
    Trouble,
)
from starter.intake.handling import SIGNALS, Handling
from starter.intake.meetings import nobody_comes
from starter.intake.nobodys import TWILIO
from starter.intake.said import write_down


async def recorded(h: Handling) -> None:
    h.note("recorded")


async def passed_on(h: Handling) -> None:
    """A fact that the follow-ups themselves know what to do with."""
    await write_down(h)
    await h.tell(SIGNALS[h.event.type])


async def engaged(h: Handling) -> None:
    """What a customer did: recorded only; it is read when a milestone asks."""
    said = h.data if isinstance(h.data, Activity) else Activity()
    h.session.add(
        Engagement(
            id=new_id("eng"),
            customer_id=h.customer.id,
            kind=h.event.type.removeprefix("engagement."),
            at=h.at,
            source=said.source or h.row.source,
            data=said.model_dump(exclude_none=True, include={"name", "url", "reference"}),
        )
    )
    h.note("recorded")


async def issue_showed(h: Handling) -> None:
    topic = h.data.topic if isinstance(h.data, Trouble) else None
    await write_down(h)
    await h.tell("common_issue", {"topic": topic} if topic else {})


async def consent_changed(h: Handling) -> None:
    """The customer's own word; what it takes away, every follow-up hears."""
    said = h.data if isinstance(h.data, Permission) else Permission()
    patch = h.event.customer.consent if h.event.customer else None
    scopes = {name: getattr(said, name) for name in consents.STATED}
    if patch:
        scopes |= {
            name: getattr(patch, name)
            for name in consents.SCOPES
            if patch.said().get(name) is not None
        }
    topics = ((h.event.customer and h.event.customer.topics) or {}) | said.topics
    scopes |= {f"topic:{topic}": given for topic, given in topics.items()}
    taken = await consents.state(
        h.session,
        h.customer.id,
        {scope: given for scope, given in scopes.items() if given is not None},
        at=said.at or (patch.at if patch else None) or h.at,
        now=h.now,
        source=said.source or (patch.source if patch else None) or h.row.source,
        wording=said.wording or (patch.wording if patch else None),
    )
    if said.sms and h.row.source == TWILIO and h.customer.phone:
        await numbers.go(h.session, h.customer.phone, h.at)
    if not taken:
        h.note("recorded")
        return
    # One telling is enough, whatever was taken away: the follow-ups ask the gate what is left.
    await h.tell("opted_out", {"topic": taken[0].removeprefix("topic:")})


async def talked(h: Handling) -> None:
    """A call or a chat that happened elsewhere."""
    said = h.data if isinstance(h.data, Contact) else Contact()
    await write_down(h, direction=said.direction, by=said.by)
    ours = {"ours": True} if said.direction == "out" else {}
    await h.tell("interaction", ours | ({"order_id": h.order.id} if h.order else {}))


async def sent_elsewhere(h: Handling) -> None:
    """Another system has done what a clause asks: its evidence."""
    said = h.data if isinstance(h.data, Evidence) else Evidence()
    await record_decision(
        h.session,
        h.now,
        customer_id=h.customer.id,
        follow_up=h.meant,
        clause=said.clause,
        key=f"{h.row.id}/elsewhere",
        outcome="elsewhere",
        facts=said.model_dump(exclude_none=True, include={"template", "channel", "source"}),
    )
    await h.tell("done_elsewhere", {"clause": said.clause} if said.clause else {})


async def data_asked_about(h: Handling) -> None:
    """What they asked another system about their data: on the privacy officer's list, with its
    month, as if they had asked us."""
    assert isinstance(h.data, AboutData)  # noqa: S101 - the type's own data
    zone = (await house_rules(h.session)).office(h.customer.country).time_zone
    _, new = await privacy.begin(
        h.session, h.now, h.customer, h.data.kind,
        received_at=h.at, zone=zone, channel=None, by=h.row.source,
    )  # fmt: skip
    h.note("recorded" if new else "already")


async def erased(h: Handling) -> None:
    """Close the gate and end what runs. (Deleting the rows themselves is not done here.)"""
    h.customer.erased_at = h.customer.erased_at or h.now
    await consents.state(
        h.session, h.customer.id, {consents.EVERYTHING: False}, at=h.at, now=h.now, source="erased"
    )
    for case in await cases.open_of(h.session, h.customer.id):
        await cases.settle(h.session, h.now, case, outcome="erased", by=h.row.source)
    await tasks.withdraw_all(h.session, h.now, h.customer.id, "erased")
    await nobody_comes(h)
    await h.tell("end", everybody=True)
