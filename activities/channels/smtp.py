"""E-mail by any SMTP server. Nobody can be asked afterwards: `look_up` does not know.

The dialogue is held step by step, because its phase decides: until the message itself is on its
way, whatever goes wrong, it was surely not taken; from there on only the server's answer counts.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from enum import IntEnum
from functools import cache
from urllib.parse import unquote, urlsplit

import aiosmtplib

from activities.channels import Accepted, Because, Parcel, Rejected, UnknownOutcomeError
from activities.channels.http import CUT, FLUSH
from activities.channels.mail import POLICY, attach, headers, line, mailbox, shown, words
from activities.clock import Clock
from activities.crm.tables import message_id
from activities.systems import LOOPBACK

NOT_NOW = timedelta(minutes=5)  # what a server asks that greets strangers late
ENHANCED = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")
NO_RELAY = re.compile(  # not any `relay`: it may stand in the address, or name a table
    r"\bunable to relay\b|\brelay(?:ing)?(?: access)? (?:denied|not |prohibited)", re.IGNORECASE
)
AT_LARGE = ("4.3.", "4.5.", "4.7.")  # details that speak of the server or of us, not of one message


@dataclass(frozen=True)
class Server:
    """Where the mail is handed in: `smtp://user:password@host:587`, or `smtps://`."""

    host: str
    port: int
    tls: bool  # from the first byte; else by STARTTLS, which only this machine may do without
    user: str | None
    password: str | None

    @classmethod
    def of(cls, url: str) -> Server:
        """Raises `ValueError`, without the URL, if it is none."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("no SMTP URL") from None
        if parts.scheme not in ("smtp", "smtps") or not host:
            raise ValueError("no SMTP URL")
        tls = parts.scheme == "smtps"
        user, password = (part and unquote(part) for part in (parts.username, parts.password))
        return cls(host, port or (465 if tls else 587), tls, user, password)

    @property
    def here(self) -> bool:
        return self.host in LOOPBACK


class SmtpChannel:
    """Serves e-mail."""

    name = "email"
    provider = "smtp"
    lag = timedelta(0)
    conclusive = False

    def __init__(
        self,
        clock: Clock,
        *,
        server: Server,
        from_email: str,
        deadline: timedelta = timedelta(seconds=20),
        quarantine: timedelta = timedelta(seconds=60),
    ) -> None:
        self.deadline, self.quarantine = deadline, quarantine
        self._clock = clock
        self._server = server
        sender = mailbox(from_email)
        self._from = (sender and sender.plain) or from_email
        self._seconds = deadline.total_seconds() / 2 * 0.9  # the last of it is ours, to hear it

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        message = letter(parcel, self._from, self._clock.real())
        if isinstance(message, Rejected):
            return message
        talk = _Talk(self._server, self._from, self._seconds)
        try:
            async with asyncio.timeout(self._seconds):
                await talk.hold(message, message["To"].addresses[0].addr_spec)
        except aiosmtplib.SMTPNotSupported:  # letters that this server has never heard of
            return Rejected("unroutable", Because.ADDRESS)
        except (OSError, aiosmtplib.SMTPException) as error:
            return talk.failed(error)
        finally:
            talk.end()
        return Accepted(str(message["Message-ID"]))

    async def greet(self) -> str:
        """Whether the server lets us in, as a code; empty: it does. Nothing is sent."""
        talk = _Talk(self._server, self._from, self._seconds)
        try:
            async with asyncio.timeout(self._seconds):
                await talk.enter()
        except (OSError, aiosmtplib.SMTPException) as error:
            return talk.failed(error).reason
        finally:
            talk.end()
        return ""

    async def look_up(self, parcel: Parcel, since: datetime) -> None:
        return None

    async def close(self) -> None:
        """Each message has its own connection: there is nothing to let go of."""


def letter(parcel: Parcel, from_email: str, at: datetime) -> EmailMessage | Rejected:
    """The mail, to exactly one; its id is the message's own, so that whoever gets two drops one."""
    to, sender = mailbox(parcel.to), mailbox(from_email)
    if to is None:
        return Rejected("no_such_address", Because.ADDRESS)
    if sender is None or sender.plain is None:
        return Rejected("wrong_sender", Because.ACCOUNT)
    domain = sender.plain.rpartition("@")[2]
    message = EmailMessage(POLICY if to.plain else POLICY.clone(utf8=True))
    message["From"] = _who(sender.plain, shown(parcel.from_name))
    message["To"] = _who(to.plain or to.full)
    message["Subject"] = line(parcel.subject)
    message["Date"] = at
    message["Message-ID"] = f"<{parcel.reference or message_id(parcel.key)}@{domain}>"
    reply_to = mailbox(parcel.reply_to)
    if reply_to and reply_to.plain:
        message["Reply-To"] = _who(reply_to.plain)
    for name, value in headers(parcel).items():
        message[name] = value
    message.set_content(words(parcel.text), cte="quoted-printable")
    if parcel.html:
        message.add_alternative(words(parcel.html), subtype="html", cte="quoted-printable")
    attach(message, parcel)
    return message if _sound(message) else Rejected("refused", Because.MESSAGE)


def _sound(message: EmailMessage) -> bool:
    """Whether it has the headers that were given to it: not every Python's library sees to it."""
    head = message.as_bytes().partition(b"\r\n\r\n")[0].split(b"\r\n")
    begun = [one for one in head if not one.startswith((b" ", b"\t"))]
    return len(begun) == len(message.items())


