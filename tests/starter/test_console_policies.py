"""The console's policies: for managers; looked at first, set by one, approved by another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from activities.crm.store import Store
from activities.crm.tables import PolicyVersion, Staff
from tests.factories import FakeClock
from tests.starter.front import rows
from tests.starter.visitors import ADA, Browser, an_account, browser, site_over
from workflows.vocabulary import Role

PATH, GRACE = "/policies/online-customer", "grace@ourshop.example"


@pytest.fixture
async def people(memory_store: Store, clock: FakeClock) -> AsyncIterator[tuple[Browser, Browser]]:
    """Two managers, each at a browser."""
    site = site_over(memory_store, clock)
    async with AsyncExitStack() as stack:
        found = []
        for email in (ADA, GRACE):
            token = await an_account(memory_store, clock, email)
            found.append(await stack.enter_async_context(browser(site, token=token)))
        async with memory_store.transaction() as session:
            for row in await rows(memory_store, Staff):
                (await session.get_one(Staff, row.id)).role = Role.MANAGER.value
        yield found[0], found[1]


async def test_one_sets_it_and_another_approves_it(
    people: tuple[Browser, Browser], memory_store: Store
) -> None:
    """The difference and its numbers come first, then the reason; nobody approves their own."""
    ada, grace = people
    change = {"key": "check_in", "value": "10d"}
    same = await ada.send_form(PATH, page=PATH, key="check_in", value="14d")
    assert "That changes nothing" in same.text
    looked = await ada.send_form(PATH, page=PATH, **change)
    for words in ("What would change", "14d", "10d", "0 due sooner", "Set it"):
        assert words in looked.text
    assert await rows(memory_store, PolicyVersion) == []
    again = await ada.send_form(PATH, page=PATH, do="set", reason=" ", **change)
    assert (again.status_code, "say why" in again.text) == (422, True)
    gone = await ada.send_form(PATH, page=PATH, do="set", reason="shorter trial", **change)
    assert gone.headers["location"] == f"{PATH}?done=set"
    assert "to approve" in (await grace.get("/policies")).text
    assert "shorter trial" in (await grace.get(PATH)).text
    own = await ada.send_form(f"{PATH}/approve", page=PATH, to="new", confirm="0", version="1")
    assert (own.status_code, "somebody else" in own.text) == (409, True)
    done = await grace.send_form(
        f"{PATH}/approve", page=PATH, to="running", confirm="0", version="1"
    )
    assert done.headers["location"] == f"{PATH}?done=approved"
    page = (await ada.get(f"{PATH}?done=approved")).text
    assert f"approved by {GRACE}" in page
    undone = await ada.send_form(f"{PATH}/undo", page=PATH, reason="too short", confirm="x")
    assert undone.headers["location"] == f"{PATH}?done=undone"
    assert len(await rows(memory_store, PolicyVersion)) == 2


async def test_what_nobody_has_looked_at_is_not_approved(
    people: tuple[Browser, Browser], memory_store: Store
) -> None:
    """Another version, set after the page was shown, is shown first."""
    ada, grace = people
    await ada.send_form(PATH, page=PATH, do="set", key="check_in", value="10d", reason="r")
    assert 'name="version" value="1"' in (await grace.get(PATH)).text
    await ada.send_form(PATH, page=PATH, do="set", key="check_in", value="99d", reason="r")
    for seen in ({"version": "1"}, {}, {"version": "x"}):
        said = await grace.send_form(f"{PATH}/approve", page=PATH, to="new", confirm="0", **seen)
        assert (said.status_code, "was set meanwhile" in said.text) == (409, True)
        assert 'name="version" value="2"' in said.text
    assert not any(row.approved_by for row in await rows(memory_store, PolicyVersion))


async def test_a_draft_is_dropped_and_nonsense_refused(people: tuple[Browser, Browser]) -> None:
    """Refused on the same page, in words; what was typed is still there."""
    ada, _ = people
    for value in ("soon", "<script>", "9" * 400):
        said = await ada.send_form(PATH, page=PATH, key="check_in", value=value)
        assert (said.status_code, "it takes a span" in said.text) == (422, True)
        assert "<script>" not in said.text
    await ada.send_form(PATH, page=PATH, do="set", key="remind", value="no", reason="r")
    gone = await ada.send_form(f"{PATH}/discard", page=PATH, reason="not now")
    assert gone.headers["location"] == f"{PATH}?done=discarded"
    for nowhere in ("/policies/nope", "/policies/__class__"):
        assert (await ada.get(nowhere)).status_code == 404
    assert (await ada.get("/policies/house")).status_code == 200


async def test_policies_are_for_managers(memory_store: Store, clock: FakeClock) -> None:
    """Others are told whose they are, and see no such room."""
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock), token=token) as http:
        assert 'href="/policies"' not in (await http.get("/tasks")).text
        for path in ("/policies", PATH):
            assert (await http.get(path)).status_code == 403
        assert (await http.send_form(f"{PATH}/approve", page="/tasks")).status_code == 403
