"""What is printed: a letter for its envelope, and the sheet that somebody takes along to a call.

A letter is printed from the words on its row, which are those that were given to whoever posts it;
one that is yet to be finished, from its draft.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import HouseRules, house_rules
from activities.crm.tables import Customer, Draft, Message, Task
from activities.rendering import TEMPLATES, Drafted, paper, postal, printed, prose, registry
from activities.rendering.registry import HOME, languages, register
from activities.rendering.speech import day, speech
from activities.rendering.values import clean, visible
from starter.answers import Refusal
from starter.desk.forms import Letter, form_of
from starter.printing import callsheet
from starter.reports import Reports
from starter.reports.objects import TaskView
from workflows.vocabulary import CALLS, Form

LETTER = "letter"
LONGEST = 20_000  # characters of a letter that somebody just writes: as of every text of theirs
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,80}\.[a-z]{1,8}")  # a file's name
SAYS = {
    "address_too_long": "The address does not fit the envelope's window, however small it is set. "
    "Shorten it at the customer's, or print the letter from the browser.",
    "not_set": "This could not be set in type. Print it from the browser.",
}
SPOKEN = (*CALLS, Form.MEETING)
Said = TypeVar("Said")


@dataclass(frozen=True)
class Written:
    """What a letter says, in which language, and since when."""

    subject: str
    told: printed.Told
    headed: bool
    language: str
    at: datetime


async def letter_of_message(reports: Reports, message: str) -> bytes | None:
    """A letter as it was given to whoever posts it; none: there is no such message."""
    async with reports.store.reading() as session:
        row = await session.get(Message, message)
        if row is None:
            return None
        said = await _of_message(session, row)
    return await _on_paper(paper.letter, said)


async def letter_of_task(reports: Reports, task: str, draft: Drafted | None = None) -> bytes | None:
    """The letter that a task has somebody post: with these words, else as it was posted, else as
    it stands in its draft; none: there is no such task."""
    async with reports.store.reading() as session:
        row = await session.get(Task, task)
        if row is None:
            return None
        if not is_letter(row):
            raise _no_letter()
        query = select(Message).where(Message.key == str(row.brief.get("message", "")))
        message = (await session.execute(query)).scalar_one_or_none()
        if message is not None and draft is None:
            said = await _of_message(session, message)
        else:
            now = reports.clock.now()
            said = await _of_task(session, row, draft or await _drafted(session, row), now)
    return await _on_paper(paper.letter, said)


async def sheet_of_task(reports: Reports, task: str) -> bytes | None:
    """What is known before a call, and room for what comes of it; none: there is no such task."""
    made = await callsheet.of_task(reports, task)
    return await _on_paper(paper.sheet, made) if made else None


def is_letter(task: Task) -> bool:
    """Whether somebody posts it."""
    return issubclass(form_of(task), Letter)


def on_paper(template: str | None, task: TaskView) -> str | None:
    """What of a task is worth printing: its `letter`, or its `sheet` for a call; else nothing."""
    said = task.brief.get("channel")
    known = registry().get(template or "")
    if task.form == Form.FREE and (said == LETTER or (known and known.channels == (LETTER,))):
        return LETTER
    return "sheet" if task.form in SPOKEN or said == "call" else None


async def _on_paper(how: Callable[[Said], bytes], said: Said) -> bytes:
    """Set in type, while others are served."""
    try:
        return await asyncio.to_thread(how, said)
    except paper.UnprintableError as fault:
        letters = " ".join(fault.letters[: paper.MOST_NAMED])
        lacking = (
            f"The fonts that letters are printed in lack these: {letters}. "
            "Print it from the browser, which has them."
        )
        words = SAYS.get(fault.reason, lacking)
        raise Refusal("unprintable", words, status=409) from None


def _no_letter() -> Refusal:
    return Refusal("not_a_letter", "Only what goes by post is printed for it.", status=409)


# -- the words ---------------------------------------------------------------------------------


async def _of_message(session: AsyncSession, row: Message) -> paper.Letter:
    if row.channel != LETTER:
        raise _no_letter()
    if row.body_html is None:
        words = "It is not written yet: a message is written at the moment it goes."
        raise Refusal("not_written", words, status=409)
    customer = await session.get(Customer, row.customer_id)
    told = printed.taken_apart(row.body_html)
    headed = bool(told.body) and told.body[0]["is"] == "heading"
    at = row.sent_at or row.created_at
    written = Written(row.subject or "", told, headed, row.locale or HOME, at)
    return await _letter(session, customer, written, row.address)


async def _drafted(session: AsyncSession, row: Task) -> Drafted:
    """What was posted, as far as that was said, else what the template says by itself."""
    said = row.outcome or {}
    query = select(Draft).where(Draft.task_id == row.id).order_by(Draft.created_at.desc())
    draft = (await session.execute(query.limit(1))).scalar_one_or_none()
    subject = said.get("subject") or (draft.subject if draft else row.brief.get("subject"))
    text = said.get("text") or (draft.body if draft else row.brief.get("text"))
    return Drafted(str(subject or ""), str(text or ""))


async def _of_task(session: AsyncSession, row: Task, draft: Drafted, now: datetime) -> paper.Letter:
    subject, text = clean(draft.subject), visible(draft.body)
    if not text:
        raise Refusal("not_written", "Nothing is written yet.", param="text", status=409)
    if len(text) > LONGEST:
        words = f"A letter has up to {LONGEST} characters."
        raise Refusal("invalid", words, param="text")
    customer = await session.get(Customer, row.customer_id) if row.customer_id else None
    known = register(TEMPLATES).words
    spoken = languages(customer.locale if customer else None)
    language = next((one for one in spoken if one.partition("-")[0] in known), HOME)
    prosaic = prose.read(text)
    told = printed.taken_apart(prosaic.html)
    template = registry().get(row.template or "")
    if template is not None:
        why = known[language.partition("-")[0]].why.of(template.kind)
        told.foot = printed.taken_apart(prose.read(why).html).body
    written = Written(subject, told, prosaic.headed, language, row.done_at or now)
    return await _letter(session, customer, written, str(row.brief.get("to") or ""))


async def _letter(
    session: AsyncSession, customer: Customer | None, written: Written, posted_to: str | None
) -> paper.Letter:
    rules = await house_rules(session)
    office = rules.office(customer.country if customer else None)
    spoken = speech(customer.locale if customer else None, written.language, office.country)
    return paper.Letter(
        form=postal.form(office.country),
        company=clean(rules.company.name),
        sender=clean(rules.company.postal_address),
        colour=rules.company.colour,
        address=_address(customer, posted_to, office.country),
        date=day(written.at.astimezone(ZoneInfo(office.time_zone)).date(), spoken),
        subject=written.subject,
        headed=written.headed,
        body=written.told.body,
        foot=_without(written.told.foot, rules),
        locale=str(spoken),
        made=written.at,
    )


def _address(customer: Customer | None, posted_to: str | None, home: str) -> tuple[str, ...]:
    """The customer's; as the letter has it, if theirs has changed since it was written."""
    address = (customer.address if customer else None) or {}
    name, company = (customer.name, customer.company) if customer else (None, None)
    joined = ", ".join(str(line).strip() for line in address.values() if line)
    if posted_to and not joined.startswith(posted_to[:200]):
        was = tuple(clean(line) for line in posted_to.split(", "))
        return tuple(line for line in (clean(company or ""), clean(name or ""), *was) if line)
    return postal.lines(name, company, address, home)


