"""The renderer as messaging sees it: what writes a message's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Draft, Order
from activities.permission import Template
from activities.rendering import Background, Rendered


class Renderer(Protocol):
    """The package `rendering`, or what a test puts in its place."""

    def registry(self) -> Mapping[str, Template]: ...

    def wanted(
        self, name: str, locale: str | None, channel: str = "", about: str = ""
    ) -> frozenset[str]: ...

    def facts_for(
        self,
        customer: Customer,
        order: Order | None,
        rules: HouseRules,
        *,
        follow_up: str,
        key: str,
        about: str,
        public_url: str,
        secret: str,
        survey: str = ...,
        background: Background = ...,
    ) -> dict[str, Any]: ...

    def render(
        self,
        name: str,
        locale: str | None,
        channel: str,
        facts: dict[str, Any],
        draft: Draft | None = None,
    ) -> Rendered: ...
