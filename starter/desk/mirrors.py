"""What systems outside refused or missed, told again because a person says so."""

from __future__ import annotations

from activities.crm import mirrors
from starter.answers import Refusal
from starter.desk.base import DeskBase, audit


class Mirroring(DeskBase):
    async def retry_mirror(self, system: str, *, everything: bool = False, by: str) -> int:
        """How many rows a system is told again: those it refused and those that wait, or all."""
        async with self.store.transaction() as session:
            known = await mirrors.systems(session)
            if system not in known:
                there = ", ".join(known) or "none"
                detail = f"no system of this name is told of anything; there are: {there}"
                raise Refusal("not_found", detail, param="system", status=404)
            count = await mirrors.retry(session, system, all_of_it=everything)
            facts = {"rows": count, "everything": everything}
            now, what = self.clock.now(), "mirror.retry"
            audit(session, now, by=by, what=what, target=system, reason=None, **facts)
        return count
