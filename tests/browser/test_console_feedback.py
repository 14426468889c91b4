"""The room for feedback in a real browser: classified by mouse and by keyboard."""

from __future__ import annotations

from playwright.async_api import expect

from activities.crm.tables import Feedback, Note
from tests.browser.conftest import Console
from tests.browser.test_console import readable
from tests.factories import NOON, kept
from tests.starter.front import rows

WORDS = {
    "fb_1": "The lid does not close, and nobody answers the telephone. What now?",
    "fb_2": "Lovely. It came a day early, too.",
    "fb_3": "The invoice names another address than ours.",
}
SCORES = {"fb_1": (50, 45), "fb_2": (95, 100), "fb_3": (80, 60)}


async def some_feedback(console: Console) -> None:
    for number, (id_, text) in enumerate(WORDS.items()):
        product, overall = SCORES[id_]
        who = f"cus_{number}"
        note = Note(id=f"note_{id_}", key=id_, customer_id=who, at=NOON, direction="in",
                    method="form", summary=text)  # fmt: skip
        await kept(console.store, note)
        row = Feedback(id=id_, key=id_, customer_id=who, at=NOON, source="form", product=product,
                       overall=overall, note_id=note.id, case_id=None)  # fmt: skip
        await kept(console.store, row)


async def test_one_after_another(console: Console) -> None:
    """The worst first; one click, or keys alone; an urgent one leads to its case."""
    page = console.page
    await console.go("/feedback")
    await console.log_in()
    await expect(page.get_by_text("Nobody has said what they think yet")).to_be_visible()
    await readable(console)
    await some_feedback(console)
    await page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Feedback").click()
    await expect(page.get_by_text("3 to classify")).to_be_visible()
    await readable(console)
    worst = page.get_by_role("listitem").filter(has_text="The lid does not close")
    await worst.get_by_label("About").select_option("product")
    await worst.get_by_role("button", name="high").click()
    await expect(page.get_by_role("status")).to_contain_text("Classified: product, urgency high")
    await expect(page.get_by_role("link", name="the case that sees to it")).to_be_visible()
    await readable(console)
    await expect(page.locator("#fb_3 select[name=type]")).to_be_focused()  # the next is at hand
    await page.keyboard.type("billing")
    for _ in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")  # in the last field: the first button, which is `low`
    await expect(page.get_by_role("status")).to_contain_text("Classified: billing, urgency low")
    await expect(page.get_by_text("1 to classify")).to_be_visible()
    found = {row.id: (row.type, row.urgency) for row in await rows(console.store, Feedback)}
    assert found == {
        "fb_1": ("product", "high"), "fb_2": (None, None), "fb_3": ("billing", "low"),
    }  # fmt: skip
    console.seen.nothing_amiss()
