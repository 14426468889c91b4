"""The transport: what surely was not sent, what nobody knows, and not a byte after the end."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.channels import UnknownOutcomeError
from activities.channels.http import LARGEST, Answer, _Line, ask, wait_of
from tests.channels.posts import (
    CHANNELS,
    DEADLINE,
    MAIL,
    PROVIDERS,
    SMS,
    closes,
    leap,
    left_open,
    said,
    waited_for,
)
from tests.factories import NOON

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CONNECTING = DEADLINE / 3  # seconds: more than that may take, less than all of it
SCHEMES = {"sendgrid": "http", "twilio": "http", "smtp": "smtp"}


@asynccontextmanager
async def answering(talk: Talk, **options: Any) -> AsyncIterator[str]:
    """A server that talks like this; yields host and port."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # what is not read is not received
    door.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(hold, sock=door, **options)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def get(where: str, seconds: float = DEADLINE, **more: Any) -> Answer:
    return await ask("GET", f"http://{where}/", seconds=seconds, headers={}, **more)


def answers(raw: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()

    return talk


async def test_an_answer_is_status_headers_and_body() -> None:
    """Whatever case the headers come in."""
    raw = b'HTTP/1.1 429 No\r\nretry-AFTER: 7\r\nContent-Length: 7\r\n\r\n{"a":1}'
    async with answering(answers(raw)) as where:
        answer = await get(where)
    assert (answer.status, answer.headers["Retry-After"], answer.said) == (429, "7", {"a": 1})


async def test_a_status_counts_even_if_its_body_never_comes() -> None:
    """Who drips, breaks off or never ends after the status has still said it."""
    ok = b"HTTP/1.1 202 Accepted\r\n"
    endless = ok + b"\r\n" + b"x" * (LARGEST + 1)
    for raw in (ok + b"Content-Length: 9\r\n\r\nhalf", endless):
        async with answering(answers(raw)) as where:
            answer = await get(where)
        assert (answer.status, answer.body, answer.said) == (202, None, None)

    dripped = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ok + b"Content-Length: 999\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)
            dripped.append(1)

    async with answering(drip) as where:
        answer = await waited_for(get(where, 600), lambda: len(dripped) > 9, 580)
    assert (answer.status, answer.body) == (202, None)


async def test_nonsense_is_no_answer() -> None:
    """Then nobody knows."""
    for raw in (b"", b"\0" * 9, b"SSH-2.0-x\r\n", b"HTTP/1.1 99999 x\r\n\r\n", b"HTTP/1.1 200"):
        async with answering(answers(raw)) as where:
            with pytest.raises(UnknownOutcomeError):
                await get(where)
    head = b"HTTP/1.1 200 Ok\r\nX: " + b"x" * 10**6 + b"\r\n\r\n"
    async with answering(answers(head)) as where:
        with pytest.raises(UnknownOutcomeError):
            await get(where)


async def test_a_redirect_is_not_followed() -> None:
    """Keys and customers' words go where they were to go, or nowhere."""
    asked = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))

    async with answering(elsewhere) as other:
        raw = f"HTTP/1.1 307 x\r\nLocation: http://{other}/\r\nContent-Length: 0\r\n\r\n"
        async with answering(answers(raw.encode())) as where:
            assert (await get(where)).status == 307
    assert asked == []


# -- not a byte more -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("how", ["time-out", "cancelled"])
async def test_what_was_given_up_never_arrives_whole(how: str) -> None:
    """A server that reads only when we have gone finds the line cut, not the rest of it."""
    there, gone, heard, size = asyncio.Event(), asyncio.Event(), bytearray(), 12_000_000

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.set()
        await gone.wait()
        while part := await reader.read(2**20):
            heard.extend(part)

    before = await left_open()
    async with answering(late, limit=1024) as where:
        asking = asyncio.create_task(get(where, body=b"x" * size))
        await there.wait()
        await asyncio.sleep(0.2)
        if how == "cancelled":
            asking.cancel()
        else:
            leap(DEADLINE)
        with pytest.raises((UnknownOutcomeError, asyncio.CancelledError)):
            await asking
        gone.set()
        await asyncio.sleep(0.1)
    assert len(heard) < size
    assert await closes(before)


