"""Policies, house rules, and which SOPs are on: read, changed, approved, switched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import policies
from activities.crm.house import HOUSE, HouseRules, current_policy, house_rules
from activities.crm.policy_roles import with_roles
from activities.crm.store import lock_name
from activities.crm.tables import PolicyVersion, Setting
from starter.answers import Refusal
from starter.catalogue import SWITCHES, blanks, names_exist
from starter.desk.base import audit, needs_reason
from starter.desk.in_flight import Agreed, InFlight, To
from starter.reports.keys import named
from starter.shifting import Progress

CONFLICTS = ("changed_meanwhile", "nothing_waits", "nothing_to_undo", "needs_second_person")


class Policies(InFlight):
    async def policy_show(self, name: str) -> dict[str, Any]:
        """A policy as it stands: `{name, version, approved_by, values, blanks}`; `house` too."""
        async with self.store.reading() as session:
            return await policies.describe(session, name, self._model(name))

    async def policy_versions(self, name: str) -> list[dict[str, Any]]:
        """All its versions, newest first: who set them, when and why, and what each changed."""
        async with self.store.reading() as session:
            return await policies.tell_of(session, name, self._model(name))

    async def policy_diff(
        self, name: str, changes: dict[str, Any], between: tuple[int, int] | None = None
    ) -> dict[str, list[Any]]:
        """What the changes would change, or one version of another: `{key: [now, then]}`."""
        with told_why():
            async with self.store.reading() as session:
                if between:
                    return await policies.differ(session, name, self._model(name), *between)
                changes = await self._by_their_names(session, name, changes)
                return await policies.diff(session, name, changes, self._model(name))

    async def policy_preview(
        self,
        name: str,
        changes: dict[str, Any],
        *,
        undo: bool = False,
        in_force: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """What the changes would do to those in flight; without any, what waits for approval would,
        or what is in force; or, to undo it, what was in force before."""
        body = await (self._in_force(name) if in_force else self._then(name, changes, undo=undo))
        return asdict(await self.previewed(name, body, progress))

    async def policy_set(
        self,
        name: str,
        changes: dict[str, Any],
        *,
        by: str,
        reason: str,
        approve: bool = False,
        to: To = "new",
        confirm: int | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """A new version of a policy; once approved in force for new follow-ups, or for those in
        flight, too."""
        if to == "running" and not approve:
            words = "it moves nobody before it is approved: approve it to those running"
            raise Refusal("not_approved", words, param="to")
        model, plan = self._model(name), None
        if to == "running":
            body = await self._then(name, changes)
            plan = await self.agreed(name, body, confirm, progress)
        with told_why():
            async with self.store.transaction() as session:
                changes = await self._by_their_names(session, name, changes)
                row = await policies.set_policy(
                    session,
                    self.clock.now(),
                    name,
                    changes,
                    model=model,
                    by=by,
                    reason=reason,
                    approve=approve,
                )
                what = "policy.set_and_approved" if approve else "policy.set"
                found = await self._done(session, row, what, by, reason, plan, sorted(changes))
        return await self.heard(found)

    async def policy_approve(
        self,
        name: str,
        *,
        by: str,
        to: To = "new",
        confirm: int | None = None,
        version: int | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Approve the newest version of a policy; only the one that was seen, if that is said."""
        plan = None
        if to == "running":
            plan = await self.agreed(name, await self._then(name, {}), confirm, progress)
        with told_why():
            async with self.store.transaction() as session:
                row = await policies.approve(session, name, by=by, seen=version)
                found = await self._done(session, row, "policy.approved", by, row.reason, plan)
        return await self.heard(found)

    async def policy_undo(
        self,
        name: str,
        *,
        by: str,
        reason: str,
        to: To | None = None,
        confirm: int | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """What was in force before, as a new version; those who were moved by what is undone hear
        it, too, unless it is said to be for new ones."""
        needs_reason(reason)
        body, plan = await self._then(name, {}, undo=True), None
        if (to or await self.policy_undo_goes_to(name)) == "running":
            plan = await self.agreed(name, body, confirm, progress)
        with told_why():
            async with self.store.transaction() as session:
                now = self.clock.now()
                row = await policies.undo(session, now, name, by=by, reason=reason)
                found = await self._done(session, row, "policy.undone", by, reason, plan)
        return await self.heard(found)

    async def policy_undo_goes_to(self, name: str) -> To:
        """Whom the version in force was for."""
        async with self.store.reading() as session:
            undone = await policies.in_force(session, name)
        return "running" if undone and undone.moved_at else "new"

    async def policy_move(
        self,
        name: str,
        *,
        by: str,
        reason: str,
        confirm: int | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Have those in flight follow what is in force."""
        needs_reason(reason)
        plan = await self.agreed(name, await self._in_force(name), confirm, progress)
        async with self.store.transaction() as session:
            row = await policies.in_force(session, name)
            if row is None:
                words = "nothing was ever set: whoever is in flight follows the defaults"
                raise Refusal("nothing_in_force", words, param="name", status=409)
            found = await self._done(session, row, "policy.moved", by, reason, plan)
        return await self.heard(found)

    async def policy_discard(self, name: str, *, by: str, reason: str) -> dict[str, Any]:
        """Drop what waits for approval; what is in force stays so."""
        needs_reason(reason)
        now, model = self.clock.now(), self._model(name)
        with told_why():
            async with self.store.transaction() as session:
                dropped = await policies.diff(session, name, {}, model)
                row = await policies.discard(session, now, name, by=by, reason=reason)
                facts = {"version": row.version - 1, "keys": sorted(dropped)}
                audit(session, now, by=by, what="policy.discarded", target=name, reason=reason,
                      **facts)  # fmt: skip
                return await policies.describe(session, name, model)

    async def sop_switch(self, sop: str, *, on: bool, by: str) -> None:
        """Switch an SOP on or off for new follow-ups; refused while it has blanks."""
        found = self.catalogue.named(sop)
        async with self.store.transaction() as session:
            empty = blanks(found, await current_policy(session, sop))
            if on and empty:
                detail = f"`{sop}` has blanks to be filled first: {'; '.join(named(sop, empty))}"
                raise Refusal("sop_has_blanks", detail, param="sop", status=409)
            await _switch(session, sop, on=on)
            what = f"sop.{'on' if on else 'off'}"
            audit(session, self.clock.now(), by=by, what=what, target=sop, reason=None)

    # -- inside --------------------------------------------------------------------------

    async def _in_force(self, name: str) -> dict[str, Any]:
        self._model(name)
        async with self.store.reading() as session:
            return await current_policy(session, name)

    async def _then(
        self, name: str, changes: dict[str, Any], *, undo: bool = False
    ) -> dict[str, Any]:
        """What would be in force."""
        with told_why():
            async with self.store.reading() as session:
                if undo:
                    self._model(name)
                    return await policies.before(session, name)
                changes = await self._by_their_names(session, name, changes)
                model = self._model(name)
                return await policies.planned(session, name, changes, model, approve=True)

    async def _done(  # noqa: PLR0917
        self,
        session: AsyncSession,
        row: PolicyVersion,
        what: str,
        by: str,
        reason: str | None,
        plan: Agreed | None,
        keys: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Write down who did it, have those in flight told of it, and show how it stands now."""
        facts: dict[str, Any] = {"version": row.version} | ({"keys": list(keys)} if keys else {})
        moved: dict[str, Any] = {}
        if plan:
            moved = {"moved": await self.tell(session, row, plan), "preview": asdict(plan.preview)}
            facts["moved"] = moved["moved"]
        audit(session, self.clock.now(), by=by, what=what, target=row.name, reason=reason, **facts)
        await session.flush()
        return await policies.describe(session, row.name, self._model(row.name)) | moved

    def _model(self, name: str) -> type[BaseModel]:
        return HouseRules if name == HOUSE else self.catalogue.named(name).paper

    async def _by_their_names(
        self, session: AsyncSession, name: str, changes: dict[str, Any]
    ) -> dict[str, Any]:
        """What is listed by name is there; roles as the house calls them, as they are named."""
        if name != HOUSE:
            names_exist(self.catalogue.named(name), changes)
        return with_roles(self._model(name), changes, (await house_rules(session)).role)


async def _switch(session: AsyncSession, sop: str, *, on: bool) -> None:
    await lock_name(session, SWITCHES)
    row = await session.get(Setting, SWITCHES)
    if row is None:
        session.add(Setting(name=SWITCHES, value={sop: on}))
    else:
        row.value = row.value | {sop: on}


@contextmanager
def told_why() -> Iterator[None]:
    """What a policy does not take is refused, by its code."""
    try:
        yield
    except policies.PolicyError as fault:
        status = 409 if fault.code in CONFLICTS else 422
        raise Refusal(fault.code, fault.detail, param=fault.param, status=status) from None
