"""The command line: what it prints, what it says when it cannot, and its exit codes."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from activities.crm.migrate import upgrade
from activities.crm.store import Store
from starter.cli import app, run
from starter.cli.common import CliError
from starter.cli.whom import customer_id
from starter.reports import Reports
from tests.factories import FakeClock, a_customer

ADA = {"id": "C-1", "email": "ada@example.com", "name": "Ada Byron", "country": "GB"}
LISTS = ("list", "messages", "tasks", "sops", "keys list")


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Aftercare = Callable[..., Said]


@pytest.fixture
def aftercare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Aftercare:
    """The program on an empty directory, with Temporal away."""
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run(list(words))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def opened(aftercare: Aftercare, tmp_path: Path) -> Aftercare:
    """The same once there are tables."""
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'aftercare.db'}"))
    return aftercare


@pytest.fixture
def followed(opened: Aftercare) -> Aftercare:
    """The same once Ada has a follow-up."""
    said = opened("start", "online-customer", "--customer", "-", stdin=json.dumps(ADA))
    assert (said.code, said.out.split(":")[0]) == (0, "online-customer.C-1")
    return opened


# -- usage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [word for word in app if not word.startswith("-")])
def test_every_command_explains_itself(aftercare: Aftercare, word: str) -> None:
    """`--help` is an answer, not an error."""
    said = aftercare(word, "--help")
    assert said.code == 0
    assert f"aftercare {word}" in said.out


@pytest.mark.parametrize(
    "words",
    [
        "nosuch",
        "show",
        "hold C-1",
        "up --port abc",
        "up --port 0",
        "up --pace 1d=0s",
        "list --state asleep",
        "list --sop nope",
        "messages --state nonsense",
        "tasks --role king",
        "policy online-customer --discard --approve",
        "why a b c",
    ],
)
def test_usage_errors_exit_2(aftercare: Aftercare, words: str) -> None:
    """What cannot be read as a command says so, and where help is."""
    said = aftercare(*words.split())
    assert said.code == 2
    assert "--help" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("list --sop nope", "order-thanks, sales-follow-up, satisfaction, onboarding"),
        ("list --state nope", "on_hold"),
        ("messages --state nope", "unknown"),
        ("tasks --role king", "sales-representative (sales)"),
    ],
)
def test_a_misspelt_filter_names_what_there_is(aftercare: Aftercare, words: str, told: str) -> None:
    """An empty list would say that there is none."""
    assert told in " ".join(aftercare(*words.split()).err.split())


def test_without_data_it_says_how_to_begin(aftercare: Aftercare, tmp_path: Path) -> None:
    """Nothing is made by looking."""
    said = aftercare("list")
    assert said.code == 1
    assert "aftercare up" in said.err
    assert not (tmp_path / "data").exists()


def test_a_broken_setting_is_named(aftercare: Aftercare, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable at fault, not a traceback."""
    monkeypatch.setenv("AFTERCARE_EMAIL", "pigeon")
    said = aftercare("list")
    assert said.code == 1
    assert "AFTERCARE_EMAIL" in said.err


