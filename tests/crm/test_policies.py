"""Policies: versions, approval, the way back, and clear words about what does not fit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.crm import policies
from activities.crm.house import HOUSE, HouseRules, current_policy, house_rules
from activities.crm.policies import PolicyError
from activities.crm.spans import said_span
from activities.crm.store import Store
from tests.factories import NOON
from workflows.vocabulary import Policy, Window


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Example(Policy):
    guide: Window = Window(after=timedelta(hours=24), before=timedelta(hours=48))
    check_in: timedelta = timedelta(days=14)
    size: Size = Size.SMALL
    topics: tuple[str, ...] = ()
    reminder: bool = True
    cap: int | None = 50


class Blanks(Policy):
    time_frame: timedelta
    target: float


async def put(store: Store, changes: dict[str, Any], *, approve: bool = True) -> int:
    async with store.transaction() as session:
        row = await policies.set_policy(
            session,
            NOON,
            "example",
            changes,
            model=Example,
            by="stf_1",
            reason="slower",
            approve=approve,
        )
        return row.version


async def in_force(store: Store) -> Example:
    async with store.reading() as session:
        return Example.model_validate(await current_policy(session, "example"))


async def test_a_change_counts_once_it_is_approved(store: Store) -> None:
    """Until somebody approves it, what is in force stays in force."""
    await put(store, {"check_in": "10d"}, approve=False)
    assert (await in_force(store)).check_in == timedelta(days=14)
    async with store.transaction() as session:
        await policies.approve(session, "example", by="stf_2")
    assert (await in_force(store)).check_in == timedelta(days=10)


async def test_an_approved_change_takes_no_unapproved_one_along(store: Store) -> None:
    """Somebody else's draft does not slip into force with mine, and is void afterwards."""
    await put(store, {"check_in": "10d"}, approve=False)
    await put(store, {"size": "large"})
    found = await in_force(store)
    assert (found.check_in, found.size) == (timedelta(days=14), Size.LARGE)
    async with store.transaction() as session:
        with pytest.raises(PolicyError, match="came after it"):
            await policies.approve(session, "example", by="stf_2", version=1)


async def test_drafts_build_on_one_another(store: Store) -> None:
    """Two unapproved changes become one version that has both."""
    await put(store, {"check_in": "10d"}, approve=False)
    await put(store, {"size": "large"}, approve=False)
    async with store.transaction() as session:
        await policies.approve(session, "example", by="stf_2")
    found = await in_force(store)
    assert (found.check_in, found.size) == (timedelta(days=10), Size.LARGE)


@pytest.mark.plays("order-thanks", "review-and-improvement.2")
@pytest.mark.plays("satisfaction", "4.5.3")
async def test_undo_goes_back_as_a_new_version(store: Store) -> None:
    """Nothing is forgotten: what was undone stands in the list."""
    await put(store, {"check_in": "10d"})
    await put(store, {"check_in": "7d"})
    async with store.transaction() as session:
        await policies.undo(session, NOON, "example", by="stf_1", reason="too soon")
    assert (await in_force(store)).check_in == timedelta(days=10)
    async with store.reading() as session:
        assert [row.version for row in await policies.versions(session, "example")] == [3, 2, 1]


async def test_part_of_a_window_keeps_its_other_part(store: Store) -> None:
    """A policy that is read back is whole, though only one end was set."""
    await put(store, {"guide.after": "12h"})
    window = Window(after=timedelta(hours=12), before=timedelta(hours=48))
    assert (await in_force(store)).guide == window
    await put(store, {"guide": {"after": None}})
    async with store.reading() as session:
        assert await current_policy(session, "example") == {}


async def test_the_difference_is_told_in_words(store: Store) -> None:
    """Before anything is set, a manager sees what would change."""
    async with store.reading() as session:
        found = await policies.diff(
            session, "example", {"check_in": "10d", "size": "small"}, Example
        )
    assert found == {"check_in": ["14d", "10d"]}


async def test_a_policy_describes_itself(store: Store) -> None:
    """Every value, by the key that would set it."""
    await put(store, {"topics": "tips, offers"})
    async with store.reading() as session:
        found = await policies.describe(session, "example", Example)
    assert found["version"] == 1
    assert found["values"]["guide.before"] == "2d"
    assert found["values"]["topics"] == ["tips", "offers"]
    assert found["blanks"] == []


