"""People of ours at the console, for tests: accounts, browsers, and the forms they send."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
from argon2 import PasswordHasher
from fastapi import FastAPI

from activities.clock import Clock
from activities.crm.store import Store
from starter.staff import Accounts, Sessions
from starter.web import create_site
from tests.starter.front import FakeTemporal, a_desk
from workflows.vocabulary import Role

HERE = "http://aftercare.test"
ADA, PASSWORD = "ada@ourshop.example", "nine kettles on a shelf"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Browser(httpx2.AsyncClient):
    """Keeps cookies, says where its forms come from, and follows no redirect by itself."""

    async def send_form(self, path: str, *, page: str = "/", **fields: str) -> httpx2.Response:
        """Fill in the form on a page, with the token that stands there, and send it."""
        found = TOKEN.search((await self.get(page)).text)
        assert found, page
        return await self.post(path, data={"token": found[1], **fields})

    async def log_in(self, email: str = ADA, password: str = PASSWORD) -> httpx2.Response:
        return await self.send_form("/", email=email, password=password)


def site_over(store: Store, clock: Clock, **settings: str) -> FastAPI:
    return create_site(a_desk(store, clock, FakeTemporal(), **settings))


@asynccontextmanager
async def browser(
    site: FastAPI, *, address: str = "203.0.113.7", base: str = HERE, token: str = ""
) -> AsyncIterator[Browser]:
    """A browser at the site; with a session's token it is logged in."""
    transport = httpx2.ASGITransport(site, client=(address, 50000))
    async with Browser(transport=transport, base_url=base, headers={"Origin": base}) as http:
        if token:
            http.cookies.set("aftercare", token, domain=urlsplit(base).hostname or "")
        yield http


async def an_account(
    store: Store, clock: Clock, email: str = ADA, password: str = PASSWORD, role: Role = Role.CSR
) -> str:
    """An account with its password set; the token of the session that this began."""
    link = await Accounts(store, clock).create(email, role, by="test")
    return await Sessions(store, clock, QUICK).set_up(link, password)
