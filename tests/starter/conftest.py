"""A desk on the test's own tables, and the Temporal it tells."""

from __future__ import annotations

import pytest

from activities.crm.store import Store
from starter.desk import Desk
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk


@pytest.fixture
def temporal() -> FakeTemporal:
    return FakeTemporal()


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal)
