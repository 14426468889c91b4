"""What a colleague writes to a customer of their own accord, from whichever page; and what a
customer told them, taken down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from activities.crm.tables import new_id
from starter.answers import Refusal
from starter.console.guard import Ask
from starter.console.sheets import NOT_SAID, SUBJECT, TEXT, Field, Sheet
from workflows.vocabulary import Severity

SHEET = Sheet(
    (
        replace(SUBJECT, hint="left blank, it is the usual one"),
        replace(TEXT, label="What you want to say", rows=7, needed=True),
    ),
    (),
)
TOLD = {  # what they may have said: as people call it, and as the desk hears it
    "complaint": ("A complaint: something is to be put right", "complaint.opened"),
    "question": ("A question: it wants an answer", "inquiry.received"),
    "note": ("Neither: it is only to be known", "interaction.logged"),
}
HOW = (NOT_SAID, ("phone", "Telephone"), ("email", "E-mail"), ("chat", "Chat"),
       ("letter", "Letter"), ("sms", "SMS"))  # fmt: skip
GRAVITY = (NOT_SAID, *((one.value, one.value) for one in Severity))


def told_by(orders: Iterable[str]) -> Sheet:
    """The form for what a customer said; of their orders one may be what it is about."""
    known = tuple((one, one) for one in orders)
    about = Field("order", "Which order", "choice", (NOT_SAID, *known))
    return Sheet(
        (
            Field("what", "What it is", "radio", tuple((n, w) for n, (w, _) in TOLD.items())),
            Field("text", "What they said", "words", hint="in their words", needed=True),
            Field("channel", "How they said it", "choice", HOW),
            *([about] if known else []),
            Field("severity", "How bad a complaint is", "choice", GRAVITY),
        ),
        (),
    )


async def take_down(ask: Ask, customer: str) -> None:
    """As their own word, by the desk; once, however often its button is pressed."""
    said = {name: value.replace("\r\n", "\n").strip() for name, value in ask.form.items()}
    what = said.get("what", "")
    if what not in TOLD:
        raise Refusal("missing", "Choose what it is.", param="what")
    if not said.get("text"):
        raise Refusal("missing", "Write what they said.", param="text")
    whose = await ask.reports.customer(customer)
    if said.get("order") and whose and said["order"] not in whose.orders:
        raise Refusal("invalid", "Choose one of their orders.", param="order")
    body = {
        "id": f"told-{said.get('once', '')[:64] or new_id('told')}",
        "text": said["text"],
        "channel": said.get("channel") or None,
        "order_id": said.get("order") or None,
        "severity": said.get("severity") or None if what == "complaint" else None,
    }
    await ask.house.desk.signal(customer, TOLD[what][1], body, ask.me.email)


async def send(ask: Ask, customer: str, case: str | None = None) -> None:
    """Through the desk and the gate; once, however often its button is pressed."""
    text = ask.form.get("text", "").replace("\r\n", "\n").strip()
    if not text:
        raise Refusal("missing", "Write what is to go to the customer.", param="text")
    letter = {"text": text, "subject": ask.form.get("subject", "").strip() or None, "case": case}
    once = ask.form.get("once", "")[:64] or None
    await ask.house.desk.write(customer, letter, ask.me.email, request=once)
