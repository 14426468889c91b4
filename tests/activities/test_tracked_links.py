"""Links in what calls to an action lead through us; all others lead straight to where they say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from activities.channels.outbox import OutboxChannel
from activities.crm.store import Store
from activities.crm.tables import Outbox, PolicyVersion
from activities.messaging import GatedMessaging
from activities.rendering import tracking
from activities.rendering.tracking import Followed
from activities.settings import Settings
from tests.activities.sending import House, message
from tests.factories import NOON, FakeClock, a_customer, kept
from workflows import vocabulary as v

SECRET, TUTORIAL = "secret", "https://shop.example/tutorial"


async def sent(
    store: Store, clock: FakeClock, template: str, customer: dict[str, Any], **rules: Any
) -> Outbox:
    """The message as the outbox has it."""
    links = {"tutorial": TUTORIAL, "getting_started": f"{TUTORIAL}/start", "portal": TUTORIAL}
    body = {"links": links, **rules}
    house = {"name": "house", "version": 1, "body": body, "approved_by": "bea"}
    await kept(store, PolicyVersion(id="pol", at=NOON, **house))
    outbox = {name: OutboxChannel(store, clock, name) for name in ("email", "sms")}
    settings = Settings(secret_key=SECRET, public_url="https://care.example", _env_file=None)
    who = await a_customer(store, **customer)
    messaging = GatedMessaging(store, clock, settings, outbox)
    assert isinstance(await messaging.send(message(who.id, template)), v.Sent)
    (row,) = await House(store, clock).all(Outbox)
    assert isinstance(row, Outbox)
    return row


async def test_the_call_to_action_leads_through_us(store: Store, clock: FakeClock) -> None:
    """In both parts of the e-mail; its token says which message, and which link."""
    row = await sent(store, clock, "getting-started", {})
    followed = set(re.findall(r"https://care\.example/c/([\w-]+)", row.body_text))
    read = {tracking.read(SECRET, token) for token in followed}
    (reference,) = {one.message_id for one in read if one}
    assert read == {Followed(reference, "tutorial"), Followed(reference, "getting_started")}
    assert followed == set(re.findall(r"https://care\.example/c/([\w-]+)", row.body_html or ""))
    assert TUTORIAL not in row.body_text + (row.body_html or "")


@pytest.mark.parametrize(
    ("template", "customer", "rules"),
    [
        ("welcome", {}, {}),  # they need what it leads to, whatever becomes of us
        ("getting-started", {"email": None}, {}),  # each letter of an SMS costs
        ("getting-started", {}, {"track_links": False}),  # the house would rather not know
    ],
)
async def test_all_others_lead_straight_there(
    store: Store, clock: FakeClock, template: str, customer: dict[str, Any], rules: dict[str, Any]
) -> None:
    """What is of an order, what goes by SMS, and all of it where the house wants no measure."""
    row = await sent(store, clock, template, customer, **rules)
    assert TUTORIAL in row.body_text
    assert "/c/" not in row.body_text
