"""The web application as a process: it serves, keeps what comes with Temporal away, and leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from activities.crm import keys
from activities.crm.migrate import upgrade
from activities.crm.store import Store
from tests.factories import NOON

EVENT = {"id": "evt_1", "type": "customer.signed_up", "customer": {"email": "ada@example.com"}}
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """A process of its own, its address, and a key."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'aftercare.db'}"
    await upgrade(url)
    store = Store(url)
    async with store.transaction() as session:
        _, secret = await keys.create(session, NOON, "test", [keys.Scope.ADMIN])
    await store.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import asyncio; from activities.logs import configure; from activities.settings import "
        "Settings; from starter.web import serve; configure('INFO'); "
        f"asyncio.run(serve(Settings(), host='127.0.0.1', port={port}))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"AFTERCARE_DATA": str(tmp_path), "TEMPORAL_ADDRESS": "127.0.0.1:1"},
    )
    yield process, f"http://127.0.0.1:{port}", secret
    if process.returncode is None:
        process.kill()
        await process.communicate()


async def too_large(http: httpx2.AsyncClient) -> int:
    """Refused before it was read: the answer may be lost in the reset that follows it."""
    for _ in range(20):
        with suppress(httpx2.ReadError, httpx2.WriteError):
            kind = {"Content-Type": "application/json"}
            return (
                await http.post("/v1/events", content=b"x" * 2_000_000, headers=kind)
            ).status_code
    return 0


async def alive(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                if (await http.get("/livez")).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.05)


async def test_it_serves_keeps_and_leaves(
    web: tuple[asyncio.subprocess.Process, str, str],
) -> None:
    """Told to stop, it finishes and exits with 0; its log is JSON and says nothing of anybody."""
    process, url, secret = web
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
        await alive(http)
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        answer = await http.post("/v1/events", json=EVENT)
        assert answer.status_code == 202, answer.text
        assert answer.json()["data"][0]["effects"][0]["effect"] == "queued"
        assert (await http.get("/v1/follow-ups?customer=ada@example.com")).json()["data"] == []
        assert await too_large(http) == 413
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, errors.decode()
    lines = [json.loads(line) for line in errors.decode().splitlines()]
    asked = [line for line in lines if line["event"] == "request"]
    assert {"/livez", "/v1/events", "/v1/follow-ups"} <= {line["route"] for line in asked}
    assert all(line["request_id"].startswith("req_") for line in asked)
    for canary in ("ada@", secret, "?"):
        assert canary not in errors.decode()
