"""The laws of sending, over random lives: real gate, ledger and store; only channels and clock are
replaced."""

from __future__ import annotations

import os
from functools import partial

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.crm.store import Store
from tests.activities.plans import DAY, FAILURES, HOUR, ZONES, Step, happenings, steps
from tests.activities.world import World, settle_in
from tests.factories import NOON

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))


@settings(
    max_examples=25 * DOSE,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking a life takes too long
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(steps, min_size=1, max_size=16),
    st.lists(happenings, max_size=16),
    st.lists(st.sampled_from(FAILURES), max_size=24),
    st.lists(st.sampled_from([0, 0, 0, 20, 200, 900]), max_size=24),
)
async def test_the_laws_hold_whatever_happens(
    owed: list[Step], events: list[tuple[int, str, str]], failures: list[str], late: list[int]
) -> None:
    """Nothing twice, nothing forbidden, nothing forgotten, no more than one unsolicited message in
    a day, and nobody put off for ever."""
    store = Store("sqlite+aiosqlite://")
    await store.create_all()
    try:
        world = World(store, list(failures), list(late))
        await settle_in(world)
        for number, step in enumerate(owed):
            message = step.message(number)
            world.messages[message.key] = message
            world.at(NOON + step.due * HOUR, partial(world.ask, message))
        for hour, what, name in events:
            world.at(NOON + hour * HOUR, partial(world.happen, what, name))
        for day in range(10, 40):  # in the end everything is released
            for name in ZONES:
                for what in ("resolve", "go"):
                    world.at(NOON + day * DAY, partial(world.happen, what, name))
        await world.run()
        await world.check_all()
    finally:
        await store.close()
