"""What replaying catches, tried on our own source: changes that would strand lives under way.

Each is made on the real file's words, which must stand there exactly once, and replayed by the
histories that are kept, the way every other test replays them. What is harmless passes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.histories.replaying import KEPT, of

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Edit:
    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """Somebody's good idea, and the life that would notice it."""

    says: str
    sop: str  # whose histories it breaks
    noticed: str  # at least by this life
    edit: Edit


BREAKING = (
    Change(
        "two steps swapped: missed before they were helped to start",
        "online-customer",
        "silent",
        Edit(
            "workflows.sops.online_customer",
            "        await self.help_to_start(welcome)\n        await self.encourage()\n",
            "        await self.encourage()\n        await self.help_to_start(welcome)\n",
        ),
    ),
    Change(
        "a step left out: nobody waits for feedback",
        "order-thanks",
        "order-in-parcels",
        Edit("workflows.sops.order_thanks", "        await self.wait_for_feedback()\n", ""),
    ),
    Change(
        "an activity renamed: what is handed over is called assigned",
        "case",
        "order-complained-of",
        Edit(
            "workflows.contract",
            "    @activity.defn\n    @abstractmethod\n    async def hand_over",
            '    @activity.defn(name="assign")\n    @abstractmethod\n    async def hand_over',
        ),
    ),
    Change(
        "a local activity renamed: the calendar answers to another name",
        "satisfaction",
        "order-in-parcels",
        Edit(
            "workflows.contract",
            "    @activity.defn\n    @abstractmethod\n    async def business_days",
            '    @activity.defn(name="office_days")\n    @abstractmethod\n'
            "    async def business_days",
        ),
    ),
    Change(
        "a timer where none was: a minute's breath before the years begin",
        "keep-in-touch",
        "silent",
        Edit(
            "workflows.keep_in_touch",
            "        await self.take_policy()\n        while True:\n",
            "        await self.take_policy()\n        await workflow.sleep(60)\n"
            "        while True:\n",
        ),
    ),
    Change(
        "a send behind another wait: a complaint is acknowledged an hour later",
        "case",
        "order-complained-of",
        Edit(
            "workflows.case",
            '                await self.write("complaint-received", unreachable=Role.CSR)\n',
            "                await self.until(self.opened_at + timedelta(hours=1))\n"
            '                await self.write("complaint-received", unreachable=Role.CSR)\n',
        ),
    ),
    Change(
        "two more swapped: accounts are set up before the contract is handed over",
        "onboarding",
        "contract-smooth",
        Edit(
            "workflows.sops.onboarding",
            "        await self.take_over()\n        await self.keep_it_private()\n"
            "        await self.set_them_up()\n",
            "        await self.set_them_up()\n        await self.take_over()\n"
            "        await self.keep_it_private()\n",
        ),
    ),
    Change(
        "a send behind another wait, too: asked to recommend us only when it is too late",
        "sales-follow-up",
        "sale-by-telephone",
        Edit(
            "workflows.sops.sales_follow_up",
            '                await self.send(\n                    "referral-request"',
            "                await self.until(self.no_more_asking)\n"
            "                await self.send(\n"
            '                    "referral-request"',
        ),
    ),
)

HARMLESS = (
    Edit(  # what a timer is called in Temporal's UI
        "workflows.sops.online_customer",
        '"24-48 hours after the welcome, help them start"',
        '"One or two days after the welcome, show them round"',
    ),
    Edit(
        "workflows.case",
        "By their word or a colleague's; silence, after a reminder, is on record as silence.",
        "Whether they said so, or somebody for them.",
    ),
    Edit(  # which no enrolment that was ever begun carries
        "workflows.sops.satisfaction",
        "    after: v.Count = 2",
        "    by_letter: bool = False\n    after: v.Count = 2",
    ),
)


def replayed(edits: tuple[Edit, ...], histories: list[Path]) -> dict[str, str]:
    """How each history went by the changed code, which is there nowhere but in that process."""
    said: dict[str, Any] = {"edits": [asdict(edit) for edit in edits]}
    said["histories"] = [path.name for path in histories]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.histories.changed"],
        input=json.dumps(said),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout.splitlines()[-1])  # after what the SDK has to say about it
    assert answer["made"] == sorted({edit.module for edit in edits})
    came: dict[str, str] = answer["came"]
    assert came.keys() == set(said["histories"])
    return came


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.says.partition(":")[0])
def test_it_is_caught(change: Change) -> None:
    """As what it is, and as nothing else: a change with a slip in it would fail, too."""
    came = replayed((change.edit,), of(change.sop))
    noticed = {name for name, how in came.items() if how == "NondeterminismError"}
    assert f"{change.noticed}.{change.sop}.json.gz" in noticed
    assert {how for name, how in came.items() if name not in noticed} <= {"replayed"}


def test_what_is_harmless_passes() -> None:
    """Other words, and a field with a default: every history ever kept goes on as it did."""
    assert set(replayed(HARMLESS, KEPT).values()) == {"replayed"}


def test_an_edit_that_finds_nothing_is_no_change() -> None:
    """Nor one that is not sure what it means; a test above would otherwise pass for nothing."""
    for old in ("no such words", "await"):
        with pytest.raises(AssertionError, match="EditError"):
            replayed((Edit("workflows.case", old, ""),), of("case"))
