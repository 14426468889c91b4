"""Policies, house rules, and which SOPs are on: read, changed, approved, switched."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import policies
from activities.crm.house import HOUSE, HouseRules, current_policy, house_rules
from activities.crm.policy_roles import with_roles
from activities.crm.store import lock_name
from activities.crm.tables import Setting
from starter.answers import Refusal
from starter.catalogue import SWITCHES, blanks, names_exist
from starter.desk.base import DeskBase, audit, needs_reason


class Policies(DeskBase):
    async def policy_show(self, name: str) -> dict[str, Any]:
        """A policy as it stands: `{name, version, approved_by, values, blanks}`; `house` too."""
        async with self.store.reading() as session:
            return await policies.describe(session, name, self._model(name))

    async def policy_diff(self, name: str, changes: dict[str, Any]) -> dict[str, list[Any]]:
        """What the changes would change: `{key: [now, then]}`."""
        self._names(name, changes)
        try:
            async with self.store.reading() as session:
                model = self._model(name)
                changes = await _by_their_names(session, model, changes)
                return await policies.diff(session, name, changes, model)
        except policies.PolicyError as fault:
            raise _refused(fault) from None

    async def policy_set(
        self, name: str, changes: dict[str, Any], *, by: str, reason: str, approve: bool = False
    ) -> dict[str, Any]:
        """A new version of a policy; in force for new follow-ups once approved."""
        now, model = self.clock.now(), self._model(name)
        self._names(name, changes)
        try:
            async with self.store.transaction() as session:
                changes = await _by_their_names(session, model, changes)
                row = await policies.set_policy(
                    session,
                    now,
                    name,
                    changes,
                    model=model,
                    by=by,
                    reason=reason,
                    approve=approve,
                )
                what = "policy.set_and_approved" if approve else "policy.set"
                facts = {"version": row.version, "keys": sorted(changes)}
                audit(session, now, by=by, what=what, target=name, reason=reason, **facts)
                return await policies.describe(session, name, model)
        except policies.PolicyError as fault:
            raise _refused(fault) from None

    async def policy_discard(self, name: str, *, by: str, reason: str) -> dict[str, Any]:
        """Drop what waits for approval; what is in force stays so."""
        needs_reason(reason)
        now, model = self.clock.now(), self._model(name)
        try:
            async with self.store.transaction() as session:
                dropped = await policies.diff(session, name, {}, model)
                row = await policies.discard(session, now, name, by=by, reason=reason)
                facts = {"version": row.version - 1, "keys": sorted(dropped)}
                audit(session, now, by=by, what="policy.discarded", target=name, reason=reason,
                      **facts)  # fmt: skip
                return await policies.describe(session, name, model)
        except policies.PolicyError as fault:
            raise _refused(fault) from None

    async def policy_approve(self, name: str, *, by: str) -> dict[str, Any]:
        """Approve the newest version of a policy."""
        model = self._model(name)
        try:
            async with self.store.transaction() as session:
                row = await policies.approve(session, name, by=by)
                audit(
                    session,
                    self.clock.now(),
                    by=by,
                    what="policy.approved",
                    target=name,
                    reason=row.reason,
                    version=row.version,
                )
                await session.flush()
                return await policies.describe(session, name, model)
        except policies.PolicyError as fault:
            raise _refused(fault) from None

    async def sop_switch(self, sop: str, *, on: bool, by: str) -> None:
        """Switch an SOP on or off for new follow-ups; refused while it has blanks."""
        found = self.catalogue.named(sop)
        async with self.store.transaction() as session:
            empty = blanks(found, await current_policy(session, sop))
            if on and empty:
                detail = f"`{sop}` has blanks to be filled first: {', '.join(empty)}"
                raise Refusal("sop_has_blanks", detail, param="sop", status=409)
            await _switch(session, sop, on=on)
            what = f"sop.{'on' if on else 'off'}"
            audit(session, self.clock.now(), by=by, what=what, target=sop, reason=None)

    def _names(self, name: str, changes: dict[str, Any]) -> None:
        if name != HOUSE:
            names_exist(self.catalogue.named(name), changes)

    def _model(self, name: str) -> type[BaseModel]:
        return HouseRules if name == HOUSE else self.catalogue.named(name).paper


async def _by_their_names(
    session: AsyncSession, model: type[BaseModel], changes: dict[str, Any]
) -> dict[str, Any]:
    """Roles as the house calls them, written as they are named."""
    return with_roles(model, changes, (await house_rules(session)).role)


async def _switch(session: AsyncSession, sop: str, *, on: bool) -> None:
    await lock_name(session, SWITCHES)
    row = await session.get(Setting, SWITCHES)
    if row is None:
        session.add(Setting(name=SWITCHES, value={sop: on}))
    else:
        row.value = row.value | {sop: on}


def _refused(fault: policies.PolicyError) -> Refusal:
    status = 409 if fault.code == "nothing_waits" else 422
    return Refusal(fault.code, fault.detail, param=fault.param, status=status)