def _who(address: str, name: str = "") -> Address:
    username, _, domain = address.rpartition("@")
    return Address(name, username, domain)


class Phase(IntEnum):
    """How far the dialogue came."""

    CONNECT = 0
    SECURE = 1
    LOGIN = 2
    SENDER = 3
    RECIPIENT = 4
    CONTENT = 5
    DONE = 6


class _Talk:
    """One dialogue with the server, about one message."""

    def __init__(self, server: Server, from_email: str, seconds: float) -> None:
        self._server = server
        self._from = from_email
        self._seconds = seconds
        self._phase = Phase.CONNECT
        self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=False,
            tls_context=_context(server.here),
            local_hostname=from_email.rpartition("@")[2],  # asked of no name server
            timeout=None,  # the whole has one
        )

    async def enter(self) -> None:
        """Be let in, and no more."""
        await self._client.connect(timeout=self._seconds / 2)
        self._linger(CUT)
        self._phase = Phase.SECURE
        await self._secure()
        self._phase = Phase.LOGIN
        if self._server.user is not None:
            await self._client.login(self._server.user, self._server.password or "")

    async def hold(self, message: EmailMessage, to: str) -> None:
        """Say all of it; how far that went, `failed` knows."""
        await self.enter()
        client, utf8 = self._client, not to.isascii()
        if utf8 and not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("smtputf8")
        self._phase = Phase.SENDER
        options, encoding = (["SMTPUTF8"], "utf-8") if utf8 else ([], "ascii")
        await client.mail(self._from, options=options, encoding=encoding)
        self._phase = Phase.RECIPIENT
        await client.rcpt(to, encoding=encoding)
        self._phase = Phase.CONTENT
        await client.data(message.as_bytes())
        self._phase = Phase.DONE

    async def _secure(self) -> None:
        client = self._client
        await client.ehlo()
        if self._server.tls:
            return
        if client.supports_extension("starttls"):
            await client.starttls()
            await client.ehlo()
        elif not self._server.here:
            raise ssl.SSLError("nothing goes over an open line")

    def failed(self, error: Exception) -> Rejected:
        """What it means that it ended like this."""
        if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
            return _refusal(self._phase, error.code, str(error.message))
        if self._phase is Phase.CONTENT:
            raise UnknownOutcomeError(type(error).__name__) from None
        if self._phase is Phase.LOGIN and type(error) is aiosmtplib.SMTPException:
            return Rejected("unauthorised", Because.ACCOUNT)  # no way to log in that both know
        return Rejected(_why(error), Because.AWAY)

    def end(self) -> None:
        """Say good-bye after a dialogue that ended well; else not a byte more."""
        transport = self._client.transport
        if isinstance(transport, asyncio.WriteTransport) and not transport.is_closing():
            if self._phase is Phase.DONE:
                self._linger(FLUSH)
                transport.write(b"QUIT\r\n")
            else:
                transport.abort()
        self._client.close()

    def _linger(self, how: bytes) -> None:
        made = self._client.get_transport_info("socket")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)


@cache
def _context(here: bool) -> ssl.SSLContext:
    """On this machine a certificate proves nothing, and seldom has the right name."""
    context = ssl.create_default_context()
    if here:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _why(error: BaseException | None) -> str:
    """Why there is no line, by what is behind the error."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return "no_such_host"
        if isinstance(error, ssl.SSLError):
            return "bad_tls"
        error = error.__cause__
    return "no_connection"


def _refusal(phase: Phase, code: int, text: str) -> Rejected:
    """A clear no, for now (4xx) or for good: whose matter it is, by phase and code (RFC 3463)."""
    found = ENHANCED.search(text)
    detail = found[0] if found else ""
    asked = phase is Phase.RECIPIENT
    alone = asked or (phase is Phase.CONTENT and code != 421 and not detail.startswith(AT_LARGE))
    nobody = code in (550, 551, 553) and (not detail or detail.startswith(("5.1.", "5.2.1")))
    large = detail in ("5.2.3", "5.3.4") or (code in (523, 552) and detail != "5.2.2")
    table = (
        (code < 500 and alone, Rejected("not_now", Because.LATER, NOT_NOW)),
        (code < 500 and detail.startswith("4.7."), Rejected("rate_limited", Because.BUSY)),
        (code < 500, Rejected("busy", Because.BUSY)),
        (code in (530, 534, 535, 538), Rejected("unauthorised", Because.ACCOUNT)),
        (phase is Phase.LOGIN, Rejected("unauthorised", Because.ACCOUNT)),
        (phase is Phase.CONNECT, Rejected("forbidden", Because.ACCOUNT)),
        (phase is Phase.SECURE, Rejected("bad_tls", Because.AWAY)),
        (asked and bool(NO_RELAY.search(text)), Rejected("forbidden", Because.ACCOUNT)),
        (large, Rejected("too_large", Because.MESSAGE)),
        (phase is Phase.SENDER, Rejected("wrong_sender", Because.ACCOUNT)),
        (asked and nobody, Rejected("no_such_address", Because.ADDRESS)),
        (True, Rejected("refused", Because.MESSAGE)),
    )
    return next(outcome for fits, outcome in table if fits)
