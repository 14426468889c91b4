"""The forms that close tasks: which fields each has, and which buttons.

What a form must say is the desk's to know (`starter/desk/forms.py`); here it is only drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from activities.crm.house import HouseRules
from starter import printing
from starter.reports.objects import TaskView
from starter.reports.worklist import Job
from workflows.vocabulary import Form

Kind = Literal["line", "words", "choice", "radio", "check", "moment", "number"]
Options = tuple[tuple[str, str], ...]
LETTER, CALL = "letter", "call"  # by which the brief has the customer reached


@dataclass(frozen=True)
class Field:
    """One field: what it is called, and what may stand in it."""

    name: str
    label: str
    kind: Kind = "line"
    options: Options = ()
    hint: str = ""
    needed: bool = False
    value: str = ""
    rows: int = 4
    truth: bool = False  # its answer is yes or no
    keeps: bool = False  # what stands in it is known: left as it is, it says nothing new


@dataclass(frozen=True)
class Way:
    """One way of closing it: a button, and the fields that it leaves out."""

    name: str
    word: str
    without: tuple[str, ...] = ()
    plain: bool = False


@dataclass(frozen=True)
class Sheet:
    """The form as it stands on a task's page."""

    fields: tuple[Field, ...]
    ways: tuple[Way, ...]
    more: tuple[Field, ...] = ()  # what is seldom needed, folded away
    folded: str = "Notes, and what comes next"

    def named(self) -> Iterable[Field]:
        return (*self.fields, *self.more)

    def filled(self, said: Mapping[str, str]) -> Sheet:
        """The same with these values; all else stays as it was."""

        def fill(fields: tuple[Field, ...]) -> tuple[Field, ...]:
            return tuple(replace(one, value=said.get(one.name, one.value)) for one in fields)

        return replace(self, fields=fill(self.fields), more=fill(self.more))


def sheet(job: Job, task: TaskView, rules: HouseRules) -> Sheet:
    """The form of a task, with what stands in its draft."""
    found = _free(job, task) if job.form == Form.FREE else SHEETS.get(Form(job.form), PLAIN)
    if job.form == Form.ANSWER and job.case_kind != "complaint":
        found = replace(found, more=EVER, folded=Sheet.folded)
    causes = (("", "choose"), *((name, _word(name)) for name in rules.root_causes))
    draft = task.draft
    values = {"subject": draft.subject, "text": draft.body} if draft else {}
    return _with_causes(found.filled(values), causes)


def _free(job: Job, task: TaskView) -> Sheet:
    """Something to do, or to write and send."""
    channel = task.brief.get("channel")
    if job.template is None or channel == CALL:
        return PLAIN
    return POSTED if printing.on_paper(job.template, task) == LETTER else WRITTEN


def _with_causes(found: Sheet, causes: Options) -> Sheet:
    def named(fields: tuple[Field, ...]) -> tuple[Field, ...]:
        return tuple(
            replace(one, options=causes) if one.name == "root_cause" else one for one in fields
        )

    return replace(found, fields=named(found.fields), more=named(found.more))


