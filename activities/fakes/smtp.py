"""A mail server on this machine: takes every message that is well said, and delivers none."""

from __future__ import annotations

import asyncio
import email
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import policy
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from activities.fakes.faults import Fault, Script
from activities.fakes.recipients import REFUSED, TOO_BIG, UNVERIFIED, Strangers, who
from activities.fakes.taken import Book, Taken, now, token
from activities.fakes.wire import HUGE, drip, reset

LARGEST = 30_000_000
OK = "250 2.1.0 Ok"
AT_MAIL = {
    Fault.UNAUTHORISED: "530 5.7.0 Authentication required",
    Fault.UNAVAILABLE: "421 4.3.2 Service not available, try again later",
    Fault.HTML: "<!doctype html><title>Sign in</title><h1>Hotel Wi-Fi: please sign in</h1>",
}
AT_RCPT = {
    Fault.RATE_LIMITED: "450 4.7.1 Too many messages, try again later",
    Fault.REDIRECT: "551 5.1.6 User not local; please try <elsewhere@example.com>",
}
AFTERWARDS = {
    Fault.ERROR_AFTER: b"",
    Fault.HALF_JSON: b"25",
    Fault.EMPTY: b"\r\n",
    Fault.WRONG_TYPE: b"354 End data with <CR><LF>.<CR><LF>\r\n",
    Fault.HUGE: b"250-" + b"x" * HUGE,
}


class FakeSmtp:
    """Takes messages by its script, and remembers them; asks for a login if it was given one."""

    name = "smtp"

    def __init__(self, *, login: tuple[str, str] | None = None, keep: Path | None = None) -> None:
        self.script = Script()
        self.requests = 0  # messages begun
        self.strangers = Strangers()
        self.book = Book(keep and keep / "smtp.jsonl")
        self._login = login
        self._lines: set[asyncio.BaseTransport] = set()

    @property
    def accepted(self) -> list[Taken]:
        return self.book.all

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Answers on loopback; yields the URL for the settings."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._protocol, "127.0.0.1", port)
        login = f"{':'.join(self._login)}@" if self._login else ""
        try:
            yield f"smtp://{login}127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for line in list(self._lines):
                reset(line)
            await server.wait_closed()

    def _protocol(self) -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a login without TLS never leaves this machine here
            return _Line(
                _Clerk(self),
                self._lines,
                hostname="fake.example",
                data_size_limit=LARGEST,
                enable_SMTPUTF8=True,
                authenticator=self._authenticate,
                auth_required=self._login is not None,
                auth_require_tls=False,
            )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        """Without a login of its own it takes any."""
        right = LoginPassword(*(word.encode() for word in self._login)) if self._login else given
        return AuthResult(success=given == right, handled=False)


class _Line(SMTP):
    """A connection, known for as long as it is there."""

    def __init__(self, clerk: _Clerk, lines: set[asyncio.BaseTransport], **options: Any) -> None:
        super().__init__(clerk, **options)
        self._lines = lines

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._lines.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._lines.discard(self.transport)
        super().connection_lost(error)


class _Clerk:
    """What is said on one connection."""

    def __init__(self, fake: FakeSmtp) -> None:
        self._fake = fake
        self._fault: Fault | None = None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names, here and below
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._fake.requests += 1
        self._fault = self._fake.script.draw()
        if self._fault in AT_MAIL:
            return AT_MAIL[self._fault]
        if self._fault is Fault.HANG_BEFORE:
            await _for_ever()
        if self._fault is Fault.RESET_BEFORE:
            await _break(server)
        if who(address) == UNVERIFIED:
            return "553 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return OK

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = self._fault or self._fake.strangers.fault(address)
        if fault in AT_RCPT:
            return AT_RCPT[fault]
        if fault in AT_MAIL:
            return AT_MAIL[fault]
        if who(address) == REFUSED:
            return "550 5.1.1 No such user here"
        self._fault = fault
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        script, fault = self._fake.script, self._fault
        await asyncio.sleep(script.pause(script.accepting))
        if fault is Fault.ERROR_BEFORE:
            return "451 4.3.0 Error in processing"
        if any(who(one) == TOO_BIG for one in envelope.rcpt_tos):
            return "552 5.3.4 Message too big"
        id_ = token(12).upper()
        self._fake.book.take(*_messages(id_, envelope))
        await asyncio.sleep(script.pause(script.answering))
        if fault is not None:
            await _mumble(server, fault)
        return f"250 2.0.0 Ok: queued as {id_}"


async def _mumble(server: SMTP, fault: Fault) -> None:
    """It has the message; what it says is nothing, or no answer."""
    if fault is Fault.HANG_AFTER:
        await _for_ever()
    if fault is Fault.RESET_AFTER:
        await _break(server)
    if fault is Fault.DRIP:
        await drip(server.transport, b"250 2.0.0 Ok: queued, and it takes its time to say so\r\n")
    elif isinstance(server.transport, asyncio.WriteTransport):
        server.transport.write(AFTERWARDS[fault])
        server.transport.close()
    await _for_ever()


async def _for_ever() -> None:
    """Until the other side has gone: the connection's end ends this, too."""
    await asyncio.Event().wait()


async def _break(server: SMTP) -> None:
    if server.transport is not None:
        reset(server.transport)
    await _for_ever()


def _messages(id_: str, envelope: Envelope) -> list[Taken]:
    """One for each recipient of the envelope: what the headers say is not asked."""
    raw = bytes(envelope.original_content or b"")
    message = email.message_from_bytes(raw, policy=policy.default)
    body = message.get_body(("plain", "html"))
    subject, text = str(message.get("Subject", "")), body.get_content() if body else ""
    key = str(message.get("Message-ID", "")).strip().strip("<>").rpartition("@")[0]
    return [Taken(id_, key, to, subject, text, now(), raw) for to in envelope.rcpt_tos]
