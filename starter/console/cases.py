"""The cases: complaints and inquiries with their clock, and what to do about one."""

from __future__ import annotations

from dataclasses import asdict, replace

from starlette.responses import Response

from activities.crm.tables import new_id
from starter.answers import Refusal
from starter.console import letters, look, outcomes
from starter.console.guard import Ask, Rooms
from starter.console.lists import numbered, whose
from starter.console.sheets import CONFIRMED, Field, Sheet
from starter.reports import casework, worklist
from starter.reports.casework import CaseView, Wanted
from starter.reports.dossier import dossier
from starter.reports.remarks import today
from workflows.vocabulary import PAST

MOST = 50
STATES = (
    ("open", "all that are not closed"),
    ("resolved", "put right, to be confirmed"),
    ("closed", "closed"),
)

CLOSES = (("yes", "Yes: it can be closed"), ("no", "No: it is open again"))
ASIDES = {
    "write": letters.SHEET,
    "satisfied": Sheet(
        (
            replace(CONFIRMED, options=CLOSES),
            Field("text", "What they said", "words", rows=2),
        ),
        (),
    ),
}

rooms = Rooms()


@rooms.shows("/cases")
async def list_(ask: Ask) -> Response:
    wanted = Wanted(ask.asked("state") or "open", ask.asked("kind"), ask.asked("customer"))
    number = numbered(ask)
    async with ask.reports.store.reading() as session:
        page = await casework.listed(session, wanted, limit=MOST, page=number)
        counts = await casework.counts(session)
    return ask.page(
        "cases.html",
        room="cases",
        page=page,
        number=number,
        counts=counts,
        chosen=asdict(wanted),
        narrowed=wanted != Wanted(),
        whose=await whose(ask, wanted.customer),
        state_options=STATES,
        kind_options=[(name, sign.word) for name, sign in look.KINDS.items()],
    )


@rooms.shows("/cases/{case}")
async def show(ask: Ask) -> Response:
    return await _page(ask)


@rooms.takes("/cases/{case}/write", roomy=True)
async def write(ask: Ask) -> Response:
    """A colleague's own message: it goes with the case, and counts as its answer."""
    case = await _there(ask)
    try:
        await letters.send(ask, case.customer, None if case.closed_at else case.id)
    except Refusal as refusal:
        return await _page(ask, refusal, "write")
    return ask.goes(f"/cases/{case.id}?done=written")


@rooms.takes("/cases/{case}/satisfied", roomy=True)
async def satisfied(ask: Ask) -> Response:
    """They said so, to a colleague: it counts as their own word."""
    case, form = await _there(ask), ask.form
    try:
        if form.get("satisfied") not in ("yes", "no"):
            raise Refusal("missing", "Choose yes or no.", param="satisfied")
        said = {
            "id": f"said-{form.get('once', '')[:64] or new_id('said')}",
            "channel": "phone",
            "case_id": case.id,
            "satisfied": form["satisfied"] == "yes",
            "source": "staff",
            "text": form.get("text", "").replace("\r\n", "\n").strip() or None,
        }
        await ask.house.desk.signal(case.customer, "feedback.received", said, ask.me.email)
    except Refusal as refusal:
        return await _page(ask, refusal, "satisfied")
    return ask.goes(f"/cases/{case.id}?done=said")


async def _there(ask: Ask) -> CaseView:
    async with ask.reports.store.reading() as session:
        found = await casework.find(session, ask.request.path_params["case"])
    if found is None:
        raise Refusal("not_found", "There is no such case.", status=404)
    return found


async def _page(ask: Ask, refusal: Refusal | None = None, about: str = "") -> Response:
    """One case; what was refused stands beside what it is about."""
    case = await _there(ask)
    found = await dossier(ask.reports, case.follow_up)
    customer = await ask.reports.customer(case.customer)
    async with ask.reports.store.reading() as session:
        said = await casework.said(session, case)
        log = await casework.log(session, case)
        mail = await casework.letters(session, case)
        jobs = await worklist.jobs_of(session, case_id=case.id)
    lines = found.follow_up.checklist if found else []
    asides = dict(ASIDES)
    if refusal:
        asides[about] = asides[about].filled(ask.form)
    return ask.page(
        "case.html",
        status=refusal.status if refusal else 200,
        room="cases",
        case=case,
        one=found,
        customer=customer,
        past=sum(line.state in PAST for line in lines),
        lines=lines,
        said=said,
        log=log,
        letters=mail,
        jobs=jobs,
        asides=asides,
        faults={about: outcomes.faults(refusal, asides[about])} if refusal else {},
        form=ask.form,
        once=new_id("once"),
        done=ask.asked("done"),
        today=today(ask.reports.clock),
    )
