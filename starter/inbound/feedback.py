"""`/f/{token}`: what a customer thinks of it, told by the link in a message of ours.

Opening it changes nothing, because scanners open links; a POST is one answer, and the same one
sent twice is still one. What they think now may be another thing next week: that counts anew. The
page asks what its message asked, and shows nothing of what is known about whoever holds the link.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from activities.crm import customers
from activities.crm.house import HouseRules, house_rules
from activities.crm.tables import Inbox, Message
from activities.rendering import tokens
from starter.desk import Desk
from starter.inbound import forms, pages, questions
from starter.inbound.doorstep import READING, complain, kindly, letter
from starter.inbound.questions import Answer, Question

SOURCE = "form"  # the inbox's, for what is said here
MOST = 20  # different answers to one message: who has more to say is somebody's script
LINKS = ("/f", "/f/{token:whole}")  # a link cut short still leads to a page
TAIL = string.whitespace + ".,;:!?)>]}\"'"  # what programs take for a part of the link before it


@dataclass(frozen=True)
class Visit:
    """Who came by which link; no message: it is not ours, or what it was about is gone."""

    language: str
    rules: HouseRules
    message: Message | None = None
    ours: bool = False

    def question(self) -> Question:
        """What the message asked, with what the house's feedback may be about."""
        assert self.message is not None  # noqa: S101 - who has none was sent away
        return questions.question_of(self.message, self.rules.taxonomy.types)


def feedback(desk: Desk) -> APIRouter:
    room = FeedbackForm(desk)
    router = APIRouter()
    for link in LINKS:
        router.add_api_route(link, room.show, methods=READING)
        router.add_api_route(link, room.take, methods=["POST"])
    return router


class FeedbackForm:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.root = pages.root_of(desk.settings.public_url)
        self.secret = desk.settings.secret_key.get_secret_value()

    async def show(self, request: Request, token: str = "") -> Response:
        """The form, blank: an earlier answer is nobody else's to read."""
        return await kindly(request, self._shown(request, token), root=self.root)

    async def take(self, request: Request, token: str = "") -> Response:
        """One answer: it is kept before this thanks for it."""
        return await kindly(request, self._taken(request, token), root=self.root)

    # -- inside --------------------------------------------------------------------------

    async def _shown(self, request: Request, token: str) -> Response:
        visit = await self._visit(request, token)
        if visit.message is None:
            return self._nobody(visit)
        return self._form(visit, visit.question(), Answer())

    async def _taken(self, request: Request, token: str) -> Response:
        visit = await self._visit(request, token)
        if visit.message is None:
            return self._nobody(visit)
        question = visit.question()
        try:
            answer = questions.read(question, await forms.read(request))
        except forms.UnreadableError as fault:
            return self._letter("unreadable_answer", visit, fault.status)
        if answer.fault:
            return self._form(visit, question, answer, answer.fault, 422)
        try:
            enough = not await self._keep(visit.message, question, answer)
        except Exception as error:  # noqa: BLE001 - whatever it was, they need not write it again
            complain(error)
            return self._form(visit, question, answer, "not_kept", 503)
        return self._letter("enough", visit, 429) if enough else self._thanks(visit, answer, token)

    async def _keep(self, message: Message, question: Question, answer: Answer) -> bool:
        """Have it carried out like any event; False for one too many. The same answer once more
        has the same id, unless they thought otherwise in between."""
        data: dict[str, Any] = {"channel": "form", "source": SOURCE, "message": message.id}
        if question.case_id:
            data["case_id"] = question.case_id
        data |= answer.data()
        text = json.dumps(data, sort_keys=True).encode()
        digest = hmac.digest(self.secret.encode(), text, hashlib.sha256)[:12].hex()
        async with self.desk.store.reading() as session:
            before = await _answers(session, message.id)
        if before and before[-1].endswith(f".{digest}"):
            name = before[-1]
        elif len(before) >= MOST:
            return False
        else:
            name = f"{message.id}.{len(before) + 1}.{digest}"
        event = {
            "id": name,
            "type": "feedback.received",
            "customer": {"id": message.customer_id},
            "data": data,
        }
        await self.desk.receive(SOURCE, event)
        return True

    async def _visit(self, request: Request, token: str) -> Visit:
        token = token.strip(TAIL)
        asked = self.secret and token.isascii()
        message_id = tokens.read_short(self.secret, "feedback", token) if asked else None
        accepted = request.headers.get("accept-language", "")
        async with self.desk.store.reading() as session:
            rules = await house_rules(session)
            message = await session.get(Message, message_id) if message_id else None
            found = await customers.find(session, message.customer_id) if message else None
        if message is None or found is None or found.erased_at is not None:
            return Visit(pages.spoken(None, accepted), rules, ours=message_id is not None)
        language = pages.spoken(message.locale or found.locale, accepted)
        return Visit(language, rules, message, ours=True)

    def _nobody(self, visit: Visit) -> Response:
        """404 for a link that we did not make; 410 for one whose message, or customer, is gone."""
        gone = visit.ours
        return self._letter("closed" if gone else "not_valid", visit, 410 if gone else 404)

    def _letter(self, name: str, visit: Visit, status: int) -> Response:
        return letter(name, visit.language, visit.rules.company, status, root=self.root)

    def _form(
        self, visit: Visit, question: Question, answer: Answer, fault: str = "", status: int = 200
    ) -> Response:
        return self._page(
            "feedback.html", visit, status, asks=question, answer=answer, fault=fault,
            faces=questions.FACES, longest=questions.LONGEST,
            called=partial(pages.type_title, visit.language),
        )  # fmt: skip

    def _thanks(self, visit: Visit, answer: Answer, token: str) -> Response:
        said = {True: "satisfied", False: "not_satisfied", None: "opinion"}[answer.satisfied]
        again = f"{self.root}/f/{token.strip(TAIL).lower()}"
        portal = visit.rules.links.portal
        return self._page("thanks.html", visit, 200, said=said, again=again, portal=portal)

    def _page(self, file: str, visit: Visit, status: int, **facts: Any) -> Response:
        company = visit.rules.company
        return pages.page(file, visit.language, company, status, root=self.root, **facts)


async def _answers(session: AsyncSession, message_id: str) -> list[str]:
    """The events that came of a message's form so far, by their ids, in order."""
    query = select(Inbox.event_id).where(
        Inbox.source == SOURCE, Inbox.event_id.startswith(f"{message_id}.", autoescape=True)
    )
    found = (await session.execute(query)).scalars()
    return sorted(found, key=lambda name: int(name.split(".")[1]))
