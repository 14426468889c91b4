"""`aftercare sops --preview`: a template as a customer would read it, or a test to a colleague."""

from __future__ import annotations

import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.markup import escape

from activities.rendering import registry
from starter.cli.common import CliError, Printing, desk, notice, out, print_json, say, who
from starter.desk import Desk
from starter.preview import Preview, preview, send_test


@Parameter(name="*")
@dataclass(frozen=True)
class Look:
    """What of which template is to be seen."""

    preview: Annotated[str | None, Parameter(help="Show a template, as `welcome`")] = None
    locale: Annotated[str | None, Parameter(help="As de, de-AT [default: theirs]")] = None
    channel: Annotated[
        Literal["email", "sms", "letter", "call"] | None, Parameter(help="[default: its first]")
    ] = None
    about: Annotated[str, Parameter(help="One of its variants, as `sign-in`")] = ""
    customer: Annotated[
        str | None, Parameter(help="As this customer would get it [default: a sample]")
    ] = None
    html: Annotated[Path | None, Parameter(help="Write the HTML part to a file")] = None
    open: Annotated[bool, Parameter(help="Open it in the browser", negative="")] = False
    test: Annotated[str | None, Parameter(help="Send it to a colleague, marked as a test")] = None


LOOK = Look()


async def show(sop: str | None, look: Look, printing: Printing) -> None:
    """Print it, write it, open it, send it."""
    async with desk(printing) as opened:
        shown = await _preview(opened, sop, look)
        sent = look.test and await send_test(
            opened.store, opened.settings, opened.clock, shown, look.test, by=who()
        )
    if printing.json:
        print_json(shown)
    else:
        _print(shown)
    if shown.html and (look.html or look.open):
        path = look.html or Path(tempfile.mkdtemp(prefix="aftercare-")) / f"{shown.template}.html"
        _write(path, shown.html)
        if look.open:
            webbrowser.open(path.absolute().as_uri())
        notice(f"The HTML part is in {path}")
    elif look.html or look.open:
        notice("A text message has no HTML part.")
    if sent:
        if not sent.went:
            raise CliError(sent.words)
        notice(f"{sent.words}.")


async def _preview(opened: Desk, sop: str | None, look: Look) -> Preview:
    if look.preview is None:
        raise CliError("name the template: --preview TEMPLATE")
    theirs = [one.name for one in registry().values() if sop in (None, one.sop)]
    if look.preview not in theirs:
        of = f" of {sop}" if sop else ""
        there = ", ".join(theirs) or "none"
        raise CliError(f"there is no template {look.preview!r}{of}; there are: {there}")
    return await preview(
        opened.store,
        opened.settings,
        look.preview,
        channel=look.channel,
        locale=look.locale,
        about=look.about,
        customer=look.customer,
    )


def _print(shown: Preview) -> None:
    if shown.subject:
        out().print(f"[bold]{escape(shown.subject)}[/]\n", soft_wrap=True)
    say(shown.text.rstrip())
    size = f"{shown.characters} characters"
    if shown.segments is not None:
        size += f", {shown.segments} segment{'s' if shown.segments > 1 else ''}"
    notice(f"\n{shown.template}, {shown.channel}, {shown.locale}: {size}")


def _write(path: Path, html: str) -> None:
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as fault:
        raise CliError(f"cannot write {path}: {fault.strerror}") from None
