"""A person's own words, without the letter they answer: only those are theirs.

Mail programs mark what they quote in each their own way. `mail-parser-reply` knows how they
introduce it, in many languages; it is asked about a few lines at a time, because on a hostile
letter its patterns would take minutes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from re import Pattern

from mailparser_reply.constants import MAIL_LANGUAGES
from mailparser_reply.parser import EmailMessage

QUOTE = re.compile(r"^\s*(?:>|\u203a)")
WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|a écrit|ha scritto|scrisse|escribió|escreveu|schreef|skrev"
    r"|napsala?|napisał\(?a?\)?|kirjoitti|yazd\u0131|a scris|írta|έγραψε|написала?|пише|写道)"
    r"\b[^\n]*[:\uff1a]\s*$",
    re.IGNORECASE,
)
BEGINS = re.compile(
    r"^\s*(?:On|Am|Le|El|Il|Op|Den|Dne|Dnia|W dniu|Em|Na|Pe|La|Mon|Tue|Wed|Thu|Fri|Sat|Sun"
    r"|在|於|Mo|Di|Mi|Do|Fr|Sa|So|man|tir|ons|tor|fre|lør|søn|\d|<|\"|[^\W\d_][^\n]{0,100}<[^<>\s]+@)",
    re.IGNORECASE,
)
GMAIL = re.compile(r"^.{0,200}\d.{0,200}<[^<>\s]{1,100}@[^<>\s]{1,190}>[^<>]{0,40}[:\uff1a]\s*$")
SEPARATOR = re.compile(
    r"^\s*[-_=*]{2,}\s*(?:original message|original appointment|forwarded message|ursprüngliche "
    r"nachricht|original-?nachricht|weitergeleitete nachricht|message d'origine|message original"
    r"|message transféré|mensaje original|mensagem original|messaggio originale|messaggio inoltrato"
    r"|oorspronkelijk bericht|doorgestuurd bericht|oprindelig meddelelse|ursprungligt meddelande"
    r"|opprinnelig melding|wiadomość oryginalna|původní zpráva|alkuperäinen viesti)\s*[-_=*]*\s*$",
    re.IGNORECASE,
)
RULE = re.compile(r"^\s*[_\-=]{10,}\s*$")
FROM = re.compile(
    r"^[\s*]*(?:From|Von|De|Da|Van|Fra|Från|Od|Lähettäjä|Kimden|От|发件人|差出人)\s?[*]?\s?[:\uff1a]\s*\S",
    re.IGNORECASE,
)
WHAT = re.compile(
    r"^[\s*]*(?:Sent|Date|To|Subject|Cc|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviad[oa]"
    r"(?: em| el)?|Para|Asunto|Assunto|Fecha|Data|Inviato|A|Oggetto|Verzonden|Aan|Onderwerp|Sendt"
    r"|Til|Emne|Dato"
    r"|Skickat|Till|Ämne|Wysłano|Do|Temat|Odesláno|Komu|Předmět|发送时间|收件人|主题|送信日時|宛先|件名)"
    r"\s?[*]?\s?[:\uff1a]",
    re.IGNORECASE,
)
SIGNED = re.compile(
    r"^\s*(?:--|—|__)\s*$|^\s*(?:Sent from|Get Outlook for|Gesendet von|Von meinem|Envoyé de"
    r"|Enviado desde|Inviato da|Verstuurd vanaf|Verzonden vanaf|Sendt fra|Skickat från)\b.{0,80}$",
    re.IGNORECASE,
)
WINDOW, LONGEST = 3, 400  # lines of an introduction; characters of it
ASKED = 40  # times, at most, that the library is asked about one letter


def own_words(text: str) -> str:
    """What the writer adds; where nothing would be left, all of it. Signatures stay."""
    return added(text) or text.strip()


def added(text: str) -> str:
    """What the writer adds, if anything."""
    lines = text.split("\n")
    kept, at, asks = [], 0, [ASKED]
    while at < len(lines):
        if QUOTE.match(lines[at]):
            at += 1
        elif SEPARATOR.match(lines[at]) or _is_head(lines, at):
            break
        elif length := _introduction(lines, at, asks):
            after = _quoted_after(lines, at + length)
            if after is None:
                break  # the rest is the letter that is answered
            at = after  # the answer may stand below it, or between its lines
        else:
            kept.append(lines[at])
            at += 1
    while kept and (not kept[-1].strip() or RULE.match(kept[-1])):
        kept.pop()
    return "\n".join(kept).strip()


def unsigned(text: str) -> str:
    """The words without what mail programs and people put below each letter."""
    lines = text.split("\n")
    end = next((at for at, line in enumerate(lines) if at and SIGNED.match(line)), len(lines))
    return "\n".join(lines[:end]).strip()


def _is_head(lines: Sequence[str], at: int) -> bool:
    """Whether an older letter's head begins here: from whom, when, to whom, about what."""
    if not FROM.match(lines[at]):
        return False
    near = [line for line in lines[at + 1 : at + 9] if line.strip()][:5]
    return sum(bool(WHAT.match(line)) for line in near) >= 2


def _introduction(lines: Sequence[str], at: int, asks: list[int]) -> int:
    """How many lines introduce a quotation here: `On Monday Ada wrote:`; none: 0."""
    if not BEGINS.match(lines[at]):
        return 0
    for length in range(1, WINDOW + 1):
        window = lines[at : at + length]
        if not window[-1].strip():
            return 0
        if not window[-1].rstrip().endswith((":", "\uff1a")):
            continue
        joined = " ".join(window)
        if len(joined) > LONGEST or not any(letter.isdigit() for letter in joined):
            return 0
        if WROTE.search(joined) or GMAIL.match(joined):
            return length
        if asks[0] > 0:
            asks[0] -= 1
            if _of_the_library().match("\n".join(window)):
                return length
    return 0


def _quoted_after(lines: Sequence[str], at: int) -> int | None:
    """Where it goes on behind a quotation that is marked line by line; None: it is not."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    if at == len(lines) or not QUOTE.match(lines[at]):
        return None
    while at < len(lines) and QUOTE.match(lines[at]):
        at += 1
    return at


@cache
def _of_the_library() -> Pattern[str]:
    known = [name for name in MAIL_LANGUAGES if name != "david"]
    found: Pattern[str] = EmailMessage(text="", languages=known).HEADER_REGEX
    return found
