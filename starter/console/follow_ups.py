"""The follow-ups: where each customer is in a procedure, by its clauses, with the reasons."""

from __future__ import annotations

import textwrap
from itertools import groupby
from urllib.parse import quote

from starlette.responses import Response

from starter.answers import Refusal
from starter.console import outcomes
from starter.console.addresses import query
from starter.console.guard import Ask, Rooms
from starter.console.lists import newest, whose
from starter.console.look import FOLLOW_UPS
from starter.console.sheets import Field, Sheet
from starter.desk import Verb
from starter.reports import people, sops, words
from starter.reports.dossier import dossier
from starter.reports.objects import ChecklistLine, FollowUp
from starter.reports.paging import Cursor
from starter.reports.remarks import OPEN, pressing, today
from workflows.vocabulary import PAST

MOST = 25
FILTERS = ("customer", "sop", "state")
VERBS: dict[Verb, tuple[str, str]] = {  # as it is chosen, and as it is said afterwards
    "hold": ("Hold it: only what they must have goes out", "Held, until somebody lets it go on."),
    "resume": ("Let it go on", "It goes on."),
    "run-now": ("Do a clause now", "Told: it does that now, if it may go."),
    "skip": ("Leave a clause out", "Told: it leaves that out."),
    "retry": ("Try a blocked clause again", "Told: it tries that again."),
    "end": ("End it for good", "Told: it ends."),
}
OF_A_CLAUSE = ("run-now", "skip", "retry")
NOTHING = ("none", "already")  # effects

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
    return await _page(ask)


@rooms.takes("/follow-ups/{follow_up}/steer", roomy=True)
async def steer(ask: Ask) -> Response:
    """By whoever is logged in, with their reason; where nothing came of it, it says why."""
    follow_up, form = ask.request.path_params["follow_up"], ask.form
    verb = _verb(form.get("verb"))
    try:
        if verb is None:
            raise Refusal("missing", "Choose what is to be done.", param="verb")
        clause = form.get("clause") if verb in OF_A_CLAUSE else None
        receipt = await ask.house.desk.control(
            verb, follow_up, clause=clause or None, reason=form.get("reason", ""), by=ask.me.email
        )
        for came in receipt.effects:
            if came.effect in NOTHING and came.reason:
                why = f"Nothing was done: {words.reason(came.reason)}."
                raise Refusal("nothing_done", why, status=409)
    except Refusal as refusal:
        return await _page(ask, refusal)
    return ask.goes(f"/follow-ups/{quote(follow_up)}?done={verb}")


def _verb(said: str | None) -> Verb | None:
    return next((verb for verb in VERBS if verb == said), None)


def _steering(one: FollowUp) -> Sheet:
    """What can be ordered now, and of which clauses."""
    left_out = "hold" if one.state == "on_hold" else "resume"
    verbs = tuple((name, word) for name, (word, _) in VERBS.items() if name != left_out)
    lines = [line for line in one.checklist if line.state not in PAST]
    clauses = (
        ("", "the first that is blocked"),
        *((line.clause, f"{line.clause}: {textwrap.shorten(line.title, 60)}") for line in lines),
    )
    return Sheet(
        (
            Field("verb", "What", "choice", (("", "choose"), *verbs)),
            Field("clause", "Which clause, if it is about one", "choice", clauses),
            Field("reason", "Why", hint="it is kept with your name", needed=True),
        ),
        (),
    )


async def _page(ask: Ask, refusal: Refusal | None = None) -> Response:
    found = await dossier(ask.reports, ask.request.path_params["follow_up"])
    if found is None:
        raise Refusal("not_found", "There is no such follow-up.", status=404)
    lines = found.follow_up.checklist
    steer = _steering(found.follow_up)
    steer = steer.filled(ask.form) if refusal else steer
    return ask.page(
        "follow_up.html",
        status=refusal.status if refusal else 200,
        steer=steer if found.follow_up.state in OPEN else None,
        wrong=outcomes.faults(refusal, steer),
        done=VERBS[done][1] if (done := _verb(ask.asked("done"))) else None,
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
