"""A day of Sales and of an account manager, in a real browser; the last of it by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from activities.crm.store import Store
from tests.browser.conftest import Console
from tests.browser.test_console import readable
from tests.starter.sales_on_show import a_selling_house


@pytest.fixture(autouse=True)
async def work(memory_store: Store) -> None:
    await a_selling_house(memory_store)


async def test_a_day(console: Console) -> None:
    """Each form is shown, says what is missing, is filled in, and is closed."""
    page = console.page
    await console.go("/tasks/task_sales_call")
    await console.log_in()
    await page.get_by_role("group", name="Did you reach them?").get_by_label("Yes").check()
    await page.get_by_role("button", name="Done", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("once they were reached")
    await expect(page.get_by_label("What you talked about")).to_have_attribute(
        "aria-invalid", "true"
    )
    await readable(console)
    await page.get_by_label("What you talked about").fill("All is well")
    await page.get_by_label("What it is about").select_option("product")
    await page.get_by_role("group", name="How urgent it is").get_by_label("low").check()
    await page.get_by_label("No: it ends here").check()
    await page.get_by_role("group", name="May they want more?").get_by_label("No").check()
    await page.get_by_label("Not talked about").check()
    await page.get_by_label("What is to be done next").fill("none")
    await page.get_by_role("button", name="Done", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Closed")
    await readable(console)
    await console.go("/tasks/task_transfer")
    await readable(console)
    await page.get_by_label("What they need").fill("Ten seats")
    await page.get_by_role("button", name="Hand it over").click()
    await expect(page.get_by_role("status")).to_contain_text("Closed")
    await console.go("/tasks/task_set_up")
    await page.get_by_label("They are set up in billing").check()
    await page.get_by_role("button", name="All of it is done").click()
    await expect(page.get_by_role("alert")).to_contain_text("Not set up yet: support")
    await expect(page.get_by_label("They are set up in billing")).to_be_checked()
    await readable(console)
    console.seen.nothing_amiss(refusals=2)


async def test_a_meeting_by_keyboard(console: Console) -> None:
    """The date, how long it is, and the button: no mouse is needed."""
    page, press = console.page, console.page.keyboard.press
    await console.go("/tasks/task_schedule")
    await console.log_in()
    await page.get_by_label("When it is to be").focus()
    await page.keyboard.type("12012026")
    await press("Tab")
    await page.keyboard.type("1030AM")
    await page.get_by_label("How long, in minutes").focus()
    await press("ArrowUp")
    await page.get_by_role("button", name="Arrange it").focus()
    await press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Closed")
    await expect(page.locator("dl").first).to_contain_text("Tue 1 Dec, 10:30")
    await expect(page.locator("dl").first).to_contain_text("61")
    await readable(console)
    await page.goto(f"{console.seen.base}/tasks/task_meeting")
    await page.get_by_text("Ask the manager").focus()
    await press("Enter")
    await page.get_by_label("What you want to know").fill("May I offer a second one?")
    await press("Tab")
    await press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("It stays yours")
    await readable(console)
    console.seen.nothing_amiss()
