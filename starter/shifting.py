"""What another policy would do to those in flight: each follow-up is asked, and nothing moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from workflows.vocabulary import Opening, Shift

AT_A_TIME = 16
PATIENCE = timedelta(seconds=10)  # for one answer
QUERY = "shifts"

Progress = Callable[[int, int], None]  # how many have been asked, of how many


class NobodyAnswersError(Exception):
    """Temporal is away, or no worker is there."""


@dataclass(frozen=True)
class Question:
    follow_up: str
    policy: dict[str, Any]
    counted: Opening | None = None


async def ask(
    temporal: Client, questions: Sequence[Question], progress: Progress | None = None
) -> list[list[Shift] | None]:
    """What each says, in their order; None where one did not answer.

    Raises `NobodyAnswersError` once as many as are asked at a time were silent, and nobody spoke.
    """
    turns, answers = asyncio.Semaphore(AT_A_TIME), dict[str, list[Shift] | None]()
    silent = enough = min(AT_A_TIME, len(questions))

    async def one(question: Question) -> None:
        nonlocal silent
        async with turns:
            if not silent:
                return
            try:
                answers[question.follow_up] = await _asked(temporal, question)
                silent = -1  # somebody is there
            except (RPCError, RuntimeError):
                answers[question.follow_up] = None
                silent -= silent > 0
            if progress:
                progress(len(answers), len(questions))

    await asyncio.gather(*map(one, questions))
    if enough and not silent:
        raise NobodyAnswersError
    return [answers[question.follow_up] for question in questions]


async def _asked(temporal: Client, question: Question) -> list[Shift] | None:
    said: list[Any] = [question.policy, *filter(None, [question.counted])]
    handle = temporal.get_workflow_handle(question.follow_up)
    try:
        found: list[Shift] = await handle.query(
            QUERY, args=said, result_type=list[Shift], rpc_timeout=PATIENCE
        )
    except WorkflowQueryFailedError:  # its worker is there, and of another release
        return None
    return found
