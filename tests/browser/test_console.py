"""The console in a real browser: what staff do in it, by day, at night and on a telephone."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Console
from tests.starter.visitors import ADA

CONTRAST = 4.5  # WCAG AA

# Text whose colour lies too near to what is behind it; and what sticks out at the side.
UNREADABLE = """() => {
  const ctx = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (color) => {
    ctx.clearRect(0, 0, 1, 1); ctx.fillStyle = color; ctx.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = ctx.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => below.map((c, i) => top[i] * top[3] + c * (1 - top[3]));
  const light = (c) => {
    const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement)
      layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest('.skip, option')) continue;
    if (element.getBoundingClientRect().right > innerWidth + 1) found.push('cut off: ' + text);
    const below = behind(element), ink = over(rgba(getComputedStyle(element).color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < LEAST) found.push(text + ' ' + contrast.toFixed(2));
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push('sticks out at the side');
  for (const field of document.querySelectorAll('input:not([type=hidden]), select'))
    if (!field.labels?.length && !field.ariaLabel) found.push('no label: ' + field.name);
  return found;
}""".replace("LEAST", str(CONTRAST))


async def readable(console: Console) -> None:
    """Enough contrast, a label on every field, one main heading, nothing cut off."""
    assert await console.page.evaluate(UNREADABLE) == [], console.page.url
    assert await console.page.locator("h1").count() == 1, console.page.url


async def test_a_working_day(console: Console) -> None:
    """Log in, read a message, look why, filter, find somebody, preview a template, log out."""
    page = console.page
    await console.go("/follow-ups?state=on_hold")
    await readable(console)
    await console.log_in("not the password")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await readable(console)
    await console.log_in()

    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Grace Hopper").click()
    await expect(page.locator(".held")).to_contain_text("a complaint is open")
    clause = page.locator("#c5\\.3\\.2")
    await expect(clause).to_contain_text("skipped")
    await expect(clause).to_contain_text("the customer uses the product")
    reason = clause.get_by_text("This was skipped")
    await expect(reason).to_be_hidden()
    await clause.get_by_text("Why: 1 decision").click()
    await expect(reason).to_be_visible()
    await readable(console)

    await page.locator("#c5\\.1\\.1").get_by_role("link", name="Welcome to Our Shop").click()
    letter = page.frame_locator("iframe").get_by_role("heading", name="Welcome, Ada")
    await expect(letter).to_be_visible()
    await page.get_by_role("link", name="Dark").click()
    await expect(letter).to_have_css("color", "rgb(255, 255, 255)")
    await readable(console)

    await page.get_by_role("navigation", name="Rooms").get_by_text("Outbox").click()
    await readable(console)
    await page.get_by_label("State").select_option("not sent")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody")).to_contain_text("the customer never agreed to it")
    await page.get_by_label("Find a customer").fill("cus_2@example.com")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{console.seen.base}/outbox?customer=cus_2")
    await expect(page.locator("tbody tr")).to_have_count(3)
    await page.locator("tbody tr").filter(has_text="SMS").get_by_role("link").first.click()
    await expect(page.locator(".bubble")).to_have_text("Hello Alan, welcome!")
    await readable(console)

    await page.get_by_role("navigation", name="Rooms").get_by_text("Templates").click()
    await readable(console)
    await page.get_by_role("link", name="Getting Started Guide").click()
    await page.get_by_label("Channel").select_option("SMS")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".phone")).to_contain_text("segment")
    await readable(console)

    await page.locator("summary").filter(has_text=ADA).click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    console.seen.nothing_amiss(refusals=1)


async def test_every_template_of_the_house_keeps_to_the_rules(console: Console) -> None:
    """Their frames ask for nothing from anywhere, and break no rule of the page around them."""
    page = console.page
    await console.go("/templates")
    await console.log_in()
    await expect(page.get_by_role("heading", name="Templates")).to_be_visible()
    links = page.locator("tbody .what a")
    addresses = [await link.get_attribute("href") for link in await links.all()]
    assert len(addresses) > 8
    for address in addresses:
        for look in ("narrow", "dark"):
            await console.go(f"{address}?look={look}")
            await expect(page.frame_locator("iframe").locator("body")).to_contain_text("Our Shop")
    console.seen.nothing_amiss()


async def test_it_goes_by_keyboard(console: Console) -> None:
    """From the login to a follow-up's reasons without a mouse, past the head of the page."""
    page = console.page
    await console.go("/")
    await expect(page.get_by_label("E-mail address")).to_be_focused()
    await page.keyboard.type(ADA)
    await page.keyboard.press("Tab")
    await page.keyboard.type("nine kettles on a shelf")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tasks")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Mine")).to_be_focused()
    await console.go("/follow-ups/online-customer.cus_0")
    why = page.locator("#c5\\.1\\.1 summary")
    await why.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#c5\\.1\\.1 .why")).to_be_visible()
    console.seen.nothing_amiss()
