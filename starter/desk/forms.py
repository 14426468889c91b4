"""What is asked of whoever closes a task: for each form what it must say, and may say.

What does not fit is refused by the name of its field; nothing that was written is repeated.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, ValidationError, model_validator

from activities.crm.tables import Task
from activities.rendering import registry
from starter.answers import Refusal
from starter.desk.shapes import Call, Outcome, wrong
from starter.desk.shapes_sales import Classify, MeetingCame, SalesCall, Schedule, SetUp, Transfer
from starter.intake.events import Score
from starter.intake.patches import Line, Moment, Words
from starter.intake.refusing import refusal_of
from workflows.vocabulary import Form

LEGACY = "/answer"  # how the key of a case's task ended before cases had workflows
STAYS = (  # nobody declines to answer, nor what somebody has to say or do in the end
    Form.ANSWER,
    Form.RESOLVE,
    Form.CONFIRM,
    Form.PRIVACY,
    Form.TRANSFER,
    Form.SET_UP,
    Form.MEETING,
)


class Declined(Outcome):
    """It is not done, and will not be."""

    declined: Literal[True]
    result: Line | None = None


class Free(Outcome):
    """Subject and text are what goes to the customer, if the task contacts one."""

    subject: Line | None = None
    text: Words | None = None
    declined: StrictBool = False
    result: Line | None = None  # how it went, when it was done otherwise: called, no answer…
    feedback: Words | None = None
    resolved: StrictBool | None = None  # of a complaint from before cases had workflows

    @model_validator(mode="after")
    def _one_thing(self) -> Free:
        if self.subject and not self.text:
            raise wrong("missing", "a subject needs its text", "text")
        if self.declined and self.text:
            raise wrong("invalid", "declined, or with a text: not both", "declined")
        return self


class Letter(Free):
    """A letter that is to be posted."""

    address_checked: Literal[True]  # against what stands in the brief


class Answer(Outcome):
    """A case's first answer: written here, given elsewhere, or none needed."""

    subject: Line | None = None
    text: Words | None = None
    answered: Literal["phone", "elsewhere", "not_needed"] | None = None
    resolved: StrictBool | None = None  # a complaint is put right with it
    root_cause: Line | None = None
    resolution: Words | None = None
    satisfied: StrictBool | None = None

    @model_validator(mode="after")
    def _an_answer(self) -> Answer:
        if not self.text and not self.answered:
            words = "write the answer as text, or say how they were answered: phone, elsewhere, "
            raise wrong("missing", f"{words}not_needed", "text")
        if self.text and self.answered:
            raise wrong("invalid", "a text, or answered elsewhere: not both", "answered")
        if self.resolved and not self.root_cause:
            raise wrong("missing", "what is resolved has its root cause", "root_cause")
        if self.satisfied is not None and not self.resolved:
            raise wrong("invalid", "satisfied with what? say that it is resolved", "satisfied")
        return self


class Resolve(Outcome):
    """A complaint put right: why it came to it, and what was done."""

    root_cause: Line
    resolution: Annotated[Words, Field(min_length=1)]
    satisfied: StrictBool | None = None  # if they said so


class Confirm(Outcome):
    """Whether the customer is satisfied with that."""

    satisfied: StrictBool


class Arrival(Outcome):
    """Whether an order has arrived."""

    arrived: StrictBool
    at: Moment | None = None  # when, if they know


class Review(Outcome):
    """Quality assurance's score of a follow-up."""

    score: Score


class Privacy(Outcome):
    """What became of a request about their data; who is refused is told why (article 12(4))."""

    outcome: Literal["granted", "refused"]
    reason: Annotated[Words, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Privacy:
        if self.outcome == "refused" and not self.reason:
            raise wrong("missing", "say why it is refused: they have to be told", "reason")
        return self


FORMS: dict[Form, type[Outcome]] = {
    Form.FREE: Free,
    Form.ANSWER: Answer,
    Form.RESOLVE: Resolve,
    Form.CONFIRM: Confirm,
    Form.CALL: Call,
    Form.ARRIVAL: Arrival,
    Form.REVIEW: Review,
    Form.PRIVACY: Privacy,
    Form.SALES_CALL: SalesCall,
    Form.CLASSIFY: Classify,
    Form.TRANSFER: Transfer,
    Form.SET_UP: SetUp,
    Form.SCHEDULE: Schedule,
    Form.MEETING: MeetingCame,
}
ASKED = {"satisfaction": ("product", "overall"), "experience": ("overall",)}


def form_of(task: Task) -> type[Outcome]:
    """What has to be said of this task."""
    form = Form(task.form)
    return Letter if form is Form.FREE and _is_letter(task) else FORMS[form]


def _is_letter(task: Task) -> bool:
    """Whether a person posts it: the channel's own task, or one to write what only goes by post."""
    template = registry().get(task.template or "")
    by_post = template is not None and template.channels == ("letter",)
    return by_post or task.brief.get("channel") == "letter"


def read(task: Task, said: dict[str, Any]) -> Outcome:
    """The outcome as the task's form has it, or a `Refusal` that names the field at fault."""
    form = Form(task.form)
    declined = said.get("declined")
    if declined is True and form in STAYS:
        raise stays("declined")
    shape = Declined if declined is True and form is not Form.FREE else form_of(task)
    if declined is False and shape is not Declined and not issubclass(shape, Free):
        said = {name: value for name, value in said.items() if name != "declined"}
    try:
        outcome = shape.model_validate(said)
    except ValidationError as fault:
        raise _known(refusal_of(fault), shape) from None
    if isinstance(outcome, Call) and outcome.reached == "yes":
        _scored(task, outcome)
    if isinstance(outcome, Declined) and form is Form.SCHEDULE and not _why(outcome):
        raise Refusal("missing", "why is there to be no meeting? write a note", param="note")
    if isinstance(outcome, Free):
        _fits(task, outcome)
    return outcome


def _why(said: Declined) -> str | None:
    return said.note or said.result


def is_declined(said: Outcome) -> bool:
    return bool(getattr(said, "declined", False))


def stays(param: str) -> Refusal:
    return Refusal(
        "not_resolved",
        "this task stays until it is put right; log what was said meanwhile",
        param=param,
        status=409,
    )


def _scored(task: Task, said: Call) -> None:
    """What the call was to ask has its answer, be it that there was none."""
    for name in ASKED.get(task.asks or "", ()):
        if getattr(said, name) is None:
            words = f"write their score for `{name}`, from 0 to 100, or n/a"
            raise Refusal("missing", words, param=name)


def _fits(task: Task, said: Free) -> None:
    legacy = task.key.endswith(LEGACY)
    if (said.subject or said.text) and not task.template:
        own = "answer the customer yourself, and " if legacy else ""
        words = f"nothing is sent from this task: {own}write what came of it as note"
        raise Refusal("nothing_to_send", words, param="text")
    if legacy and (said.resolved is False or (said.declined and task.priority == 1)):
        raise stays("resolved")


def _known(refusal: Refusal, shape: type[Outcome]) -> Refusal:
    if refusal.code == "unknown_field":
        refusal.detail += f"; the form has: {', '.join(shape.model_fields)}"
    return refusal
