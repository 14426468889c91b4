"""The forms of Sales and of account managers: what each asks depends on its task, and the house."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from activities.crm.house import HouseRules
from starter.console import sheets
from starter.console.people import as_lines
from starter.console.sheets import (
    ACTIONS,
    CALLED,
    DONE,
    METHOD,
    METHODS,
    NOTE,
    YES_NO,
    Field,
    Options,
    Sheet,
    Way,
)
from starter.reports.objects import TaskView
from starter.reports.worklist import Job
from workflows.vocabulary import Form, Potency, Severity

TICK = "done."  # what a system's box is called, before its name
POTENTIAL = {
    Potency.NONE: "No: it ends here",
    Potency.POSSIBLE: "Perhaps",
    Potency.LIKELY: "Yes: somebody sees to it now",
}
REFERRAL: Options = (
    ("asked", "Asked: they think about it"),
    ("given", "They named somebody"),
    ("declined", "They would rather not"),
    ("not_asked", "Not talked about"),
)
WENT: Options = (
    ("held", "We met"),
    ("missed", "They did not come"),
    ("moved", "It is at another time"),
    ("cancelled", "It is off"),
)
REACHED, PRODUCT, OVERALL, COMMENT, _, ESCALATE, _ = CALLED
MINUTES = Field("minutes", "How long, in minutes", "number", value="60")
LINK = Field("url", "Where it is joined", hint="https://…, as the invitation will have it")
OF_CONTRACTS = {
    "signed_at": Field("signed_at", "When it was signed", "moment"),
    "account_manager": Field(
        "account_manager",
        "Who looks after them",
        hint="a colleague's e-mail address: the next tasks are theirs",
    ),
    "office": Field("office", "Which office"),
    "contacts": Field(
        "contacts",
        "Whom to speak to",
        "words",
        hint="one a line: name, what they do, e-mail address, phone number",
        rows=3,
    ),
    "needs": Field("needs", "What they need, and what was promised", "words"),
}


def sheet(job: Job, task: TaskView, rules: HouseRules) -> Sheet:
    """The form of any task, with what is known of it already."""
    make = SHEETS.get(Form(job.form))
    return make(task, rules) if make else sheets.sheet(job, task, rules)


def _call(_task: TaskView, rules: HouseRules) -> Sheet:
    fields = (
        replace(REACHED, hint="if so, all below is needed; scores only if you asked for them"),
        replace(COMMENT, label="What you talked about", hint="for whoever speaks to them next"),
        PRODUCT,
        OVERALL,
        *_classes(rules),
        Field("opportunity", "May they want more?", "radio", YES_NO, truth=True),
        Field("wanted", "If so: what", "words", rows=2),
        Field("referral", "Whom else we might help", "radio", REFERRAL),
        replace(ACTIONS, hint="none, if there is nothing to do"),
        replace(METHOD, options=(("", "choose"), *METHODS[1:]), value="phone"),
        ESCALATE,
    )
    names = tuple(field.name for field in fields)
    return Sheet(fields, (DONE, sheets.declining(*names)), (NOTE,))


def _class(_task: TaskView, rules: HouseRules) -> Sheet:
    fields = tuple(replace(field, needed=True) for field in _classes(rules))
    ways = (Way("done", "Classify"), sheets.declining(*(field.name for field in fields)))
    return Sheet((*fields, ACTIONS), ways, (NOTE,))


def _classes(rules: HouseRules) -> tuple[Field, ...]:
    types = [(name, _word(name)) for name in rules.taxonomy.types]
    urgency = [(one.value, _word(one.value)) for one in Severity]
    potential = [(one.value, words) for one, words in POTENTIAL.items()]
    return (
        Field("type", "What it is about", "choice", (("", "choose"), *types)),
        Field("urgency", "How urgent it is", "radio", tuple(urgency)),
        Field("potential", "May more come of it?", "radio", tuple(potential)),
    )


def _contract(task: TaskView, rules: HouseRules) -> Sheet:
    """What the task asks for stands first; what is known already is filled in."""
    known: dict[str, Any] = task.brief.get("contract") or {}
    asked, left = task.brief.get("checks", ()), task.brief.get("left", ())
    drawn = [
        replace(_office(field, rules), value=_known(field, known, rules), keeps=True)
        for field in OF_CONTRACTS.values()
    ]
    first = tuple(replace(one, needed=one.name in left) for one in drawn if one.name in asked)
    rest = tuple(one for one in drawn if one.name not in asked)
    more = "More about the contract, and notes"
    return Sheet(first, (Way("done", "Hand it over"),), (*rest, NOTE), more)


def _office(field: Field, rules: HouseRules) -> Field:
    if field.name != "office" or not rules.offices:
        return field
    offices = (("", "choose"), *((name, name) for name in rules.offices))
    return replace(field, kind="choice", options=offices)


def _known(field: Field, known: dict[str, Any], rules: HouseRules) -> str:
    value = known.get(field.name)
    if field.name == "contacts":
        return as_lines(value or [])
    if field.kind == "moment" and value:
        there = datetime.fromisoformat(value).astimezone(ZoneInfo(rules.time_zone))
        return f"{there:%Y-%m-%dT%H:%M}"
    return str(value or "")


def _systems(task: TaskView, _rules: HouseRules) -> Sheet:
    left = task.brief.get("left", task.brief.get("checks", ()))
    boxes = tuple(
        Field(
            f"{TICK}{name}",
            f"They are set up in {_word(name)}",
            "check",
            needed=name in left,
            value="" if name in left else "on",
            hint="" if name in left else "it is known to be done",
        )
        for name in task.brief.get("checks", ())
    )
    return Sheet((*boxes, NOTE), (Way("done", "All of it is done"),), (ACTIONS,))


def _when(_task: TaskView, rules: HouseRules) -> Sheet:
    fields = (
        Field("starts_at", "When it is to be", "moment", hint=_clock(rules), needed=True),
        MINUTES,
        LINK,
        Field("title", "What it is called", hint="as their calendar will have it"),
    )
    ways = (Way("done", "Arrange it"), sheets.declining(*(field.name for field in fields)))
    return Sheet(fields, ways, (NOTE, replace(METHOD, label="How you agreed on it")))


def _went(_task: TaskView, rules: HouseRules) -> Sheet:
    fields = (
        Field("outcome", "How did it go?", "radio", WENT, needed=True),
        replace(NOTE, label="What was shown, and what they asked", hint="needed, if you met"),
        Field("starts_at", "If it is at another time: when", "moment", hint=_clock(rules)),
        replace(MINUTES, value=""),
        LINK,
    )
    return Sheet(fields, (DONE,), (ACTIONS, METHOD))


def _clock(rules: HouseRules) -> str:
    return f"by the office's clock, in {rules.time_zone.replace('_', ' ')}"


def _word(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


SHEETS: dict[Form, Callable[[TaskView, HouseRules], Sheet]] = {
    Form.SALES_CALL: _call,
    Form.CLASSIFY: _class,
    Form.TRANSFER: _contract,
    Form.SET_UP: _systems,
    Form.SCHEDULE: _when,
    Form.MEETING: _went,
}
