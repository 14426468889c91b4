"""What staff order, and what became of it: rows first, then tellings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import (
    Audit,
    Consent,
    Draft,
    Enrolment,
    Hold,
    Inbox,
    Milestone,
    Note,
    Stop,
    Task,
)
from starter.answers import Refusal
from starter.desk import Desk, Verb
from starter.reports import words
from tests.factories import NOON, FakeClock, a_customer, an_enrolment
from tests.starter.front import FakeTemporal, a_desk, effects, only, rows
from workflows.vocabulary import Rhythm

ADA = "online-customer.cus_ada"
YEARS = "keep-in-touch.cus_ada"


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """A desk, and Ada with her follow-up."""
    await a_customer(store, id="cus_ada")
    await an_enrolment(store, "cus_ada")
    temporal.started[ADA] = None
    return a_desk(store, clock, temporal)


async def a_line(store: Store, clause: str, state: str) -> None:
    """What the checklist says of a clause."""
    async with store.transaction() as session:
        session.add(Milestone(follow_up=ADA, clause=clause, about="", state=state, updated_at=NOON))


async def end(store: Store, temporal: FakeTemporal) -> None:
    async with store.transaction() as session:
        row = await session.get_one(Enrolment, ADA)
        row.ended_at, row.state = NOON, "completed"
    temporal.ended.add(ADA)


async def a_task(store: Store, **fields: object) -> str:
    async with store.transaction() as session:
        row = Task(
            **{
                "id": "task_1",
                "key": f"{ADA}/task/5.4.1",
                "customer_id": "cus_ada",
                "follow_up": ADA,
                "clause": "5.4.1",
                "about": "",
                "role": "customer-excellence-officer",
                "priority": 3,
                "title": "Personalise and send",
                "mode": "each",
                "state": "open",
                "due_at": NOON,
                "brief": {},
                "worth": 0,
                "created_at": NOON,
            }
            | fields
        )
        session.add(row)
    return "task_1"


async def test_hold_and_resume(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A hold is a row before it is a signal; resuming releases it, and only what a person held."""
    held = await desk.control("hold", ADA, reason="on holiday", by="jo")
    hold = await only(store, Hold)
    assert (effects(held), hold.follow_up, hold.kind) == ([("signalled", None)], ADA, "manual")
    assert temporal.signals[0][2]["hold_id"] == hold.id
    await desk.control("resume", ADA, reason="back", by="jo")
    assert temporal.signals[1][2]["holds"] == [hold.id]
    assert [row.what for row in await rows(store, Audit)] == ["follow_up.hold", "follow_up.resume"]
    nothing = await desk.control("resume", ADA, reason="again", by="jo")
    assert effects(nothing) == [("none", "not_on_hold")]
    await desk.signal("cus_ada", "complaint", {"text": "no"}, "cli")
    still = await desk.control("resume", ADA, reason="now?", by="jo")
    assert effects(still) == [("none", "held_by_complaint_of_customer")]


