"""A working day of somebody who looks after customers, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from activities.crm.store import Store
from tests.browser.conftest import Console
from tests.browser.test_console import readable
from tests.starter.visitors import ADA
from tests.starter.work_on_show import a_working_house


@pytest.fixture(autouse=True)
async def work(memory_store: Store) -> None:
    await a_working_house(memory_store)


async def test_a_complaint_is_answered(console: Console) -> None:
    """Log in, open it, be told what is missing, answer, and see the case's page change."""
    page = console.page
    await console.go("/tasks?view=all")
    await console.log_in()
    first = page.locator("tbody tr").first
    await expect(first).to_contain_text("complaint")
    await readable(console)
    await first.get_by_role("link", name="Answer a complaint").click()
    await expect(page.locator(".said")).to_contain_text("broken lid")
    await readable(console)
    await page.get_by_label("Subject").fill("The lid")
    await page.get_by_role("button", name="Answer").click()
    await expect(page.get_by_role("alert")).to_contain_text("Write the answer")
    await expect(page.get_by_label("Your answer to the customer")).to_have_attribute(
        "aria-invalid", "true"
    )
    await expect(page.get_by_label("Subject")).to_have_value("The lid")
    await readable(console)
    await page.get_by_label("Your answer to the customer").fill("A new lid is on its way.")
    await page.get_by_role("button", name="Answer").click()
    await expect(page.get_by_role("status")).to_contain_text("Closed")
    await expect(page.get_by_text("A new lid is on its way.")).to_be_visible()
    await readable(console)
    await page.get_by_role("link", name="complaint", exact=True).click()
    facts = page.locator("aside")
    await expect(facts).to_contain_text(f"after 3 h, by {ADA}")
    await expect(facts).to_contain_text("answered")
    await page.get_by_label("No: it is open again").check()
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.get_by_role("status")).to_contain_text("customer's own word")
    await readable(console)
    console.seen.nothing_amiss(refusals=1)


async def test_a_task_is_taken_put_off_and_given_away(console: Console) -> None:
    """Each with its reason, and each to be seen on the task afterwards."""
    page = console.page
    await console.go("/tasks/task_call")
    await console.log_in()
    await page.get_by_role("button", name="Take it").click()
    await expect(page.get_by_role("status")).to_contain_text("another owner")
    await expect(page.locator(".lead")).to_contain_text(ADA)
    await page.get_by_text("Put it off").first.click()
    await page.get_by_label("Until").select_option("tomorrow")
    await page.locator("details[open]").get_by_label("Why").fill("They are at work now")
    await page.locator("details[open]").get_by_role("button", name="Put it off").click()
    await expect(page.get_by_role("status")).to_contain_text("Put off")
    await expect(page.locator(".lead")).to_contain_text("Put off until Tue 24 Nov, 09:00")
    await page.get_by_text("Give it to somebody else").click()
    await page.get_by_label("To", exact=True).select_option("customer-experience-manager")
    await page.locator("details[open]").get_by_role("button", name="Give it").click()
    await expect(page.get_by_role("alert")).to_contain_text("Say why")
    await readable(console)
    await page.locator("details[open]").get_by_label("Why").fill("They asked for you")
    await page.locator("details[open]").get_by_role("button", name="Give it").click()
    await expect(page.locator(".lead")).to_contain_text("Customer experience manager")
    await expect(page.locator("aside")).to_contain_text("They asked for you")
    await readable(console)
    console.seen.nothing_amiss(refusals=1)


async def test_every_room_can_be_read_by_day_at_night_and_on_a_telephone(console: Console) -> None:
    """Enough contrast, labels on all fields, nothing that sticks out."""
    await console.go("/cases")
    await console.log_in()
    rooms = "/cases /cases/case_1 /cases/case_2 /customers/cus_grace /tasks/task_check_in"
    for path in f"{rooms} /tasks/task_call /tasks/task_arrival /tasks/task_look".split():
        await console.go(path)
        for folded in await console.page.locator("main details > summary").all():
            await folded.click()
        await readable(console)
    await console.page.get_by_label("Find a customer").fill("a")
    await console.page.keyboard.press("Enter")
    await expect(console.page.get_by_role("heading", level=1)).to_contain_text("customers")
    await readable(console)
    console.seen.nothing_amiss()
