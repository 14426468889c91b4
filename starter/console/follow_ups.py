"""The follow-ups: where each customer is in a procedure, by its clauses, with the reasons."""

from __future__ import annotations

from itertools import groupby

from starlette.responses import Response

from starter.answers import Refusal
from starter.console.addresses import query
from starter.console.guard import Ask, Rooms
from starter.console.lists import newest, whose
from starter.console.look import FOLLOW_UPS
from starter.reports import people, sops
from starter.reports.dossier import dossier
from starter.reports.objects import ChecklistLine
from starter.reports.paging import Cursor
from starter.reports.remarks import pressing, today
from workflows.vocabulary import PAST

MOST = 25
FILTERS = ("customer", "sop", "state")

rooms = Rooms()


@rooms.shows("/follow-ups")
async def list_(ask: Ask) -> Response:
    chosen = {name: ask.asked(name) for name in FILTERS}
    page = await newest(ask.reports.follow_ups(**chosen, cursor=Cursor(MOST, ask.asked("after"))))
    async with ask.reports.store.reading() as session:
        called = await people.names(session, {one.customer for one in page.data})
    return ask.page(
        "follow_ups.html",
        room="follow-ups",
        page=page,
        called=called,
        next={one.id: pressing(one) for one in page.data},
        past={one.id: sum(line.state in PAST for line in one.checklist) for one in page.data},
        today=today(ask.reports.clock),
        chosen=chosen,
        whose=await whose(ask, chosen["customer"]),
        older=query(chosen, after=page.data[-1].id) if page.has_more else None,
        paging=bool(ask.asked("after")),
        state_options=[(name, sign.word) for name, sign in FOLLOW_UPS.items()],
        sop_options=[(name, sop.title) for name, sop in sops.procedures().items()],
        titles={name: sop.title for name, sop in sops.procedures().items()},
    )


@rooms.shows("/follow-ups/{follow_up}")
async def show(ask: Ask) -> Response:
    found = await dossier(ask.reports, ask.request.path_params["follow_up"])
    if found is None:
        raise Refusal("not_found", "There is no such follow-up.", status=404)
    lines = found.follow_up.checklist
    return ask.page(
        "follow_up.html",
        room="follow-ups",
        one=found,
        follow_up=found.follow_up,
        sections=[(name, list(group)) for name, group in groupby(lines, _section)],
        past=sum(line.state in PAST for line in lines),
        next=pressing(found.follow_up),
        today=today(ask.reports.clock),
    )


def _section(line: ChecklistLine) -> str:
    """The section of the document that a clause stands in: 5.2 for 5.2.1."""
    return line.clause.rpartition(".")[0] or line.clause
