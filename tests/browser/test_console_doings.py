"""Support staff at the console: who called, what they said, and what is to be done about it."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Console
from tests.browser.test_console import readable


async def test_a_customer_calls_to_complain(console: Console) -> None:
    """Found by a part of the name, taken down, and what is sold is held back from then on."""
    page = console.page
    await console.go("/tasks")
    await console.log_in()
    await page.get_by_label("Find a customer").fill("turing")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Alan Turing", level=1)).to_be_visible()
    await page.get_by_text("Take down what they said").click()
    await page.get_by_label("A complaint: something is to be put right").check()
    await page.get_by_label("What they said").fill("It came in pieces")
    await page.get_by_label("How they said it").select_option("Telephone")
    await readable(console)
    await page.get_by_role("button", name="Take it down").click()
    await expect(page.get_by_role("status")).to_contain_text("Taken down")
    await expect(page.locator(".held")).to_contain_text("a complaint is open")
    await readable(console)
    await page.get_by_role("region", name="Cases").get_by_role("link").first.click()
    await expect(page.locator("#said + .said")).to_contain_text("It came in pieces")
    console.seen.nothing_amiss()


async def test_a_follow_up_is_held_with_its_reason(console: Console) -> None:
    """What is left out is said beside it; what was ordered stands on the page at once."""
    page = console.page
    await console.go("/follow-ups/online-customer.cus_0")
    await console.log_in()
    await page.get_by_text("Hold it, skip").click()
    await page.get_by_role("button", name="Do it").click()
    await expect(page.get_by_role("alert")).to_contain_text("Choose what is to be done")
    await readable(console)
    await page.get_by_label("What", exact=True).select_option("hold")
    await page.get_by_label("Why").fill("Is on a journey until May")
    await page.get_by_role("button", name="Do it").click()
    await expect(page.locator(".held")).to_contain_text("Is on a journey until May")
    await readable(console)
    console.seen.nothing_amiss(refusals=1)
