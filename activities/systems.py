"""Which of the house's systems may be asked to set up a customer: `billing=https://…`, by commas.

Whoever writes this setting decides where customers' data goes, so that what is odd is refused: the
error names the entry, never the address, in which a token may stand.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # as it may stand in a step's key
HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
PLAIN = re.compile(r"[!-[\]-~]{1,2000}")  # neither blanks nor backslashes
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def systems_of(said: str) -> Mapping[str, str]:
    """The systems by name, and where each is asked. Raises `ValueError`, in the setter's words."""
    found: dict[str, str] = {}
    for place, entry in enumerate(filter(None, map(str.strip, said.split(","))), 1):
        name, there_is, url = entry.partition("=")
        name, url = name.strip(), url.strip()
        if not there_is or not NAME.fullmatch(name):
            raise ValueError(f"entry {place}: write name=https://…, as billing=https://…")
        if name in found:
            raise ValueError(f"{name} is named twice")
        if fault := _fault(url):
            raise ValueError(f"{name}: {fault}")
        found[name] = url
    return MappingProxyType(found)


def host_of(url: str) -> str:
    """Where that is, without what stands in the path, which may be a token."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else str(host)


def _fault(url: str) -> str:
    """What is wrong with an address; empty: nothing."""
    if not PLAIN.fullmatch(url):
        return "write an address of plain characters, 2000 at most"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "this is no address"
    if parts.username is not None or parts.password is not None:
        return "no user and no password in the address: the signature says who asks"
    if parts.fragment or url.endswith("#"):
        return "no # in the address: nobody would be told what follows it"
    return _wrong_way(parts, host) or _wrong_host(host)


def _wrong_way(parts: SplitResult, host: str) -> str:
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK):
        return ""
    return "https:// only; http:// to this machine alone"


def _wrong_host(host: str) -> str:
    """What no system of anybody's answers at: what is nowhere, everywhere, or the cloud's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.rstrip(".").split(".")
        plain = HOST.fullmatch(host.removesuffix(".")) and not _number(labels[-1])
        return "" if plain else "this is no name of a host"
    known = getattr(address, "ipv4_mapped", None) or address
    odd = known.is_link_local or known.is_multicast or known.is_unspecified or known.is_reserved
    return "nothing of yours answers at that address" if odd and host not in LOOPBACK else ""


def _number(label: str) -> bool:
    """Whether some would read it as a part of an address: 2130706433, 0x7f000001."""
    return bool(re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", label))
