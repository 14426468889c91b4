"""The customers: found by what somebody knows of them, and each with all that happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from activities.crm.tables import new_id
from starter.answers import Refusal
from starter.console import letters, outcomes
from starter.console.guard import Ask, Rooms
from starter.console.lists import newest
from starter.reports import casework, people, sops, worklist
from starter.reports.objects import TimelineEntry
from starter.reports.paging import Cursor
from starter.reports.remarks import today

MOST = 20  # customers that a search finds
LINES = 50
ROOMS = ("tasks", "cases", "feedback", "follow-ups", "outbox")
LEADS = {
    "message": "/outbox/",
    "task": "/tasks/",
    "case": "/cases/",
    "feedback": "/feedback/",
    "follow_up": "/follow-ups/",
}

rooms = Rooms()


@rooms.takes("/find")
async def find(ask: Ask) -> Response:
    """From a name or an address to an id: either in a link would stay in logs and histories."""
    said, room = ask.form.get("who", "").strip(), ask.form.get("room")
    room = room if room in ROOMS else ""
    if not said:
        return ask.goes(f"/{room or 'tasks'}")
    async with ask.reports.store.reading() as session:
        exact = bool(await people.meant(session, said))
        found = await people.sought(session, said, limit=MOST + 1)
        shown = await people.found(session, found[:MOST])
    if len(found) == 1:
        lists = f"/{room}?{'view=all&' if room == 'tasks' else ''}customer={found[0]}"
        return ask.goes(lists if exact and room else f"/customers/{found[0]}")
    return ask.page(
        "found.html",
        status=200 if found else 404,
        found=shown,
        more=len(found) > MOST,
        room=room or "tasks",
        titles=_titles(),
    )


@rooms.shows("/customers/{customer}")
async def show(ask: Ask) -> Response:
    """One thread: messages, answers, tasks, cases, orders, consents."""
    return await _page(ask)


@rooms.takes("/customers/{customer}/write", roomy=True)
async def write(ask: Ask) -> Response:
    """A letter of a colleague's own; with a case open, it goes with that."""
    return await _done(ask, letters.send, "written")


@rooms.takes("/customers/{customer}/told", roomy=True)
async def told(ask: Ask) -> Response:
    """A complaint, a question, or what else they said: a case begins with it."""
    return await _done(ask, letters.take_down, "told")


async def _done(ask: Ask, do: Callable[[Ask, str], Awaitable[None]], what: str) -> Response:
    customer = ask.request.path_params["customer"]
    try:
        await do(ask, customer)
    except Refusal as refusal:
        return await _page(ask, refusal, what)
    return ask.goes(f"/customers/{customer}?done={what}")


async def _page(ask: Ask, refusal: Refusal | None = None, about: str = "") -> Response:
    customer = await ask.reports.customer(ask.request.path_params["customer"])
    if customer is None:
        raise Refusal("not_found", "There is no such customer.", status=404)
    after = ask.asked("after")
    thread = await newest(
        ask.reports.timeline(customer.id, cursor=Cursor(LINES, starting_after=after))
    )
    follow_ups = await ask.reports.follow_ups(customer=customer.id, cursor=Cursor(25))
    async with ask.reports.store.reading() as session:
        cases = await casework.of_customer(session, customer.id)
        jobs = await worklist.jobs_of(session, customer_id=customer.id)
    asides = {"written": letters.SHEET, "told": letters.told_by(customer.orders)}
    if refusal:
        asides[about] = asides[about].filled(ask.form)
    return ask.page(
        "customer.html",
        status=refusal.status if refusal else 200,
        asides=asides,
        faults={about: outcomes.faults(refusal, asides[about])} if refusal else {},
        form=ask.form,
        once=new_id("once"),
        done=ask.asked("done"),
        customer=customer,
        thread=thread,
        links={entry.id: _link(entry) for entry in (thread.data if thread else [])},
        follow_ups=follow_ups.data,
        cases=cases,
        jobs=[job for job in jobs if job.state == worklist.OPEN],
        paging=bool(after),
        titles=_titles(),
        today=today(ask.reports.clock),
    )


def _link(entry: TimelineEntry) -> str | None:
    """Where a line of the thread leads."""
    kind, _, id_ = entry.id.partition(":")
    return f"{LEADS[kind]}{id_.partition(':')[0]}" if kind in LEADS else None


def _titles() -> dict[str, str]:
    return {name: sop.title for name, sop in sops.procedures().items()}
