"""S2 by itself and beside the others, row by row: Sales follows up within its time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from activities.crm import tables as t
from starter.answers import Refusal
from starter.rehearse.stage import Stage, stage
from tests.rehearsals.life import Life, begin
from workflows.sops import CATALOGUE
from workflows.vocabulary import State

S2 = "sales-follow-up"
FILLED: dict[str, Any] = {
    "within": "5d",
    "interval": "90d",
    "approved_by": "Somebody, Head of Sales",
    "approval_date": "2026-11-01",
    "next_review": "2027-11-01",
    "system": "Aftercare",
    "record_system": "Aftercare",
    "retention": "2190d",
}
PHONE: dict[str, Any] = {"phone": "+447700900123", "preferred_channel": "phone"}
SPOKE: dict[str, Any] = {
    "reached": "yes",
    "product": 90,
    "overall": 80,
    "comment": "It weaves by itself.",
    "method": "phone",
    "type": "product",
    "urgency": "low",
    "potential": "none",
    "actions": "none",
    "opportunity": False,
    "referral": "not_asked",
}
Begin = Callable[..., Any]


@pytest.fixture
async def alone() -> AsyncIterator[Stage]:
    async with stage(cold=True, sops=S2) as on:
        yield on


@pytest.fixture
def sells(alone: Stage) -> Begin:
    """Something is sold to somebody, where S2 alone is on."""

    async def sell(policy: dict[str, Any] | None = None, **more: Any) -> Life:
        return await begin(alone, sop=S2, policy=FILLED | (policy or {}), **more)

    return sell


@pytest.fixture
def together(shop: Stage) -> Begin:
    """The same on the day that a purchase starts everything."""
    own = FILLED | {"starts_on": "order.paid"}

    async def buy(policy: dict[str, Any] | None = None, **more: Any) -> Life:
        life = await begin(shop, sop="", policies={S2: own | (policy or {})}, **more)
        return life.of(S2)

    return buy


async def arrives(ada: Life, day: int = 1) -> None:
    await ada.day(day, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})


async def test_it_is_off_until_every_blank_is_filled(alone: Stage) -> None:
    """They are named one by one, and what starts it says why it does not; the targets are none."""
    ada = await begin(alone, sop=S2, policy={})
    assert await ada.rows(t.Enrolment) == []
    names = list(FILLED)
    for count, name in enumerate(names):
        shown = await alone.desk.policy_show(S2)
        assert set(shown["blanks"]) == set(names[count:])
        with pytest.raises(Refusal) as refused:
            await alone.desk.sop_switch(S2, on=True, by="test")
        assert all(blank in refused.value.detail for blank in names[count:])
        changes = {name: FILLED[name]}
        await alone.desk.policy_set(S2, changes, by="test", reason="t", approve=True)
    assert (await alone.desk.policy_show(S2))["blanks"] == []
    await alone.desk.sop_switch(S2, on=True, by="test")
    came = await ada.event("sale.closed", order={"id": ada.order})
    assert came == [("started", None)]


async def test_in_writing(sells: Begin) -> None:
    """A colleague makes it their own; it goes within its time, from their words."""
    ada: Life = await sells()  # a Tuesday
    await arrives(ada)
    await ada.day(1, "15:00")
    (task,) = await ada.tasks()
    assert (task.role, task.clause, task.template) == (
        "sales-representative",
        "5.2",
        "sales-follow-up",
    )
    assert task.brief
    await ada.complete("5.2", subject="Your loom", text="How does it weave?")
    assert await ada.sent() == ["1 15:00 5.2 sales-follow-up"]
    (sent,) = await ada.rows(t.Message)
    assert "weave" in sent.body_text
    assert await ada.line("5.1") == (State.DONE, "brief")
    assert await ada.end() == "completed"
    assert [line.split(" ", 2)[2] for line in await ada.done(own=True)] == [
        "5.2 task: make the follow-up on their purchase personal",
        "5.2 sales-follow-up",
        "3 skipped: not_called_for",
        "5.3 skipped: no_answer",
        "2 referral-request",
    ]
    assert (await ada.lines())["5.2"].late_by_seconds == 0


async def test_nobody_came_in_time(sells: Begin) -> None:
    """At the end of the next working day it goes as it stands, and is not late."""
    ada: Life = await sells()
    await arrives(ada)
    assert await ada.end() == "completed"
    (sent, *_) = await ada.sent()
    assert sent == "2 17:00 5.2 sales-follow-up"
    assert (await ada.lines())["5.2"].late_by_seconds == 0
    assert not [task for task in await ada.tasks() if task.clause == "5.2"]


async def test_not_delivered_by_then(sells: Begin) -> None:
    """How buying went, in time; never about the product."""
    ada: Life = await sells()
    await ada.end()
    (sent, *_) = await ada.sent()
    assert sent.endswith("5.2 sales-experience")
    assert int(sent.split()[0]) <= 5
    assert (await ada.lines())["5.2"].late_by_seconds == 0
    body = next(m.body_text for m in await ada.rows(t.Message) if m.clause == "5.2")
    assert "Loom" not in body


@pytest.mark.parametrize("within", ["24h", "10d"])
async def test_whatever_the_time_frame(sells: Begin, within: str) -> None:
    """A day, or many: in time."""
    ada: Life = await sells({"within": within})
    await ada.end()
    assert (await ada.sent())[0].endswith("5.2 sales-experience")
    assert (await ada.lines())["5.2"].late_by_seconds == 0


async def test_by_telephone(sells: Begin) -> None:
    """With the script; what they said is feedback, with its class: nobody classifies it again."""
    ada: Life = await sells(**PHONE)
    await arrives(ada)
    await ada.day(1, "15:00")
    (task,) = await ada.tasks()
    assert (task.form, task.template) == ("sales_call", "sales-call")
    async with ada.stage.store.reading() as session:
        (draft,) = (await session.execute(t.Draft.__table__.select())).all()
    assert "Loom" in draft.body
    await ada.complete("5.2", **SPOKE | {"opportunity": True, "wanted": "Yarn"})
    assert await ada.line("5.2") == (State.DONE, "call")
    (said,) = await ada.rows(t.Feedback)
    assert (said.product, said.overall, said.type, said.urgency) == (90, 80, "product", "low")
    assert [task.form for task in await ada.tasks() if task.form == "classify"] == []
    assert [task.clause for task in await ada.tasks() if task.about == "call"] == ["2"]
    assert await ada.end() == "completed"


async def test_not_reached(sells: Begin) -> None:
    """Tried again when the office next opens, as long as there is time; then they are written to,
    still in time, and not called by another."""
    ada: Life = await sells(**PHONE)
    await arrives(ada)
    for day in (1, 2, 3):
        await ada.day(day, "15:00")
        await ada.complete("5.2", reached="no")
    await ada.day(4, "18:00")
    (sent,) = await ada.rows(t.Message)
    assert (sent.template, sent.channel, sent.clause) == ("sales-follow-up", "email", "5.2")
    assert not await ada.tasks()
    assert (await ada.lines())["5.2"].late_by_seconds == 0


async def test_not_reached_and_no_time_to_try_again(sells: Begin) -> None:
    """The office opens again after the time is over: they are written to at once."""
    ada: Life = await sells({"within": "2d"}, **PHONE)
    await arrives(ada)
    await ada.day(1, "16:00")
    await ada.complete("5.2", reached="no")
    await ada.day(2, "09:15")
    await ada.complete("5.2", reached="no")
    assert await ada.tasks() == []
    await ada.day(2, "12:00")
    (line,) = await ada.sent()  # in the last minutes that are in time
    assert line.startswith("2 09:4")
    assert line.endswith("5.2 sales-follow-up")
    assert (await ada.lines())["5.2"].late_by_seconds == 0


async def test_nobody_calls(sells: Begin) -> None:
    """It is late, on record, with how late; nothing is written instead without anybody's word."""
    ada: Life = await sells(**PHONE)
    await arrives(ada)
    await ada.end()
    line = (await ada.lines())["5.2"]
    assert (line.state, line.reason) == ("skipped", "stale")
    assert line.late_by_seconds > timedelta(days=6).total_seconds()
    assert await ada.sent() == []


