"""MIME taken apart (RFC 2045 and after): words, files, and what a server gave back.

Nothing in it is trusted to be what it says, and none of it may take long: what is nested deeper,
or is in more pieces, than any person's mail is read as far as its first part.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from typing import Any

from starter.senders import File
from starter.senders.mail import Mail, Returned
from starter.senders.mail.charsets import decoded
from starter.senders.mail.files import Files
from starter.senders.mail.headers import bare, head_of, id_of, text
from starter.senders.mail.words import LONGEST, out_of_html, tidy

LONGEST_HEAD = 256_000  # bytes
LONGEST_HEADER = 16_000  # characters; a line of addresses or ids is shorter
MOST_PARTS = 1000
MOST_RETURNED = 20  # recipients, and messages, of one report: each of both is looked for
MOST_LINES = 600_000  # 30 MB of base64 have fewer,
WORK = 6_000_000  # and every line is compared with every boundary
BOUNDARY = re.compile(rb"boundary\s*\*?\d?\*?=", re.IGNORECASE)
END_OF_HEAD = re.compile(rb"\r?\n\r?\n|\r\r")
IN_A_FILE = "message/rfc822"


class _Short(Compat32):
    """Headers no longer than anybody writes them: some of what reads them is slow at it."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_HEADER]

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Bare bytes, which are against the rules and stand in many a file's name, are letters."""
        return bare(value)


def mail_of(data: bytes, *, sender: str = "", to: tuple[str, ...] = ()) -> Mail:
    """The e-mail in these bytes, as far as it can be read."""
    files = Files()
    data = _short(data, files)
    try:
        message = BytesParser(policy=_Short()).parsebytes(data)
        parts = list(_parts(message, files))
    except RecursionError:
        files.left_out.append("nested_too_deep")
        message = BytesParser(policy=_Short()).parsebytes(data, headersonly=True)
        parts = [message]
    plain: list[str] = []
    html: list[str] = []
    returned: list[tuple[str, str, bool]] = []
    for part in parts:
        kind = _kind(part)
        if kind == "message/delivery-status":
            returned += _returned(part)
        if kind in ("text/plain", "text/html") and not _filed(part):
            (plain if kind == "text/plain" else html).append(_words(part))
        elif not part.is_multipart() or kind.startswith("message/"):
            _keep(part, kind, files)
    written = tidy("\n\n".join(plain)) or out_of_html("\n".join(html))
    ids = tuple(one for part in parts for one in _ids_within(part) if one)[:MOST_RETURNED]
    return Mail(
        head=head_of(message, sender=sender, to=to),
        text=written,
        files=tuple(files.kept),
        left_out=tuple(files.left_out),
        returned=tuple(Returned(ids, *one) for one in returned[:MOST_RETURNED]),
    )


def headers_of(data: bytes) -> Message:
    """A head by itself."""
    return BytesParser(policy=_Short()).parsebytes(data[:LONGEST_HEAD], headersonly=True)


def returned_by(data: bytes) -> tuple[Returned, ...]:
    """What a delivery status notification says that came by itself, without the whole around it."""
    head = b"Content-Type: message/delivery-status\n\n"
    status = BytesParser(policy=_Short()).parsebytes(head + data[:LONGEST_HEAD])
    return tuple(Returned((), *one) for one in _returned(status))


# -- within bounds --------------------------------------------------------------------------------


def _short(data: bytes, files: Files) -> bytes:
    end = END_OF_HEAD.search(data)
    if end and end.start() > LONGEST_HEAD:
        files.left_out.append("head_too_long")
        data = data[:LONGEST_HEAD].rpartition(b"\n")[0] + b"\n\n" + data[end.end() :]
    boundaries = len(BOUNDARY.findall(data))
    most = min(MOST_LINES, WORK // max(boundaries, 1))
    if data.count(b"\n") > most:
        files.left_out.append("too_many_lines")
        data = b"\n".join(data.split(b"\n", most)[:most])
    return data


def _parts(message: Message, files: Files) -> Iterator[Message]:
    """Its parts in their order; what is enclosed as a message of its own stays in one piece."""
    waiting, count = [message], 0
    while waiting:
        part = waiting.pop()
        count += 1
        if count > MOST_PARTS:
            files.left_out.append("too_many_parts")
            return
        yield part
        if not _kind(part).startswith("message/"):
            waiting += reversed(_inside(part))


# -- one part --------------------------------------------------------------------------------------


def _inside(part: Message) -> list[Message]:
    inside = part.get_payload()
    return [one for one in inside if isinstance(one, Message)] if isinstance(inside, list) else []


def _kind(part: Message) -> str:
    return _safely(part.get_content_type) or "text/plain"


def _filed(part: Message) -> bool:
    """Whether it is to be kept as a file, though it is words."""
    return _safely(part.get_content_disposition) == "attachment" or bool(_name(part))


def _name(part: Message) -> str:
    return text(_safely(part.get_filename) or "")


def _bytes(part: Message) -> bytes:
    found = _safely(lambda: part.get_payload(decode=True))
    return found if isinstance(found, bytes) else b""


def _words(part: Message) -> str:
    label = _safely(part.get_content_charset)
    return decoded(_bytes(part)[: LONGEST * 4], label if isinstance(label, str) else None)


def _keep(part: Message, kind: str, files: Files) -> None:
    """As a file: what it holds, and for a message all of it."""
    if part.is_multipart():
        inner = _inside(part)
        whole = _safely(lambda: b"\n\n".join(one.as_bytes() for one in inner))
        if not isinstance(whole, bytes):
            files.left_out.append("unreadable_file")
            return
        called = text(str(inner[0]["subject"] or "")) if kind == IN_A_FILE and inner else ""
        ending = ".eml" if kind == IN_A_FILE else ".txt"
        name = _name(part) or (f"{called or 'message'}{ending}")
        files.keep(File(name, kind, whole))
        return
    content = _bytes(part)
    if content or _name(part):
        ending = mimetypes.guess_extension(kind) or ".bin"
        files.keep(File(_name(part) or f"enclosure{ending}", kind, content))


def _returned(part: Message) -> list[tuple[str, str, bool]]:
    """Whom it did not reach, and whether that is for good: by RFC 3464, recipient by recipient."""
    found = []
    for block in _inside(part):
        action = text(str(block.get("action", ""))).strip().lower()
        if action not in ("failed", "delayed"):
            continue
        whom = text(str(block.get("original-recipient") or block.get("final-recipient") or ""))
        status = text(str(block.get("status", ""))).strip()[:20].split(" ")[0]
        permanent = action == "failed" and not status.startswith("4")
        found.append((whom.partition(";")[2].strip().lower()[:254], status, permanent))
    return found[:MOST_RETURNED]


def _ids_within(part: Message) -> list[str]:
    """The id of the message that is given back, of which all or the head is enclosed."""
    kind = _kind(part)
    if kind == "text/rfc822-headers":
        return [id_of(headers_of(_bytes(part)))]
    inside = _inside(part) if kind == IN_A_FILE else []
    return [id_of(inside[0])] if inside else []


def _safely(ask: Any) -> Any:
    """What the library makes of a part; of some broken ones it makes a mistake of its own."""
    try:
        return ask()
    except Exception:  # noqa: BLE001 - whatever it stumbles over, the rest is read all the same
        return None
