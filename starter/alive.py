"""`python -m starter.alive`: does this machine's worker work? A container's health check."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

from starter import health


async def _main() -> int:
    check = await health.works_here(socket.gethostname())
    sys.stdout.write(f"{check.says}\n")
    return int(check.state == "broken")


if __name__ == "__main__":
    code = asyncio.run(_main())
    sys.stdout.flush()
    os._exit(code)  # without the clean-up in which the Temporal SDK may crash
