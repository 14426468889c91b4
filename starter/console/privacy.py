"""The register of what customers ask about their data, with the days that are left."""

from __future__ import annotations

from starlette.responses import Response

from starter.answers import Refusal
from starter.console.addresses import query
from starter.console.guard import Ask, Rooms
from starter.console.lists import newest, whose
from starter.reports import people, privacy
from starter.reports.paging import Cursor

MOST = 50
STATES = (("open", "open"), ("granted", "granted"), ("refused", "refused"))

rooms = Rooms()


@rooms.shows("/privacy")
async def list_(ask: Ask) -> Response:
    chosen = {name: ask.asked(name) for name in ("customer", "state")}
    if chosen["state"] not in (None, *(name for name, _ in STATES)):
        raise Refusal("not_found", "No request is in such a state.", status=404)
    page = await newest(
        privacy.requests(ask.reports, **chosen, cursor=Cursor(MOST, ask.asked("after")))
    )
    found = page.data if page else []
    async with ask.reports.store.reading() as session:
        called = await people.names(session, [one.customer for one in found])
    return ask.page(
        "privacy.html",
        room="privacy",
        requests=found,
        called=called,
        chosen=chosen,
        whose=await whose(ask, chosen["customer"]),
        older=query(chosen, after=found[-1].id) if page and page.has_more else None,
        paging=bool(ask.asked("after")),
        state_options=STATES,
    )
