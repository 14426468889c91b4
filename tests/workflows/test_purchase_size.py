"""What a silent purchase costs the server: thirteen events a milestone at most."""

from __future__ import annotations

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import purchase
from workflows.vocabulary import Outcome

ENDS = 8  # the first task's four, the beginning's and the end's own, and what a patch leaves
HEARD = 6  # a signal, its task of three, and a timer that is put off


async def test_a_silent_order(town: Town) -> None:
    """Thanked, told, asked, waited for, handed on; with the two signals that its parcel takes."""
    life = await (await purchase(town)).thanks()
    await life.sleep(DAY)
    await life.news("order_shipped", "P-1")
    await life.sleep(2 * DAY)
    await life.news("order_delivered", "P-1")
    assert await life.end() is Outcome.COMPLETED
    assert await life.events() <= ENDS + 2 * HEARD + 5 * 13


@pytest.mark.parametrize(("others", "milestones"), [((), 3), (("order-thanks",), 4)])
async def test_a_silent_satisfaction(town: Town, others: tuple[str, ...], milestones: int) -> None:
    """The window's first day, the question, and no answer; beside `order-thanks` its last day, and
    the morning of it, too."""
    life = await (await purchase(town)).satisfaction(others=others)
    await life.sleep(HOUR)
    await life.news("order_delivered")
    assert await life.end() is Outcome.COMPLETED
    assert await life.events() <= ENDS + HEARD + milestones * 13
