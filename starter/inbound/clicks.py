"""`/c/{token}`: a link of the house's in a message of ours, that leads on to where the house says.

Following it proves nothing, because scanners follow links, too: the first time is written down with
the message, and nothing else comes of it. Whatever goes wrong with that, the reader is led on.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.responses import Response

from activities.crm.house import Company, HouseRules, house_rules
from activities.rendering import tracking
from activities.rendering.tracking import Followed
from starter.desk import Desk
from starter.inbound import pages
from starter.inbound.doorstep import READING, complain, kindly, letter

LINKS = ("/c", "/c/{token:whole}")  # a link cut short still leads to a page
LEADS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


def clicks(desk: Desk) -> APIRouter:
    room = Clicks(desk)
    router = APIRouter()
    for link in LINKS:
        router.add_api_route(link, room.follow, methods=READING)
    return router


class Clicks:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.root = pages.root_of(desk.settings.public_url)
        self.secret = desk.settings.secret_key.get_secret_value()
        self.rules: HouseRules | None = None  # as they stood last: for when nobody can be asked

    async def follow(self, request: Request, token: str = "") -> Response:
        """On to the page; HEAD leads there, too, and is never written down."""
        return await kindly(request, self._led(request, token), root=self.root)

    async def _led(self, request: Request, token: str) -> Response:
        followed = tracking.read(self.secret, token.strip()) if self.secret else None
        rules = await self._known(followed)
        to = tracking.fit(rules, followed.name) if followed and rules else ""
        if not followed or not to:
            language = pages.spoken(None, request.headers.get("accept-language", ""))
            company: Company = rules.company if rules else pages.NAMELESS
            return letter("not_valid", language, company, 404, root=self.root)
        answer = Response(status_code=302, headers={**LEADS, "Location": to})
        if request.method == "GET":
            answer.background = BackgroundTask(self._note, followed)
        return answer

    async def _known(self, followed: Followed | None) -> HouseRules | None:
        """The rules as they are now; if the database is away, as they were."""
        try:
            async with self.desk.store.reading() as session:
                self.rules = await house_rules(session)
        except (SQLAlchemyError, OSError) as error:
            if followed is None or self.rules is None:
                raise
            complain(error)
        return self.rules

    async def _note(self, followed: Followed) -> None:
        try:
            await self.desk.clicked(followed.message_id, followed.name)
        except Exception as error:  # noqa: BLE001 - the reader is where they wanted to be
            complain(error)
