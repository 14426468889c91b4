"""The catalogue: every SOP with its pedigree, its code, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from workflows import case, correspondence, keep_in_touch, vocabulary
from workflows.sops import (
    onboarding,
    online_customer,
    order_thanks,
    sales_follow_up,
    satisfaction,
)


@dataclass(frozen=True)
class Sop:
    """One procedure, as the document's header and our code have it."""

    name: str
    version: str
    title: str
    prepared_by: str  # empty where the document names nobody
    approved_by: str
    reviewed: date | None  # nor a date
    next_review: date | None
    workflow: type[Any]
    policy: type[vocabulary.Policy]
    starts_on: tuple[str, ...]  # events; the policy may change them
    steps: Mapping[str, tuple[str, ...]]  # by clause, the templates it may send
    excused: Mapping[str, str]  # by clause, why nothing here carries it out
    text: str  # the file of its clauses, beside its code
    start: type[Any] = vocabulary.Enrolment  # what its workflow begins with
    years: tuple[str, ...] = ()  # the clauses that `keep-in-touch` carries out
    header: type[vocabulary.Policy] | None = None  # the policy, with blanks that stay in the office
    targets: tuple[str, ...] = ()  # blanks of the policy that only warn while nobody has set them

    @property
    def paper(self) -> type[vocabulary.Policy]:
        """All that the document leaves blank: what travels with a customer, and what does not."""
        return self.header or self.policy

    def unset(self, values: Mapping[str, Any]) -> list[str]:
        """The targets that the policy, with these values, leaves open."""
        return [name for name in self.targets if values.get(name) is None]


ONLINE_CUSTOMER = Sop(
    name=online_customer.SOP,
    version="1.0",
    title="Following up with new online customers",
    prepared_by="Lorraine Sebata",
    approved_by="Feli Capron",
    reviewed=date(2025, 7, 24),
    next_review=date(2026, 7, 24),
    workflow=online_customer.OnlineCustomer,
    policy=online_customer.Policy,
    starts_on=("customer.signed_up", "order.confirmed", "order.paid"),
    steps=online_customer.STEPS,
    excused=online_customer.EXCUSED,
    text="online_customer.txt",
    years=("5.6.2", "5.6.3"),
)

ORDER_THANKS = Sop(
    name=order_thanks.SOP,
    version="1.0",
    title="Thanking customers and order follow-up",
    prepared_by="",
    approved_by="",
    reviewed=None,
    next_review=None,
    workflow=order_thanks.OrderThanks,
    policy=order_thanks.Policy,
    starts_on=("order.confirmed", "order.paid"),
    steps=order_thanks.STEPS,
    excused=order_thanks.EXCUSED,
    text="order_thanks.txt",
    years=("6",),
)

SATISFACTION = Sop(
    name=satisfaction.SOP,
    version="1.0",
    title="Customer follow-up and satisfaction confirmation",
    prepared_by="",
    approved_by="",
    reviewed=None,
    next_review=None,
    workflow=satisfaction.Satisfaction,
    policy=satisfaction.Policy,
    starts_on=("order.confirmed", "order.paid", "sale.closed"),
    steps=satisfaction.STEPS,
    excused=satisfaction.EXCUSED,
    text="satisfaction.txt",
)

# Its approver and its dates are blanks, which the policy fills.
SALES_FOLLOW_UP = Sop(
    name=sales_follow_up.SOP,
    version="1.0",
    title="Following up with customers after a sale",
    prepared_by="",
    approved_by="",
    reviewed=None,
    next_review=None,
    workflow=sales_follow_up.SalesFollowUp,
    policy=sales_follow_up.Policy,
    starts_on=("sale.closed",),
    steps=sales_follow_up.STEPS,
    excused=sales_follow_up.EXCUSED,
    text="sales_follow_up.txt",
    years=("5.4",),
    header=sales_follow_up.Header,
    targets=("csat_target", "repeat_target", "loyalty_target"),
)

ONBOARDING = Sop(
    name=onboarding.SOP,
    version="1.0",
    title="Onboarding new customers",
    prepared_by="",
    approved_by="",
    reviewed=None,
    next_review=None,
    workflow=onboarding.Onboarding,
    policy=onboarding.Policy,
    starts_on=("contract.signed",),
    steps=onboarding.STEPS,
    excused=onboarding.EXCUSED,
    text="onboarding.txt",
)

# It starts on no event: SOPs ask for it. Its clauses are theirs.
KEEP_IN_TOUCH = Sop(
    name=keep_in_touch.NAME,
    version="1.0",
    title="Keeping in touch over the years",
    prepared_by=ONLINE_CUSTOMER.prepared_by,
    approved_by=ONLINE_CUSTOMER.approved_by,
    reviewed=ONLINE_CUSTOMER.reviewed,
    next_review=ONLINE_CUSTOMER.next_review,
    workflow=keep_in_touch.KeepInTouch,
    policy=keep_in_touch.Policy,
    starts_on=(),
    steps=keep_in_touch.STEPS,
    excused={},
    text=ONLINE_CUSTOMER.text,
    start=vocabulary.Relationship,
)

# Several documents ask for it, none as a whole, so nobody has approved it. It starts with a
# complaint or an inquiry, whichever SOPs are on.
CASE = Sop(
    name=case.NAME,
    version="1.0",
    title="Handling a complaint or an inquiry",
    prepared_by="",
    approved_by="",
    reviewed=None,
    next_review=None,
    workflow=case.CaseWork,
    policy=case.Policy,
    starts_on=(),
    steps=case.STEPS,
    excused={},
    text="case.txt",
    start=vocabulary.CaseFile,
)

CORRESPONDENCE = Sop(
    name=correspondence.NAME,
    version="1.0",
    title="What goes out beside the procedures",
    prepared_by="",
    approved_by="",
    reviewed=None,
    next_review=None,
    workflow=correspondence.Correspondence,
    policy=correspondence.Policy,
    starts_on=(),
    steps=correspondence.STEPS,
    excused={},
    text="correspondence.txt",
    start=vocabulary.Draught,
)

CATALOGUE: dict[str, Sop] = {
    sop.name: sop
    for sop in (ONLINE_CUSTOMER, ORDER_THANKS, SALES_FOLLOW_UP, SATISFACTION, ONBOARDING)
}
# What no event of a customer's starts, and no switch turns off.
SERVICES: dict[str, Sop] = {sop.name: sop for sop in (KEEP_IN_TOUCH, CASE, CORRESPONDENCE)}
PROCEDURES: dict[str, Sop] = CATALOGUE | SERVICES
