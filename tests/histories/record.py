"""Keep a life's histories, to be replayed from now on: `make history NAME=silent`, or all of them.

What is kept is never recorded anew when code changes: an old history that no longer replays is the
news this is for. Only a shape of life that is not yet there is added.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import sys
from pathlib import Path

from sqlalchemy import select
from temporalio.service import RPCError

from activities.crm import tables as t
from starter.rehearse.stage import stage
from tests.histories.contracts import LIVES

HERE = Path(__file__).parent


async def record(name: str) -> list[Path]:
    """Play the life to its end, and keep each workflow's history."""
    written = []
    async with stage(cold=True) as built:
        life = await LIVES[name](built)
        await life.end()
        await built.settle()
        async with built.store.reading() as session:
            follow_ups = list((await session.execute(select(t.Enrolment.id))).scalars())
        for follow_up in follow_ups:
            try:
                history = await life.history(follow_up)
            except RPCError:
                continue  # on the table, and never begun
            path = HERE / f"{name}.{follow_up.partition('.')[0]}.json.gz"
            path.write_bytes(gzip.compress(history.to_json().encode(), mtime=0))
            written.append(path)
    return written


def main(names: list[str]) -> None:
    logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)
    unknown = [name for name in names if name not in LIVES]
    if unknown or not names:
        sys.exit(f"NAME is one or more of: {', '.join(LIVES)}")
    for name in names:
        if kept := list(HERE.glob(f"{name}.*.json.gz")):
            sys.exit(f"{kept[0].name} is kept already; give the new shape of life a new name")
        for path in asyncio.run(record(name)):
            sys.stdout.write(f"{path.name}  {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
