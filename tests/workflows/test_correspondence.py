"""What goes to a customer beside the procedures: a colleague's words, or thanks for feedback."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from tests.workflows.lives import PATIENCE, Life, Town
from tests.workflows.world import KINDS
from workflows import correspondence
from workflows.contract import QUEUE
from workflows.correspondence import Correspondence
from workflows.vocabulary import Covered, Draught, Kind, Outcome, State


class Letter(Life):
    """One of them in the test."""

    async def write(self, **said: Any) -> Self:
        self.began = await self.now()
        start = Draught[correspondence.Policy](
            customer_id=self.name,
            purchased_at=self.began,
            policy=correspondence.Policy(),
            pace=self.world.pace,
            kinds=KINDS | {correspondence.THANKS: Kind.TRANSACTIONAL},
            **said,
        )
        self.handle = await self.env.client.start_workflow(
            Correspondence.run,
            start,
            id=f"correspondence.{self.name}",
            task_queue=QUEUE,
            task_timeout=PATIENCE,
        )
        await self.sleep(timedelta(minutes=1))
        return self


def a_letter(town: Town) -> Letter:
    letter = Letter(town.env, town.world, f"{town.name}-{len(town.lives)}")
    town.lives.append(letter)
    return letter


async def test_thanks_that_nobody_else_gives(town: Town) -> None:
    """By what the feedback is about, and of its order, so that whoever asks finds it said."""
    letter = await a_letter(town).write(feedback_id="fb_1", category="delivery", order_id="1001")
    assert await letter.handle.result() == Outcome.COMPLETED
    ((key, said),) = (
        (k, m) for k, m in town.world.messages.items() if m.customer_id == letter.name
    )
    assert key.startswith(f"{letter.handle.id}/feedback-thanks")
    assert (said.template, said.variant) == ("feedback-thanks", "delivery")
    assert (said.asks, said.about) == ("thanks-for-fb_1", "")
    assert (said.order_id, said.kind, said.clause) == ("1001", Kind.TRANSACTIONAL, "2")
    assert {n: line.state for n, line in (await letter.lines()).items()} == {"2": State.DONE}


async def test_thanks_that_somebody_gave(town: Town) -> None:
    """Once for each feedback, whichever heard of it first."""
    letter = a_letter(town)
    at = await letter.now()
    town.world.covers[letter.name] = Covered(key="order-thanks.1001/feedback-thanks/fb_1", at=at)
    await letter.write(feedback_id="fb_1", order_id="1001")
    assert await letter.handle.result() == Outcome.COMPLETED
    assert {n: line.state for n, line in (await letter.lines()).items()} == {"2": State.COVERED}


async def test_a_colleague_s_own_words(town: Town) -> None:
    letter = await a_letter(town).write(draft_id="draft_1")
    assert await letter.handle.result() == Outcome.COMPLETED
    assert letter.done() == ["1 send personal-message", "close completed"]