def test_a_database_of_another_release_says_what_to_run(
    aftercare: Aftercare, tmp_path: Path
) -> None:
    """An empty database is one that was never migrated."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "aftercare.db").touch()
    said = aftercare("list")
    assert said.code == 1
    assert "aftercare migrate" in said.err
    assert aftercare("migrate").code == 0
    assert aftercare("list").out == "No follow-ups yet.\n"


# -- beginning and reading -------------------------------------------------------------------------


def test_a_follow_up_begins_and_can_be_read(followed: Aftercare) -> None:
    """Started once, listed by name, shown by clause; by e-mail address, too."""
    again = followed("start", "online-customer", "--customer", "-", stdin=json.dumps(ADA))
    assert "it existed" in again.out
    assert "Ada Byron" in followed("list").out
    shown = followed("show", "ada@example.com").out
    assert shown.startswith("online-customer.C-1  Ada Byron  running")
    assert all(clause in shown for clause in ("5.1.1", "5.4.1", "5.6.3"))
    assert followed("why", "online-customer.C-1").code == 0


def test_data_is_printed_as_json(followed: Aftercare) -> None:
    """Whatever prints data prints JSON on request, and nothing else with it."""
    for words in LISTS:
        assert "data" in followed(*words.split(), "--json").json
    assert followed("show", "online-customer.C-1", "--json").json["id"] == "online-customer.C-1"
    assert followed("why", "C-1", "--json").json["data"] is not None
    assert followed("sops", "online-customer", "--json").json["on"] is True
    assert followed("policy", "online-customer", "--json").json["values"]


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ('{"id": "ada@example.com"}', "id_looks_personal"),
        ('{"nmae": "Ada"}', "unknown_field"),
    ],
)
def test_bad_customers_are_refused_in_words(opened: Aftercare, stdin: str, words: str) -> None:
    """The reason stands in one line."""
    said = opened("start", "online-customer", "--customer", "-", stdin=stdin)
    assert (said.code, said.out) == (1, "")
    assert words in said.err
    assert "Traceback" not in said.err


def test_the_unknown_is_said_to_be_unknown(opened: Aftercare) -> None:
    """With the command that lists what is known."""
    for words in ("show X", "why X", "tasks show X", "messages show X", "keys revoke X"):
        said = opened(*words.split())
        assert said.code == 1, words
        assert "aftercare" in said.err
    for words in ("hold X --reason R", "signal X responded", "opt-out X"):
        assert opened(*words.split()).code == 1, words
    assert "online-customer" in opened("sops", "onlin-customer").err


# -- steering, with Temporal away ------------------------------------------------------------------


def test_commands_are_kept_while_temporal_is_away(followed: Aftercare) -> None:
    """What staff decided stands at once; the workflow hears of it later."""
    said = followed("hold", "online-customer.C-1", "--reason", "she asked us to wait")
    assert said.code == 0
    assert "as soon as Temporal answers" in said.out
    shown = followed("show", "online-customer.C-1").out
    assert "on hold (manual)" in shown
    assert "she asked us to wait" in shown
    assert followed("resume", "ada@example.com", "--reason", "she called").code == 0
    assert "on hold" not in followed("show", "online-customer.C-1").out
    assert followed("opt-out", "ada@example.com", "--reason", "by phone").code == 0


def test_a_message_in_doubt_says_how_to_settle_it(followed: Aftercare, tmp_path: Path) -> None:
    """The list says how; one message says what was tried before; settled, nothing is in doubt."""
    with sqlite3.connect(tmp_path / "data" / "aftercare.db") as crm:
        tried = [{"channel": "sms", "address": "+442079460000", "reason": "landline"}]
        crm.execute(
            "insert into message (id, key, follow_up, sop, customer_id, template, kind, state,"
            " channel, via, tried, created_at, deferrals, attempts) values ('msg_1', 'k/welcome',"
            " 'online-customer.C-1', 'online-customer',"
            " (select customer_id from enrolment), 'welcome', 'transactional', 'unknown', 'email',"
            " 'sendgrid', ?, '2026-11-23 12:00:00', 0, 2)",
            (json.dumps(tried),),
        )
    assert "settle ID sent|not_sent" in followed("messages", "--state", "unknown").err
    shown = followed("messages", "show", "msg_1").out
    assert "before: sms to +44•••00, the number takes no text messages" in shown
    assert "2 attempts, the last by sendgrid" in shown
    one = followed("messages", "show", "msg_1", "--json").json
    assert (one["via"], one["attempts"], one["tried"][0]["to"]) == ("sendgrid", 2, "+44•••00")
    assert followed("messages", "settle", "msg_1", "sent", "--reason", " ").code == 1
    assert followed("messages", "settle", "msg_1", "sent", "--reason", "they have it").code == 0
    assert followed("messages", "--state", "unknown").out == "No messages.\n"


def test_the_stop_button_works_with_temporal_down(opened: Aftercare) -> None:
    """Pressed, seen by the doctor, lifted."""
    assert "email" in opened("stop", "--channel", "email", "--reason", "a wrong price").out
    checks = {one["name"]: one for one in opened("doctor", "--json").json["checks"]}
    assert "a wrong price" in checks["stop button"]["says"]
    assert "go --channel email" in checks["stop button"]["cure"]
    assert opened("go", "--channel", "email", "--reason", "mended").out == "Lifted: 1.\n"
    assert opened("go", "--reason", "again").out.startswith("No stop button")


def test_a_task_says_what_the_customer_wrote_and_who_they_are(followed: Aftercare) -> None:
    """Whoever is to answer has it before them, a later line too."""
    for text in ("Where is my parcel?", "Hello?"):
        followed("signal", "C-1", "reply.received", "--text", text)
    (task,) = followed("tasks", "--json").json["data"]
    assert [line["text"] for line in task["brief"]["wrote"]] == ["Where is my parcel?", "Hello?"]
    shown = followed("tasks", "show", task["id"]).out
    assert "customer: Ada Byron, ada@example.com, C-1\n" in shown
    assert "by system: Where is my parcel?" in shown
    done = ("tasks", "done", task["id"], "--outcome", "-")
    assert "write the answer as text" in followed(*done, stdin="{}").err
    followed(*done, stdin='{"answered": "phone", "note": "On Tuesday."}')
    assert "On Tuesday." in followed("tasks", "show", task["id"]).out
    assert "What was said then" in followed(*done, stdin='{"answered": "elsewhere"}').err


def test_a_colleagues_tasks_from_end_to_end(followed: Aftercare) -> None:
    """An account with a deputy, a task that changes hands, waits, and is nobody's list's."""
    followed("signal", "C-1", "reply.received", "--text", "Where is my parcel?")
    for email in ("jo@example.com", "kim@example.com"):
        followed("staff", "create", email, "--role", "csr")
    said = ("--deputy", "kim@example.com", "--away-until", "2099-12-01", "--capacity", "20")
    assert "away until" in followed("staff", "set", "jo@example.com", "--name", "Jo", *said).out
    jo = next(one for one in followed("staff", "list", "--json").json["data"] if one["name"])
    assert (jo["deputy"], jo["capacity"]) == ("kim@example.com", 20)
    followed("staff", "set", "jo@example.com", "--away-until", "back", "--capacity", "none")
    assert "kim@example.com" in followed("staff", "list").out
    (task,) = followed("tasks", "--json").json["data"]
    why = ("--reason", "knows them")
    assert (
        "nobody has an account"
        in followed("tasks", "reassign", task["id"], "--to", "x@y.org", *why).err
    )
    followed("tasks", "reassign", task["id"], "--to", "jo@example.com", *why)
    assert task["id"] in followed("tasks", "--mine", "--as", "jo@example.com").out
    assert "No tasks." in followed("tasks", "--overdue").out
    late = followed("tasks", "snooze", task["id"], "--until", "2099-01-01", *why)
    assert "promised" in late.err
    assert followed("staff", "webhook").out.startswith("whsec_")


def test_why_says_who_asked_for_it_and_their_reason(followed: Aftercare) -> None:
    """A colleague's hold, skip or end stands among what the gate decided."""
    followed("hold", "C-1", "--reason", "away until Monday")
    followed("skip", "ada@example.com", "--clause", "5.2.1", "--reason", "knows it already")
    for target in ("C-1", "ada@example.com", "online-customer.C-1"):
        said = followed("why", target).out
        assert "said `hold`: away until Monday" in said
        assert "5.2.1   cli:" in said
        assert "said `skip`: knows it already" in said
    assert "away until Monday" not in followed("why", "C-1", "5.2.1").out


