"""What SendGrid's Inbound Parse makes of an e-mail: the whole of it in one field, or taken apart.

Taken apart, each field is in an alphabet of its own, which `charsets` names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starter.senders import Delivery, File
from starter.senders.mail import Mail, Returned
from starter.senders.mail.charsets import decoded
from starter.senders.mail.files import Files
from starter.senders.mail.form import Part, parts_of
from starter.senders.mail.headers import head_of, line
from starter.senders.mail.matching import Proof, dkim_of
from starter.senders.mail.mime import headers_of, mail_of, returned_by
from starter.senders.mail.words import LONGEST, out_of_html, tidy

WHOLE = "email"
RECEIVED = ("to", "cc")
REPORT = "message/delivery-status"


def read(delivery: Delivery) -> tuple[Mail, Proof]:
    """The e-mail, and what its receiver found out about its sender. Raises `UnreadableError`."""
    parts = parts_of(delivery.body, delivery.headers.get("content-type", ""))
    fields: dict[str, bytes] = {}
    for part in parts:
        if part.filename is None or part.name == WHOLE:
            fields.setdefault(part.name, part.content)
    said = _Fields(fields)
    envelope = said.json("envelope")
    back = envelope.get("from")
    proof = Proof(
        spf=said.text("SPF").strip().lower()[:20],
        dkim=dkim_of(said.text("dkim")),
        envelope_from=back if isinstance(back, str) else None,
    )
    to = _recipients(envelope, said)
    if WHOLE in fields:
        return mail_of(fields[WHOLE], sender=said.text("from"), to=to), proof
    return _taken_apart(said, parts, to), proof


class _Fields:
    """The form's fields, each read in its own alphabet."""

    def __init__(self, fields: dict[str, bytes]) -> None:
        self.bytes = fields
        self.charsets = self.json("charsets")

    def text(self, name: str) -> str:
        label = self.charsets.get(name)
        return decoded(self.bytes.get(name, b""), label if isinstance(label, str) else None)

    def json(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads(decoded(self.bytes.get(name, b"")[:100_000]))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def _recipients(envelope: dict[str, Any], said: _Fields) -> tuple[str, ...]:
    to = envelope.get("to")
    named = [one for one in to if isinstance(one, str)] if isinstance(to, list) else []
    return (*named[:100], *(said.text(name)[:20_000] for name in RECEIVED))


def _taken_apart(said: _Fields, parts: Sequence[Part], to: tuple[str, ...]) -> Mail:
    head = head_of(headers_of(said.bytes.get("headers", b"")), sender=said.text("from"), to=to)
    files, returned = Files(), list[Returned]()
    for part in parts:
        if part.filename is not None and part.name != WHOLE:
            files.keep(File(part.filename, part.type, part.content))
            returned += returned_by(part.content) if part.type == REPORT else []
    text = tidy(said.text("text")[:LONGEST]) or out_of_html(said.text("html"))
    return Mail(
        # A field was read with the alphabet that is named; a head may have lost its own.
        head=replace(head, subject=line(said.text("subject")) or head.subject),
        text=text,
        files=tuple(files.kept),
        left_out=tuple(files.left_out),
        returned=tuple(returned),
    )
