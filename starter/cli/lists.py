"""One way to page through a list, and to print it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter, validators
from rich.table import Table

from starter.cli.common import Printing, notice, out, print_json, say
from starter.reports.objects import Page
from starter.reports.paging import Cursor


@Parameter(name="*")
@dataclass(frozen=True)
class Paging:
    limit: Annotated[
        int, Parameter(help="How many at most", validator=validators.Number(gte=1, lte=1000))
    ] = 50
    after: Annotated[str | None, Parameter(help="Go on after this id")] = None

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.limit, self.after)


PAGING = Paging()


def print_page(
    page: Page[Any],
    printing: Printing,
    draw: Callable[[Sequence[Any]], Table],
    *,
    nothing: str,
    hint: str = "",
) -> None:
    """A page as a table, how to see the next, and what can be done with what stands there."""
    if printing.json:
        print_json(page)
        return
    if not page.data:
        say(nothing)
        return
    out().print(draw(page.data))
    if page.has_more:
        notice(f"There are more: --after {page.data[-1].id}")
    if hint:
        notice(hint)
