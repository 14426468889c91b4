"""The tasks: what waits for whom, and each one with all that its reader needs to close it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.responses import Response

from starter import printing
from starter.answers import Receipt, Refusal
from starter.console import look, outcomes
from starter.console.guard import Ask, Rooms
from starter.console.lists import numbered, whose
from starter.console.sheets import Field, Sheet
from starter.console.sheets_sales import sheet
from starter.reports import casework, worklist
from starter.reports.remarks import today
from starter.reports.worklist import NOBODY, OPEN, Colleague, Job, Wanted
from workflows.vocabulary import Role

MOST = 50
FILTERS = ("role", "assignee", "form", "customer")
VIEWS = (
    ("mine", "Mine"),
    ("queue", "My queue"),
    ("overdue", "Overdue"),
    ("all", "All"),
    ("done", "Closed"),
)

WHY = Field("reason", "Why", hint="it is kept with the task", needed=True)
QUESTION = Sheet((Field("text", "What you want to know", "words", needed=True),), ())
LATER = {
    "hour": "in an hour",
    "hours": "in three hours",
    "tomorrow": "tomorrow, when we open",
    "days": "in two days",
    "week": "next Monday",
}

rooms = Rooms()


@rooms.shows("/tasks")
async def list_(ask: Ask) -> Response:
    chosen = {name: ask.asked(name) for name in FILTERS}
    number = numbered(ask)
    async with ask.reports.store.reading() as session:
        me = await worklist.looking(session, ask.reports.clock.now(), ask.me.id)
        counts = await worklist.counts(session, me)
        view = ask.asked("view") or next((one for one in ("mine", "queue") if counts[one]), "all")
        wanted = Wanted(view, **chosen)
        page = await worklist.jobs(session, me, wanted, limit=MOST, page=number)
        others = await worklist.colleagues(session)
    return ask.page(
        "tasks.html",
        room="tasks",
        page=page,
        number=number,
        view=view,
        views=VIEWS,
        counts=counts,
        chosen={"view": view, **chosen},
        narrowed=any(chosen.values()),
        whose=await whose(ask, chosen["customer"]),
        today=today(ask.reports.clock),
        role_options=_roles(),
        assignee_options=[(NOBODY, "nobody yet"), *((one.id, one.called) for one in others)],
        form_options=[(form.value, word) for form, word in look.FORMS.items()],
    )


@rooms.shows("/tasks/{task}")
async def show(ask: Ask) -> Response:
    return await _page(ask)


@rooms.takes("/tasks/{task}/complete", roomy=True)
async def complete(ask: Ask) -> Response:
    """Closed by whoever is logged in; refused, the form comes back as it was filled in."""
    job, form = await _there(ask), ask.form
    task = await ask.reports.task(job.id)
    if task is None:
        raise _gone()
    filled = sheet(job, task, ask.rules)
    try:
        outcome = outcomes.said(form, filled, ask.rules)
        outcomes.check_subject(outcome, task)
        receipt = await ask.house.desk.complete_task(job.id, outcome, ask.me.email)
    except Refusal as refusal:
        return await _page(ask, refusal, filled.filled(outcomes.blank(form, filled)))
    return _after(ask, job, receipt, "closed")


@rooms.takes("/tasks/{task}/reassign", roomy=True)
async def reassign(ask: Ask) -> Response:
    """To a colleague, or back to a role's queue."""
    job, to = await _there(ask), ask.form.get("to", "")
    try:
        if not to:
            raise Refusal("missing", "Choose who is to have it.", param="to")
        reason = ask.form.get("reason", "")
        receipt = await ask.house.desk.reassign(job.id, to, reason, ask.me.email)
    except Refusal as refusal:
        return await _page(ask, refusal, about="reassign")
    return _after(ask, job, receipt, "reassigned")


@rooms.takes("/tasks/{task}/ask", roomy=True)
async def ask_(ask: Ask) -> Response:
    """A question to the manager; the task stays whose it is."""
    job = await _there(ask)
    try:
        text = ask.form.get("text", "").replace("\r\n", "\n")
        receipt = await ask.house.desk.ask_manager(job.id, text, ask.me.email)
    except Refusal as refusal:
        return await _page(ask, refusal, about="ask")
    return _after(ask, job, receipt, "asked")


