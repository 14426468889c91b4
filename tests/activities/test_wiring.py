"""Who does the work: nothing a workflow may ask for is left without somebody to do it."""

from __future__ import annotations

from temporalio import activity

from activities.crm.store import Store
from activities.wiring import verbs
from tests.activities.desk_work import SETTINGS
from tests.factories import FakeClock
from workflows import contract


def name_of(verb: object) -> str:
    found = activity._Definition.from_callable(verb)  # type: ignore[arg-type]
    assert found is not None
    return str(found.name)


async def test_every_verb_of_the_contract_has_somebody(
    memory_store: Store, clock: FakeClock
) -> None:
    """A worker with all of them can be asked anything, each by one name."""
    offered = [name_of(verb) for verb in verbs(memory_store, clock, SETTINGS, {})]
    asked = [
        name_of(verb)
        for room in (contract.Messaging, contract.Records, contract.Clerk, contract.Insight)
        for name, verb in vars(room).items()
        if not name.startswith("_")
    ]
    assert sorted(offered) == sorted(asked)
