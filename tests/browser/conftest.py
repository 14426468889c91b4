"""A real Chromium at the real site, served on loopback: nothing else may be asked for anything."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from playwright.async_api import BrowserContext, Page, async_playwright

from activities.crm.store import Store
from starter.web import Server
from tests.factories import FakeClock
from tests.starter.lives_on_show import a_hold, a_life, a_message
from tests.starter.visitors import ADA, PASSWORD, an_account, site_over

SECRET = "s" * 32
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "The browser tests need Chromium on the PATH. Debian: apt-get install chromium; "
    "elsewhere any Chromium or Google Chrome will do."
)
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@dataclass
class Seen:
    """What a browser asked for, and what it complained about."""

    base: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refusals: int = 0  # answers that a test means to get; Chromium complains of each

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("console", lambda said: self._complain(said.type, said.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _complain(self, kind: str, text: str) -> None:
        if text.startswith("Failed to load resource: the server responded with a status of 4"):
            self.refusals += 1
        elif kind in ("error", "warning"):
            self.complaints.append(text)

    def nothing_amiss(self, *, refusals: int = 0) -> None:
        """Nothing left for another host, and the browser found nothing to complain about."""
        assert [url for url in self.asked if not url.startswith(self.base + "/")] == []
        assert (self.complaints, self.refusals) == ([], refusals)


@dataclass
class Console:
    """Somebody of ours at a browser."""

    page: Page
    seen: Seen
    store: Store

    async def go(self, path: str) -> None:
        await self.page.goto(self.seen.base + path)

    async def log_in(self, password: str = PASSWORD) -> None:
        await self.page.get_by_label("E-mail address").fill(ADA)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Log in").click()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of this machine; the tests fail without one, they are not passed over."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


@contextmanager
def _profile() -> Iterator[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as path:
        yield path


@pytest.fixture
async def base(memory_store: Store, clock: FakeClock) -> AsyncIterator[str]:
    """The site over a house with lives in it; its address."""
    await an_account(memory_store, clock)
    for number, name in enumerate(("Ada Byron", "Grace Hopper", "Alan Turing")):
        await a_life(memory_store, f"cus_{number}", name=name)
    await a_hold(memory_store, "cus_1")
    sms = {"channel": "sms", "subject": None, "body_html": None, "address": "+442079460000"}
    await a_message(memory_store, "cus_2", **sms, body_text="Hello Alan, welcome!")
    refused = {"state": "refused", "reason": "no_consent", "body_html": None, "body_text": None}
    await a_message(memory_store, "cus_2", **refused, template="loyalty-offer", subject=None)
    site = site_over(memory_store, clock, secret_key=SECRET)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(uvicorn.Config(site, log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = server.force_exit = True
        await serving


@pytest.fixture(params=["wide", "narrow", "dark"])
def shape(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A desk's screen by day, a telephone, a desk's screen at night."""
    shapes: dict[str, dict[str, Any]] = {
        "wide": {"viewport": {"width": 1360, "height": 900}},
        "narrow": {"viewport": {"width": 390, "height": 844}},
        "dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    }
    return shapes[request.param]


@pytest.fixture
async def console(
    base: str, chromium: str, shape: dict[str, Any], memory_store: Store
) -> AsyncIterator[Console]:
    with _profile() as profile:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                profile, executable_path=chromium, args=QUIET, **shape
            )
            seen = Seen(base)
            seen.watch(context)
            yield Console(context.pages[0], seen, memory_store)
            await context.close()
