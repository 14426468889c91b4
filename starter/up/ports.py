"""The ports of a machine: whether those that are wanted are free, and which to choose instead."""

from __future__ import annotations

import asyncio
import socket

from starter.up.directory import Addresses, DirectoryError

OPTIONS = {"web": "--port", "temporal": "--temporal-port", "temporal_ui": "--temporal-ui-port"}
NAMES = {"web": "the web application", "temporal": "Temporal", "temporal_ui": "Temporal's UI"}


async def check_ports(here: Addresses) -> None:
    """All three before anything starts; a predecessor that was killed may need a moment to go."""
    wanted = {name: getattr(here, name) for name in NAMES}
    if len(set(wanted.values())) < len(wanted):
        raise DirectoryError(f"one port cannot serve two: {', '.join(map(str, wanted.values()))}")
    for _ in range(10):
        busy = {name: port for name, port in wanted.items() if taken(here.host, port)}
        if not busy:
            return
        await asyncio.sleep(0.1)
    lines = [
        f"port {port} for {NAMES[name]} is taken; choose another: "
        f"{OPTIONS[name]} {_free_after(port)}"
        for name, port in busy.items()
    ]
    raise DirectoryError("\n".join(lines))


def _free_after(port: int) -> int:
    return next((p for p in range(port + 1, 65536) if not taken("127.0.0.1", p)), port)


def taken(host: str, port: int) -> bool:
    """Whether somebody listens there already, or we may not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
