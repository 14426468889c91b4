"""What a message asks of its customer, and what their form answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.crm.tables import Message
from starter.inbound.forms import Fields, UnreadableError

FACES = ("0", "25", "50", "75", "100")  # of a hundred, as all scores are kept
SCORES = ("product", "overall")
LONGEST = 5_000  # characters of a comment; whoever has more to say has our address
ANSWERS = {"yes": True, "no": False}
CASE = "case."  # how a case's follow-up begins
RESOLVED = ("complaint-resolved", "complaint-resolved-reminder")
# By what a message asks: the page's words, its scores, and what it cannot be about. All else asks
# what they think, of the product and of all around it.
ASKED = {
    "experience": ("order", ("overall",), ("product",)),  # it may not have arrived yet
    "onboarding": ("session", ("overall", "product"), ()),
}
BY_NAME = {"order-experience": "experience", "onboarding-survey": "onboarding"}
THOUGHTS: tuple[str, tuple[str, ...], tuple[str, ...]] = ("thoughts", SCORES, ())


@dataclass(frozen=True)
class Question:
    """The scores that are asked for, whether they are satisfied, and what it may be about."""

    name: str  # the page's words
    scores: tuple[str, ...] = ()
    satisfied: bool = False
    categories: tuple[str, ...] = ()
    case_id: str = ""


@dataclass(frozen=True)
class Answer:
    """What a form says; a fault stands by the name of its words."""

    scores: dict[str, int] = field(default_factory=dict)
    satisfied: bool | None = None
    category: str = ""
    text: str = ""
    fault: str = ""

    def data(self) -> dict[str, Any]:
        """The same as an event says it: what was not answered is not in it."""
        said: dict[str, Any] = dict(self.scores)
        if self.satisfied is not None:
            said["satisfied"] = self.satisfied
        return said | {
            name: value
            for name, value in {"category": self.category, "text": self.text}.items()
            if value
        }


def question_of(message: Message, types: Sequence[str]) -> Question:
    """By what the message asks, and by what it is mail of; `types` are the house's of feedback."""
    case_id = message.follow_up.removeprefix(CASE) if message.follow_up.startswith(CASE) else ""
    if case_id and message.template in RESOLVED:
        return Question("resolution", satisfied=True, case_id=case_id)
    if case_id:
        return Question("case", ("overall",), case_id=case_id)
    asks = BY_NAME.get(message.template, message.asks or "")
    name, scores, never = ASKED.get(asks, THOUGHTS)
    return Question(name, scores, categories=tuple(one for one in types if one not in never))


def read(question: Question, fields: Fields) -> Answer:
    """The answer to this question. A choice that the page does not have is no form of ours; what
    is only missing, or too long, is said beside it."""
    said = _choices(question, fields)
    text = "".join(_text(value) for name, value in fields if name == "text").strip()
    answer = Answer(
        {name: int(said[name]) for name in question.scores if name in said},
        ANSWERS.get(said.get("satisfied", "")),
        said.get("category", ""),
        text,
    )
    return Answer(answer.scores, answer.satisfied, answer.category, text, _fault(question, answer))


def _choices(question: Question, fields: Fields) -> dict[str, str]:
    known: dict[str, tuple[str, ...]] = dict.fromkeys(question.scores, FACES)
    if question.satisfied:
        known["satisfied"] = tuple(ANSWERS)
    known["category"] = question.categories
    said: dict[str, str] = {}
    for name, value in fields:
        if name not in known or not value:
            continue
        if value not in known[name] or said.get(name, value) != value:
            raise UnreadableError(400)
        said[name] = value
    return said


def _text(said: str) -> str:
    """One way of ending lines, and nothing in it that no keyboard types."""
    lines = said.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f"))


def _fault(question: Question, answer: Answer) -> str:
    if len(answer.text) > LONGEST:
        return "too_long"
    if question.satisfied and answer.satisfied is None:
        return "say_which"
    return "" if answer.scores or answer.text or answer.satisfied is not None else "say_something"
