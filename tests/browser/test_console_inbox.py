"""The inbox in a real browser: a reply that nobody knew the sender of is given to a customer."""

from __future__ import annotations

from playwright.async_api import expect

from activities.crm.tables import Case
from starter.desk import Desk
from tests.browser.conftest import Console
from tests.browser.test_console import readable
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, rows


async def come_in(desk: Desk) -> None:
    """Something waits, something failed, something is done."""
    said = {"text": "Yes please, on Monday.", "subject": "Re: your kettle"}
    who = {"email": "ada.private@example.org", "name": "A. B."}
    await desk.receive("api", an_event("reply.received", customer=who, data=said))
    await desk.receive("api", an_event("customer.signed_up", data={}))


async def test_whose_it_is(console: Console, clock: FakeClock) -> None:
    """From the empty room to the case that the reply opens."""
    page = console.page
    await console.go("/inbox")
    await console.log_in()
    await expect(page.get_by_text("Nothing waits, and nothing failed")).to_be_visible()
    await readable(console)
    await come_in(a_desk(console.store, clock, FakeTemporal()))
    await console.go("/inbox")
    await expect(page.get_by_text("not known yet").last).to_be_visible()
    await readable(console)
    await page.get_by_role("link", name="Reply received").click()
    await expect(page.get_by_text("Yes please, on Monday.").first).to_be_visible()
    await page.get_by_text("As it was posted").click()
    await readable(console)
    await page.get_by_label("The customer", exact=True).fill("Ada B")
    await page.get_by_label("How you know").fill("She told me on the telephone")
    await page.get_by_role("button", name="Look for them").click()
    await readable(console)
    await page.get_by_role("button", name="This is from Ada Byron").click()
    await expect(page.get_by_role("status")).to_contain_text("It is theirs now")
    await readable(console)
    assert "cus_0" in {case.customer_id for case in await rows(console.store, Case)}
    await page.get_by_label("Why").fill("to be sure")
    await page.get_by_role("button", name="Replay it").click()
    await expect(page.get_by_role("status")).to_contain_text("nothing was done twice")
    await console.go("/inbox?state=all")
    await expect(page.get_by_role("link", name="Customer signed up")).to_be_visible()
    await readable(console)
    console.seen.nothing_amiss()
