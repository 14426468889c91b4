"""Contracts of a test: how their onboarding begins, what happens to them, what is seen of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE, Bought
from tests.workflows.world import KINDS
from workflows.sops import onboarding
from workflows.sops.onboarding import Onboarding
from workflows.vocabulary import Kind, Task

MAIL = "invitation moved cancelled reminder call".split()
KINDS |= dict.fromkeys((f"onboarding-{name}" for name in MAIL), Kind.TRANSACTIONAL)


class Signed(Bought):
    """One contract's onboarding."""

    async def onboarding(self, policy: dict[str, Any] | None = None, **more: Any) -> Self:
        more |= {"order_id": "", "contract_id": f"con-{self.name}"}
        body = await self.body(onboarding.Policy(**policy or {}), **more)
        return await self.begin(Onboarding.run, onboarding.SOP, body)

    async def meeting(self, what: str, starts: datetime | None = None, **more: Any) -> None:
        """A word of the call; by itself, of `meet_1`."""
        body = {"meeting_id": "meet_1", "contract_id": f"con-{self.name}"}
        if starts:
            ends = starts + HOUR
            body |= {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}
        body["at"] = (await self.now()).isoformat()
        await self.say(f"meeting_{what}", body | more)
        await self.sleep(MINUTE)

    async def scheduled(self, after: timedelta = 3 * DAY, **more: Any) -> datetime:
        starts = (await self.now()).replace(microsecond=0) + after
        await self.meeting("scheduled", starts, **more)
        return starts

    async def held(self, **more: Any) -> datetime:
        """A call of today's, an hour long, is reported as soon as it is over."""
        starts = await self.scheduled(HOUR)
        await self.sleep(2 * HOUR - MINUTE)
        await self.meeting("held", starts, **more)
        return starts + HOUR

    def tasks(self, clause: str = "") -> list[Task]:
        mine = (task for task in self.world.tasks.values() if task.customer_id == self.name)
        return [task for task in mine if clause in ("", task.clause)]

    def messages(self) -> list[str]:
        """The templates that went, in their order."""
        return [line.split()[2].removeprefix("onboarding-") for line in self.sent()]

    async def standing(self, line: str) -> str:
        """What became of a line of the checklist, in a word."""
        state, reason = await self.state(line)
        return f"{state} {reason}".strip()


async def signed(town: Town, policy: dict[str, Any] | None = None, **more: Any) -> Signed:
    """A contract whose hand-over is complete, and whom every system sets up, unless so said."""
    town.world.systems |= {"billing", "crm", "support"}
    return await plainly_signed(town, policy, **more)


async def plainly_signed(town: Town, policy: dict[str, Any] | None = None, **more: Any) -> Signed:
    life = Signed(town.env, town.world, f"{town.name}-{len(town.lives)}")
    town.lives.append(life)
    return await life.onboarding(policy, **more)
