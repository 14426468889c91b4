"""What customers write by e-mail, as SendGrid's Inbound Parse posts it.

It is signed only where a security policy with a signature is attached to the Parse webhook; without
one anybody could write in a customer's name, and nothing is taken.
https://www.twilio.com/docs/sendgrid/for-developers/parsing-email
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from activities.settings import Settings
from starter.senders import Delivery, Reader, Reading, Readings, Reply
from starter.senders.mail import Mail
from starter.senders.mail.bounces import given_back
from starter.senders.mail.machines import why_automatic
from starter.senders.mail.matching import Match, Proof, match
from starter.senders.mail.posted import read
from starter.senders.mail.quotes import added, own_words, unsigned
from starter.senders.signatures import is_by_sendgrid, is_public_key
from starter.senders.wishes import Wish, by_mail

LONGEST = 20_000  # characters of a note
MARGIN = 1000  # for what is said about it
NAMED = re.compile(rb"^message-id:\s*<?([\x21-\x7e]{1,100})", re.IGNORECASE | re.MULTILINE)
LOOKED_AT = 300_000  # bytes, for its id
LATE = timedelta(days=7)  # an older date is a clock that is wrong
SAYS = {
    "file_too_large": "a file was too large to be kept",
    "too_many_files": "there were more files than are kept",
    "unreadable_file": "a file could not be read",
    "too_many_parts": "it has more parts than are read",
    "too_many_lines": "it is longer than is read",
    "nested_too_deep": "it is nested deeper than is read",
    "head_too_long": "its head is longer than is read",
}


class InboundMail:
    name = "sendgrid"
    path = "sendgrid/inbound"
    variable = "SENDGRID_WEBHOOK_PUBLIC_KEY"
    headers: Sequence[str] = ("content-type",)
    most = 31_000_000  # SendGrid's limit is 30 MB
    thanks = Reply()

    def is_set_up(self, settings: Settings) -> bool:
        return is_public_key(settings.sendgrid_webhook_public_key)

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        return is_by_sendgrid(delivery, settings, real)

    def key(self, delivery: Delivery) -> str:
        """It has no id of SendGrid's: the e-mail's own, beside what makes it this very one."""
        named = NAMED.search(delivery.body[:LOOKED_AT])
        called = named[1].decode("ascii").rstrip(">") if named else ""
        return f"{delivery.digest}:{called}"

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        """A reply, or the wish to hear no more; nothing, if a machine wrote and means nobody."""
        mail, proof = await asyncio.to_thread(read, delivery)
        if reports := await given_back(reader, mail, f"mail/{_digest(mail)}"):
            return Readings(reports)
        whose = await match(reader, mail.head, proof)
        automatic = why_automatic(mail, proof.envelope_from)
        if whose.customer is None and (automatic or not mail.head.sender):
            return Readings(left_out=["automatic" if automatic else "no_sender"])
        event = {
            "id": f"mail/{_digest(mail)}",
            "customer": {"id": whose.customer} if whose.customer else {"email": mail.head.sender},
            **_happened(mail, reader),
        }
        if _may_stop(whose, proof) and not automatic and wish_of(mail) is Wish.STOP:
            source = "reply" if whose.proven else "reply, not proved"
            said = {"email": False, "source": source, "wording": mail.text[:2000]}
            return Readings(
                [Reading(event | {"type": "consent.changed", "data": said}, mail.files)]
            )
        data = _said(mail, whose, proof, automatic)
        found = Reading(event | {"type": "reply.received", "data": data}, mail.files)
        return Readings([found], left_out=sorted(set(mail.left_out)))


def _may_stop(whose: Match, proof: Proof) -> bool:
    """Nobody is harmed by hearing less: for that it is enough that nothing speaks against it."""
    return whose.proven or (whose.customer is not None and not proof.fails)


def wish_of(mail: Mail) -> Wish | None:
    """What the writer's own words come to: never those of a letter that they quote."""
    return by_mail(unsigned(added(mail.text)) if mail.text else mail.head.subject)


def _said(mail: Mail, whose: Match, proof: Proof, automatic: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "channel": "email",
        "text": _note(mail, whose, proof, automatic=bool(automatic)),
        "automatic": bool(automatic),
    }
    data |= {"subject": mail.head.subject} if mail.head.subject else {}
    return data | ({"message": whose.message} if whose.message else {})


def _note(mail: Mail, whose: Match, proof: Proof, *, automatic: bool) -> str:
    """The writer's own words, below what a colleague has to know of them."""
    marks = ["This was sent automatically."] if automatic else []
    if not whose.proven:
        fails = ", and its signatures do not fit" if proof.fails else ""
        marks.append(f"It is not proved that this is from the customer{fails}.")
    if mail.head.sender != whose.address:
        marks.append(f"Written from {mail.head.sender or 'an address that cannot be read'}.")
    marks += [f"Left out: {SAYS[code]}." for code in sorted(set(mail.left_out)) if code in SAYS]
    if whose.message is None and mail.head.subject:
        marks.append(f"Subject: {mail.head.subject}")
    words = own_words(mail.text)
    if len(words) > LONGEST - MARGIN:
        words = words[: LONGEST - MARGIN].rstrip() + " …"
        marks.append("Shortened: the whole is in the inbox.")
    head = "".join(f"[{one}]\n" for one in marks)
    return head + (words or "[No words.]")


def _digest(mail: Mail) -> str:
    """What is the same e-mail, by whichever of our addresses it came and however often."""
    head = mail.head
    same = (head.id, head.sender, str(head.at), head.subject, mail.text)
    files = "".join(hashlib.sha256(file.content).hexdigest() for file in mail.files)
    return hashlib.sha256("\x00".join((*same, files)).encode()).hexdigest()[:40]


def _happened(mail: Mail, reader: Reader) -> dict[str, str]:
    """When it was written, as its head says, where that can be: an answer may come late."""
    ago = reader.real - mail.head.at if mail.head.at else None
    if ago is None or not timedelta() <= ago <= LATE:
        return {}
    return {"occurred_at": (reader.now - ago).isoformat()}
