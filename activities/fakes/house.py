"""A whole house for a rehearsal: the real gate, ledger, records and CRM; only time is simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from activities.channels import Channel
from activities.channels.desk import WHO, DeskChannel
from activities.crm.store import Store
from activities.fakes.channels import FailingChannel
from activities.fakes.clock import RehearsalClock
from activities.permission import CHANNELS
from activities.settings import Settings
from activities.wiring import verbs


@dataclass
class House:
    """An empty CRM, and whoever works with it."""

    clock: RehearsalClock
    store: Store
    sops: str = ""  # which are on, by commas; none named: all that can be
    settings: Settings = field(init=False)
    channels: Mapping[str, FailingChannel] = field(init=False)

    def __post_init__(self) -> None:
        key = SecretStr("rehearsal")
        self.settings = Settings(secret_key=key, sops=self.sops, go_live=None)
        self.channels = {
            name: FailingChannel(self.store, self.clock, name)
            for name in CHANNELS
            if name not in WHO
        }

    @property
    def verbs(self) -> list[Callable[..., Any]]:
        """Every activity, for a worker."""
        people = {name: DeskChannel(self.store, self.clock, name) for name in WHO}
        channels: dict[str, Channel] = {**self.channels, **people}
        return verbs(self.store, self.clock, self.settings, channels)
