"""Nothing personal in a history: what people are and say is planted, and looked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.crm import tables as t
from starter.rehearse.stage import Stage
from tests.rehearsals.life import S0, Life

Begin = Callable[..., Any]

PERSON = {
    "email": "kanarienvogel@canary.example",
    "phone": "+441632960961",
    "name": "Quillon Zwitscher",
    "preferred_name": "Tweetums",
    "company": "Feathercage Ltd",
    "address": {"line1": "7 Birdcage Walk", "city": "Finchley", "postal_code": "N3 1AA"},
}
SAID = {
    "reply": "REPLY my parrot swallowed the loom",
    "complaint": "COMPLAINT the shuttle flew at my budgerigar",
    "resolved": "RESOLVED we sent seed to the aviary",
    "feedback": "FEEDBACK plumage beyond compare",
    "issue": "ISSUE it will not sing",
    "draft": "DRAFT how is the nest",
    "subject": "SUBJECT a word about your perch",
    "reason": "REASON the director's cockatoo insists",
    "item": "ITEM gilded cage",
}
CANARIES = [
    *(value for value in PERSON.values() if isinstance(value, str)),
    *PERSON["address"].values(),  # type: ignore[attr-defined]
    *SAID.values(),
    "1632960961",
    "Zwitscher",
    "canary.example",
]


async def test_no_canary_in_any_history(life: Begin, built: Stage) -> None:
    """Everything a customer and the staff can say, said; then every event of every history read."""
    bird: Life = await life(
        **PERSON, order={"items": [{"sku": "c", "name": SAID["item"], "quantity": 1}]}
    )
    await bird.day(1, "12:00")
    await bird.event("issue.detected", data={"topic": "set-up", "text": SAID["issue"]})
    await bird.event("feedback.received", data={"score": 2, "text": SAID["feedback"]})
    await bird.day(3, "12:00")
    opened = {"text": SAID["complaint"], "reference": "K-1", "severity": "high"}
    await bird.event("complaint.opened", data=opened)
    await bird.signal("complaint", text=SAID["complaint"])
    await bird.day(5, "12:00")
    await bird.event("complaint.resolved", data={"text": SAID["resolved"], "reference": "K-1"})
    for case in await bird.rows(t.Case):
        await bird.event("complaint.resolved", data={"case_id": case.id, "text": SAID["resolved"]})
    await bird.day(6, "12:00")
    await bird.event("reply.received", data={"text": SAID["reply"], "subject": SAID["subject"]})
    await bird.day(14, "12:00")
    await bird.complete("5.4.1", subject=SAID["subject"], text=SAID["draft"])
    await built.desk.control("hold", bird.follow_up, reason=SAID["reason"], by="Polly Cockatoo")
    await built.desk.control("end", bird.follow_up, reason=SAID["reason"], by="Polly Cockatoo")
    assert await bird.end() == "ended"
    assert (await bird.sent())[-1] == "14 12:00 5.4.1 check-in"
    for name in {bird.follow_up, *(row.id for row in await bird.rows(t.Enrolment))}:
        history = await bird.history(name)
        read = f"{name} {history.to_json()} {_payloads(history)}"
        assert [canary for canary in [*CANARIES, "Cockatoo"] if canary in read] == []
    assert bird.follow_up == f"{S0}.C-1001"


async def test_the_canaries_are_where_they_belong(life: Begin) -> None:
    """The net has no hole: the same words do stand in the CRM."""
    bird: Life = await life(**PERSON)
    await bird.event("reply.received", data={"text": SAID["reply"]})
    assert SAID["reply"] in {note.summary for note in await bird.rows(t.Note)}
    (welcome,) = [row for row in await bird.rows(t.Message) if row.template == "welcome"]
    assert "Tweetums" in welcome.body_text
    assert welcome.address == PERSON["email"]


def _payloads(history: Any) -> str:
    """Every byte as it is stored, for what JSON would hide in base64."""
    return " ".join(event.SerializeToString().decode("latin-1") for event in history.events)
