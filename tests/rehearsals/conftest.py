"""A stage for every test, and lives to be begun on it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from starter.rehearse.stage import Stage, stage
from tests.clauses.proof import prove
from tests.rehearsals.life import S0, begin

logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)  # the faults here are meant


@pytest.fixture
async def built(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A stage whose workers remember nothing: every step is a replay of all before it."""
    async with stage(cold=True, sops=S0) as on:
        yield on
        await prove(request.node, on.store)


@pytest.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """The same with every SOP on."""
    async with stage(cold=True) as on:
        yield on
        await prove(request.node, on.store)


@pytest.fixture
def whole(shop: Stage) -> Callable[..., Any]:
    """Begin a life over all SOPs: `await whole(orders=[…])`."""
    return partial(begin, shop, sop="")


@pytest.fixture
def life(built: Stage) -> Callable[..., Any]:
    """Begin a life: `await life(time_zone=…)`."""
    return partial(begin, built)
