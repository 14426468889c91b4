"""What a customer answers on, in a real browser: by day, at night and on a telephone."""

from __future__ import annotations

import json

from playwright.async_api import expect

from activities.crm.tables import Inbox
from activities.rendering import tokens
from tests.browser.conftest import SECRET, Console
from tests.browser.test_console import readable
from tests.starter.front import rows
from tests.starter.lives_on_show import a_message


async def the_link(console: Console, template: str, **fields: str) -> str:
    message = await a_message(console.store, "cus_0", template=template, **fields)
    return f"/f/{tokens.make_short(SECRET, 'feedback', message.id)}"


async def test_a_customer_says_what_they_think(console: Console) -> None:
    """By mouse and by keyboard; what is missing is asked for, and nothing is lost."""
    page = console.page
    await console.go(await the_link(console, "check-in"))
    await readable(console)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("Choose a face")
    await readable(console)
    product = page.get_by_role("group", name="How do you like what you bought?")
    await product.get_by_label("very good").check()
    overall = page.get_by_role("group", name="And everything around it")
    await overall.get_by_label("bad", exact=True).focus()
    await page.keyboard.press("Space")
    await expect(overall.get_by_label("bad", exact=True)).to_be_checked()
    await page.get_by_label("What is it about?").select_option("delivery")
    await page.get_by_label("What would you like to tell us?").fill(
        "It came late.\n\nBut it is good."
    )
    await readable(console)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
    await readable(console)
    (row,) = await rows(console.store, Inbox)
    data = json.loads(row.raw)["data"]
    assert (data["product"], data["overall"], data["category"]) == (100, 25, "delivery")
    assert data["text"] == "It came late.\n\nBut it is good."
    await page.get_by_role("link", name="Changed your mind?").click()
    await expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    console.seen.nothing_amiss(refusals=1)


async def test_a_customer_says_whether_it_was_put_right(console: Console) -> None:
    """Yes or no, in their language."""
    page = console.page
    more = {"follow_up": "case.case_7", "sop": "case", "locale": "de"}
    await console.go(await the_link(console, "complaint-resolved", **more))
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await readable(console)
    await page.get_by_label("Nein").check()
    await page.get_by_label("Was fehlt noch").fill("Der Deckel fehlt immer noch.")
    await page.get_by_role("button", name="Absenden").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Danke für Ihre Offenheit")
    await readable(console)
    (row,) = await rows(console.store, Inbox)
    assert json.loads(row.raw)["data"]["satisfied"] is False
    console.seen.nothing_amiss()