# -- no connection -------------------------------------------------------------------------------


def away(url: str) -> dict[str, Any]:
    """Each provider's channel to a place that is not there."""
    return {one: CHANNELS[one](url.replace("any", SCHEMES[one])) for one in PROVIDERS}


async def test_who_wakes_up_too_late_writes_nothing() -> None:
    """Not even what was about to be written."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        for until, arrives in ((math.inf, True), (0.0, False)):
            with closing(_Line(until).open((socket.AF_INET, socket.SOCK_STREAM, 0))) as line:
                line.connect(server.getsockname())
                if arrives:
                    assert line.send(b"x") == 1
                else:
                    with pytest.raises(TimeoutError):
                        line.send(b"x")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_who_is_not_there_surely_did_not_get_it(provider: str) -> None:
    """A port that nobody listens at."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        channel = away(f"any://127.0.0.1:{taken.getsockname()[1]}")[provider]
        assert await said(channel, to(provider)) == "away no_connection"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_name_that_nobody_has(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name server says so, or says nothing in time."""

    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    asked, woken = threading.Event(), threading.Event()

    def silent(*_: Any, **__: Any) -> Any:
        asked.set()
        woken.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    channel = away("any://provider.invalid:9")[provider]
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert await said(channel, to(provider)) == "away no_such_host"
    monkeypatch.setattr(socket, "getaddrinfo", silent)
    sending = said(channel, to(provider))
    assert await waited_for(sending, asked.is_set, CONNECTING) == "away no_connection"
    woken.set()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_connection_that_is_never_made(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose queue is full answers no knock."""
    loop, knocked = asyncio.get_running_loop(), asyncio.Event()
    knock = loop.sock_connect

    def knocking(*door: Any) -> Any:
        knocked.set()
        return knock(*door)

    monkeypatch.setattr(loop, "sock_connect", knocking)
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            channel = away(f"any://127.0.0.1:{port}")[provider]
            sending = said(channel, to(provider))
            assert await waited_for(sending, knocked.is_set, CONNECTING) == "away no_connection"
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize("certificate", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_line_that_is_not_private_carries_nothing(
    provider: str, certificate: bool, tmp_path: Path
) -> None:
    """No TLS at all behind the port, or a certificate that nobody vouches for."""
    heard = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1024) if certificate else b"")
        writer.write(b"What?\r\n")
        await writer.drain()

    tls = {"ssl": own_certificate(tmp_path)} if certificate else {}
    async with answering(listen, **tls) as where:
        # SMTP trusts this machine without a certificate, unless it goes by another name.
        host = where.replace("127.0.0.1", "127.1") if provider == "smtp" else where
        channel = away(f"any://{host}".replace("any:", "anys:"))[provider]
        assert await said(channel, to(provider)) == "away bad_tls"
    assert [said for said in heard if said] == []


def to(provider: str) -> Any:
    return SMS if provider == "twilio" else MAIL


def own_certificate(directory: Path) -> ssl.SSLContext:
    """A server's, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), "localhost"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = directory / "server.pem"
    file.write_bytes(key.private_bytes(pem, *form) + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


# -- how long to wait ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "99999999"}, 3600),
        ({"X-RateLimit-Reset": str(int(NOON.timestamp()) + 42)}, 42),
        ({"X-RateLimit-Reset": "1"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "٣"}, None),
        ({}, None),
    ],
)
def test_they_say_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    """In seconds, or until a second of the epoch; what can't be read is not said."""
    wait = wait_of(Answer(429, headers, b""), NOON)
    assert wait == (None if seconds is None else timedelta(seconds=seconds))
