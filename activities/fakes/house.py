"""A whole house for a rehearsal: the real gate, ledger, records and CRM; only time is simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from activities.channels import Channel
from activities.channels.desk import WHO, DeskChannel
from activities.crm.store import Store
from activities.fakes.channels import FailingChannel
from activities.fakes.clock import RehearsalClock
from activities.permission import CHANNELS
from activities.settings import Settings
from activities.wiring import verbs


class _Indoors(Settings):
    """Settings that hear nothing of the environment: whoever it names out there is asked nothing,
    sets up nobody, and is told of nobody."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


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
        self.settings = _Indoors(secret_key=key, sops=self.sops)
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
