"""What the answers of a survey come to: scores from 0 to 100, and words.

A question is about what stands in its heading, as the house rules (`surveys`) have it: the product,
all of it, or whether they would recommend it (0 to 10). A net promoter score is known by its kind,
too, in whatever words and language it asks. One that none of them names counts for all of it, where
nothing else does. Of several the mean counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from activities.crm.house import Surveys

PRODUCT, OVERALL, UNNAMED = "product", "overall", "unnamed"
PERSONAL = ("demographic", "datetime", "presentation")  # families that say nothing of their mind
RATING = ("matrix", "rating")  # the family and subtype of stars, and of a net promoter score
PROMOTER = {"-100": range(7), "0": range(7, 9), "100": range(9, 11)}  # the weights of its numbers
NUMBER = re.compile(r"(?<![\d.,])(\d{1,3})(?![\d.,])")
TAG = re.compile(r"<[^<>]*>")
LONGEST = 15_000  # characters: a note takes so many, and a little more


@dataclass(frozen=True)
class Opinion:
    """As an event says it; `amiss` are codes of what the house rules read wrongly."""

    scores: dict[str, float]
    text: str
    amiss: tuple[str, ...] = ()


def read(response: dict[str, Any], rules: Surveys) -> Opinion:
    """Of a response with its questions' and answers' words in it."""
    heard: dict[str, list[float]] = defaultdict(list)
    words, amiss = [], []
    for heading, answers, kind in _questions(response):
        about, scores = _about(heading, rules), []
        promoter = kind == RATING and any(map(_is_promoter, answers))
        about = OVERALL if promoter and about == UNNAMED else about
        for answer in answers:
            try:
                if promoter and "choice_id" in answer:
                    score = _of_ten(_words(answer))
                else:
                    score = _score(answer, heading, rules, named=about != UNNAMED)
            except ValueError:
                amiss.append("survey_points")
                continue
            if score is not None:
                scores.append(score)
            elif text := _text(answer):
                words.append(text)
        heard[about] += scores
    heard[OVERALL] = heard[OVERALL] or heard[UNNAMED]
    scored = {name: round(fmean(heard[name]), 1) for name in (PRODUCT, OVERALL) if heard[name]}
    return Opinion(scored, "\n\n".join(words)[:LONGEST], tuple(dict.fromkeys(amiss)))


Kind = tuple[Any, Any]


def _questions(response: dict[str, Any]) -> Iterator[tuple[str, Sequence[dict[str, Any]], Kind]]:
    """Each heading, in small letters, with what was answered and its kind; whatever its shape."""
    for page in _dicts(response.get("pages")):
        for question in _dicts(page.get("questions")):
            if question.get("family") not in PERSONAL:
                heading = TAG.sub(" ", _said(question.get("heading")))
                kind = question.get("family"), question.get("subtype")
                yield heading.casefold(), _dicts(question.get("answers")), kind


def _about(heading: str, rules: Surveys) -> str:
    names = ((PRODUCT, rules.product), (OVERALL, (*rules.overall, *rules.recommend)))
    return next((name for name, words in names if _has(heading, words)), UNNAMED)


def _score(answer: dict[str, Any], heading: str, rules: Surveys, *, named: bool) -> float | None:
    """None: it is no score. Raises `ValueError` for a better answer than there is."""
    chosen, words = "choice_id" in answer, _words(answer)
    if _has(heading, rules.recommend) and (chosen or NUMBER.fullmatch(words)):
        return _of_ten(words)
    if chosen:
        if (counts := _known(words, rules)) is not None:
            return counts
        return _of_points(answer, rules.points)
    if named and NUMBER.fullmatch(words):  # a slider
        return _bounded(int(words), 100)
    return None


def _is_promoter(answer: dict[str, Any]) -> bool:
    """By its weight, which no rating in points has: it stands for a detractor, or a promoter."""
    found = NUMBER.search(_words(answer))
    return found is not None and int(found[1]) in PROMOTER.get(_weight(answer), ())


def _of_ten(words: str) -> float | None:
    """The number in it: `10 - Extremely likely`."""
    found = NUMBER.search(words)
    return _bounded(int(found[1]), 10) * 10 if found else None


def _of_points(answer: dict[str, Any], points: int) -> float | None:
    """By its weight, as a rating has it; 0 stands for `not applicable`."""
    weight = _weight(answer)
    if not re.fullmatch(r"\d{1,3}", weight) or weight == "0":
        return None
    return (_bounded(int(weight), points) - 1) * 100 / (points - 1)


def _weight(answer: dict[str, Any]) -> str:
    metadata = answer.get("choice_metadata")
    return _said(metadata.get("weight")) if isinstance(metadata, dict) else ""


def _bounded(number: int, most: int) -> float:
    if number > most:
        raise ValueError(most)
    return float(number)


def _known(words: str, rules: Surveys) -> float | None:
    known = {" ".join(said.split()).casefold(): counts for said, counts in rules.answers.items()}
    return known.get(words.rpartition("|")[2].strip().casefold())


def _words(answer: dict[str, Any]) -> str:
    said = _said(answer.get("simple_text")) or _said(answer.get("text"))
    return " ".join(TAG.sub(" ", said).split())


def _text(answer: dict[str, Any]) -> str:
    """What they wrote themselves, without what no keyboard types."""
    lines = _said(answer.get("text")).replace("\r\n", "\n").replace("\r", "\n")
    typed = (c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(typed).strip()


def _has(heading: str, words: Sequence[str]) -> bool:
    return any(word.strip() and word.casefold() in heading for word in words)


def _said(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