def _word(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _of(*names: str) -> Options:
    return (NOT_SAID, *((name, _word(name)) for name in names))


def declining(*without: str) -> Way:
    return Way("decline", "Decline: it is not done", without, plain=True)


NOT_SAID = ("", "not said")
YES_NO: Options = (("yes", "Yes"), ("no", "No"))
OUT_OF_TEN: Options = (
    ("", "not asked"),
    *((str(score * 10), str(score)) for score in range(10, -1, -1)),
    ("n/a", "no answer"),
)
METHODS: Options = (
    ("", "as usual"),
    ("email", "E-mail"),
    ("phone", "Telephone"),
    ("sms", "SMS"),
    ("letter", "Letter"),
    ("chat", "Chat"),
)
ANSWERED: Options = (
    ("", "no: what stands above goes out"),
    ("phone", "yes, by telephone"),
    ("elsewhere", "yes, in another system"),
    ("not_needed", "it needs no answer"),
)
REACHED: Options = (("yes", "Yes"), ("no", "No"), ("voicemail", "Only their voicemail"))

GRANTED: Options = (("granted", "It is granted, and done"), ("refused", "It is refused"))

MARKDOWN = "Markdown: a blank line begins a paragraph"
DONE = Way("done", "Done")
SUBJECT = Field("subject", "Subject")
TEXT = Field("text", "What goes to the customer", "words", hint=MARKDOWN, rows=14)
RESULT = Field("result", "How it went", hint="called, met, no answer…")
OTHERWISE = replace(RESULT, label="If you did it otherwise: how it went")
ADDRESS = "I compared the address on the envelope with the one we have"
CHECKED = Field("address_checked", ADDRESS, "check", needed=True, truth=True)
NOTE = Field("note", "A note for the customer's history", "words", rows=3)
ACTIONS = Field("actions", "What is to be done next", "words", rows=2)
METHOD = Field("method", "How you were in touch", "choice", METHODS)
EVER = (NOTE, ACTIONS, METHOD)

CAUSE = Field("root_cause", "Why it came to it", "choice")
RESOLUTION = Field("resolution", "What was done about it", "words", rows=3)
SATISFIED = Field(
    "satisfied",
    "Is the customer satisfied with that?",
    "choice",
    (("", "not said yet"), *YES_NO),
    hint="if they said so; else they are asked",
    truth=True,
)
RESOLVED = Field(
    "resolved",
    "With this it is put right",
    "check",
    hint="then say why it came to it, and what was done",
    truth=True,
)
CONFIRMED = Field(
    "satisfied",
    "Is the customer satisfied with how it was put right?",
    "radio",
    YES_NO,
    needed=True,
    truth=True,
)
CATEGORY = _of("product", "delivery", "billing", "service", "other")
CALLED = (
    Field("reached", "Did you reach them?", "radio", REACHED, needed=True),
    Field("product", "Their score for the product, out of ten", "choice", OUT_OF_TEN),
    Field("overall", "Their score for everything around it", "choice", OUT_OF_TEN),
    Field("comment", "What they said", "words", hint="in their words"),
    Field("category", "What it is about", "choice", CATEGORY),
    Field(
        "escalate",
        "Make a complaint of it",
        "check",
        hint="somebody puts it right, and nothing is sold to them meanwhile",
        truth=True,
    ),
    Field("urgency", "How urgent that is", "choice", _of("low", "medium", "high", "critical")),
)
ARRIVED = Field("arrived", "Has the order arrived?", "radio", YES_NO, needed=True, truth=True)
ARRIVED_AT = Field("at", "When, if you know", "moment", hint="by the office's clock")
SCORE = Field("score", "How well the procedure was followed, from 0 to 100", needed=True)

PLAIN = Sheet((RESULT, NOTE), (DONE, declining()), (ACTIONS, METHOD))
WRITTEN = Sheet(
    (SUBJECT, TEXT, OTHERWISE),
    (
        Way("send", "Send it"),
        Way("otherwise", "Done otherwise: send nothing", ("subject", "text"), plain=True),
        declining("subject", "text"),
    ),
    EVER,
)
POSTED = Sheet(
    (SUBJECT, TEXT, CHECKED, RESULT),
    (Way("done", "It is in the post"), declining("subject", "text", "address_checked")),
    (NOTE, ACTIONS),
)
SHEETS: dict[Form, Sheet] = {
    Form.ANSWER: Sheet(
        (
            SUBJECT,
            replace(TEXT, label="Your answer to the customer", rows=12),
            Field("answered", "Was it answered otherwise?", "choice", ANSWERED),
        ),
        (Way("done", "Answer"),),
        (RESOLVED, CAUSE, RESOLUTION, SATISFIED, *EVER),
        "Put right already? Notes, and what comes next",
    ),
    Form.RESOLVE: Sheet(
        (replace(CAUSE, needed=True), replace(RESOLUTION, needed=True), SATISFIED),
        (Way("done", "It is put right"),),
        EVER,
    ),
    Form.CONFIRM: Sheet((CONFIRMED, NOTE), (DONE,), (ACTIONS, METHOD)),
    Form.CALL: Sheet(CALLED, (DONE, declining(*(field.name for field in CALLED))), (NOTE, ACTIONS)),
    Form.ARRIVAL: Sheet(
        (ARRIVED, ARRIVED_AT, NOTE), (DONE, declining("arrived", "at")), (ACTIONS, METHOD)
    ),
    Form.PRIVACY: Sheet(
        (
            Field("outcome", "What became of their request?", "radio", GRANTED, needed=True),
            Field("reason", "If it is refused: why, as they are told", "words", rows=3),
            NOTE,
        ),
        (DONE,),
        (ACTIONS, METHOD),
    ),
    Form.REVIEW: Sheet((SCORE, NOTE), (DONE, declining("score")), (ACTIONS,)),
}
