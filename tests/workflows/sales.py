"""Sales of a test: a purchase that Sales follows up, by a policy without blanks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from tests.workflows.lives import DAY, Town
from tests.workflows.orders import Bought
from tests.workflows.world import KINDS, TOPICS
from workflows.sops import sales_follow_up
from workflows.sops.sales_follow_up import SOP, SalesFollowUp
from workflows.vocabulary import Kind

KINDS |= {"referral-request": Kind.MARKETING}
TOPICS |= {"referral-request": "offers"}
FILLED: dict[str, Any] = {"within": 5 * DAY, "interval": 90 * DAY}
ONLY: dict[str, Any] = {"repeat": False, "referral": False}  # the contact, and nothing after it


class Sold(Bought):
    """One follow-up of one sale."""

    async def followed_up(self, policy: dict[str, Any] | None = None, **more: Any) -> Self:
        body = await self.body(sales_follow_up.Policy(**FILLED | (policy or {})), **more)
        return await self.begin(SalesFollowUp.run, SOP, body)

    async def met(self, **more: Any) -> None:
        """A colleague speaks with them, and logs it."""
        at = (await self.now()).isoformat()
        await self.say("interaction", {"ours": True, "order_id": self.order, "at": at} | more)
        await self.sleep(timedelta(minutes=1))


async def sale(town: Town) -> Sold:
    life = Sold(town.env, town.world, f"{town.name}-{len(town.lives)}")
    town.lives.append(life)
    return life