async def test_a_conversation_of_ours_counts(sells: Begin) -> None:
    """Logged in another system: the task is taken back."""
    ada: Life = await sells()
    await arrives(ada)
    await ada.day(1, "15:00")
    talked = {"channel": "phone", "direction": "out", "text": "All well"}
    await ada.event("interaction.logged", order={"id": ada.order}, data=talked)
    assert await ada.line("5.2") == (State.DONE, "spoken_elsewhere")
    assert not [task for task in await ada.tasks() if task.clause == "5.2"]


async def test_beside_the_others(together: Begin) -> None:
    """S1 and S3 ask first. In this one's time what they asked stands for it; all is in peace: no
    two messages unasked for within a day."""
    ada: Life = await together({"within": "10d"})
    await arrives(ada)
    await ada.day(12, "12:00")
    assert (await ada.line("5.2"))[0] is State.COVERED
    moments = sorted(
        m.sent_at for m in await ada.rows(t.Message) if m.sent_at and m.kind != "transactional"
    )
    gaps = [later - one for one, later in pairwise(moments)]
    assert min(gaps) >= timedelta(hours=24)


async def test_beside_the_others_in_a_shorter_time(together: Begin) -> None:
    """They have not asked yet: Sales asks how buying went, and leaves the product to them."""
    ada: Life = await together({"within": "3d"})
    await arrives(ada)
    await ada.day(12, "12:00")
    told = [line for line in await ada.told() if " S2 5.2 sales" in line]
    assert [line.rpartition(" ")[2] for line in told] == ["sales-experience"]
    asked = [m.asks for m in await ada.rows(t.Message) if m.sent_at and m.asks == "satisfaction"]
    assert len(asked) == 1