async def test_controls(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Skip, run now, retry and end reach the follow-up; over, they are a no-op that says so."""
    await desk.control("skip", "cus_ada", clause="5.4.1", reason="done by phone", by="jo")
    await desk.control("run-now", ADA, clause="5.2.1", reason="asked for it", by="jo")
    await a_line(store, "5.2.1", "blocked")
    await desk.signal(ADA, "retry", {}, "cli")
    await desk.control("end", ADA, reason="left", by="jo")
    assert temporal.heard(ADA) == ["skip", "run_now", "retry", "end"]
    with pytest.raises(Refusal) as refused:
        await desk.control("skip", ADA, clause="9.9", reason="?", by="jo")
    assert (refused.value.code, refused.value.param) == ("unknown_clause", "clause")
    with pytest.raises(Refusal) as refused:
        await desk.control("end", ADA, reason=" ", by="jo")
    assert refused.value.param == "reason"
    await end(store, temporal)
    over = await desk.control("hold", ADA, reason="late", by="jo")
    assert effects(over) == [("none", "ended")]


@pytest.mark.parametrize(
    ("verb", "clause", "state", "effect"),
    [
        ("retry", None, "next", ("none", "nothing_blocked")),
        ("retry", "5.4.1", "blocked", ("none", "nothing_blocked")),
        ("retry", "5.2.1", "blocked", ("signalled", None)),
        ("skip", None, "next", ("none", "nothing_blocked")),
        ("skip", None, "blocked", ("signalled", None)),
        ("skip", "5.4.1", "done", ("signalled", None)),
        ("run-now", None, "done", ("none", "nothing_next")),
        ("run-now", None, "next", ("signalled", None)),
        ("run-now", "5.2.1", "done", ("none", "already_done")),
        ("run-now", "5.2.1", "next", ("signalled", None)),
    ],
)
async def test_an_order_with_nothing_to_act_on_says_so(  # noqa: PLR0917
    desk: Desk,
    store: Store,
    temporal: FakeTemporal,
    verb: Verb,
    clause: str | None,
    state: str,
    effect: tuple[str, str | None],
) -> None:
    """Where the checklist shows that it would come to nothing, that is the answer, in words."""
    await a_line(store, "5.2.1", state)
    said = await desk.control(verb, ADA, clause=clause, reason="try", by="jo")
    assert effects(said) == [effect]
    assert bool(temporal.heard(ADA)) == (effect[0] == "signalled")
    assert effect[1] is None or words.reason(effect[1]) != effect[1].replace("_", " ")


async def test_an_engineer_who_is_called_may_retry(desk: Desk, store: Store) -> None:
    """The checklist may be a moment behind the task."""
    await a_task(store, role="engineer", title="mend x")
    assert effects(await desk.control("retry", ADA, reason="mended", by="jo")) == [
        ("signalled", None)
    ]


async def test_signal_to_a_finished_follow_up(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """It goes to keep-in-touch if that runs, else to a person; the words are kept either way, and
    thanked for."""
    await end(store, temporal)
    late = await desk.signal(ADA, "feedback", {"text": "Lovely", "score": 95}, "cli")
    assert effects(late) == [("recorded", "ended_a_person_is_told"), ("started", None)]
    assert late.effects[1].follow_up in temporal.started
    assert (late.effects[1].follow_up or "").startswith("correspondence.fb_")
    assert (await only(store, Task)).follow_up == ADA
    note = await only(store, Note)
    assert (note.summary, note.feedback) == ("Lovely", "95")
    await an_enrolment(store, "cus_ada", sop="keep-in-touch")
    temporal.started[YEARS] = None
    passed = await desk.signal(ADA, "common_issue", {"topic": "descaling"}, "cli")
    assert [(e.follow_up, e.effect) for e in passed.effects] == [(YEARS, "signalled")]
    assert temporal.signals[0][2]["topic"] == "descaling"


async def test_unknown_signals_and_targets(desk: Desk) -> None:
    """A misspelt signal is refused with what is near, an unknown target with 404."""
    with pytest.raises(Refusal) as refused:
        await desk.signal(ADA, "complain", {}, "cli")
    assert "complaint" in refused.value.detail
    with pytest.raises(Refusal) as refused:
        await desk.signal("nobody", "complaint", {}, "cli")
    assert (refused.value.code, refused.value.status) == ("not_found", 404)
    with pytest.raises(Refusal) as refused:
        await desk.signal(ADA, "feedback", {"scroe": 3}, "cli")
    assert (refused.value.code, refused.value.param) == ("unknown_field", "data.scroe")


async def test_a_task_with_a_draft(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What a person wrote becomes the draft, and its id alone goes on; done once."""
    task = await a_task(store, template="check-in")
    async with store.transaction() as session:
        session.add(
            Draft(id="draft_1", customer_id="cus_ada", task_id=task, subject="How is it?",
                  body="Hi", created_at=NOON)
        )  # fmt: skip
    await desk.complete_task(task, {"text": "Dear Ada, how is the engine?"}, "jo")
    draft = await only(store, Draft)
    assert (draft.body, draft.subject, draft.edited) == (
        "Dear Ada, how is the engine?", "How is it?", True,
    )  # fmt: skip
    ((_, name, body),) = temporal.signals
    assert (name, body["task_id"], body["draft_id"], body["declined"]) == (
        "task_done", task, "draft_1", False,
    )  # fmt: skip
    again = await desk.complete_task(task, {"declined": True}, "jo")
    assert effects(again) == [("already", "done")]


async def test_a_hold_is_for_the_whole_follow_up(desk: Desk) -> None:
    """What would keep back more than was asked is refused."""
    with pytest.raises(Refusal) as refused:
        await desk.control("hold", ADA, clause="5.4.1", reason="on holiday", by="jo")
    assert refused.value.code == "no_clause"


async def test_what_a_task_may_come_to(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """An outcome that does not fit is refused; `task_done` by hand means the oldest open task."""
    task = await a_task(store)
    for outcome, code in (
        ({"text": "Hello"}, "nothing_to_send"),
        ({"result": "x" * 300}, "invalid"),
        ({"how": "well"}, "unknown_field"),
    ):
        with pytest.raises(Refusal) as refused:
            await desk.complete_task(task, outcome, "jo")
        assert refused.value.code == code
    with pytest.raises(Refusal) as refused:
        await desk.complete_task("task_2", {}, "jo")
    assert refused.value.status == 404
    await desk.signal(ADA, "task_done", {"declined": True}, "cli")
    assert temporal.signals[0][2]["declined"] is True
    assert (await only(store, Task)).state == "declined"
    assert effects(await desk.signal(ADA, "task_done", {}, "cli")) == [("none", "no_open_task")]


@pytest.mark.parametrize(
    ("outcome", "came"),
    [
        ({"text": "Dear Ada"}, ("correspondence.draft_1", "started", None)),
        ({}, ("correspondence.draft_1", "started", None)),
        ({"result": "won"}, (ADA, "recorded", "ended")),
    ],
)
async def test_a_task_that_outlived_its_follow_up(
    desk: Desk, store: Store, temporal: FakeTemporal, outcome: dict[str, str], came: Any
) -> None:
    """Its clause is closed by the desk, because nobody else is left to do so; what was written goes
    as a letter of its own, still as what it was drafted from."""
    task = await a_task(store, template="sales-outreach")
    async with store.transaction() as session:
        session.add(
            Milestone(follow_up=ADA, clause="5.5.3", about="", state="waiting", task_id=task,
                      late_by_seconds=0, updated_at=NOON)
        )  # fmt: skip
        session.add(
            Draft(id="draft_1", customer_id="cus_ada", task_id=task, template="sales-outreach",
                  subject="More", body="Hi", created_at=NOON)
        )  # fmt: skip
    await end(store, temporal)
    done = await desk.complete_task(task, outcome, "jo")
    assert [(e.follow_up, e.effect, e.reason) for e in done.effects] == [came]
    assert (await only(store, Milestone)).state == "done"
    if came[1] == "started":
        (letter,) = [r for r in await rows(store, Enrolment) if r.sop == "correspondence"]
        assert (letter.input["draft_id"], letter.input["template"]) == ("draft_1", "sales-outreach")


async def test_complaint_resolved_by_its_task(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Nobody declines to answer; put right, it still holds until the case is closed."""
    await desk.signal("cus_ada", "complaint", {"text": "It leaks"}, "cli")
    task = await only(store, Task)
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(task.id, {"declined": True}, "jo")
    assert refused.value.code == "not_resolved"
    said = {"answered": "phone", "resolved": True, "root_cause": "product", "note": "A new one"}
    done = await desk.complete_task(task.id, said, "jo")
    assert effects(done) == [("signalled", None)]
    assert (await only(store, Hold)).released_at is None
    assert temporal.heard(task.follow_up) == ["task_done"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"template": "upgrade-your-plann"}, "unknown_template"),
        ({"channel": "e-mail"}, "unknown_channel"),
        ({"sop": "online-costumer"}, "unknown_sop"),
    ],
)
async def test_a_misspelt_stop_is_refused(
    desk: Desk, store: Store, said: dict[str, str], code: str
) -> None:
    """It would stop nothing, and whoever pressed it would go home."""
    with pytest.raises(Refusal) as refused:
        await desk.stop(reason="wrong price", by="jo", **said)
    assert refused.value.code == code
    assert not await rows(store, Stop)


async def test_stop_and_go(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """The stop button is a row; lifting it tells exactly those who are held."""
    stop = await desk.stop(channel="email", reason="wrong price", by="jo")
    assert (await only(store, Stop)).lifted_at is None
    async with store.transaction() as session:
        session.add(
            Milestone(follow_up=ADA, clause="5.2.1", about="", state="held", late_by_seconds=0,
                      updated_at=NOON)
        )  # fmt: skip
    assert await desk.go(channel="sms", reason="mended", by="jo") == []
    assert await desk.go(reason="mended", by="jo") == [stop]
    ((_, name, body),) = temporal.signals
    assert (name, body["holds"]) == ("resume", [stop])


async def test_opt_out(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Opting out of a topic, a channel or all is the customer's word, and is told."""
    await desk.opt_out("cus_ada", topic="tips", by="jo")
    await desk.opt_out("cus_ada", channel="sms", by="jo", reason="STOP by phone")
    await desk.opt_out("cus_ada", by="jo")
    said = {(row.scope, row.given) for row in await rows(store, Consent)}
    assert said == {("topic:tips", False), ("sms", False), ("all", False)}
    assert [body["topic"] for _, _, body in temporal.signals] == ["tips", "sms", "all"]
    with pytest.raises(Refusal) as refused:
        await desk.opt_out("cus_ada", topic="tip", by="jo")
    assert refused.value.code == "unknown_topic"
    assert "tips" in refused.value.detail


async def test_policies(desk: Desk, temporal: FakeTemporal) -> None:
    """A change is previewed, kept, approved, and in force for whoever begins afterwards."""
    assert await desk.policy_diff("online-customer", {"check_in": "10d"}) == {
        "check_in": ["14d", "10d"]
    }
    await desk.policy_set("online-customer", {"check_in": "10d"}, by="jo", reason="sooner")
    assert (await desk.policy_show("online-customer"))["values"]["check_in"] == "14d"
    await desk.policy_approve("online-customer", by="sam")
    assert (await desk.policy_show("online-customer"))["values"]["check_in"] == "10d"
    began = await desk.start("online-customer", {"email": "b@example.com"}, None, None, None, "cli")
    assert temporal.started[began[0]].policy.check_in.days == 10
    with pytest.raises(Refusal) as refused:
        await desk.policy_set("house", {"colour": "red"}, by="jo", reason="?")
    assert refused.value.code == "unknown_key"


async def test_a_draft_that_waits_can_be_dropped(desk: Desk, store: Store) -> None:
    """What is in force stays so, whoever approved it; the dropped draft cannot be approved."""
    name = "online-customer"
    with pytest.raises(Refusal) as refused:
        await desk.policy_discard(name, by="jo", reason="none")
    assert (refused.value.code, refused.value.status) == ("nothing_waits", 409)
    await desk.policy_set(name, {"check_in": "10d"}, by="jo", reason="sooner", approve=True)
    await desk.policy_set(name, {"check_in": "1d"}, by="kim", reason="much sooner")
    with pytest.raises(Refusal) as refused:
        await desk.policy_discard(name, by="sam", reason=" ")
    assert refused.value.param == "reason"
    after = await desk.policy_discard(name, by="sam", reason="too soon")
    assert (after["waiting"], after["values"]["check_in"], after["approved_by"]) == (
        None, "10d", "jo",
    )  # fmt: skip
    assert await desk.policy_diff(name, {}) == {}
    with pytest.raises(Refusal) as refused:
        await desk.policy_approve(name, by="sam")
    assert refused.value.code == "already_approved"
    dropped = [row for row in await rows(store, Audit) if row.what == "policy.discarded"]
    assert [(row.facts["version"], row.facts["keys"]) for row in dropped] == [(2, ["check_in"])]


@pytest.mark.parametrize(
    ("changes", "param", "offered"),
    [
        ({"campaigns": "upgrade-your-plan, buy-now"}, "campaigns", "discover-add-ons"),
        ({"elsewhere": ["5.2.1", "7.7"]}, "elsewhere", "5.4.1"),
    ],
)
async def test_a_policy_lists_only_what_there_is(
    desk: Desk, changes: dict[str, Any], param: str, offered: str
) -> None:
    """A name of nothing would do nothing, in silence; also in what is said for one follow-up."""
    with pytest.raises(Refusal) as refused:
        await desk.policy_set("online-customer", changes, by="jo", reason="?")
    assert (refused.value.code, refused.value.param) == ("wrong_value", param)
    assert offered in refused.value.detail
    with pytest.raises(Refusal) as refused:
        await desk.start("online-customer", {"email": "b@example.com"}, None, None, changes, "cli")
    assert refused.value.param == f"policy.{param}"


async def test_a_role_in_a_policy_by_its_short_name(desk: Desk) -> None:
    """Written as people say it, kept as it is called."""
    said = await desk.policy_diff("online-customer", {"outreach_by": "csr"})
    assert said["outreach_by"] == ["sales-representative", "customer-excellence-officer"]


async def test_keep_in_touch_is_asked_for(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What an activity left in the inbox starts keep-in-touch once; later wishes are signals."""
    rhythm = Rhythm(name="loyalty", sop="online-customer", clause="5.6.2", since=NOON)
    for number in range(2):
        event = {
            "id": f"wish-{number}",
            "type": "keep_in_touch.wanted",
            "customer": {"id": "cus_ada"},
            "data": {"follow_up": ADA, "rhythms": [rhythm.model_dump(mode="json")]},
        }
        async with store.transaction() as session:
            session.add(
                Inbox(id=f"in_{number}", source="workflow", event_id=event["id"], digest="",
                      type="keep_in_touch.wanted", raw=json.dumps(event),
                      state="stored", effects=[], occurred_at=NOON, received_at=NOON)
            )  # fmt: skip
        await desk.intake.carry_out_stored(NOON)
        await desk.relay.tell()
    assert temporal.started[YEARS].rhythms == (rhythm,)
    assert temporal.heard(YEARS) == ["rhythms"]
