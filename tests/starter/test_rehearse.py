"""A rehearsal, from the shell and from Python: what it prints, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from activities.crm.migrate import upgrade
from activities.crm.store import Store
from activities.crm.tables import PolicyVersion
from starter.cli import run
from starter.rehearse import Rehearsal, RehearsalError, rehearse
from starter.rehearse.printing import as_data, show, show_changes
from starter.rehearse.stage import stage

COMPLAINT = [
    {"after": "8d2h", "event": "complaint.opened", "data": {"text": "It broke", "reference": "1"}},
    {"after": "20d", "event": "complaint.resolved", "data": {"reference": "1"}},
]


@pytest.fixture(autouse=True)
def _nobody_elses_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path))


def printed(played: Rehearsal, changed: Rehearsal | None = None) -> str:
    console = Console(width=160, file=StringIO(), record=True)
    if changed is None:
        show(played, console)
    else:
        show_changes(played, changed, console)
    return console.export_text()


async def test_a_silent_customer_by_default() -> None:
    """The whole procedure: day, local time, clause, what, why."""
    silent = await rehearse("online-customer")
    assert silent.endings == ["completed"]
    told = [(m.day, f"{m.local:%a %H:%M}", m.clause, m.what) for m in silent.moments]
    assert (0, "Tue 10:00", "5.1.1", "welcome sent by e-mail") in told
    assert (1, "Wed 10:00", "5.2.1", "getting-started sent by e-mail") in told
    assert (7, "Tue 10:00", "5.3.2", "re-engagement sent by e-mail") in told
    text = printed(silent)
    assert "online-customer 1.0: a customer in Europe/London, from Tue" in text
    assert "5.5.3   left out" in text
    assert "the policy leaves it out" in text
    assert "It ended as completed." in text


async def test_a_script_is_played() -> None:
    """What the customer does stands in the timeline, and so does what comes of it."""
    troubled = await rehearse("online-customer", script=COMPLAINT)
    text = printed(troubled)
    assert "← complaint.opened" in text
    assert "a complaint is open" in text
    days = {m.what: m.day for m in troubled.moments if m.clause == "5.4.1"}
    assert days["check-in held back"] == 14
    assert days["check-in sent by e-mail"] >= 20


async def test_staff_and_signals_in_a_script() -> None:
    """The doors of staff are open, too."""
    script = [
        {"after": "20h", "control": "hold", "reason": "on holiday"},
        {"after": "3d", "control": "resume"},
        {"after": "14d3h", "signal": "task_done", "data": {"text": "How is it?"}},
        {"after": "16d", "signal": "responded", "data": {"text": "Very well"}},
    ]
    helped = await rehearse("online-customer", script=script)
    what = [(moment.day, moment.what) for moment in helped.moments]
    assert (1, "getting-started held back") in what
    assert (14, "check-in sent by e-mail") in what
    assert not [day for day, said in what if said.startswith("check-in-follow-up sent")]


async def test_what_another_policy_would_change() -> None:
    """Each line beside its like: earlier, later, new or gone; what stays, stays."""
    before = await rehearse("online-customer")
    policy = {"check_in": "10d", "remind": False}
    after = await rehearse("online-customer", policy=policy, start=before.began)
    changes = as_data(before, after)["changes"]
    kinds = {
        (one["change"], (one["after"] or one["before"])["what"])
        for one in changes
        if (one["after"] or one["before"])["clause"] in ("5.1.1", "5.4.1", "5.4.3")
    }
    assert ("same", "welcome sent by e-mail") in kinds
    assert ("earlier", "check-in sent by e-mail") in kinds
    assert ("gone", "check-in-follow-up sent by e-mail") in kinds
    text = printed(before, after)
    assert "4d earlier" in text or "2d earlier" in text
    assert "gone" in text


async def test_many_customers_at_once() -> None:
    """One line for what happened to all alike, with how many; capacity shows."""
    crowd = await rehearse("online-customer", policy={"check_in_cap": 2}, customers=3)
    assert crowd.endings == ["completed"] * 3
    text = printed(crowd)
    assert "3 customers in Europe/London" in text
    assert "the team had more important customers" in text
    assert "3 completed" in text


async def test_nobody_outside_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever systems, limits and dates the environment names: they are for those who live."""
    monkeypatch.setenv("AFTERCARE_SYSTEMS", "billing=http://127.0.0.1:1/new")
    monkeypatch.setenv("AFTERCARE_ONLY_TO", "@ourshop.com")
    monkeypatch.setenv("AFTERCARE_GO_LIVE", "2999-01-01")
    async with stage() as built:
        assert built.house.settings.named_systems == {}
    alone = await rehearse("online-customer")
    assert "welcome sent by e-mail" in {moment.what for moment in alone.moments}


async def test_an_unknown_sop() -> None:
    """It is said what there is."""
    with pytest.raises(RehearsalError, match="did you mean online-customer"):
        await rehearse("onlin-customer")


def test_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, for programs, with a script from a file."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps(COMPLAINT))
    assert run(["rehearse", "online-customer", "--script", str(script), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["endings"] == ["completed"]
    assert (8, "← complaint.opened") in [(line["day"], line["what"]) for line in data["timeline"]]


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({"script": "nonsense"}, "not JSON"),
        ({"script": '[{"after": "soon", "event": "x"}]'}, "write it like 8d2h"),
        ({"script": '[{"after": "1d", "event": "no.such"}]'}, "no.such"),
        ({"policy": '{"chek_in": "1d"}'}, "chek_in"),
        ({"policy": '{"check_in": "soon"}'}, "check_in"),
        ({"policy": "[]"}, "JSON object"),
        ({"customer": '{"email": 7}'}, "email"),
        ({"customer": '{"time_zone": "Mars/Base"}'}, "time_zone"),
    ],
)
def test_what_cannot_be_rehearsed(
    files: dict[str, str], hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and on standard error what is wrong with which file."""
    words = ["rehearse", "online-customer"]
    for name, text in files.items():
        path = tmp_path / f"{name}.json"
        path.write_text(text)
        words += [f"--{name}", str(path)]
    assert run(words) == 1
    said = capsys.readouterr()
    assert hint in said.err
    assert said.out == ""


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Which one, and why."""
    assert run(["rehearse", "online-customer", "--script", "/nowhere/script.json"]) == 1
    assert "/nowhere/script.json" in capsys.readouterr().err


def test_the_policies_in_force_are_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the data directory that is meant."""
    asyncio.run(put_in_force(tmp_path, "online-customer", {"check_in": "P10D"}))
    assert run(["rehearse", "online-customer", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["timeline"]
    assert next(line["day"] for line in told if line["clause"] == "5.4.1") == 10


async def put_in_force(data: Path, name: str, body: dict[str, str]) -> None:
    url = f"sqlite+aiosqlite:///{data}/aftercare.db"
    await upgrade(url)
    store, now = Store(url), datetime.now(UTC)
    signed = {"by": "test", "approved_by": "test", "reason": None}
    async with store.transaction() as session:
        row = PolicyVersion(id="pol_1", name=name, version=1, body=body, at=now, **signed)
        session.add(row)
    await store.close()
