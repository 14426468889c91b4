"""What a colleague writes to a customer of their own accord, from whichever page."""

from __future__ import annotations

from dataclasses import replace

from starter.answers import Refusal
from starter.console.guard import Ask
from starter.console.sheets import SUBJECT, TEXT, Sheet

SHEET = Sheet(
    (
        replace(SUBJECT, hint="left blank, it is the usual one"),
        replace(TEXT, label="What you want to say", rows=7, needed=True),
    ),
    (),
)


async def send(ask: Ask, customer: str, case: str | None = None) -> None:
    """Through the desk and the gate; once, however often its button is pressed."""
    text = ask.form.get("text", "").replace("\r\n", "\n").strip()
    if not text:
        raise Refusal("missing", "Write what is to go to the customer.", param="text")
    letter = {"text": text, "subject": ask.form.get("subject", "").strip() or None, "case": case}
    once = ask.form.get("once", "")[:64] or None
    await ask.house.desk.write(customer, letter, ask.me.email, request=once)