def test_a_name_is_no_id_but_says_whose_it_may_be(opened: Aftercare) -> None:
    """Nothing is done to somebody who was only meant; who may be is named."""
    for number, name in (("1", "Ada Byron"), ("2", "Ada King")):
        who = json.dumps({"id": f"C-{number}", "email": f"{number}@example.com", "name": name})
        assert opened("start", "online-customer", "--customer", "-", stdin=who).code == 0
    both = "C-1 (Ada Byron), C-2 (Ada King)"
    for words in (("show", "Ada"), ("why", "ada"), ("list", "--customer", "ADA")):
        said = opened(*words)
        assert (said.code, f"did you mean {both}?" in said.err) == (1, True), words
    assert "C-2 (Ada King)?" in opened("messages", "--customer", "King").err
    assert opened("opt-out", "Ada").code == 1
    assert "aftercare list" in opened("show", "Zz").err


async def test_an_address_of_several_is_of_none(store: Store, clock: FakeClock) -> None:
    """Who acts says which of them is meant."""
    for number in (1, 2):
        await a_customer(store, id=f"cus_{number}", email="one@example.com", name=f"Ada {number}")
    with pytest.raises(CliError, match=r"cus_1 \(Ada 1\), cus_2 \(Ada 2\)"):
        await customer_id(Reports(store, clock), "one@example.com")


