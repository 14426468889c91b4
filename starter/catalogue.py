"""Which SOPs there are here, which are on, and what a follow-up begins with."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import policies
from activities.crm.store import lock_name
from activities.crm.tables import PolicyVersion, Setting
from activities.rendering import TemplateFault, registry
from activities.settings import Settings
from starter.answers import Refusal
from starter.reports.sops import clauses
from workflows.sops import CASE, CATALOGUE, CORRESPONDENCE, KEEP_IN_TOUCH, SERVICES, Sop
from workflows.vocabulary import Kind, Policy, Relationship

BEGINNINGS = (  # the events that a follow-up may start on
    "customer.signed_up",
    "order.confirmed",
    "order.paid",
    "sale.closed",
    "contract.signed",
)
SWITCHES = "sops"  # the Setting that remembers which were switched by hand
STANDING = "standing"  # in a session's info
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What stands for the SOPs: which were switched by hand, and the policies that are in force."""

    switches: dict[str, bool]
    policies: dict[str, PolicyVersion]

    def body(self, sop: Sop) -> dict[str, Any]:
        row = self.policies.get(sop.name)
        return dict(row.body) if row else {}


class Catalogue:
    """The SOPs by name; what serves them all begins by request, never by itself."""

    def __init__(self, settings: Settings, sops: dict[str, Sop] | None = None) -> None:
        self.settings = settings
        self.sops = CATALOGUE if sops is None else sops
        self.years, self.cases, self.words = KEEP_IN_TOUCH, CASE, CORRESPONDENCE

    def named(self, name: str, above: str = "") -> Sop:
        """The SOP, or what serves them all; refused, by its place in what was said, if there is
        none of this name."""
        found = SERVICES.get(name) or self.sops.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.sops, n=3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            known = f"there is no SOP of this name{hint}; see `aftercare sops`"
            raise Refusal("unknown_sop", known, param=f"{above}sop")
        return found

    async def begun_by(self, session: AsyncSession, event_type: str) -> list[Sop]:
        """What starts on such an event, by each policy as it stands; else by the catalogue."""
        stands = await self._standing(session)
        return [
            sop for sop in self.sops.values() if event_type in _beginnings(sop, stands.body(sop))
        ]

    async def off(self, session: AsyncSession, sop: Sop) -> str | None:
        """Why the SOP starts nothing: `sop_off`, `sop_has_blanks`; None if it is on."""
        stands = await self._standing(session)
        switched = stands.switches.get(sop.name)
        if switched is None and self.settings.sops:
            switched = sop.name in {part.strip() for part in self.settings.sops.split(",")}
        if switched is False:
            return "sop_off"
        return "sop_has_blanks" if blanks(sop, stands.body(sop)) else None

    async def policy(
        self, session: AsyncSession, sop: Sop, changes: dict[str, Any] | None = None
    ) -> Policy:
        """The policy in force, with what was said for this follow-up alone."""
        body = (await self._standing(session)).body(sop)
        if changes:
            body = checked(sop, body, changes)
        empty = blanks(sop, body)
        try:
            policy = sop.policy.model_validate(body)
        except ValidationError:
            empty = empty or ["policy"]
        if empty:
            names = ", ".join(empty)
            detail = f"`{sop.name}` has blanks to be filled first: {names}"
            raise Refusal("sop_has_blanks", detail, param="policy", status=409)
        return policy

    async def terms(
        self, session: AsyncSession, sop: Sop, changes: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """What a follow-up begins under, frozen: the policy, its version, what is its own."""
        policy = await self.policy(session, sop, changes)
        row = (await self._standing(session)).policies.get(sop.name)
        return {"policy": policy, "policy_version": row.version if row else 0, "own": changes or {}}

    async def _standing(self, session: AsyncSession) -> Standing:
        """What the house has set for all of them, read once in a transaction. Nobody sets a policy
        meanwhile, or moves those in flight: who begins is either told, or begins with it."""
        known: Standing | None = session.info.get(STANDING)
        if known is None:
            names = sorted({*self.sops, *SERVICES})
            await lock_name(session, *(f"policy {name}" for name in names), shared=True)
            switches = await session.get(Setting, SWITCHES)
            known = Standing(
                switches.value if switches else {}, await policies.all_in_force(session, names)
            )
            session.info[STANDING] = known
        return known

    def kinds(self, sop: Sop) -> dict[str, Kind]:
        """Each template's kind as it stands now; without a readable register, none is known."""
        try:
            known = registry()
        except TemplateFault as fault:
            log.warning("template register: %s", fault.code)
            return {}
        used = {name for names in sop.steps.values() for name in names}
        return {name: known[name].kind for name in sorted(used) if name in known}


def _beginnings(sop: Sop, body: dict[str, Any]) -> Sequence[str]:
    said = body.get("starts_on")
    return sop.starts_on if said is None else said


def overlaid(sop: Sop, body: dict[str, Any], own: dict[str, Any]) -> dict[str, Any] | None:
    """The whole of a policy for a follow-up that has some of its own; none if they do not fit."""
    try:
        body = policies.changed(sop.paper, body, own) if own else body
        return sop.policy.model_validate(body).model_dump(mode="json")
    except (policies.PolicyError, ValidationError):
        return None


def own_of(sop: Sop, begun: dict[str, Any], bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was said for a follow-up alone. Those that began in an earlier release do not say: it
    is what differs from the version that is most like theirs."""
    if "own" in begun or "policy" not in begun or sop.start is Relationship:
        return dict(begun.get("own") or {})
    mine = overlaid(sop, begun["policy"], {}) or {}
    known = [whole for body in [{}, *bodies] if (whole := overlaid(sop, body, {}))]
    differing = [{k: v for k, v in mine.items() if whole.get(k) != v} for whole in known]
    return min(differing, key=len, default={})


def blanks(sop: Sop, body: dict[str, Any]) -> list[str]:
    """What the SOP's document leaves open and nobody has filled."""
    fields = sop.paper.model_fields
    return [name for name, field in fields.items() if field.is_required() and name not in body]


def names_exist(sop: Sop, changes: dict[str, Any], above: str = "") -> None:
    """Refuse what a policy lists by name and there is not: it would do nothing, in silence."""
    offered = sop.policy.model_fields.get("campaigns")
    there = {
        "campaigns": tuple(offered.default) if offered else (),
        "elsewhere": tuple(line.clause for line in clauses(sop.name)),
        "starts_on": BEGINNINGS,
    }
    for key, known in there.items():
        said = changes.get(key) or ()
        given = said.split(",") if isinstance(said, str) else said
        names = [one.strip() for one in given if isinstance(one, str) and one.strip()]
        if known and (strange := [one for one in names if one not in known]):
            detail = f"`{key}`: there is no {', '.join(strange)}; there is {', '.join(known)}"
            raise Refusal("wrong_value", detail, param=f"{above}{key}")


def checked(
    sop: Sop, body: dict[str, Any], changes: dict[str, Any], above: str = ""
) -> dict[str, Any]:
    """The policy's body after the changes, or a refusal that names the key."""
    names_exist(sop, changes, f"{above}policy.")
    try:
        return policies.changed(sop.paper, body, changes)
    except policies.PolicyError as fault:
        raise Refusal(fault.code, fault.detail, param=f"{above}policy.{fault.param}") from None
