"""The inbox: what came in and waits or failed, tried again, or given to whom it is from."""

from __future__ import annotations

from starlette.responses import Response

from activities.crm.inbox import DONE, FAILED, PARKED, STORED
from starter.answers import Refusal
from starter.console.addresses import query
from starter.console.guard import Ask, Rooms
from starter.console.lists import newest
from starter.console.look import Sign
from starter.reports import inbox, people
from starter.reports.inbox import Arrived
from starter.reports.paging import Cursor

MOST = 50
CANDIDATES = 20  # customers that a search finds
FILTERS = ("state", "source")
EVERYTHING = "all"
SIGNS = {
    STORED: Sign("waits", "clock", "now"),
    PARKED: Sign("not known yet", "question", "warn"),
    FAILED: Sign("failed", "cross", "bad"),
    DONE: Sign("done", "check", "good"),
}
STATES = (
    ("", "what waits or failed"),
    (FAILED, "what failed"),
    (PARKED, "not known yet"),
    (STORED, "what waits"),
    (DONE, "what is done"),
    (EVERYTHING, "all that came in"),
)

rooms = Rooms()


@rooms.shows("/inbox")
async def list_(ask: Ask) -> Response:
    """What somebody may have to see to; all of it where that is asked for."""
    chosen, after = {name: ask.asked(name) for name in FILTERS}, ask.asked("after")
    state = chosen["state"] or ""
    states = () if state == EVERYTHING else (state,) if state else inbox.OPEN
    async with ask.reports.store.reading() as session:
        page = await newest(
            inbox.arrivals(
                session, states=states, source=chosen["source"], cursor=Cursor(MOST, after)
            )
        )
        known = await inbox.sources(session)
    return ask.page(
        "inbox.html",
        room="inbox",
        page=page,
        chosen=chosen,
        narrowed=any(chosen.values()),
        older=query(chosen, after=page.data[-1].id) if page.has_more else None,
        paging=bool(after),
        signs=SIGNS,
        state_options=STATES,
        source_options=[(name, name) for name in known],
    )


@rooms.shows("/inbox/{event}")
async def show(ask: Ask) -> Response:
    return await _page(ask)


@rooms.takes("/inbox/{event}/replay")
async def replay(ask: Ask) -> Response:
    """Once its cause is mended; what was done is not done twice."""
    one = (await _there(ask)).arrival
    try:
        reason = ask.form.get("reason", "").strip()
        receipts = await ask.house.desk.replay(one.id, reason=reason, by=ask.me.email)
    except Refusal as refusal:
        return await _page(ask, refusal, "replay")
    already = all(e.effect == "already" for one in receipts for e in one.effects)
    return ask.goes(f"/inbox/{one.id}?done={'already' if already else 'again'}")


@rooms.takes("/inbox/{event}/whose")
async def whose(ask: Ask) -> Response:
    """Who may be meant: a form, because what is looked for would stay in an address."""
    try:
        said = ask.form.get("who", "").strip()
        if not said:
            raise Refusal("missing", "Write a name, an address, a number, or an id.", param="who")
        if not ask.form.get("reason", "").strip():
            raise Refusal("missing", "Say how you know: it is kept with your name.", param="reason")
    except Refusal as refusal:
        return await _page(ask, refusal, "whose")
    async with ask.reports.store.reading() as session:
        ids = await people.sought(session, said, limit=CANDIDATES)
        found = await people.found(session, ids)
    return await _page(ask, found=found)


@rooms.takes("/inbox/{event}/give")
async def give(ask: Ask) -> Response:
    """From now on it is theirs."""
    one, form = (await _there(ask)).arrival, ask.form
    try:
        await ask.house.desk.give(
            one.id,
            form.get("customer", "")[:64],
            reason=form.get("reason", "").strip(),
            by=ask.me.email,
        )
    except Refusal as refusal:
        return await _page(ask, refusal, "whose")
    return ask.goes(f"/inbox/{one.id}?done=given")


async def _there(ask: Ask) -> Arrived:
    async with ask.reports.store.reading() as session:
        found = await inbox.arrived(session, ask.request.path_params["event"])
    if found is None:
        raise Refusal("not_found", "Nothing came in under this id.", status=404)
    return found


async def _page(
    ask: Ask,
    refusal: Refusal | None = None,
    about: str = "",
    found: list[people.Found] | None = None,
) -> Response:
    """One of it; what was refused stands beside what it is about."""
    return ask.page(
        "arrival.html",
        status=refusal.status if refusal else 200,
        room="inbox",
        one=await _there(ask),
        signs=SIGNS,
        fault={about: refusal} if refusal else {},
        found=found,
        form=ask.form,
        done=ask.asked("done"),
    )