def test_what_is_not_there_is_said_with_where_to_look(opened: Aftercare) -> None:
    """Also by commands that act."""
    why = ("--reason", "test")
    for words, where in (
        (("tasks", "done", "task_x"), "aftercare tasks"),
        (("messages", "settle", "msg_x", "sent", *why), "aftercare messages --state unknown"),
        (("hold", "online-customer.x", *why), "aftercare list"),
        (("privacy", "extend", "x", *why), "aftercare privacy"),
        (("messages", "--after", "msg_x"), "leave it out"),
        (("tasks", "--after", "task_x"), "leave it out"),
    ):
        said = opened(*words)
        assert (said.code, where in said.err) == (1, True), (words, said.err)


def test_why_names_of_which_follow_up_each_is(opened: Aftercare) -> None:
    """Of two orders' follow-ups, each with its order; what is about the customer, with nothing."""
    for order in ("1001", "1002"):
        given = json.dumps({"id": order, "confirmed_at": "2026-11-23T09:00:00Z"})
        Path(f"{order}.json").write_text(given)
        start = ("start", "order-thanks", "--customer", "-", "--order", f"{order}.json")
        assert opened(*start, stdin=json.dumps(ADA)).code == 0
        opened("hold", f"order-thanks.{order}", "--reason", f"about {order}")
    opened("hold", "C-1", "--reason", "about all")
    lines = opened("why", "ada@example.com").out.splitlines()
    for about, of in (("1001", "order-thanks 1001"), ("1002", "order-thanks 1002")):
        assert [of in line for line in lines if f"about {about}" in line] == [True], about
    assert ["order-thanks" in line for line in lines if "about all" in line] == [False]


# -- the house -----------------------------------------------------------------------------------


def test_done_is_what_was_done(followed: Aftercare, tmp_path: Path) -> None:
    """Skipped is not done; titles that are cut say where the whole words are."""
    with sqlite3.connect(tmp_path / "data" / "aftercare.db") as crm:
        line = (
            "insert into milestone (follow_up, clause, about, state, updated_at, late_by_seconds)"
            " values ('online-customer.C-1', ?, '', ?, '2026-11-23 12:00:00', 0)"
        )
        crm.execute(line, ("5.1.1", "done"))
        crm.execute(line, ("5.2.1", "skipped"))
    lines = followed("show", "online-customer.C-1", "--json").json["checklist"]
    states = [one["state"] for one in lines]
    done = sum(state in ("done", "covered", "elsewhere") for state in states)
    assert done
    assert "skipped" in states
    assert f"{done}/{len(lines)}" in followed("list").out
    shown = followed("show", "online-customer.C-1")
    assert "…" in shown.out
    assert "--full" in shown.err
    assert "--full" not in followed("show", "online-customer.C-1", "--full").err


