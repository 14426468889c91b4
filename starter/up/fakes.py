"""`--fake-providers`: SendGrid, Twilio, a mail server and the systems that set up new accounts, on
this machine, in place of real ones."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from activities.settings import Settings
from starter.up.directory import Addresses, Directory
from starter.up.ports import taken
from starter.up.supervisor import Program

SENDER, NUMBER = "care@example.com", "+15005550006"
SYSTEMS = ("billing", "crm", "support")
SENDGRID = {"SENDGRID_API_KEY": "SG.fake"}
TWILIO = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "fake",
    "TWILIO_MESSAGING_SERVICE_SID": "",
    "TWILIO_FROM": NUMBER,
}


@dataclass(frozen=True)
class Fakes:
    """Where they answer, and which of them carries e-mail."""

    sendgrid: int
    twilio: int
    smtp: int
    systems: int
    email: str
    sender: str
    host: str = "127.0.0.1"

    @classmethod
    def beside(cls, here: Addresses, settings: Settings) -> Fakes:
        """On the next free ports; whoever has chosen smtp gets the fake mail server."""
        ours = (here.web, here.temporal, here.temporal_ui)
        free = (
            port
            for port in chain(range(here.web + 1, 65536), range(1024, here.web))
            if port not in ours and not taken(here.host, port)
        )
        email = "smtp" if settings.email == "smtp" else "sendgrid"
        sendgrid, twilio, smtp, systems = islice(free, 4)
        sender = settings.from_email or SENDER
        return cls(sendgrid, twilio, smtp, systems, email, sender, here.host)

    @property
    def sendgrid_url(self) -> str:
        return f"http://{self.host}:{self.sendgrid}"

    @property
    def twilio_url(self) -> str:
        return f"http://{self.host}:{self.twilio}"

    @property
    def systems_url(self) -> str:
        return f"http://{self.host}:{self.systems}"

    @property
    def variables(self) -> dict[str, str]:
        """What the worker, the web application and commands in other terminals must know."""
        return {
            "AFTERCARE_EMAIL": self.email,
            "AFTERCARE_FROM_EMAIL": self.sender,
            "AFTERCARE_SMTP_URL": f"smtp://{self.host}:{self.smtp}",
            "AFTERCARE_SMS": "twilio",
            **SENDGRID,
            "SENDGRID_API_BASE": self.sendgrid_url,
            **TWILIO,
            "TWILIO_API_BASE": self.twilio_url,
            "AFTERCARE_SYSTEMS": ",".join(f"{one}={self.systems_url}/{one}" for one in SYSTEMS),
        }

    def program(self, directory: Directory, environment: Mapping[str, str]) -> Program:
        """All of them in one process; what they accept is kept in the data directory."""
        ports = {"--sendgrid-port": self.sendgrid, "--twilio-port": self.twilio}
        ports |= {"--smtp-port": self.smtp, "--systems-port": self.systems}
        words = (word for name, port in ports.items() for word in (name, str(port)))
        command = (sys.executable, "-m", "activities.fakes", "--data", str(directory.fakes), *words)
        log = directory.logs / "providers.log"
        return Program("providers", command, log, environment, self._ready)

    async def _ready(self, process: int) -> bool:
        for port in (self.sendgrid, self.twilio, self.smtp, self.systems):
            try:
                _, writer = await asyncio.open_connection(self.host, port)
            except OSError:
                return False
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return True

    def greeting(self, kept: Path) -> Iterator[str]:
        """Where to look, and whom to write to."""
        mail = self.sendgrid_url if self.email == "sendgrid" else str(kept / "smtp.jsonl")
        yield f"  Fake providers e-mail {mail}, SMS {self.twilio_url}"
        yield f"                 Billing, CRM, support {self.systems_url}: they take everybody"
        yield "                 They answer as the real ones do, list what they took, and send it"
        yield "                 to nobody. Worth a try: refused@…, busy@…, unsure@…, +15005550009;"
        yield f"                 the others are listed at {self.twilio_url}"


def post(settings: Settings, fakes: Fakes | None, directory: Directory) -> Iterator[str]:
    """Where messages go."""
    if fakes:
        yield from fakes.greeting(directory.fakes)
    elif settings.email == settings.sms == "outbox":
        yield "  Messages go to the outbox: stored and readable, sent to nobody."
    else:
        yield f"  E-mail goes to {settings.email}, SMS to {settings.sms}."
