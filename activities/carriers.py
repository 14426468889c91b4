"""Who carries a message: its channel's provider, or the outbox for whom nothing is released yet."""

from __future__ import annotations

from collections.abc import Mapping

from activities.channels import Channel
from activities.channels.outbox import OutboxChannel
from activities.clock import Clock
from activities.crm.store import Store
from activities.settings import Settings


class Carriers:
    """The channels as they are set up, and the outbox beside each.

    `AFTERCARE_ONLY_TO` names who may be written to: addresses, numbers, and `@domain`s, by commas.
    Whatever is for anybody else is stored in the outbox, and goes to nobody.
    """

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, channels: Mapping[str, Channel]
    ) -> None:
        self._channels = channels
        self._outbox = {name: OutboxChannel(store, clock, name) for name in channels}
        self._rates = {"email": settings.email_rate, "sms": settings.sms_rate}
        entries = settings.only_to.replace(" ", "").lower().split(",")
        self._only_to = frozenset(filter(None, entries))
        self._all = not settings.only_to  # a list that names nobody releases nobody

    def __contains__(self, channel: str) -> bool:
        return channel in self._channels

    def choose(self, channel: str, address: str) -> Channel:
        """Who is to carry a message on this channel to this address."""
        return (self._channels if self.released(address) else self._outbox)[channel]

    def named(self, channel: str, via: str | None) -> Channel | None:
        """Who carried an attempt; None: this installation does not work with them any more."""
        ours = self._channels.get(channel)
        if ours is not None and via in (None, ours.provider):
            return ours
        outbox = self._outbox.get(channel)
        return outbox if outbox is not None and via == outbox.provider else None

    def released(self, address: str) -> bool:
        address = address.replace(" ", "").lower()
        _, at, domain = address.rpartition("@")
        return self._all or bool({address, at + domain} & self._only_to)

    def rate(self, channel: str) -> float:
        """How many a second it may carry."""
        return self._rates.get(channel, 1000.0)
