"""The feedback: what customers think, scores at a glance, and what it is, said with one click."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from activities.crm.tables import new_id
from starter.answers import Refusal
from starter.console import outcomes
from starter.console.addresses import query
from starter.console.guard import Ask, Rooms
from starter.console.letters import HOW
from starter.console.lists import numbered, whose
from starter.console.look import Sign
from starter.console.sheets import DONE, NOT_SAID, OUT_OF_TEN, Field, Sheet
from starter.reports import opinions, people
from starter.reports.objects import Page
from starter.reports.opinions import FeedbackView, Wanted
from workflows.vocabulary import Potency, Severity

MOST = 25
FILTERS = ("state", "type", "since", "customer")
UNCLASSIFIED = "unclassified"
SINCE = {"week": ("this week", 7), "month": ("a month", 31), "quarter": ("a quarter", 92)}
URGENCIES = {
    Severity.LOW: Sign("low", "minus", "quiet"),
    Severity.MEDIUM: Sign("medium", "dot", "now"),
    Severity.HIGH: Sign("high", "bang", "warn"),
    Severity.CRITICAL: Sign("critical", "bang", "bad"),
}
POTENTIALS = {
    Potency.NONE: "no",
    Potency.POSSIBLE: "possibly",
    Potency.LIKELY: "likely",
}
SOURCES = {"form": "the form", "reply": "a reply", "call": "a call", "staff": "a colleague"}
CLASS = (
    Field("type", "What it is about, if you know", "choice"),
    Field(
        "urgency", "How urgent it is", "choice", (NOT_SAID, *((u.value, u.value) for u in Severity))
    ),
    Field(
        "potential",
        "May it escalate?",
        "choice",
        (NOT_SAID, *((p.value, words) for p, words in POTENTIALS.items())),
    ),
    Field("actions", "What we shall do with it", "words", rows=2),
)
TOLD = Sheet(
    (
        Field("product", "Their score for the product, out of ten", "choice", OUT_OF_TEN[:-1]),
        Field("overall", "Their score for everything around it", "choice", OUT_OF_TEN[:-1]),
        Field("text", "What they said", "words", hint="in their words"),
        Field("channel", "How they said it", "choice", HOW),
    ),
    (),
    CLASS,
    "What it is, and what comes next",
)

rooms = Rooms()


@rooms.shows("/feedback")
async def list_(ask: Ask) -> Response:
    """What nobody has classified first, what hurts before all."""
    chosen = {name: ask.asked(name) for name in FILTERS}
    number, now = numbered(ask), ask.reports.clock.now()
    days = SINCE.get(chosen["since"] or "", ("", 0))[1]
    async with ask.reports.store.reading() as session:
        meant = await people.meant(session, chosen["customer"]) if chosen["customer"] else []
        wanted = Wanted(
            unclassified=chosen["state"] == UNCLASSIFIED,
            type=chosen["type"],
            since=now - timedelta(days=days) if days else None,
            customer=next(iter(meant), chosen["customer"]),
        )
        page = await opinions.to_classify(session, wanted, limit=MOST, page=number)
    return await _shown(ask, page, chosen, number)


@rooms.shows("/feedback/{feedback}")
async def show(ask: Ask) -> Response:
    one = await ask.reports.opinion(ask.request.path_params["feedback"])
    if one is None:
        raise Refusal("not_found", "There is no such feedback.", status=404)
    return await _shown(ask, Page(data=[one]), dict.fromkeys(FILTERS), 1, one=one)


@rooms.takes("/feedback/{feedback}/classify", roomy=True)
async def classify(ask: Ask) -> Response:
    """By whoever is logged in; then on to the next one of the same list."""
    feedback, form = ask.request.path_params["feedback"], ask.form
    said = {name: form.get(name, "").strip() for name in ("type", "urgency", "potential")}
    if not said["type"]:
        raise Refusal("missing", "Choose what it is about.", param="type")
    actions = form.get("actions", "").replace("\r\n", "\n").strip()
    said |= {"actions": actions} if actions else {}
    await ask.house.desk.classify_feedback(feedback, said, ask.me.email)
    chosen = {name: form.get(f"was_{name}") for name in FILTERS}
    return ask.goes(f"/feedback?{query(chosen, done=feedback)}")


@rooms.shows("/customers/{customer}/feedback")
async def told(ask: Ask) -> Response:
    return await _telling(ask)


@rooms.takes("/customers/{customer}/feedback", roomy=True)
async def tell(ask: Ask) -> Response:
    """What they told a colleague; once, however often its button is pressed."""
    customer, form = ask.request.path_params["customer"], ask.form
    sheet = _sheet(ask)
    once = f"told-{form.get('once', '')[:64] or new_id('told')}"
    try:
        said = outcomes.said(form, replace(sheet, ways=(DONE,)), ask.rules)
        await ask.house.desk.add_feedback(customer, said, ask.me.email, request=once)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        refusal.param = (refusal.param or "").removeprefix("data.") or None
        return await _telling(ask, refusal)
    return ask.goes(f"/feedback?{query({'customer': customer}, done='told')}")


async def _shown(
    ask: Ask,
    page: Page[FeedbackView],
    chosen: dict[str, Any],
    number: int,
    one: FeedbackView | None = None,
) -> Response:
    done = ask.asked("done") or ""
    async with ask.reports.store.reading() as session:
        called = await people.names(session, {each.customer for each in page.data})
        counts = await opinions.counts(session, ask.reports.clock.now())
        settled = await opinions.find(session, done) if done else None
    types = ask.rules.taxonomy.types
    return ask.page(
        "feedback.html",
        room="feedback",
        page=page,
        number=number,
        one=one,
        chosen=chosen,
        narrowed=any(chosen.values()),
        counts=counts,
        called=called,
        done=done,
        settled=settled,
        whose=await whose(ask, chosen["customer"]),
        next_one=next((each.id for each in page.data if each.classified_at is None), None),
        types=types,
        urgencies=URGENCIES,
        potentials=POTENTIALS,
        sources=SOURCES,
        low=ask.rules.low_score,
        state_options=((UNCLASSIFIED, "not classified yet"),),
        type_options=[(name, name.replace("-", " ")) for name in types],
        since_options=[(name, words) for name, (words, _) in SINCE.items()],
    )


def _sheet(ask: Ask) -> Sheet:
    """With the types that the house has."""
    types = (NOT_SAID, *((name, name.replace("-", " ")) for name in ask.rules.taxonomy.types))
    more = (replace(one, options=types) if one.name == "type" else one for one in TOLD.more)
    return replace(TOLD, more=tuple(more))


async def _telling(ask: Ask, refusal: Refusal | None = None) -> Response:
    customer = await ask.reports.customer(ask.request.path_params["customer"])
    if customer is None:
        raise Refusal("not_found", "There is no such customer.", status=404)
    sheet = _sheet(ask)
    drawn = sheet.filled(outcomes.blank(ask.form, sheet)) if refusal else sheet
    return ask.page(
        "told.html",
        status=refusal.status if refusal else 200,
        room="feedback",
        customer=customer,
        sheet=drawn,
        wrong=outcomes.faults(refusal, drawn),
        once=ask.form.get("once") if refusal else new_id("once"),
    )
