"""Addresses of our own lists."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode


def query(chosen: Mapping[str, str | None], **more: str) -> str:
    """The same list, further on."""
    return urlencode({name: value for name, value in chosen.items() if value} | more)
