"""What the head of an e-mail says: encoded words, addresses, ids, and the marks of machines."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import a2b_qp
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from activities.crm import values
from activities.rendering.values import clean
from starter.senders.mail import Head
from starter.senders.mail.charsets import decoded

WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
FOLD = re.compile(r"[\r\n]+[ \t]*")
BETWEEN = re.compile(r"(\?=)\s+(=\?)")
LONGEST_ID = 250  # characters of a message's id
ID = re.compile(rf"<([^<>\s]{{1,{LONGEST_ID}}})>")
ADDRESS = re.compile(r"[^\s<>\"',;:()]{1,100}@[^\s<>\"',;:()]{1,190}")
MOST = 100  # addresses, and ids
LONGEST = 200  # characters of a subject
TO = (
    "to",
    "cc",
    "bcc",
    "delivered-to",
    "x-original-to",
    "x-envelope-to",
    "envelope-to",
    "resent-to",
)
MARKS = """auto-submitted precedence x-autoreply x-autorespond x-autoresponder x-auto-reply-from
x-auto-response-suppress x-failed-recipients x-mail-autoreply return-path""".split()


def head_of(message: Message, *, sender: str = "", to: Iterable[str] = ()) -> Head:
    """The head; what was said of sender and recipients beside it stands in for what it lacks."""
    said: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        said.setdefault(name.lower(), []).append(value)
    read = {name: text(values_[0]) for name, values_ in said.items() if name in _READ}
    whom = [one for name in TO for value in said.get(name, ()) for one in addresses(text(value))]
    whom += [one for value in to for one in addresses(value)]
    named = [*addresses(read.get("from", "")), *addresses(sender)]
    ids = [*_ids(read.get("in-reply-to", "")), *reversed(_ids(read.get("references", "")))]
    return Head(
        sender=next((one for one in map(_one, named) if one), ""),
        to=tuple(dict.fromkeys(whom))[:MOST],
        subject=line(read.get("subject", "")),
        id=next(iter(_ids(read.get("message-id", ""))), ""),
        answers=tuple(dict.fromkeys(ids))[:MOST],
        at=_moment(read.get("date", "")),
        marks={name: read[name].strip() for name in MARKS if name in read},
        type=read.get("content-type", "").partition(";")[0].strip().lower(),
    )


_READ = frozenset(
    (*MARKS, *"from subject message-id in-reply-to references date content-type".split())
)


def text(raw: str) -> str:
    """A header as it is read by people: encoded words (RFC 2047) and bare bytes alike."""
    raw = BETWEEN.sub(r"\1\2", FOLD.sub(" ", raw))
    found, at, pending, label = [], 0, b"", ""
    for word in WORD.finditer(raw):
        between = raw[at : word.start()]
        charset = word[1].partition("*")[0]  # RFC 2231 says the language behind it
        if between or charset.lower() != label.lower():
            # A letter may have been cut in two: only then are words put together first.
            found += [decoded(pending, label), bare(between)]
            pending, label = b"", charset
        pending += _unpacked(word[2], word[3])
        at = word.end()
    return "".join((*found, decoded(pending, label), bare(raw[at:])))


def line(said: str) -> str:
    """One line that can be printed, whatever letters are not known yet."""
    return "".join(letter for letter in clean(said) if letter.isprintable())[:LONGEST].strip()


def addresses(said: str) -> list[str]:
    """Every address in a header, in small letters; of a broken one, what looks like an address."""
    try:
        found = [one for _, one in getaddresses([said]) if ADDRESS.fullmatch(one)]
    except (ValueError, IndexError, TypeError, RecursionError):
        found = []
    return [one.lower() for one in found or ADDRESS.findall(said)][:MOST]


def bare(raw: str) -> str:
    return decoded(raw.encode("utf-8", "surrogateescape")) if not raw.isascii() else raw


def _unpacked(how: str, said: str) -> bytes:
    data = said.encode("utf-8", "surrogateescape")
    if how in "qQ":
        return a2b_qp(data, header=True)
    try:
        return b64decode(data + b"=" * (-len(data) % 4))
    except ValueError:
        return data


def id_of(message: Message) -> str:
    """Its own id, and nothing else of its head, which may be longer than any letter."""
    return next(iter(_ids(text(str(message.get("message-id", ""))))), "")


def _ids(said: str) -> list[str]:
    """Those that can be looked for: no database takes a zero."""
    found = ID.findall(said)[:MOST] or said.split()[:1]
    return [one for one in found if one.isprintable() and len(one) <= LONGEST_ID]


def _one(said: str) -> str:
    try:
        return values.email_of(said) if len(said) <= 254 else ""
    except (values.UnfitValueError, UnicodeError):
        return ""


def _moment(said: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(said[:100])
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
