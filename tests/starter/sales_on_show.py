"""A house with a contract, a sale and a meeting in it: each of the forms that these want filled."""

from __future__ import annotations

from datetime import timedelta

from activities.crm.store import Store
from activities.crm.tables import Contract, Feedback, Meeting
from tests.factories import NOON, a_customer, an_enrolment, an_order, kept
from tests.starter.work_on_show import a_draft, a_note, a_task
from workflows.vocabulary import Form, Role

HOUR = timedelta(hours=1)
READ = [{"title": "Customer Data Privacy Policy (Document #123)", "url": ""}]
TITLES = {
    Form.SALES_CALL: "call: thank them, and ask how it is",
    Form.CLASSIFY: "classify what they said",
    Form.TRANSFER: "hand over what is known of them",
    Form.SET_UP: "set them up",
    Form.SCHEDULE: "arrange the first call",
    Form.MEETING: "hold the first call",
}
CHECKS = {
    Form.TRANSFER: ["contacts", "needs", "account_manager"],
    Form.SET_UP: ["billing", "support"],
}


async def a_selling_house(store: Store) -> None:
    """Ada has bought something and signed a contract; each form has its task, `task_<form>`."""
    await a_customer(store, id="cus_ada", name="Ada Byron", email="ada.byron@example.com")
    await an_order(store, "cus_ada", id="1001")
    contract = Contract(
        id="c1",
        customer_id="cus_ada",
        signed_at=NOON - 20 * HOUR,
        account_manager="mo@ourshop.example",
        contacts=[{"name": "Bo Li", "email": "bo@example.com"}],
        needs=None,
        told_at={},
        created_at=NOON,
    )
    await kept(store, contract)
    meeting = Meeting(
        id="meet_1",
        uid="meet_1@aftercare",
        customer_id="cus_ada",
        contract_id="c1",
        state="scheduled",
        starts_at=NOON + 24 * HOUR,
        minutes=60,
        sequence=0,
        url="https://meet.example.com/1",
        title="Getting started",
        told_at={"state": NOON.isoformat(), "starts_at": NOON.isoformat()},
        created_at=NOON,
        updated_at=NOON,
    )
    await kept(store, meeting)
    await an_enrolment(store, "cus_ada", sop="sales-follow-up", subject="1001", order_id="1001")
    await an_enrolment(store, "cus_ada", sop="onboarding", subject="c1", contract_id="c1")
    note = await a_note(store, "cus_ada", "The lid is loose, and nobody told us how to mend it.")
    said = {"id": "fb_1", "key": "fb", "customer_id": "cus_ada", "at": NOON, "source": "reply"}
    await kept(store, Feedback(**said, product=30, note_id=note.id))
    for form in TITLES:
        await _a_task(store, form)


async def _a_task(store: Store, form: Form) -> None:
    of_sale = form in (Form.SALES_CALL, Form.CLASSIFY)
    checks = {"checks": CHECKS[form]} if form in CHECKS else {}
    row = await a_task(
        store,
        "cus_ada",
        id=f"task_{form.value}",
        form=form.value,
        title=TITLES[form],
        follow_up="sales-follow-up.1001" if of_sale else "onboarding.c1",
        order_id="1001" if of_sale else None,
        contract_id=None if of_sale else "c1",
        meeting_id="meet_1" if form is Form.MEETING else None,
        feedback_id="fb_1" if form is Form.CLASSIFY else None,
        clause="5.2" if of_sale else "4.1",
        role=(Role.SALES if of_sale else Role.ACCOUNT_MANAGER).value,
        brief=checks | ({} if of_sale else {"documents": READ}),
    )
    if form in (Form.SALES_CALL, Form.MEETING):
        await a_draft(store, row, "Call: Ada", '## 1. Greeting\n\n"Good day, Ada"')
