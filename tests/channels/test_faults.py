"""Whatever a provider does wrong: what each channel makes of it, in time, and nothing left open."""

from __future__ import annotations

import asyncio

import pytest

from activities.fakes.faults import Fault
from tests.channels.posts import DEADLINE, PROVIDERS, closes, left_open, post, waited_for

# The laws, checked below: nothing that was taken counts as not sent, and nothing that was not
# taken counts as sent.
OUTCOMES = """
    fault         | sendgrid              | twilio                | smtp
    rate_limited  | busy rate_limited     | busy rate_limited     | later not_now
    error_before  | unknown               | unknown               | busy busy
    error_after   | unknown               | unknown               | unknown
    hang_before   | unknown               | unknown               | away no_connection
    hang_after    | unknown               | unknown               | unknown
    drip          | unknown               | unknown               | unknown
    reset_before  | unknown               | unknown               | away no_connection
    reset_after   | unknown               | unknown               | unknown
    half_json     | accepted              | accepted              | unknown
    html          | unknown               | unknown               | away no_connection
    empty         | accepted              | accepted              | unknown
    wrong_type    | accepted              | accepted              | unknown
    huge          | accepted              | accepted              | unknown
    redirect      | away redirected       | away redirected       | address no_such_address
    unauthorised  | account unauthorised  | account unauthorised  | account unauthorised
    unavailable   | unknown               | unknown               | busy busy
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in OUTCOMES.strip().splitlines()]
EXPECTED = {
    (provider, row[0]): outcome
    for row in ROWS[1:]
    for provider, outcome in zip(ROWS[0][1:], row[1:], strict=True)
}

ENDLESS = (Fault.HANG_BEFORE, Fault.HANG_AFTER, Fault.DRIP)


def test_the_table_is_complete() -> None:
    """Every fault has its line, for every provider."""
    assert EXPECTED.keys() == {(one, fault.value) for one in PROVIDERS for fault in Fault}


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_fault_has_its_outcome(provider: str, fault: Fault) -> None:
    """It is named, within the deadline; no socket and no task is left, and the next one goes."""
    before, loop = await left_open(), asyncio.get_running_loop()
    async with post(provider) as ours:
        ours.fake.script.next.append(fault)
        began, fake = loop.time(), ours.fake
        if fault in ENDLESS:  # who never answers is waited for
            begun = (lambda: fake.accepted) if fault.taken else (lambda: fake.requests)
            outcome, began = await waited_for(ours.send(), begun), began + DEADLINE
        else:
            outcome = await ours.send()
        assert loop.time() - began < DEADLINE
        assert outcome == EXPECTED[provider, fault.value]
        taken = len(ours.fake.accepted)
        assert taken == (1 if outcome == "accepted" else taken if outcome == "unknown" else 0)
        assert ours.fake.requests == 1  # nobody tried again by themselves
        assert await ours.send() == "accepted"
        assert len(ours.fake.accepted) == taken + 1
    assert await closes(before)
