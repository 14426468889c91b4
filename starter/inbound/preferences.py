"""`/u/{token}`: what a customer hears from us, to be seen, taken back and chosen anew.

Opening it changes nothing, because scanners open links; a POST does, at once. Nobody logs in, and
no limit is set to how often one may ask: an opt-out is never refused. What comes with a link that
is not ours, or no longer, reads a page that says where to turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from activities.crm import consents, customers
from activities.crm.house import Company, house_rules
from activities.crm.tables import Customer, new_id
from activities.rendering import tokens
from starter.desk import Desk
from starter.inbound import choices, forms, pages
from starter.inbound.doorstep import READING, kindly, letter
from starter.inbound.standing import Scopes, Standing, standing_of
from starter.reports.words import masked

SOURCE = "unsubscribe"  # the inbox's, for what is said here
ONE_CLICK = ("list-unsubscribe", "one-click")  # RFC 8058
LINKS = ("/u", "/u/{token:whole}")  # a link cut short still leads to a page


class NotKeptError(Exception):
    """What the customer said is not what holds: say so, rather than the contrary."""


@dataclass(frozen=True)
class Visit:
    """Who came by which link; no customer: it is not ours. No standing: they were erased."""

    language: str
    company: Company
    customer: Customer | None = None
    standing: Standing | None = None
    ours: bool = False


def preferences(desk: Desk) -> APIRouter:
    room = Preferences(desk)
    router = APIRouter()
    router.add_api_route(pages.STYLE, room.style, methods=READING)
    for link in LINKS:
        router.add_api_route(link, room.show, methods=READING)
        router.add_api_route(link, room.change, methods=["POST"])
    return router


class Preferences:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.root = pages.root_of(desk.settings.public_url)

    async def style(self) -> Response:
        async with self.desk.store.reading() as session:
            rules = await house_rules(session)
        return pages.style(rules.company)

    async def show(self, request: Request, token: str = "") -> Response:
        """What holds now. HEAD and GET are the same, and change nothing."""
        return await kindly(request, self._shown(request, token), root=self.root)

    async def change(self, request: Request, token: str = "") -> Response:
        """One click, or the form: it holds before this answers."""
        return await kindly(request, self._changed(request, token), root=self.root)

    # -- inside --------------------------------------------------------------------------

    async def _shown(self, request: Request, token: str) -> Response:
        visit = await self._visit(request, token)
        return self._page(visit) if visit.standing else self._nobody(visit)

    async def _changed(self, request: Request, token: str) -> Response:
        visit = await self._visit(request, token)
        if visit.standing is None or visit.customer is None:
            return self._nobody(visit)
        try:
            fields = await forms.read(request)
            if any(_plain(field) == ONE_CLICK for field in fields):
                return await self._one_click(visit, visit.customer, token)
            scopes, wording, notice = choices.read(visit.language, visit.standing, fields)
        except forms.UnreadableError as fault:
            return self._letter("unreadable", visit.language, visit.company, fault.status)
        if scopes:
            await self._say(visit.customer, scopes, f"choice.{new_id('u')}", "preferences", wording)
        return self._page(await self._visit(request, token), notice if scopes else "unchanged")

    async def _one_click(self, visit: Visit, customer: Customer, token: str) -> Response:
        async with self.desk.store.reading() as session:
            word = await consents.latest(session, customer.id, "email")
        if word is None or word.given:
            # The same click again is the same event, but not one after they subscribed anew.
            name = f"one-click.{customer.id}.{word.id if word else 'first'}"
            await self._say(
                customer, {"email": False}, name, "one-click", "List-Unsubscribe=One-Click"
            )
        return self._letter(
            "one_click",
            visit.language,
            visit.company,
            200,
            address=masked(customer.email) or "•••",
            choices=f"{self.root}/u/{token}",
        )

    async def _say(
        self, customer: Customer, scopes: Scopes, event_id: str, source: str, wording: str
    ) -> None:
        """Have it written down as the customer's own word, and see that it was."""
        topics = {s.removeprefix("topic:"): given for s, given in scopes.items() if ":" in s}
        plain = {scope: given for scope, given in scopes.items() if ":" not in scope}
        event = {
            "id": event_id,
            "type": "consent.changed",
            "customer": {"id": customer.id},
            "data": {**plain, "topics": topics, "source": source, "wording": wording},
        }
        await self.desk.receive(SOURCE, event)
        async with self.desk.store.reading() as session:
            words = await consents.by_scope(session, customer.id)
        if any(scope not in words or words[scope].given is not scopes[scope] for scope in scopes):
            raise NotKeptError

    async def _visit(self, request: Request, token: str) -> Visit:
        secret = self.desk.settings.secret_key.get_secret_value()
        subject = tokens.read(secret, "unsubscribe", token) if secret else None
        accepted = request.headers.get("accept-language", "")
        async with self.desk.store.reading() as session:
            rules = await house_rules(session)
            customer = await customers.find(session, subject) if subject else None
            if customer is None or customer.erased_at is not None:
                language = pages.spoken(None, accepted)
                return Visit(language, rules.company, ours=subject is not None)
            standing = await standing_of(session, customer, rules)
        language = pages.spoken(customer.locale, accepted)
        return Visit(language, rules.company, customer, standing, ours=True)

    def _nobody(self, visit: Visit) -> Response:
        """404 for a link that we did not make: that it was forged, cut or never there is one and
        the same to whoever follows it. 200 for one of somebody erased: what it asks for is so."""
        if visit.ours:
            return self._letter("erased", visit.language, visit.company, 200)
        return self._letter("not_valid", visit.language, visit.company, 404)

    def _letter(
        self, name: str, language: str, company: Company, status: int, **facts: Any
    ) -> Response:
        return letter(name, language, company, status, root=self.root, **facts)

    def _page(self, visit: Visit, notice: str = "") -> Response:
        if visit.customer is None or visit.standing is None:  # erased while they chose
            return self._nobody(visit)
        facts = choices.shown(visit.language, visit.customer, visit.standing)
        return pages.page(
            "preferences.html",
            visit.language,
            visit.company,
            200,
            root=self.root,
            notice=notice,
            **facts,
        )


def _plain(field: tuple[str, str]) -> tuple[str, str]:
    name, said = field
    return name.strip().lower(), said.strip().lower()
