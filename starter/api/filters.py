"""Filters that name something: what is misspelt is refused, not answered with an empty list."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from activities.crm.house import house_rules
from starter import roles
from starter.api.problems import Fault
from starter.api.routing import ServicesDep
from starter.reports.sops import procedures


def _sop(
    sop: Annotated[str | None, Query(description="As in the catalogue: `online-customer`")] = None,
) -> str | None:
    if sop is not None and sop not in (known := procedures()):
        raise Fault(422, "unknown_sop", f"One of {', '.join(known)}.", param="sop")
    return sop


async def _role(
    services: ServicesDep,
    role: Annotated[
        str | None,
        Query(description="By its name, the short one (`csr`, `sales`), or what you call it"),
    ] = None,
) -> str | None:
    if role is None:
        return None
    async with services.store.reading() as session:
        rules = await house_rules(session)
    if found := roles.role_named(role, rules):
        return found.value
    raise Fault(422, "unknown_role", f"One of {roles.known_roles(rules)}.", param="role")


SopNamed = Annotated[str | None, Depends(_sop)]
RoleNamed = Annotated[str | None, Depends(_role)]
