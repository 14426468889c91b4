"""What is printed, written to a file: letters, call sheets, what went with a message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from starter import printing
from starter.answers import Refusal
from starter.cli.common import PRINTING, CliError, Printing, print_json, reports, say

Out = Annotated[
    Path | None, Parameter(help="The file, or - for standard output", allow_leading_hyphen=True)
]


async def letter(message: str, /, *, out: Out = None, printing_: Printing = PRINTING) -> None:
    """A letter as PDF, to print, for the envelope's window."""
    async with reports(printing_) as asked:
        content = await printing.letter_of_message(asked, message)
    if content is None:
        raise CliError(f"there is no message {message!r}: `aftercare messages` lists them")
    _write(printing.File(f"letter-{message}.pdf", "application/pdf", content), out, printing_)


async def attachment(
    message: str, name: str, /, *, out: Out = None, printing_: Printing = PRINTING
) -> None:
    """What went with a message, by the name that `messages show` has."""
    async with reports(printing_) as asked:
        found = await printing.attachment(asked, message, name)
    if found is None:
        raise CliError(f"nothing of this name went with it: `aftercare messages show {message}`")
    _write(found, out, printing_)


async def of_task(task: str, /, *, out: Out = None, printing_: Printing = PRINTING) -> None:
    """What a task is done with on paper, as PDF: the letter to post, or the sheet for a call."""
    async with reports(printing_) as asked:
        try:
            kind, content = "letter", await printing.letter_of_task(asked, task)
        except Refusal as refusal:
            if refusal.code != "not_a_letter":
                raise
            kind, content = "sheet", await printing.sheet_of_task(asked, task)
    if content is None:
        raise CliError(f"there is no task {task!r}: `aftercare tasks` lists them")
    _write(printing.File(f"{kind}-{task}.pdf", "application/pdf", content), out, printing_)


def _write(file: printing.File, out: Path | None, how: Printing) -> None:
    if str(out) == "-":
        sys.stdout.buffer.write(file.content)
        return
    path = out or Path(file.name)
    try:
        path.write_bytes(file.content)
    except OSError as fault:
        raise CliError(f"cannot write {path}: {fault.strerror}") from None
    if how.json:
        print_json({"file": str(path), "type": file.type, "size": len(file.content)})
    else:
        say(f"{path}: {len(file.content):,} bytes")