async def test_blanks_are_named_until_they_are_filled(store: Store) -> None:
    """An SOP with blanks says which."""
    async with store.transaction() as session:
        assert (await policies.describe(session, "b", Blanks))["blanks"] == ["time_frame", "target"]
        await policies.set_policy(
            session,
            NOON,
            "b",
            {"time_frame": "2d"},
            model=Blanks,
            by="s",
            reason="r",
            approve=True,
        )
        assert (await policies.describe(session, "b", Blanks))["blanks"] == ["target"]


@pytest.mark.parametrize(
    ("changes", "code", "param", "says"),
    [
        ({"chek_in": "10d"}, "unknown_key", "chek_in", "check_in"),
        ({"guide.until": "10d"}, "unknown_key", "guide.until", "after, before"),
        ({"guide": {"until": "10d"}}, "unknown_key", "guide.until", "after, before"),
        ({"check_in.days": 3}, "unknown_key", "check_in.days", "no parts"),
        ({"check_in": "soon"}, "wrong_value", "check_in", "24h or 14d"),
        ({"check_in": 3}, "wrong_value", "check_in", "24h or 14d"),  # days were meant
        ({"guide.after": "soon"}, "wrong_value", "guide.after", "24h or 14d"),
        ({"guide": "2d"}, "wrong_value", "guide", "guide.after, guide.before"),
        ({"size": "huge"}, "wrong_value", "size", "small, large"),
        ({"reminder": "perhaps"}, "wrong_value", "reminder", "boolean"),
    ],
)
def test_what_does_not_fit_is_named(
    changes: dict[str, Any], code: str, param: str, says: str
) -> None:
    """The error names the key and what is allowed."""
    with pytest.raises(PolicyError) as fault:
        policies.changed(Example, {}, changes)
    assert (fault.value.code, fault.value.param) == (code, param)
    assert says in fault.value.detail


def test_none_is_a_value_where_it_may_be_one() -> None:
    """A cap can be taken off, and put back to what it was."""
    off = policies.changed(Example, {}, {"cap": "none"})
    assert off == {"cap": None}
    assert policies.changed(Example, off, {"cap": None}) == {}


async def test_house_rules_are_kept_alike(store: Store) -> None:
    """What is set in the house rules holds at once for everybody."""
    changes = {"contact_opens": "08:30", "company": {"name": "Kettle & Co"}, "office_days": "0,1"}
    async with store.transaction() as session:
        await policies.set_policy(
            session,
            NOON,
            HOUSE,
            changes,
            model=HouseRules,
            by="s",
            reason="r",
            approve=True,
        )
    async with store.reading() as session:
        rules = await house_rules(session)
    assert (rules.contact_opens.hour, rules.company.name) == (8, "Kettle & Co")
    assert rules.office_days == (0, 1)
    assert rules.company.support_email == HouseRules().company.support_email


async def test_a_colour_that_is_none_is_refused() -> None:
    """Limits within a part are minded, too."""
    with pytest.raises(PolicyError) as fault:
        policies.changed(HouseRules, {}, {"company.colour": "greenish"})
    assert fault.value.param == "company.colour"


async def test_two_changes_at_once_are_two_versions(store: Store) -> None:
    """Nobody's change is lost."""
    found = await asyncio.gather(put(store, {"check_in": "10d"}), put(store, {"size": "large"}))
    assert sorted(found) == [1, 2]
    policy = await in_force(store)
    assert (policy.check_in, policy.size) == (timedelta(days=10), Size.LARGE)


@settings(deadline=None)
@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=4000)))
def test_a_span_reads_as_it_is_said(span: timedelta) -> None:
    """What `describe` shows can be set again."""
    span = timedelta(seconds=int(span.total_seconds()))
    said = said_span(span)
    body = policies.changed(Example, {}, {"check_in": said})
    assert Example.model_validate(body).check_in == span


@pytest.mark.parametrize(
    "changes",
    [{"cap": "-P1D"}, {"cap": "9999999d"}, {"cap": "9" * 400 + "d"}, {"spread": "-P1D"}],
)
def test_house_rules_stay_within_reason(changes: dict[str, Any]) -> None:
    """A cap below nothing would let everything through; one beyond the calendar stops the gate."""
    with pytest.raises(PolicyError) as fault:
        policies.changed(HouseRules, {}, changes)
    assert (fault.value.code, fault.value.param) == ("wrong_value", *changes)
