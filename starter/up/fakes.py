"""`--fake-providers`: all that procedures and doors speak with, on this machine: those who carry
messages, the systems that are named, and shops in which somebody buys."""

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


NAMES = ("sendgrid", "twilio", "smtp", "systems", "salesforce", "zoom", "surveymonkey", "shops")
SECRETS = {  # what the fakes sign with
    "AFTERCARE_SHOPIFY_SECRET": "shopify-fake",
    "AFTERCARE_STRIPE_SECRET": "stripe-fake",
    "AFTERCARE_WOOCOMMERCE_SECRET": "woocommerce-fake",
    "AFTERCARE_WOOCOMMERCE_CONSUMER_KEY": "ck_fake",
    "AFTERCARE_WOOCOMMERCE_CONSUMER_SECRET": "cs_fake",
    "AFTERCARE_ZOOM_SECRET": "zoom-secret",
    "AFTERCARE_SURVEYMONKEY_SECRET": "client&secret",
}
ZOOM = {
    "AFTERCARE_MEETINGS": "zoom",
    "AFTERCARE_ZOOM_ACCOUNT_ID": "account",
    "AFTERCARE_ZOOM_CLIENT_ID": "client",
    "AFTERCARE_ZOOM_CLIENT_SECRET": "zoom-fake",
}
SALESFORCE = {
    "AFTERCARE_CRM": "salesforce",
    "AFTERCARE_SALESFORCE_CLIENT_ID": "fake",
    "AFTERCARE_SALESFORCE_CLIENT_SECRET": "fake",
}


@dataclass(frozen=True)
class Fakes:
    """Where each answers, which of them carries e-mail, and where they tell what happens."""

    ports: Mapping[str, int]
    email: str
    sender: str
    tells: str
    host: str = "127.0.0.1"
    keys: str = ""  # with which somebody tries mail that comes in

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
        ports = dict(zip(NAMES, islice(free, len(NAMES)), strict=True))
        sender, keys = settings.from_email or SENDER, settings.sendgrid_webhook_public_key
        return cls(ports, email, sender, here.web_url, here.host, keys)

    def url(self, name: str) -> str:
        return f"http://{self.host}:{self.ports[name]}"

    @property
    def variables(self) -> dict[str, str]:
        """What the worker, the web application and commands in other terminals must know."""
        from activities.fakes.sendgrid_events import PUBLIC_KEY  # noqa: PLC0415 - costly, seldom

        return {
            "AFTERCARE_PUBLIC_URL": self.tells,  # each SMS names it: the world is to hear nothing
            "AFTERCARE_EMAIL": self.email,
            "AFTERCARE_FROM_EMAIL": self.sender,
            "AFTERCARE_SMTP_URL": f"smtp://{self.host}:{self.ports['smtp']}",
            "AFTERCARE_SMS": "twilio",
            **SENDGRID,
            "SENDGRID_API_BASE": self.url("sendgrid"),
            "SENDGRID_WEBHOOK_PUBLIC_KEY": ",".join(filter(None, (PUBLIC_KEY, self.keys))),
            **TWILIO,
            "TWILIO_API_BASE": self.url("twilio"),
            "AFTERCARE_SYSTEMS": ",".join(f"{one}={self.url('systems')}/{one}" for one in SYSTEMS),
            **SALESFORCE,
            "AFTERCARE_SALESFORCE_URL": self.url("salesforce"),
            **ZOOM,
            "AFTERCARE_ZOOM_API_BASE": self.url("zoom"),
            "AFTERCARE_ZOOM_AUTH_BASE": self.url("zoom"),
            "AFTERCARE_SURVEYMONKEY_LINK": f"{self.url('surveymonkey')}/r/fake",
            "AFTERCARE_SURVEYMONKEY_TOKEN": "sm-fake",
            "AFTERCARE_SURVEYMONKEY_API_BASE": self.url("surveymonkey"),
            **SECRETS,
            "AFTERCARE_WOOCOMMERCE_URL": self.url("shops"),
        }

    @property
    def settings(self) -> dict[str, str]:
        """The same by the names that our own settings have."""
        return {
            name.removeprefix("AFTERCARE_").lower(): word for name, word in self.variables.items()
        }

    def program(self, directory: Directory, environment: Mapping[str, str]) -> Program:
        """All of them in one process; what they accept is kept in the data directory."""
        words = (word for name in NAMES for word in (f"--{name}-port", str(self.ports[name])))
        place = ("--data", str(directory.fakes), "--tell", self.tells)
        command = (sys.executable, "-m", "activities.fakes", *place, *words)
        log = directory.logs / "providers.log"
        return Program("providers", command, log, environment, self._ready)

    async def _ready(self, process: int) -> bool:
        for port in self.ports.values():
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
        mail = self.url("sendgrid") if self.email == "sendgrid" else str(kept / "smtp.jsonl")
        yield f"  Fake providers e-mail {mail}, SMS {self.url('twilio')}"
        yield f"                 Billing, CRM, support {self.url('systems')}: they take everybody"
        yield f"                 Salesforce {self.url('salesforce')}, Zoom {self.url('zoom')}"
        yield "                 They answer as the real ones do, list what they took, and send it"
        yield "                 to nobody. Worth a try: refused@…, busy@…, bounced@…, +15005550009;"
        yield f"                 the others are listed at {self.url('twilio')}"
        yield "  Fake shops     an order, as Shopify, Stripe or WooCommerce would tell of it:"
        yield f"                 curl -X POST {self.url('shops')}/shopify/orders"


def post(settings: Settings, fakes: Fakes | None, directory: Directory) -> Iterator[str]:
    """Where messages go."""
    if fakes:
        yield from fakes.greeting(directory.fakes)
    elif settings.email == settings.sms == "outbox":
        yield "  Messages go to the outbox: stored and readable, sent to nobody."
    else:
        yield f"  E-mail goes to {settings.email}, SMS to {settings.sms}."
