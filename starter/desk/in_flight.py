"""A policy for those in flight: what it would do to each, asked beforehand; then they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import in_flight, policies
from activities.crm.house import HOUSE
from activities.crm.tables import Enrolment, PolicyVersion
from starter import shifting
from starter.answers import Refusal
from starter.catalogue import blanks, overlaid, own_of
from starter.desk.base import DeskBase
from starter.shifting import Progress, Question
from workflows.sops import Sop
from workflows.vocabulary import Opening, Shift

To = Literal["new", "running"]
MOST = 10  # of the most moved
COUNTS = ("at_once", "sooner", "later", "left_out", "unchanged", "waiting", "unanswered", "kept")
HOUSE_SAYS = "House rules hold for everybody from the moment they are in force."
SAYS = (
    "Moved is what a clause sleeps for now. What is done stays done; what waits for a person or a "
    "release is not moved; what comes later goes by the new policy."
)


@dataclass(frozen=True)
class Preview:
    """What a policy would do to those in flight: each of them is counted once."""

    name: str
    follow_ups: int = 0
    customers: int = 0
    at_once: int = 0  # something would be due already
    sooner: int = 0
    later: int = 0
    left_out: int = 0  # something would not be done any more: too late, off, or another system's
    unchanged: int = 0
    waiting: int = 0  # no clause sleeps
    unanswered: int = 0
    kept: int = 0  # what was said for them alone does not fit: they keep what they have
    in_force_at_once: int = 0  # of house rules: for so many follow-ups
    confirm: int = 0  # how many would be due at once, or may be: what somebody has to agree to
    most_moved: list[dict[str, Any]] = field(default_factory=list)
    says: str = SAYS


@dataclass(frozen=True)
class Agreed:
    """What somebody has agreed to: this policy, for what it would do."""

    preview: Preview
    body: dict[str, Any]


@dataclass(frozen=True)
class Meant:
    """A policy to be, and what each of those in flight would make of it."""

    name: str
    body: dict[str, Any]
    rows: Sequence[Enrolment]
    bodies: Mapping[str, dict[str, Any] | None]
    counted: Mapping[str, Opening]

    @property
    def questions(self) -> list[Question]:
        return [
            Question(row.id, body, self.counted.get(row.id))
            for row in self.rows
            if (body := self.bodies[row.id]) is not None
        ]


class InFlight(DeskBase):
    async def previewed(
        self, name: str, body: dict[str, Any], progress: Progress | None = None
    ) -> Preview:
        """What this policy would do to those in flight."""
        async with self.store.reading() as session:
            if name == HOUSE:
                running, customers = await in_flight.everybody(session)
                return Preview(name, running, customers, in_force_at_once=running, says=HOUSE_SAYS)
            meant = await self._meant(session, name, body)
        try:
            answers = await shifting.ask(self.relay.temporal, meant.questions, progress)
        except shifting.NobodyAnswersError:
            words = "Temporal, or its worker, does not answer: nothing is known of those in flight"
            raise Refusal(
                "nobody_answers", f"{words}, and nothing was changed: aftercare status", status=503
            ) from None
        asked = [question.follow_up for question in meant.questions]
        return summed_up(meant, dict(zip(asked, answers, strict=True)), self.clock.now())

    async def _meant(self, session: AsyncSession, name: str, body: dict[str, Any]) -> Meant:
        sop = self.catalogue.named(name)
        rows = await in_flight.running(session, name)
        if rows and (empty := blanks(sop, body)):
            detail = f"whoever is in flight cannot follow blanks: {', '.join(empty)}"
            raise Refusal("sop_has_blanks", detail, param="policy", status=409)
        bodies = await self._of_each(session, sop, body, rows)
        counted: dict[str, Opening] = {}
        if rows and (days := sop.policy.working_days):
            counted = await in_flight.working_days(session, [*_those(rows, bodies, days)])
        return Meant(name, body, rows, bodies, counted)

    async def _of_each(
        self, session: AsyncSession, sop: Sop, body: dict[str, Any], rows: Sequence[Enrolment]
    ) -> dict[str, dict[str, Any] | None]:
        """The whole policy for each; what was said for one alone at its start stays so."""
        known = [dict(row.body) for row in await policies.versions(session, sop.name)]
        plain, bodies = overlaid(sop, body, {}), dict[str, dict[str, Any] | None]()
        for row in rows:
            own = own_of(sop, row.input, known)
            bodies[row.id] = overlaid(sop, body, own) if own else plain
        return bodies

    async def agreed(
        self, name: str, body: dict[str, Any], confirm: int | None, progress: Progress | None
    ) -> Agreed:
        """The preview, once somebody has agreed to all that would be due at once."""
        preview = await self.previewed(name, body, progress)
        if preview.confirm > (confirm or 0):
            raise Refusal(
                "confirm_needed",
                f"{preview.at_once} would be due at once, and {preview.unanswered} did not answer: "
                f'look at the preview, then say so with `--yes`, or "confirm": {preview.confirm}',
                param="confirm",
                status=409,
            )
        return Agreed(preview, body)

    async def tell(self, session: AsyncSession, row: PolicyVersion, agreed: Agreed) -> int:
        """Have all those in flight hear of a version, in the transaction that puts it in force."""
        if row.body != agreed.body:
            words = "the policy was changed meanwhile: look at the preview again"
            raise Refusal("changed_meanwhile", words, param="values", status=409)
        if row.name == HOUSE:
            return 0
        meant = await self._meant(session, row.name, dict(row.body))
        return await in_flight.tell(session, self.clock.now(), row, meant.rows, meant.bodies)

    async def heard(self, found: dict[str, Any]) -> dict[str, Any]:
        """Tell Temporal at once, if it answers in time; the rest is told by the relay's loop."""
        if found.get("moved"):
            await self.relay.hurry(in_flight.token(found["name"], found["version"]))
        return found


