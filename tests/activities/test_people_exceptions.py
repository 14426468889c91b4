"""The exceptions of the documents (S2, Appendix D): VIPs hear from people; in a sensitive case
nothing is said but what must be. Held against every template there is, and on record."""

from __future__ import annotations

import pytest

from activities.crm import consents
from activities.crm.store import Store
from activities.crm.tables import Decision
from activities.rendering import registry
from tests.activities.desk_work import check_in, enrolled, records, rows
from tests.factories import FakeClock, an_order
from workflows.vocabulary import Form, Handed, Kind, Refused

TEMPLATES = sorted(registry())
EVERYWHERE = {"address": {"line1": "1 High Street", "city": "London"}}
CONTACTS = [name for name in TEMPLATES if registry()[name].kind is not Kind.TRANSACTIONAL]


@pytest.mark.parametrize("name", TEMPLATES)
async def test_in_a_sensitive_case_people_are_asked_for_nothing_else(
    store: Store, clock: FakeClock, name: str
) -> None:
    """Only what order or law require; why not is on record, with the exception that it was."""
    template = registry()[name]
    customer = await enrolled(store, sensitive=True, **EVERYWHERE)
    order = await an_order(store, customer)
    call = template.channels[-1] == "call"
    form = Form.CALL if call else Form.FREE
    task = check_in(customer, template=name, form=form, order_id=order.id, about=_about(name))
    answer = await records(store, clock).hand_over(task)
    if template.kind is Kind.TRANSACTIONAL and template.required:
        assert isinstance(answer, Handed)
        return
    assert answer == Refused(reason="sensitive")
    (why,) = await rows(store, Decision)
    assert (why.outcome, why.reason, why.facts["sensitive"]) == ("refused", "sensitive", True)


@pytest.mark.parametrize("name", CONTACTS)
async def test_what_a_vip_hears_is_a_persons(store: Store, clock: FakeClock, name: str) -> None:
    """Each message that is none of the order's becomes a task, which says that they are one."""
    customer = await enrolled(store, tier="vip", **EVERYWHERE)
    order = await an_order(store, customer)
    async with store.transaction() as session:
        await consents.state(
            session,
            customer,
            {"email_marketing": True},
            at=clock.now(),
            now=clock.now(),
            source="test",
        )
    task = check_in(customer, template=name, order_id=order.id, about=_about(name))
    assert isinstance(await records(store, clock).hand_over(task), Handed)
    (why,) = await rows(store, Decision)
    assert (why.outcome, why.facts["exception"]) == ("handed", "vip")


def _about(name: str) -> str:
    """A variant, where the template has several."""
    return next(iter(registry()[name].variants), "")
