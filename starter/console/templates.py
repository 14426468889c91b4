"""The templates: each as a customer would get it, in every language and channel that it has."""

from __future__ import annotations

from babel import Locale
from starlette.responses import Response

from activities.rendering import TEMPLATES, Template, TemplateFault
from activities.rendering.registry import Register, register
from starter.answers import Refusal
from starter.console import look
from starter.console.guard import Ask, Rooms
from starter.preview import Preview, preview

rooms = Rooms()


@rooms.shows("/templates")
async def list_(ask: Ask) -> Response:
    known = _register()
    return ask.page(
        "templates.html",
        room="templates",
        templates=sorted(known.templates.values(), key=lambda one: one.clauses),
        languages=[_language(tag) for tag in known.words],
    )


@rooms.shows("/templates/{template}")
async def show(ask: Ask) -> Response:
    known, template = _named(ask)
    try:
        said, fault = await _preview(ask), None
    except Refusal as refusal:
        said, fault = None, refusal
    return ask.page(
        "template.html",
        status=fault.status if fault else 200,
        room="templates",
        template=template,
        said=said,
        fault=fault,
        channel=ask.asked("channel") or template.channels[0],
        language=ask.asked("language") or next(iter(known.words)),
        about=ask.asked("about") or "",
        languages={tag: _language(tag) for tag in known.words},
        look=look.chosen(ask.asked("look")),
    )


@rooms.shows("/templates/{template}/html")
async def as_read(ask: Ask) -> Response:
    """The template's own page, for a frame within ours."""
    _named(ask)
    html = (await _preview(ask)).html
    if html is None:
        raise Refusal("not_found", "This has no such part.", status=404)
    return look.letter(html, ask.asked("look"))


async def _preview(ask: Ask) -> Preview:
    desk = ask.house.desk
    return await preview(
        desk.store,
        desk.settings,
        ask.request.path_params["template"],
        channel=ask.asked("channel"),
        locale=ask.asked("language"),
        about=ask.asked("about") or "",
    )


def _named(ask: Ask) -> tuple[Register, Template]:
    known = _register()
    template = known.templates.get(ask.request.path_params["template"])
    if template is None:
        raise Refusal("not_found", "There is no such template.", status=404)
    return known, template


def _register() -> Register:
    try:
        return register(TEMPLATES)
    except TemplateFault:
        words = "The register of templates cannot be read: aftercare doctor says what to do."
        raise Refusal("registry_unreadable", words, status=503) from None


def _language(tag: str) -> str:
    return Locale.parse(tag, sep="-").get_display_name("en") or tag
