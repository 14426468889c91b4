"""What random lives are made of: who there is, what they are owed, and what may happen to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import strategies as st

from tests.activities.sending import SHEETS
from tests.factories import NOON
from workflows import vocabulary as v
from workflows.vocabulary import Kind

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

ZONES = {"ada": "Europe/London", "bob": "America/New_York", "cyd": "Asia/Tokyo"}
MAILBOX = {"ada": "both@example.com", "bob": "both@example.com", "cyd": "cyd@example.com"}
SOPS = ("online-customer", "order-thanks")
FAILURES = ["accept", "accept", "die", "accept and die", "accept and be killed", "busy", "bad"]


@dataclass(frozen=True)
class Step:
    """A message that a procedure owes somebody, from when until when."""

    customer: str
    sop: str
    template: str
    due: int  # hours
    patience: int | None  # hours
    promised: bool

    def message(self, number: int) -> v.Message:
        follow_up = f"{self.sop}.{self.customer}"
        due = NOON + self.due * HOUR
        latest = due + self.patience * HOUR if self.patience else None
        return v.Message(
            key=f"{follow_up}/{self.template}/{number}",
            customer_id=self.customer,
            follow_up=follow_up,
            clause=str(number),
            template=self.template,
            due=due,
            latest=latest,
            promise=latest if self.promised else None,
        )


steps = st.builds(
    Step,
    customer=st.sampled_from(sorted(ZONES)),
    sop=st.sampled_from(SOPS),
    template=st.sampled_from(sorted(SHEETS)),
    due=st.integers(0, 120),
    patience=st.one_of(st.none(), st.integers(1, 240)),
    promised=st.booleans(),
)
HAPPENINGS = """complain resolve opt_out opt_in refuse_offers answer stop go rise grieve erase
    kill lag""".split()
happenings = st.tuples(
    st.integers(0, 200), st.sampled_from(HAPPENINGS), st.sampled_from(sorted(ZONES))
)


@dataclass
class Truth:
    """What a customer said and is, as the world knows it without asking the gate."""

    holds: list[str] = field(default_factory=list)
    out: set[str] = field(default_factory=set)
    vip: bool = False
    sensitive: bool = False
    erased: bool = False

    def allows(self, template: str) -> bool:
        sheet = SHEETS[template]
        if self.erased or (self.sensitive and not sheet.required):
            return False
        if sheet.kind is Kind.TRANSACTIONAL:
            return True
        silent = self.holds or self.vip or self.out & {"all", f"topic:{sheet.topic}"}
        return not silent
