"""What the doctor says of the doors for other systems: which are open, and which refuse."""

from __future__ import annotations

from starter.desk import Desk
from starter.health import Check


async def look_at_doors(desk: Desk) -> Check:
    doors = await desk.doors()
    if refusing := [door for door in doors if door.is_refusing]:
        door = refusing[0]
        taken = f"the last it took came {door.taken_at:%Y-%m-%d %H:%M} UTC" if door.taken_at else ""
        says = (
            f"/hooks/{door.sender.path} has refused {door.refused} as not signed, the last "
            f"{door.refused_at:%Y-%m-%d %H:%M} UTC; {taken or 'it never took one'}"
        )
        more = f" (and {len(refusing) - 1} more doors)" if len(refusing) > 1 else ""
        cure = f"compare {door.sender.variable} with what the sender shows: docs/doors.md"
        return Check("doors", "warning", says + more, cure)
    there = [door.sender.path for door in doors if door.is_open]
    if not there:
        return Check("doors", "ok", "none is set up: events come by the API (docs/doors.md)")
    return Check("doors", "ok", f"set up: {', '.join(there)}")
