"""Links that lead through us, so that it shows which are followed: `/c/{token}`.

A token names a message and one of the house's links, never an address: whatever is made of it, it
leads where the house's own rules say, and nowhere else.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlsplit

from activities.crm.house import HouseRules
from activities.rendering import tokens
from activities.rendering.facts import Facts
from activities.rendering.values import link

TOKEN = re.compile(r"[a-z0-9]{36}-[a-z_]{1,40}")


@dataclass(frozen=True)
class Followed:
    """Which link of which message of ours."""

    message_id: str
    name: str


def tracked(
    facts: Facts, rules: HouseRules, *, public_url: str, secret: str, reference: str
) -> Facts:
    """The facts with the house's links as ones that are of this message alone."""
    base, ours = public_url.rstrip("/"), vars(facts["links"])
    through = {
        name: link(f"{base}/c/{token(secret, Followed(reference, name))}")
        for name in rules.links.model_dump()
        if name in ours and fit(rules, name)
    }
    return facts | {"links": SimpleNamespace(**ours | through)}


def token(secret: str, followed: Followed) -> str:
    """The link's own: the message's number, a signature of both, and the link's name."""
    short = tokens.make_short(secret, "click", _both(followed))
    return f"{followed.message_id.removeprefix('msg_')}{short[-16:]}-{followed.name}"


def read(secret: str, said: str) -> Followed | None:
    """What a token of ours is about; None: it is not ours."""
    said = said.lower()
    if not TOKEN.fullmatch(said):
        return None
    followed = Followed(f"msg_{said[:20]}", said[37:])
    return followed if hmac.compare_digest(said, token(secret, followed)) else None


def fit(rules: HouseRules, name: str) -> str:
    """Where the house's link of this name leads, if that is a page; else nowhere."""
    address: str = getattr(rules.links, name, "")
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return str(link(address)) if parts.scheme in ("http", "https") and parts.hostname else ""


def _both(followed: Followed) -> str:
    return f"{followed.message_id}/{followed.name}"
