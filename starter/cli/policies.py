"""Policies: what an SOP's document leaves in brackets, shown, changed, previewed, approved, moved
to those in flight, undone, dropped."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Reason,
    UsageError,
    desk,
    notice,
    parse,
    print_json,
    read_json,
    say,
    who,
)
from starter.cli.policy_pages import (
    numbers,
    print_after,
    print_diff,
    print_policy,
    print_preview,
    print_versions,
)
from starter.desk import Desk

QUIET = 2.0  # seconds after which somebody wants to see that something is being done


@Parameter(name="*")
@dataclass(frozen=True)
class Wish:
    """What is to be done with the policy."""

    set_: Annotated[
        list[str] | None, Parameter(name="--set", negative="", help="As check_in=10d; repeatable")
    ] = None
    file: Annotated[
        Path | None, Parameter(help="Changes as JSON, or -", allow_leading_hyphen=True)
    ] = None
    diff: Annotated[bool, Parameter(negative="", help="Only show what would change")] = False
    preview: Annotated[
        bool, Parameter(negative="", help="Only show what it would do to those in flight")
    ] = False
    versions: Annotated[
        bool, Parameter(negative="", help="Who changed what, when and why, and who approved it")
    ] = False
    approve: Annotated[bool, Parameter(negative="", help="Put it in force")] = False
    undo: Annotated[
        bool, Parameter(negative="", help="Back to what was in force before; needs --reason")
    ] = False
    discard: Annotated[
        bool, Parameter(negative="", help="Drop what waits for approval; needs --reason")
    ] = False
    to: Annotated[
        Literal["new", "running"] | None,
        Parameter(help="Follow-ups yet to begin, or those in flight, too [default: new]"),
    ] = None
    yes: Annotated[bool, Parameter(negative="", help="Agree to what would be due at once")] = False

    def verb(self, changes: dict[str, Any]) -> str:
        """The one thing that is asked for."""
        asked = [v for v in ("versions", "discard", "preview", "diff", "undo") if getattr(self, v)]
        if asked in ([], ["preview", "undo"]):
            other = "move" if self.to == "running" else "show"
            asked = asked or ["set" if changes else "approve" if self.approve else other]
        elif len(asked) > 1 or self.approve:
            raise UsageError(f"--{asked[0]} goes by itself: one thing at a time")
        if changes and asked[0] in ("versions", "discard", "undo"):
            raise UsageError(f"--{asked[0]} takes no changes: leave --set and --file out")
        return asked[0]


WISH = Wish()


async def policy(
    name: Annotated[str, Parameter(help="An SOP, or `house` for the rules that always apply")],
    /,
    *,
    wish: Wish = WISH,
    reason: Reason = "",
    printing: Printing = PRINTING,
) -> None:
    """An SOP's policy, what its document leaves in brackets: show it, change it, approve it, have
    those in flight follow it."""
    listed = dict(map(_change, wish.set_ or []))
    changes = {**(read_json(wish.file, "the changes") or {}), **listed}
    verb = wish.verb(changes)
    async with desk(printing) as opened:
        work = Work(opened, name, wish, changes, reason, printing)
        await VERBS[verb](work)


@dataclass(frozen=True)
class Work:
    """One command, being carried out."""

    desk: Desk
    name: str
    wish: Wish
    changes: dict[str, Any]
    reason: str
    printing: Printing

    async def show(self) -> None:
        found, waiting = await self.desk.policy_show(self.name), await self._difference()
        print_policy(found, waiting, self.printing)

    async def diff(self) -> None:
        print_diff(await self._difference(), self.printing)

    async def versions(self) -> None:
        print_versions(await self.desk.policy_versions(self.name), self.printing)

    async def preview(self) -> None:
        print_preview(await self._previewed(), self.printing)

    async def discard(self) -> None:
        dropped = await self._difference()
        after = await self.desk.policy_discard(self.name, by=who(), reason=self.reason)
        if self.printing.json:
            print_json(after)
            return
        kept = f"version {after['version']}, as it was before,"
        what = ", ".join(dropped) or "nothing that differed"
        say(f"Dropped: {what}. In force: {kept} of {self.name}.")

    async def set(self) -> None:
        to = self.wish.to or "new"
        confirm = await self._agreed() if to == "running" and self.wish.approve else None
        difference = await self._difference()
        found = await self.desk.policy_show(self.name)
        if not difference and not found["waiting"] and to == "new":
            print_diff({}, self.printing) if not self.printing.json else print_json(found)
            return
        after = await self.desk.policy_set(
            self.name,
            self.changes,
            by=who(),
            reason=self.reason,
            approve=self.wish.approve,
            to=to,
            confirm=confirm,
        )
        if after["waiting"]:  # on top of what waited already
            difference = await self.desk.policy_diff(self.name, {})
        self._say(difference)
        print_after(after, self.printing)

    async def approve(self) -> None:
        """What is approved is seen first, with what it does to those in flight."""
        to = self.wish.to or "new"
        seen = (await self.desk.policy_show(self.name))["waiting"]
        self._say(await self._difference())
        confirm = await self._agreed() if to == "running" else None
        after = await self.desk.policy_approve(
            self.name, by=who(), to=to, confirm=confirm, version=seen
        )
        print_after(after, self.printing)

    async def undo(self) -> None:
        to = self.wish.to or await self.desk.policy_undo_goes_to(self.name)
        confirm = await self._agreed() if to == "running" else None
        print_after(
            await self.desk.policy_undo(
                self.name, by=who(), reason=self.reason, to=to, confirm=confirm
            ),
            self.printing,
        )

    async def move(self) -> None:
        confirm = await self._agreed()
        print_after(
            await self.desk.policy_move(self.name, by=who(), reason=self.reason, confirm=confirm),
            self.printing,
        )

    # -- before it is done ---------------------------------------------------------------

    async def _difference(self) -> dict[str, list[Any]]:
        return await self.desk.policy_diff(self.name, self.changes)

    def _say(self, difference: dict[str, list[Any]]) -> None:
        if not self.printing.json:
            print_diff(difference, self.printing)

    async def _previewed(self) -> dict[str, Any]:
        moving = self.wish.verb(self.changes) == "move"
        return await self.desk.policy_preview(
            self.name,
            self.changes,
            undo=self.wish.undo,
            in_force=moving,
            progress=Patience(),
        )

    async def _agreed(self) -> int:
        """The preview is shown; what would be due at once, somebody has to agree to."""
        preview = await self._previewed()
        if not self.printing.json:
            print_preview(preview, self.printing)
        most: int = preview["confirm"]
        if not most or self.wish.yes:
            return most
        if not sys.stdin.isatty():
            raise CliError(f"{numbers(preview)} If that is meant, say --yes")
        question = f"{most} may be due at once. Go on? [y/N] "
        said = await asyncio.to_thread(input, question)
        if said.strip().lower() not in ("y", "yes"):
            raise CliError("nothing was changed")
        return most


VERBS: dict[str, Callable[[Work], Awaitable[None]]] = {
    "show": Work.show,
    "diff": Work.diff,
    "versions": Work.versions,
    "preview": Work.preview,
    "discard": Work.discard,
    "set": Work.set,
    "approve": Work.approve,
    "undo": Work.undo,
    "move": Work.move,
}


class Patience:
    """Says how far it has come, once that takes longer than somebody waits in silence."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    def __call__(self, asked: int, of: int) -> None:
        if time.monotonic() - self.said > QUIET:
            self.said = time.monotonic()
            notice(f"{asked} of {of} follow-ups have answered")


def _change(words: str) -> tuple[str, Any]:
    """`check_in=10d`: the value is JSON, or the word itself, as a span of time is."""
    name, equals, value = words.partition("=")
    if not equals or not name:
        raise CliError(f"write --set NAME=VALUE, not {words!r}")
    try:
        return name.strip(), parse(value, name)
    except CliError:
        return name.strip(), value
