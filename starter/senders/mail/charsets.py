"""Letters out of bytes, whatever alphabet they are said to be in: labels are missing, and lie."""

from __future__ import annotations

import codecs
import re

MISTAKEN = {  # what is meant by a label, as browsers have it
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "tis-620": "cp874",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "cp-850": "cp850",
    "ibm-850": "cp850",
}
# Python has codecs that are no alphabets, and slow ones that no mail is written in.
ALPHABET = re.compile(
    r"(?:utf|iso|cp|ibm|windows|koi8|mac|big5|gb|euc|shift|hz|johab|tis|latin|hp|kz|ptcp)[\w.-]{0,30}"
)
ONE_BYTE = re.compile(r"(?:iso-?8859|cp12|windows-12|latin|mac)", re.ASCII)
ANSI = ("", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit", "x-unknown", "default", "binary")
FALLBACK = "cp1252"


def decoded(data: bytes, label: str | None = None) -> str:
    """The text; where the label cannot be right, what the bytes themselves look like."""
    if data.isascii() and not _shifts(label):
        return data.decode("ascii")
    name = (label or "").strip(" \"'").lower()
    name = MISTAKEN.get(name, name)
    # Hardly any text of another alphabet happens to be sound UTF-8: such a label is wrong.
    first = ["utf-8"] if name in ANSI or ONE_BYTE.match(name) else []
    for codec in (*first, _known(name), "utf-8"):
        if codec:
            try:
                return _sound(data.decode(codec))
            except (UnicodeError, LookupError):
                continue
    return data.decode(FALLBACK, errors="replace")


def _known(name: str) -> str:
    if not ALPHABET.fullmatch(name):
        return ""
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _shifts(label: str | None) -> bool:
    """Whether bytes of ASCII stand for other letters in it."""
    return (label or "").strip(" \"'").lower().startswith(("iso-2022", "utf-7", "utf-16", "hz"))


def _sound(text: str) -> str:
    """Without halves of letters, which nobody can store."""
    return text.encode("utf-8", "replace").decode("utf-8")