async def test_discontent(sells: Begin) -> None:
    """It holds the follow-up back; put right, it goes on, late and on record as late."""
    ada: Life = await sells({"mode": "auto"})
    await ada.day(0, "12:00")
    said = {"text": "It came torn", "severity": "high"}
    await ada.event("complaint.opened", order={"id": ada.order}, data=said)
    (case,) = await ada.rows(t.Case)
    await ada.day(6, "12:00")
    assert (await ada.line("5.2"))[0] is State.HELD
    assert await ada.line(f"5.6 {case.id}") == (State.WAITING, "case")
    of = ada.of("case", case.id)
    await of.complete("2", subject="Sorry", text="A new one is on its way.")
    await of.complete("5", root_cause="delivery", resolution="A new one was sent.")
    data = {"case_id": case.id, "satisfied": True}
    await ada.event("feedback.received", data=data)
    await ada.day(11, "12:00")
    assert await ada.line(f"5.6 {case.id}") == (State.DONE, None)
    line = (await ada.lines())["5.2"]
    assert (line.state, line.late_by_seconds > 0) == ("done", True)


async def test_a_vip(sells: Begin) -> None:
    """By a person only, the sales manager; the exception shows under clause 3."""
    ada: Life = await sells(tier="vip")
    await arrives(ada)
    await ada.day(3, "15:00")
    assert await ada.line("3") == (State.DONE, "vip")
    (task,) = [task for task in await ada.tasks() if task.clause == "5.2"]
    assert task.role == "sales-manager"
    assert await ada.sent() == []
    await ada.complete("5.2", subject="Your loom", text="How does it weave?")
    assert len(await ada.sent()) == 1


async def test_a_sensitive_matter(sells: Begin) -> None:
    """All but what they must have rests."""
    ada: Life = await sells(sensitive=True)
    await arrives(ada)
    await ada.end(within=90)
    assert await ada.line("3") == (State.DONE, "sensitive")
    assert await ada.line("5.2") == (State.SKIPPED, "sensitive")
    assert await ada.sent() == []


async def test_refunded(sells: Begin) -> None:
    """It ends with its order, and says why."""
    ada: Life = await sells()
    await ada.event("order.refunded", order={"id": ada.order})
    assert await ada.end() == "ended"
    assert await ada.sent() == []


async def test_feedback_is_classified_by_service(sells: Begin) -> None:
    """What comes without its class; it settles the task."""
    ada: Life = await sells({"mode": "auto"})
    await arrives(ada)
    await ada.day(2, "12:00")
    await ada.event("feedback.received", order={"id": ada.order}, data={"overall": 90})
    (task,) = [task for task in await ada.tasks() if task.form == "classify"]
    assert (task.role, task.clause) == ("customer-service", "5.3")
    await ada.complete("5.3", type="product", urgency="low", potential="none")
    (said,) = await ada.rows(t.Feedback)
    assert (said.type, said.urgency, said.potential) == ("product", "low", "none")


async def test_on_request(sells: Begin) -> None:
    """Somebody asks for it; whatever starts it by itself."""
    ada: Life = await sells({"starts_on": ""})
    assert await ada.rows(t.Enrolment) == []
    wish = {"sop": S2}
    came = await ada.event("follow_up.requested", order={"id": ada.order}, data=wish)
    assert came == [("started", None)]


async def test_on_request_long_after_the_sale(sells: Begin) -> None:
    """Its time counts from the request: nobody asks for what is late already."""
    ada: Life = await sells({"starts_on": "", "mode": "auto"})
    await arrives(ada)
    await ada.day(40, "10:00")
    await ada.event("follow_up.requested", order={"id": ada.order}, data={"sop": S2})
    await ada.day(45, "12:00")
    asked = (await ada.of(S2).lines())["5.2"]
    assert (asked.state, asked.late_by_seconds) == (State.DONE, 0)


async def test_regularly(sells: Begin) -> None:
    """Ninety days after the last touch, and what Sales did in between counts."""
    ada: Life = await sells({"mode": "auto"})
    await arrives(ada)
    await ada.day(100, "12:00")
    assert not [m for m in await ada.rows(t.Message) if m.clause == "5.4"]
    await ada.day(130, "12:00")
    years = ada.of("keep-in-touch", ada.id)
    (sent,) = [line for line in await years.sent(own=True) if " 5.4 " in line]
    assert int(sent.split()[0]) in range(121, 124)  # ninety days after the referral request


async def test_missing_targets_stop_nothing(alone: Stage) -> None:
    """They are no blanks; the catalogue and the doctor name them until they are set."""
    await alone.desk.policy_set(S2, FILLED, by="test", reason="t", approve=True)
    sop = CATALOGUE[S2]
    shown = await alone.desk.policy_show(S2)
    assert shown["blanks"] == []
    assert sop.unset(shown["values"]) == ["csat_target", "repeat_target", "loyalty_target"]
    await alone.desk.policy_set(S2, {"csat_target": "5"}, by="test", reason="t", approve=True)
    shown = await alone.desk.policy_show(S2)
    assert sop.unset(shown["values"]) == ["repeat_target", "loyalty_target"]
