"""What came with an e-mail: kept under a name that harms nobody, up to a number and a size."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from activities.rendering.values import clean
from starter.senders import File

MOST = 20
LARGEST = 10_000_000  # bytes of one,
TOGETHER = 25_000_000  # and of all
LONGEST = 120  # characters of a name
UNFIT = re.compile(r"[<>:\"|?*\x00-\x1f]")
TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,100}", re.ASCII)
UNKNOWN = "application/octet-stream"


@dataclass
class Files:
    """Those that are kept so far, and codes for what is left out."""

    kept: list[File] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    size: int = 0

    def keep(self, file: File) -> None:
        if len(self.kept) >= MOST:
            self._leave_out("too_many_files")
        elif len(file.content) > LARGEST or self.size + len(file.content) > TOGETHER:
            self._leave_out("file_too_large")
        else:
            kind = file.type.strip().lower()
            kind = kind if TYPE.fullmatch(kind) else UNKNOWN
            self.kept.append(File(name_of(file.name), kind, file.content))
            self.size += len(file.content)

    def _leave_out(self, code: str) -> None:
        self.left_out.append(code)


def name_of(said: str) -> str:
    """A file's name: its last part, whatever path stands before it, one line that can be seen."""
    last = clean(re.split(r"[/\\]", said)[-1])
    name = UNFIT.sub("_", last).strip(". ")
    if len(name) > LONGEST:
        start, dot, ending = name.rpartition(".")
        fits = dot and len(ending) <= 10
        name = f"{start[: LONGEST - 11]}.{ending}" if fits else name[:LONGEST]
    return name or "enclosure"
