"""`aftercare rehearse`: a procedure, or a customer's whole life, before anybody lives through it.

The workflows, the desk, the gate and the records are the real ones, on a CRM of its own; the clock
is the time-skipping server's. A silent customer by default, or whoever the life says.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starter.rehearse.director import Director, FollowedUp, RehearsalError
from starter.rehearse.lives import ADA, Life, LifeError, read_life
from starter.rehearse.script import read_script
from starter.rehearse.stage import stage
from starter.rehearse.timeline import Cast, Moment, timeline
from workflows.sops import CATALOGUE, Sop

__all__ = ["ADA", "Director", "LifeError", "Rehearsal", "RehearsalError", "read_life", "rehearse"]


@dataclass(frozen=True)
class Rehearsal:
    """One performance: who played, and all that happened."""

    sop: str  # none: all that are on
    version: str
    says: str
    began: datetime
    zone: ZoneInfo
    cast: list[Cast]
    moments: list[Moment]
    endings: list[str]  # each customer's: completed, ended, opted_out, running
    follow_ups: list[FollowedUp]


async def rehearse(
    sop: str = "",
    *,
    sops: str = "",
    in_force: Mapping[str, dict[str, Any]] | None = None,
    policy: Mapping[str, Any] | None = None,
    script: list[Any] | str | bytes | None = None,
    customer: Mapping[str, Any] | None = None,
    customers: int = 1,
    start: datetime | None = None,
    progress: Callable[[timedelta], None] | None = None,
) -> Rehearsal:
    """Play one procedure, the others off; or, if none is named, a whole life over all of `sops`.

    `in_force` are policies as they stand, by name, `house` among them; `policy` is what to change,
    of the procedure that is named, else by name; `customer` is a life's file, or just a customer.
    """
    procedure, life = _procedure(sop) if sop else None, _life(customer)
    if script is not None:
        life = replace(life, script=tuple(read_script(script)))
    changes = {**life.policies, **({sop: policy} if sop and policy else policy or {})}
    async with stage(sops=sop or sops) as built:
        director = Director(built, procedure, start or life.start)
        built.progress = progress
        await director.set_out(life.customer)
        await director.prepare(in_force or {}, changes)
        await director.meet_neighbour()
        await director.begin(life.customer, customers, orders=life.orders)
        await director.play(life.script)
        return await review(director, life)


async def review(director: Director, life: Life) -> Rehearsal:
    """What it came to."""
    first, sop = director.cast[0], director.sop
    return Rehearsal(
        sop=sop.name if sop else "",
        version=sop.version if sop else "",
        says=life.says,
        began=first.began,
        zone=first.zone,
        cast=director.cast,
        moments=await timeline(director.store, director.cast, director.said),
        endings=await director.endings(),
        follow_ups=await director.follow_ups(),
    )


def _life(customer: Mapping[str, Any] | None) -> Life:
    try:
        return read_life(customer)
    except LifeError as fault:
        raise RehearsalError(str(fault)) from None


def _procedure(name: str) -> Sop:
    if name in CATALOGUE:
        return CATALOGUE[name]
    close = difflib.get_close_matches(name, CATALOGUE, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there is {', '.join(CATALOGUE)}"
    raise RehearsalError(f"there is no SOP {name}: {meant}")