def test_a_role_is_printed_as_it_is_called(followed: Aftercare) -> None:
    """One spelling in the terminal, in JSON and in a policy, whichever was typed."""
    followed("signal", "online-customer.C-1", "complaint", "--text", "broken")
    by_short = followed("tasks", "--role", "csr")
    assert "customer-excellence-officer" in by_short.out
    assert by_short.out == followed("tasks", "--role", "customer-excellence-officer").out
    (one,) = followed("tasks", "--role", "CSR", "--json").json["data"]
    assert one["role"] == "customer-excellence-officer"


def test_a_draft_of_a_policy_is_dropped(opened: Aftercare) -> None:
    """Only with a reason, and only if one waits."""
    assert opened("policy", "online-customer", "--discard", "--reason", "x").code == 1
    opened("policy", "online-customer", "--set", "check_in=10d")
    assert "say why" in opened("policy", "online-customer", "--discard").err
    said = opened("policy", "online-customer", "--discard", "--reason", "not now")
    assert (said.code, "check_in" in said.out) == (0, True)
    assert opened("policy", "online-customer", "--json").json["waiting"] is None


def test_a_policy_is_changed_in_two_steps(opened: Aftercare) -> None:
    """Shown as a difference, written down, approved."""
    change = ("policy", "online-customer", "--set", "check_in=10d")
    assert opened(*change, "--diff").out == "check_in: 14d → 10d\n"
    assert "--approve" in opened(*change, "--reason", "shorter trial").err
    assert "14d" in opened("policy", "online-customer").out
    assert opened("policy", "online-customer", "--diff").out == "check_in: 14d → 10d\n"
    approved = opened("policy", "online-customer", "--approve")
    assert approved.out.startswith("check_in: 14d → 10d\nVersion 1 of online-customer is in force")
    assert "10d" in opened("policy", "online-customer").out


def test_what_waits_for_approval_is_never_out_of_sight(opened: Aftercare) -> None:
    """With the policy itself, and with a change on top of it that would be approved along."""
    policy = ("policy", "online-customer")
    opened(*policy, "--set", "remind=no", "--approve")
    opened(*policy, "--set", "check_in=10d")
    both = opened(*policy, "--set", "patience=4d")
    assert both.out == "check_in: 14d → 10d\npatience: 3d → 4d\n"
    assert "version 3" in both.err
    shown = opened(*policy)
    assert shown.out.endswith(both.out)
    assert shown.err == both.err


@pytest.mark.parametrize("change", ["chek_in=10d", "check_in=soon", "check_in"])
def test_a_policy_cannot_be_misspelt(opened: Aftercare, change: str) -> None:
    """An unknown key or an unreadable value changes nothing."""
    said = opened("policy", "online-customer", "--set", change)
    assert said.code == 1
    assert said.err


def test_an_sop_says_what_carries_out_each_clause(opened: Aftercare) -> None:
    """By a template, in another clause's message, or elsewhere: none looks forgotten."""
    shown = opened("sops", "online-customer").out
    assert all(words in shown for words in ("in what 5.2.1 says", "keep-in-touch", "broadcasts"))


def test_an_sop_is_switched_off_and_on(opened: Aftercare) -> None:
    """Off, it starts nothing; the list says so."""
    assert opened("sops", "off", "online-customer").code == 0
    assert opened("sops", "online-customer", "--json").json["on"] is False
    assert opened("sops", "on", "online-customer").code == 0
    assert opened("sops", "online-customer", "--json").json["on"] is True


def test_a_key_is_shown_once(opened: Aftercare) -> None:
    """The secret alone on standard output, so that it can be piped; never again."""
    made = opened("keys", "create", "checkout", "--scope", "write")
    assert made.out.startswith("ac_")
    listed = opened("keys", "list").out
    assert "checkout" in listed
    assert made.out.strip() not in listed
    assert opened("keys", "revoke", "checkout").code == 0
    assert opened("keys", "revoke", "checkout").code == 1