def _without(foot: list[printed.Block], rules: HouseRules) -> list[printed.Block]:
    """The small print, but for who writes from where, which stands at the letter's head."""
    said = f"{rules.company.name}, {rules.company.postal_address}"
    return [one for one in foot if _text(one) != " ".join(said.split())]


def _text(block: printed.Block) -> str:
    runs = (run.get("text", " ") for run in block.get("runs", ()))
    return "".join(runs).replace(printed.BREAK, "").strip()


# -- what went along ---------------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """Something to be handed out: its name says nothing of whom it is about."""

    name: str
    type: str
    content: bytes


async def attachment(reports: Reports, message: str, name: str) -> File | None:
    """What went with a message under this name; none: there is no such thing."""
    async with reports.store.reading() as session:
        row = await session.get(Message, message)
    found = (one for one in (row.attachments if row else ()) or () if one["name"] == name)
    return next((File(name, one["type"], one["text"].encode()) for one in found), None)


def pdf(name: str, content: bytes | None) -> File | None:
    return None if content is None else File(f"{name}.pdf", "application/pdf", content)


def headers(file: File) -> dict[str, str]:
    """Nobody keeps it on the way, and it carries nothing out."""
    how = "inline" if file.type == "application/pdf" else "attachment"
    named = file.name if PLAIN.fullmatch(file.name) else how
    return {
        "Content-Disposition": f'{how}; filename="{named}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
