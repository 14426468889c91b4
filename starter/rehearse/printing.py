"""A rehearsal as people read it: its timeline, many customers' as one, two beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from starter.rehearse import Rehearsal
from starter.rehearse.director import FollowedUp
from starter.rehearse.timeline import Change, Moment, compare, ended, short

STYLES = {"sent": "green", "deferred": "dim", "refused": "yellow", "skipped": "yellow"}
STYLES |= {"held": "yellow", "blocked": "red", "handed": "cyan"}
SIGNS = {"earlier": "«", "later": "»", "new": "+", "gone": "-", "same": " "}
COLOURS = {"earlier": "cyan", "later": "yellow", "new": "green", "gone": "red", "same": "dim"}


def show(rehearsal: Rehearsal, console: Console) -> None:
    """Day, local time, whose clause, what, why."""
    console.print(_title(rehearsal), style="bold", highlight=False)
    if rehearsal.says:
        console.print(rehearsal.says, highlight=False, markup=False)
    console.print()
    if len(rehearsal.cast) > 1:
        console.print(_crowd(rehearsal, whose=_several(rehearsal)))
    else:
        console.print(_lines(rehearsal.moments, whose=_several(rehearsal)))
    console.print()
    console.print(_ending(rehearsal), highlight=False)


def show_changes(before: Rehearsal, after: Rehearsal, console: Console) -> None:
    """What the other policy would change."""
    console.print(f"{_title(before)}: what the other policy changes", style="bold", highlight=False)
    console.print()
    table = _table("", "now", "then", "clause", "what", "")
    changes = compare(before.moments, after.moments)
    for change in changes:
        table.add_row(*map(escape, _change(change)), style=COLOURS[change.kind])
    console.print(table)
    console.print()
    counted = {kind: sum(one.kind == kind for one in changes) for kind in SIGNS}
    said = [f"{count} {kind}" for kind, count in counted.items() if count and kind != "same"]
    console.print(", ".join(said) if said else "Nothing changes.", highlight=False)


def as_data(rehearsal: Rehearsal, changed: Rehearsal | None = None) -> dict[str, Any]:
    """The same for programs."""
    data: dict[str, Any] = {
        "sop": rehearsal.sop or None,
        "sop_version": rehearsal.version or None,
        "began_at": rehearsal.began.isoformat(),
        "time_zone": rehearsal.zone.key,
        "customers": len(rehearsal.cast),
        "endings": rehearsal.endings,
        "follow_ups": [asdict(follow_up) for follow_up in rehearsal.follow_ups],
        "timeline": [_plain(moment) for moment in rehearsal.moments],
    }
    if changed is not None:
        data["changes"] = [
            {
                "change": change.kind,
                "before": change.before and _plain(change.before),
                "after": change.after and _plain(change.after),
            }
            for change in compare(rehearsal.moments, changed.moments)
        ]
    return data


def _plain(moment: Moment) -> dict[str, Any]:
    return {
        "customer": moment.customer,
        "day": moment.day,
        "at": moment.at.isoformat(),
        "local": moment.local.isoformat(),
        "sop": moment.sop or None,
        "clause": moment.clause or None,
        "what": moment.what,
        "why": moment.why or None,
    }


def _title(rehearsal: Rehearsal) -> str:
    many = f"{len(rehearsal.cast)} customers" if len(rehearsal.cast) > 1 else "a customer"
    began = rehearsal.began.astimezone(rehearsal.zone)
    what = f"{rehearsal.sop} {rehearsal.version}" if rehearsal.sop else "All that is on"
    return f"{what}: {many} in {rehearsal.zone.key}, from {began:%a %d %b %Y %H:%M}"


def _ending(rehearsal: Rehearsal) -> str:
    if len(rehearsal.cast) > 1:
        counted = {ending: rehearsal.endings.count(ending) for ending in rehearsal.endings}
        return ", ".join(f"{count} {ending.replace('_', ' ')}" for ending, count in counted.items())
    if rehearsal.sop:
        return f"It ended as {rehearsal.endings[0].replace('_', ' ')}."
    return "\n".join(map(_fate, rehearsal.follow_ups))


def _fate(follow_up: FollowedUp) -> str:
    why = f": {ended(follow_up.reason, follow_up.id)}" if follow_up.reason else ""
    return f"{short(follow_up.id)} {follow_up.state.replace('_', ' ')}{why}"


def _several(rehearsal: Rehearsal) -> bool:
    """Whether clauses of more than one document are told of."""
    return not rehearsal.sop or len({m.sop for m in rehearsal.moments if m.sop and m.clause}) > 1


def _lines(moments: list[Moment], *, whose: bool) -> Table:
    table = _table("day", "local time", *(("sop",) if whose else ()), "clause", "what", "why")
    day = None
    for moment in moments:
        shown = "" if moment.day == day else str(moment.day)
        day = moment.day
        sop = (moment.sop,) if whose else ()
        told = (shown, _clock(moment), *sop, moment.clause, moment.what, moment.why)
        table.add_row(*map(escape, told), style=STYLES.get(moment.gist.split(" ")[0], ""))
    return table


def _crowd(rehearsal: Rehearsal, *, whose: bool) -> Table:
    """Many customers: how many had each thing, and when the first and the last of them."""
    sop = ("sop",) if whose else ()
    table = _table("customers", "first", "last", *sop, "clause", "what", "why")
    for moments in _alike(rehearsal.moments):
        first, last = moments[0], max(moments, key=lambda one: one.at)
        told = (
            str(len({moment.customer for moment in moments})),
            f"day {first.day} {first.local:%H:%M}",
            f"day {last.day} {last.local:%H:%M}",
            *((first.sop,) if whose else ()),
            first.clause,
            first.gist if first.gist.startswith("handed") else first.what,
            first.why,
        )
        table.add_row(*map(escape, told), style=STYLES.get(first.gist.split(" ")[0], ""))
    return table


def _alike(moments: list[Moment]) -> Iterator[list[Moment]]:
    groups: dict[tuple[str, str, str, str], list[Moment]] = {}
    for moment in sorted(moments, key=lambda one: one.at):
        alike = (moment.sop, moment.clause, moment.gist, moment.why)
        groups.setdefault(alike, []).append(moment)
    yield from groups.values()


def _change(change: Change) -> tuple[str, ...]:
    moment = change.after or change.before
    how = change.kind if change.kind in ("new", "gone") else ""
    if change.kind in ("earlier", "later"):
        how = f"{_span(change.by)} {change.kind}"
    return (
        SIGNS[change.kind],
        f"day {change.before.day} {change.before.local:%H:%M}" if change.before else "",
        f"day {change.after.day} {change.after.local:%H:%M}" if change.after else "",
        moment.clause if moment else "",
        moment.what if moment else "",
        how,
    )


def _clock(moment: Moment) -> str:
    return f"{moment.local:%a %d %b %H:%M}"


def _span(span: timedelta) -> str:
    hours, minutes = divmod(round(span / timedelta(minutes=1)), 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m")]
    return " ".join(f"{count}{unit}" for count, unit in parts if count) or "0m"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, header_style="dim", justify="right" if name == "day" else "left")
    return table
