"""The matrix: which department answers a complaint or an inquiry, by when, and who hears of it when
that does not come (S3 4.3, S2 5.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from activities.crm.shapes import Often, Rules
from workflows.vocabulary import Role, Severity, Span


class Step(Rules):
    """One rung of the ladder: so long after it began, this role hears of it."""

    after: Span
    role: Role = Role.MANAGER
    clock: Literal["wall", "office"] = "wall"  # all hours count, or only those of the office
    until: Literal["answered", "resolved"] = "resolved"  # not if it has come to that


class Row(Rules):
    """One row of the matrix. What is empty fits all; the first row that fits a case counts."""

    kind: Literal["", "complaint", "inquiry"] = ""
    types: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    tiers: tuple[str, ...] = ()
    role: Role = Role.CSR  # the department that answers
    answer: Span = timedelta(hours=24)
    answer_clock: Literal["wall", "office"] = "wall"  # "office": a deviation, and reported as one
    resolve: Span = timedelta(days=3)
    resolve_clock: Literal["wall", "office"] = "office"
    update_every: Often = timedelta(days=2)
    ladder: tuple[Step, ...] = Field((), max_length=20)


HOUR = timedelta(hours=1)
MATRIX = (
    Row(
        severities=(Severity.CRITICAL,),
        role=Role.SERVICE,
        answer=4 * HOUR,
        resolve=timedelta(days=1),
        update_every=timedelta(days=1),
        ladder=(
            Step(after=1 * HOUR, role=Role.MANAGER, until="answered"),
            Step(after=8 * HOUR, role=Role.MANAGER),
            Step(after=timedelta(days=2), role=Role.SERVICE),
        ),
    ),
    Row(
        kind="complaint",
        severities=(Severity.HIGH,),
        role=Role.SERVICE,
        resolve=timedelta(days=2),
        update_every=timedelta(days=1),
        ladder=(
            Step(after=8 * HOUR, role=Role.MANAGER, until="answered"),
            Step(after=timedelta(days=2), role=Role.MANAGER),
        ),
    ),
    Row(
        tiers=("vip", "premium"),
        answer=12 * HOUR,
        resolve=timedelta(days=2),
        update_every=timedelta(days=1),
        ladder=(
            Step(after=6 * HOUR, role=Role.MANAGER, until="answered"),
            Step(after=timedelta(days=2), role=Role.MANAGER),
        ),
    ),
    Row(
        kind="inquiry",
        types=("billing", "invoice", "payment"),
        role=Role.FINANCE,
        ladder=(Step(after=20 * HOUR, role=Role.MANAGER, until="answered"),),
    ),
    Row(
        kind="inquiry",
        ladder=(Step(after=20 * HOUR, role=Role.MANAGER, until="answered"),),
    ),
    Row(
        ladder=(
            Step(after=20 * HOUR, role=Role.SERVICE, until="answered"),
            Step(after=timedelta(days=3), role=Role.SERVICE),
            Step(after=timedelta(days=5), role=Role.MANAGER),
        ),
    ),
)
