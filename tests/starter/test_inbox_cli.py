"""`aftercare inbox`, with Temporal away: what came in, one of it, again, and given to somebody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from activities.settings import Settings
from starter.bootstrap import open_desk
from tests.starter.front import an_event
from tests.starter.test_cli import Aftercare, aftercare, opened

__all__ = ["aftercare", "opened"]  # its fixtures

STRANGER = {"email": "stranger@example.org"}


@pytest.fixture
def busy(opened: Aftercare, tmp_path: Path) -> Aftercare:
    """Somebody signed up, and somebody unknown wrote."""

    async def come_in() -> None:
        async with open_desk(Settings(data=tmp_path / "data"), check=False) as desk:
            await desk.receive("api", an_event("customer.signed_up", id="evt_1"))
            said = {"text": "Yes <please>", "subject": "[bold]Re:"}
            await desk.receive(
                "api", an_event("reply.received", id="evt_2", customer=STRANGER, data=said)
            )

    asyncio.run(come_in())
    return opened


def test_an_empty_inbox(opened: Aftercare) -> None:
    assert opened("inbox").out == "Nothing came in yet.\n"
    assert opened("inbox", "--failed").out == "Nothing of this kind.\n"
    assert opened("inbox", "--json").json == {"data": [], "has_more": False}


def test_the_list(busy: Aftercare) -> None:
    """Newest first, a page at a time; addresses of strangers are masked."""
    newest, oldest = busy("inbox", "--json").json["data"]
    assert (newest["event"], newest["state"], newest["sender"]) == (
        "evt_2", "parked", "s•••@e•••.org",
    )  # fmt: skip
    assert (oldest["event"], oldest["name"]) == ("evt_1", "ada@example.com")
    said = busy("inbox", "--limit", "1")
    assert "reply.received from" in said.out
    assert "waits until" in said.out
    assert f"--after {newest['id']}" in said.err
    further = busy("inbox", "--limit", "1", "--after", newest["id"], "--json").json
    assert [one["event"] for one in further["data"]] == ["evt_1"]
    assert [one["event"] for one in ids(busy("inbox", "--parked", "--json").json)] == ["evt_2"]
    assert ids(busy("inbox", "--source", "shopify", "--json").json) == []
    assert busy("inbox", "--after", "in_nothing").code == 1


def ids(page: dict[str, Any]) -> list[dict[str, Any]]:
    return list(page["data"])


def test_one_of_it(busy: Aftercare) -> None:
    """By either id; what somebody wrote stays what they wrote; Temporal is yet to hear of it."""
    said = busy("inbox", "show", "evt_2")
    assert "Yes <please>" in said.out
    assert "[bold]Re:" in said.out
    assert "waits until" in said.out
    assert "aftercare inbox give in_" in said.err
    said = busy("inbox", "show", "evt_1")
    assert "Temporal is yet to hear `online-customer` of online-customer." in said.out
    assert busy("inbox", "show", "evt_1", "--json").json["untold"][0]["name"] == "online-customer"
    assert busy("inbox", "show", "evt_3").code == 1


def test_again(busy: Aftercare) -> None:
    said = busy("inbox", "replay", "evt_1", "--reason", "to be sure")
    assert (said.code, said.out) == (0, "evt_1: was known already\n")
    said = busy("inbox", "replay", "evt_2", "--reason", "to be sure", "--json")
    assert [one["effect"] for one in said.json["data"][0]["effects"]] == ["parked"]
    assert busy("inbox", "replay", "evt_3", "--reason", "x").code == 1
    assert busy("inbox", "replay", "evt_1").code == 2


def test_given_to_whom_it_is_from(busy: Aftercare) -> None:
    said = busy("inbox", "give", "evt_2", "ada@example.com", "--reason", "she told me")
    assert (said.code, said.out.split(":")[0]) == (0, "evt_2")
    assert "is yet to be told to case." in said.out
    assert busy("inbox", "give", "evt_2", "ada@example.com", "--reason", "again").code == 1
    assert busy("inbox", "give", "evt_1", "nobody@example.com", "--reason", "x").code == 1


def test_a_shop_is_asked_only_once_it_is_set_up(opened: Aftercare) -> None:
    """What is missing is named; so is what can be no span of time."""
    said = opened("inbox", "fetch", "woocommerce", "--since", "2d")
    assert (said.code, "AFTERCARE_WOOCOMMERCE_URL" in said.err) == (1, True)
    for odd in ("soon", "", "0d", "9999d"):
        assert "no span" in opened("inbox", "fetch", "woocommerce", "--since", odd).err
    assert opened("inbox", "fetch", "amazon").code != 0