def summed_up(
    meant: Meant, answers: Mapping[str, Sequence[Shift] | None], now: datetime
) -> Preview:
    """Each follow-up by the most that would happen to it."""
    counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    moved: list[tuple[Enrolment, Shift]] = []
    for row in meant.rows:
        shifts = answers.get(row.id)
        sort = "kept" if meant.bodies[row.id] is None else _sort(shifts, now)
        counts[sort] += 1
        moved += [(row, shift) for shift in shifts or () if shift.then not in (None, shift.now)]
    moved.sort(key=lambda one: (-_far(one[1]), one[0].id, one[1].clause))
    return Preview(
        meant.name,
        follow_ups=len(meant.rows),
        customers=len({row.customer_id for row in meant.rows}),
        confirm=counts["at_once"] + counts["unanswered"],
        most_moved=[
            {"follow_up": row.id, "customer": row.customer_id, **shift.model_dump()}
            for row, shift in moved[:MOST]
        ],
        **counts,
    )


def _sort(shifts: Sequence[Shift] | None, now: datetime) -> str:
    if shifts is None:
        return "unanswered"
    if not shifts:
        return "waiting"
    moving = [(one.now, one.then) for one in shifts if one.then != one.now]
    if any(then and then <= now < before for before, then in moving):
        return "at_once"
    if any(then and then < before for before, then in moving):
        return "sooner"
    if any(then for _, then in moving):
        return "later"
    return "left_out" if moving else "unchanged"


def _far(shift: Shift) -> float:
    return abs((shift.then - shift.now).total_seconds()) if shift.then else 0


def _those(
    rows: Sequence[Enrolment],
    bodies: Mapping[str, dict[str, Any] | None],
    days: tuple[str, str],
) -> list[tuple[Enrolment, int, int]]:
    """From which working day to which it is for each."""
    after, before = days
    return [(row, body[after], body[before]) for row in rows if (body := bodies[row.id])]
