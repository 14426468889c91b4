"""A file, record by record: whatever its encoding and delimiter, and however large it is."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENCODINGS = ("utf-8", "utf-16", "windows-1252")
MARKS = {  # what a file begins with that says what it is
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS = ",;\t|"
LONGEST = 1_000_000  # characters of a cell


class FileError(Exception):
    """Why a file cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Source:
    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record after the header, with the number of its first line."""
        csv.field_size_limit(LONGEST)
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            first, line = True, 0
            while True:
                try:
                    row = next(reader, None)
                except csv.Error:
                    words = "a quotation mark is opened and not closed, or stands amid a value"
                    raise FileError(f"line {line + 1}: {words}") from None
                except UnicodeDecodeError:
                    raise _undecodable(self.path, self.encoding) from None
                if row is None:
                    return
                number, line = line + 1, reader.line_num
                if not first and any(cell.strip() for cell in row):
                    yield number, row
                first = False


def open_source(path: Path, encoding: str | None = None) -> Source:
    """The file with its header, or a `FileError`."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as fault:
        raise FileError(f"cannot read {path}: {fault.strerror}") from None
    if not head:
        raise FileError(f"{path} is empty: its first line is to name the columns")
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    chosen = marked or encoding or "utf-8"
    try:
        with path.open(encoding=chosen, newline="") as file:
            first = file.readline(100_000)
    except (UnicodeDecodeError, UnicodeError):
        raise _undecodable(path, chosen) from None
    if "\0" in first:
        raise FileError("this is UTF-16 without a mark, or no text: save it as UTF-8")
    delimiter = max(DELIMITERS, key=lambda each: _outside_quotes(first).count(each))
    header = next(csv.reader([first], delimiter=delimiter), [])
    return Source(path, chosen, delimiter, tuple(header))


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _undecodable(path: Path, encoding: str) -> FileError:
    """Where the first character stands that is not of this encoding."""
    number = 0
    if encoding in ("utf-8", "utf-8-sig"):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - the line is what is looked for
                try:
                    line.decode()
                except UnicodeDecodeError:
                    break
    where = f"line {number}: " if number else ""
    cure = "say what it is: --encoding windows-1252" if "utf-8" in encoding else "save it as UTF-8"
    return FileError(f"{where}this is not {encoding.removesuffix('-sig')}: {cure}")
