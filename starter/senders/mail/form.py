"""A form with files (RFC 7578), read from its bytes: each field has an alphabet of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from starter.senders import UnreadableError
from starter.senders.mail.charsets import decoded

MOST = 1000  # parts
BLANK = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Part:
    """One field, or one file."""

    name: str
    content: bytes
    filename: str | None = None
    type: str = ""


@dataclass
class _Reading:
    """What the parser has told so far."""

    parts: list[Part] = field(default_factory=list)
    headers: dict[str, bytes] = field(default_factory=dict)
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    content: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        self.headers, self.content = {}, bytearray()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        self.headers[bytes(self.name).decode("latin-1").lower()] = bytes(self.value)
        self.name, self.value = bytearray(), bytearray()

    def data(self, data: bytes, start: int, end: int) -> None:
        self.content += data[start:end]

    def end(self) -> None:
        _, said = parse_options_header(self.headers.get("content-disposition", b""))
        kind, _ = parse_options_header(self.headers.get("content-type", b""))
        filename = said.get(b"filename")
        if len(self.parts) < MOST:
            self.parts.append(
                Part(
                    name=decoded(said.get(b"name", b"")),
                    content=bytes(self.content),
                    filename=decoded(filename) if filename is not None else None,
                    type=decoded(kind),
                )
            )


def parts_of(body: bytes, content_type: str) -> list[Part]:
    """Its parts in their order, as far as it goes. Raises `UnreadableError` if it is no form."""
    kind, said = parse_options_header(content_type.encode("latin-1", "replace"))
    boundary = said.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise UnreadableError("no_form")
    reading = _Reading()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": reading.begin,
            "on_header_field": reading.header_field,
            "on_header_value": reading.header_value,
            "on_header_end": reading.header_end,
            "on_part_data": reading.data,
            "on_part_end": reading.end,
        },
    )
    try:
        parser.write(body)
    except (FormParserError, ValueError):
        if not reading.parts:
            return _loosely(body, boundary)
    return reading.parts


def _loosely(body: bytes, boundary: bytes) -> list[Part]:
    """One whose lines end as they like: some proxies and tools keep only half of each break."""
    reading = _Reading()
    for piece in (b"\n" + body).split(b"\n--" + boundary, MOST + 1)[1:]:
        break_ = BLANK.search(piece)
        if piece.startswith(b"--") or break_ is None:
            break
        reading.begin()
        for line in piece[: break_.start()].splitlines():
            name, _, value = line.partition(b":")
            reading.headers[name.strip().decode("latin-1").lower()] = value.strip()
        reading.content += piece[break_.end() :].removesuffix(b"\r")
        reading.end()
    if not reading.parts:
        raise UnreadableError("bad_form")
    return reading.parts
