"""The post: what went to customers and what did not, each message as its customer sees it."""

from __future__ import annotations

from starlette.responses import Response

from activities.rendering import sms
from starter.answers import Refusal
from starter.console import look
from starter.console.addresses import query
from starter.console.guard import Ask, Rooms
from starter.console.lists import newest, whose
from starter.reports import post, sops
from starter.reports.paging import Cursor
from starter.reports.post import Posting

MOST = 50
FILTERS = ("customer", "sop", "channel", "state")

rooms = Rooms()


@rooms.shows("/outbox")
async def list_(ask: Ask) -> Response:
    chosen, after = {name: ask.asked(name) for name in FILTERS}, ask.asked("after")
    async with ask.reports.store.reading() as session:
        page = await newest(post.posted(session, **chosen, cursor=Cursor(MOST, after)))
    return ask.page(
        "outbox.html",
        room="outbox",
        page=page,
        chosen=chosen,
        whose=await whose(ask, chosen["customer"]),
        older=query(chosen, after=page.data[-1].id) if page.has_more else None,
        paging=bool(after),
        state_options=[(name, sign.word) for name, sign in look.MESSAGES.items()],
        channel_options=list(look.CHANNELS.items()),
        sop_options=[(name, sop.title) for name, sop in sops.procedures().items()],
    )


@rooms.shows("/outbox/{message}")
async def message(ask: Ask) -> Response:
    found = await _found(ask)
    text = found.message.body_text or ""
    return ask.page(
        "message.html",
        room="outbox",
        one=found,
        message=found.message,
        segments=sms.segments(text) if found.message.channel == "sms" and text else None,
        look=look.chosen(ask.asked("look")),
    )


@rooms.shows("/outbox/{message}/html")
async def as_read(ask: Ask) -> Response:
    """The message's own page, for a frame within ours."""
    html = (await _found(ask)).message.body_html
    if html is None:
        raise Refusal("not_found", "This message has no such part.", status=404)
    return look.letter(html, ask.asked("look"))


async def _found(ask: Ask) -> Posting:
    async with ask.reports.store.reading() as session:
        found = await post.posting(session, ask.request.path_params["message"])
    if found is None:
        raise Refusal("not_found", "There is no such message.", status=404)
    return found
