"""SendGrid, Twilio and a mail server on loopback, with faults by odds, and what they have seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from activities.fakes.faults import Fault, Script
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.smtp import FakeSmtp
from activities.fakes.taken import Taken
from activities.fakes.twilio import FakeTwilio

ODDS = {
    Fault.ERROR_BEFORE: 0.02,
    Fault.ERROR_AFTER: 0.03,
    Fault.HANG_BEFORE: 0.005,
    Fault.HANG_AFTER: 0.02,
    Fault.RATE_LIMITED: 0.03,
    Fault.RESET_BEFORE: 0.01,
    Fault.RESET_AFTER: 0.01,
    Fault.DRIP: 0.005,
    Fault.HALF_JSON: 0.005,
    Fault.HTML: 0.005,
    Fault.EMPTY: 0.005,
    Fault.WRONG_TYPE: 0.005,
    Fault.HUGE: 0.002,
    Fault.UNAVAILABLE: 0.005,
}
LONGEST = 0.25  # seconds until a request is taken, and from there until it is answered


@dataclass
class Odds(Script):
    """Counts the faults that it draws."""

    drawn: Counter[Fault] = field(default_factory=Counter)

    def draw(self) -> Fault | None:
        fault = super().draw()
        self.drawn.update([fault] if fault else [])
        return fault


@dataclass
class Providers:
    """All three, each at work."""

    sendgrid: FakeSendGrid = field(default_factory=FakeSendGrid)
    twilio: FakeTwilio = field(default_factory=FakeTwilio)
    smtp: FakeSmtp = field(default_factory=FakeSmtp)
    settings: dict[str, str] = field(default_factory=dict)
    odds: list[Odds] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, email: str = "sendgrid") -> AsyncIterator[Providers]:
        """Up, and how a worker's settings name them."""
        async with (
            self.sendgrid.serving() as sendgrid,
            self.twilio.serving() as twilio,
            self.smtp.serving() as smtp,
        ):
            self.settings = {
                "AFTERCARE_EMAIL": email,
                "AFTERCARE_EMAIL_RATE": "1000",
                "AFTERCARE_FROM_EMAIL": "shop@example.com",
                "AFTERCARE_PUBLIC_URL": "https://shop.example.com",  # Twilio calls back no other
                "AFTERCARE_SMTP_URL": smtp,
                "AFTERCARE_SMS": "twilio",
                "AFTERCARE_SMS_RATE": "1000",
                "SENDGRID_API_BASE": sendgrid,
                "SENDGRID_API_KEY": self.sendgrid.api_key,
                "TWILIO_ACCOUNT_SID": self.twilio.account_sid,
                "TWILIO_API_BASE": twilio,
                "TWILIO_AUTH_TOKEN": self.twilio.auth_token,
                "TWILIO_FROM": "+15005550006",
            }
            yield self

    def misbehave(self, seed: int) -> None:
        """From now on by the odds, and slow."""
        self.odds = [
            Odds(
                odds=ODDS,
                seed=seed + number,
                retry_after=timedelta(seconds=1),
                accepting=LONGEST,
                answering=LONGEST,
            )
            for number in range(3)
        ]
        self.sendgrid.script, self.twilio.script, self.smtp.script = self.odds

    def lag(self, seconds: float) -> None:
        """How long a look-up does not find what was taken."""
        self.sendgrid.lag = self.twilio.lag = timedelta(seconds=seconds)

    @property
    def accepted(self) -> list[Taken]:
        return [*self.sendgrid.accepted, *self.twilio.accepted, *self.smtp.accepted]

    @property
    def requests(self) -> int:
        return self.sendgrid.requests + self.twilio.requests + self.smtp.requests

    @property
    def drawn(self) -> str:
        """The faults, and how often."""
        drawn = sum((odds.drawn for odds in self.odds), Counter[Fault]())
        return ", ".join(f"{fault} {count}" for fault, count in drawn.most_common())