@rooms.takes("/tasks/{task}/snooze", roomy=True)
async def snooze(ask: Ask) -> Response:
    """Out of the way until later; what is promised to the customer stays promised."""
    job = await _there(ask)
    try:
        until = dict(_later(ask)).get(ask.form.get("until", ""))
        if until is None:
            raise Refusal("missing", "Choose until when.", param="until")
        reason = ask.form.get("reason", "")
        receipt = await ask.house.desk.snooze(job.id, until, reason, ask.me.email)
    except Refusal as refusal:
        return await _page(ask, refusal, about="snooze")
    return _after(ask, job, receipt, "snoozed")


def _after(ask: Ask, job: Job, receipt: Receipt, done: str) -> Response:
    """Back to the task, which says what came of it; unless it was closed under one's hands."""
    came = {(effect.effect, effect.reason) for effect in receipt.effects}
    if any(effect == "already" and reason not in (None, OPEN) for effect, reason in came):
        raise Refusal(
            "conflict",
            "Somebody else has closed this task meanwhile, and what you wrote was not used. "
            "Its page says who did, and how.",
            status=409,
        )
    later = {"tried_again_later", OPEN} & {reason for _, reason in came}
    return ask.goes(f"/tasks/{job.id}?done={'tried' if later else done}")


async def _there(ask: Ask) -> Job:
    async with ask.reports.store.reading() as session:
        found = await worklist.job(session, ask.request.path_params["task"])
    if found is None:
        raise _gone()
    return found


def _gone() -> Refusal:
    return Refusal("not_found", "There is no such task.", status=404)


async def _page(
    ask: Ask, refusal: Refusal | None = None, filled: Sheet | None = None, about: str = "complete"
) -> Response:
    """One task; what was refused stands beside what it is about."""
    job = await _there(ask)
    task = await ask.reports.task(job.id)
    customer = await ask.reports.customer(job.customer) if job.customer else None
    if task is None:
        raise _gone()
    async with ask.reports.store.reading() as session:
        case = await casework.find(session, job.case_id) if job.case_id else None
        said = await casework.said(session, case) if case else []
        history = await worklist.happened(session, job.id)
        others = await worklist.colleagues(session)
    drawn = filled or sheet(job, task, ask.rules)
    asides = {"reassign": _to_whom(others, ask), "snooze": _until_when(ask), "ask": QUESTION}
    if about in asides:
        asides[about] = asides[about].filled(ask.form)
    return ask.page(
        "task.html",
        status=refusal.status if refusal else 200,
        room="tasks",
        job=job,
        task=task,
        customer=customer,
        case=case,
        said=said,
        history=history,
        sheet=drawn,
        paper=printing.on_paper(job.template, task),
        asides=asides,
        faults={about: outcomes.faults(refusal, drawn if about == "complete" else asides[about])},
        done=ask.asked("done"),
        today=today(ask.reports.clock),
    )


def _to_whom(others: list[Colleague], ask: Ask) -> Sheet:
    """To a colleague who is here, or to a role's queue."""
    now = ask.reports.clock.now()
    here = [one for one in others if one.away_until is None or one.away_until <= now]
    people = [(one.email, one.called) for one in here if one.id != ask.me.id]
    queues = [(name, f"the queue of {word}") for name, word in _roles()]
    to = Field("to", "To", "choice", (("", "choose"), *people, *queues))
    return Sheet((to, WHY), ())


def _until_when(ask: Ask) -> Sheet:
    zone = ZoneInfo(ask.rules.time_zone)
    moments = [
        (name, f"{LATER[name]}: {moment.astimezone(zone):%a %d %b, %H:%M}")
        for name, moment in _later(ask)
    ]
    return Sheet((Field("until", "Until", "choice", (("", "choose"), *moments)), WHY), ())


def _roles() -> list[tuple[str, str]]:
    return [(role.value, role.value.replace("-", " ").capitalize()) for role in Role]


def _later(ask: Ask) -> list[tuple[str, datetime]]:
    """Moments worth putting something off to, by the office's clock."""
    now, rules = ask.reports.clock.now(), ask.rules
    here = now.astimezone(ZoneInfo(rules.time_zone))
    opens = here.replace(
        hour=rules.office_opens.hour, minute=rules.office_opens.minute, second=0, microsecond=0
    )
    monday = opens + timedelta(days=7 - here.weekday())
    return [
        ("hour", now + timedelta(hours=1)),
        ("hours", now + timedelta(hours=3)),
        ("tomorrow", opens + timedelta(days=1)),
        ("days", opens + timedelta(days=2)),
        ("week", monday),
    ]
