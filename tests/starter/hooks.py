"""The doors of other systems, for tests: a site over a desk, and whoever posts to it, signed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import httpx2
from standardwebhooks import Webhook

from starter.desk import Desk
from starter.web import create_site

SECRET = f"whsec_{base64.b64encode(b'a secret of both sides').decode()}"


@asynccontextmanager
async def visiting(desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the whole site; what it posts has been read when the answer is there."""
    transport = httpx2.ASGITransport(create_site(desk))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def standard(body: bytes, at: datetime, id_: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    """The headers of a Standard Webhook."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, at, body.decode()),
    }


def without(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}
