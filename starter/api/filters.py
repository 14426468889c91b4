"""Filters that name something: what is misspelt is refused, not answered with an empty list."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from starter import roles
from starter.api.problems import Fault
from starter.reports.sops import procedures


def _sop(
    sop: Annotated[str | None, Query(description="As in the catalogue: `online-customer`")] = None,
) -> str | None:
    if sop is not None and sop not in (known := procedures()):
        raise Fault(422, "unknown_sop", f"One of {', '.join(known)}.", param="sop")
    return sop


def _role(
    role: Annotated[
        str | None, Query(description="By its name, or the short one: `csr`, `sales`")
    ] = None,
) -> str | None:
    if role is None:
        return None
    if found := roles.role_named(role):
        return found.value
    raise Fault(422, "unknown_role", f"One of {roles.known_roles()}.", param="role")


SopNamed = Annotated[str | None, Depends(_sop)]
RoleNamed = Annotated[str | None, Depends(_role)]
