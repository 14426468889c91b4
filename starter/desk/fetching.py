"""What a shop's webhooks did not bring, asked for by the hour where nothing is said twice.

What is found is kept like a delivery, under the id that the webhook's own would have. How far we
are goes by the shop's clock, and stands in the tables; one process asks at a time, in real time.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import inbox, people
from activities.crm.tables import Setting, Task
from activities.crm.turns import Turn
from starter.answers import Refusal
from starter.desk.base import DeskBase
from starter.intake import deliveries
from starter.senders import woocommerce_shop as shop
from starter.senders.woocommerce import WooCommerce
from starter.senders.woocommerce_shop import Hook, NotFetchedError, Picture
from workflows.vocabulary import Role

SHOP = WooCommerce()
TURNS = "fetch/woocommerce"  # whose turn it is, and how the keys of what people are told begin
REMEMBERED = "fetched woocommerce"
EVERY, AGAIN = timedelta(hours=1), timedelta(minutes=2)
DOUBLINGS = 5  # of the latter, which is more than the former by then
LOOK = 60.0  # real seconds between two looks at whether it is time
OVERLAP = timedelta(minutes=10)  # what was being written while the shop was asked
FIRST = timedelta(hours=1)  # how far back it begins
ENOUGH = 4  # failures in a row, about half an hour, after which an engineer hears of it
FAULT, DISABLED = "fault", "disabled"

log = logging.getLogger(__name__)


class Fetched(BaseModel):
    """How many pictures of orders were shown, and how many of them nobody had posted."""

    shown: int = 0
    new: int = 0


class Fetching(BaseModel):
    """How it goes, as it is remembered."""

    until: dict[str, datetime] = {}  # the last change that was seen, of each kind of order
    next_at: datetime | None = None
    answered_at: datetime | None = None
    failures: int = 0
    fault: str = ""
    hooks: int | None = None  # that lead to us; none: the key may not look
    disabled: list[str] = []


class Shops(DeskBase):
    """The part of the desk that asks."""

    async def fetch_by_the_hour(self) -> None:
        """Ask whenever it is time, until cancelled; a fault is for the next time."""
        turn = Turn(self.store, TURNS)
        while True:
            try:
                if shop.is_set_up(self.settings):
                    await self.fetch_if_due(turn)
            except Exception as fault:  # noqa: BLE001 - or it would be asked again at once
                log.warning("woocommerce was not asked: %s", type(fault).__name__)
            await asyncio.sleep(LOOK)

    async def fetch_if_due(self, turn: Turn) -> Fetched | None:
        """Go on from where we were, if it is time, and our turn."""
        real, state = self.clock.real(), await self.fetching()
        if (state.next_at and real < state.next_at) or not await turn.is_ours(real):
            return None
        fetched = Fetched()
        try:
            for kind in shop.KINDS:
                known = state.until.get(kind)
                state.until.setdefault(kind, real - FIRST)
                since = known - OVERLAP if known else real - FIRST
                async for page in shop.changed(self.settings, kind, since):
                    await self._keep_page(page, fetched)
                    seen = [min(one.at, real) for one in page]  # a clock may be wrong
                    state.until[kind] = max(state.until[kind], *seen, since)
                    if not await turn.is_ours(self.clock.real()):
                        return None
            await self._look_at_hooks(state)
        except NotFetchedError as fault:
            state.failures, state.fault = state.failures + 1, fault.code
            again = min(AGAIN * 2 ** min(state.failures, DOUBLINGS), EVERY)
            state.next_at = real + max(again, fault.wait)
        else:
            state.failures, state.fault = 0, ""
            state.next_at, state.answered_at = real + EVERY, real
        await self._remember(state)
        return fetched

    async def fetch(self, since: datetime) -> Fetched:
        """All that was changed after that; how far we are otherwise stays as it is."""
        if not shop.is_set_up(self.settings):
            words = "set AFTERCARE_WOOCOMMERCE_URL, …_CONSUMER_KEY and …_CONSUMER_SECRET"
            raise Refusal("not_set_up", words, status=409)
        fetched = Fetched()
        try:
            for kind in shop.KINDS:
                async for page in shop.changed(self.settings, kind, since):
                    await self._keep_page(page, fetched)
        except NotFetchedError as fault:
            words = f"the shop does not show its orders: {fault.code}"
            raise Refusal(fault.code, words, status=502) from None
        return fetched

    async def fetching(self) -> Fetching:
        async with self.store.reading() as session:
            row = await session.get(Setting, REMEMBERED)
        return Fetching.model_validate(row.value) if row else Fetching()

    # -- inside --------------------------------------------------------------------------

    async def _keep_page(self, page: list[Picture], fetched: Fetched) -> None:
        """As if the webhook had posted each: whoever looks after the inbox reads them."""
        rows = [deliveries.row_for(SHOP, one.delivery, self.clock.now()) for one in page]
        async with self.store.reading() as session:
            known = await inbox.all_known(session, SHOP.name, [row.event_id for row in rows])
        for row in rows:
            fetched.shown += 1
            if row.event_id not in known:
                fetched.new += (await inbox.keep(self.store, row)).id == row.id

    async def _look_at_hooks(self, state: Fetching) -> None:
        """A key that reads orders may not be allowed to look at webhooks: that is no fault."""
        try:
            found: list[Hook] | None = await shop.hooks(self.settings)
        except NotFetchedError as fault:
            if fault.code not in shop.MAY_NOT:
                raise
            found = None
        state.hooks = None if found is None else len(found)
        state.disabled = sorted(one.topic for one in found or () if one.is_disabled)

    async def _remember(self, state: Fetching) -> None:
        """And have an engineer told of what they must see to, until that is done."""
        why = state.fault if state.failures >= ENOUGH else ""
        off = ", ".join(state.disabled)
        async with self.store.transaction() as session:
            row = await session.get(Setting, REMEMBERED)
            said = state.model_dump(mode="json")
            if row is None:
                session.add(Setting(name=REMEMBERED, value=said))
            else:
                row.value = said
            asks = f"Find out why WooCommerce does not show its orders: {why}"
            await self._ask_engineer(session, FAULT, asks if why else "")
            asks = f"Switch on again the webhooks that WooCommerce has disabled: {off}"
            await self._ask_engineer(session, DISABLED, asks[:255] if off else "")

    async def _ask_engineer(self, session: AsyncSession, what: str, asks: str) -> None:
        """One task as long as there is something to ask; none any more once there is nothing."""
        about, now = f"{TURNS}/{what}/", self.clock.now()
        like = Task.key.startswith(about, autoescape=True)
        query = select(Task.key).where(like, Task.state == "open")
        told = list((await session.execute(query)).scalars())
        if asks and not told:
            key = f"{about}{self.clock.real().isoformat()}"
            await people.call(
                session, now, key=key, title=asks, customer_id=None, role=Role.ENGINEER
            )
        for key in () if asks else told:
            await people.settle(session, now, key, "mended")
