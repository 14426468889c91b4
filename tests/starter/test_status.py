"""`aftercare status`: one screen that says what is wrong, and nothing where all is well."""

from __future__ import annotations

from datetime import timedelta

from activities.crm import providers
from activities.crm.inbox import HOOKS
from activities.crm.store import Store
from activities.crm.tables import Inbox, Message, Milestone, Setting, Stop, Telling, message_id
from starter.cli.status import _lines
from starter.reports.doors import DOOR
from starter.reports.status import status
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept


async def test_an_empty_house_is_well(store: Store, clock: FakeClock) -> None:
    found = await status(store, clock)
    assert (found.running, found.overdue, found.oldest_overdue) == (0, 0, None)
    assert (found.providers, found.stopped) == ([], [])
    assert all(well for *_, well in _lines(found))


async def test_what_is_late_in_doubt_and_away_is_said(store: Store, clock: FakeClock) -> None:
    """The oldest overdue clause, the unknown send, the provider that does not answer, the stop."""
    customer = await a_customer(store)
    follow_up = await an_enrolment(store, customer.id)
    for clause, days in (("5.2.1", 1), ("5.4.1", 2)):
        due = NOON - timedelta(days=days)
        line = Milestone(follow_up=follow_up.id, clause=clause, about="", state="waiting")
        line.due_at, line.late_by_seconds, line.updated_at = due, 0, due
        await kept(store, line)
    for step, state, via in (("a", "sent", "sendgrid"), ("b", "unknown", "sendgrid")):
        key = f"{follow_up.id}/{step}"
        row = Message(id=message_id(key), key=key, follow_up=follow_up.id, sop="online-customer")
        row.customer_id, row.template, row.kind = customer.id, "guide", "relationship"
        row.state, row.via, row.created_at, row.tried = state, via, NOON, []
        row.sent_at = NOON if state == "sent" else None
        await kept(store, row)
    await kept(store, Telling(workflow_id="w", verb="signal", name="x", body={}, created_at=NOON))
    await kept(store, Stop(id="stop_1", channel="sms", reason="Test", by="ada", at=NOON))
    async with store.transaction() as session:
        for _ in range(providers.TRIES):
            await providers.failed(session, "sendgrid", "no_connection", clock.real())
    found = await status(store, clock)
    assert found.oldest_overdue is not None
    assert (found.overdue, found.oldest_overdue.clause) == (2, "5.4.1")
    assert found.oldest_overdue.late_by_seconds == 2 * 86_400
    assert (found.messages_unknown, found.tellings_to_temporal) == (1, 1)
    (sendgrid,) = found.providers
    assert (sendgrid.name, sendgrid.last_sent_at) == ("sendgrid", NOON)
    assert (sendgrid.failing_since, sendgrid.fault) == (clock.real(), "no connection could be made")
    assert sendgrid.asked_again_at == clock.real() + providers.PEACE
    assert [(stop.what, stop.reason) for stop in found.stopped] == [("sms", "Test")]
    wrong = [what for what, _, _, well in _lines(found) if not well]
    assert wrong == ["overdue", "backlog", "unknown", "sendgrid"]


async def test_a_door_that_refuses_is_said(store: Store, clock: FakeClock) -> None:
    """As long as it has taken nothing since."""
    for path, at in (("stripe", NOON), ("shopify", NOON - timedelta(hours=1))):
        await kept(store, Setting(name=DOOR + path, value={"refused": 3, "at": at.isoformat()}))
    taken = Inbox(id="in_1", source="shopify", event_id="x", digest="")
    taken.state, taken.raw, taken.received_at, taken.occurred_at = "done", "{}", NOON, NOON
    taken.type = HOOKS + "shopify"
    await kept(store, taken)
    found = await status(store, clock)
    assert [(one.path, one.refused, one.refused_at) for one in found.doors] == [("stripe", 3, NOON)]
    wrong = [(what, says) for what, says, _, well in _lines(found) if not well]
    assert [what for what, _ in wrong] == ["/hooks/stripe"]
    assert "refuses what is not signed: 3" in wrong[0][1]
