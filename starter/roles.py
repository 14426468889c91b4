"""Roles as people name them: read by any of their names, written by one."""

from __future__ import annotations

from workflows.vocabulary import Role


def role_named(said: str) -> Role | None:
    """The role by its name, or by its short one (`csr`); none if there is none."""
    wanted = said.strip().lower()
    return next((role for role in Role if wanted in (role.value, role.name.lower())), None)


def known_roles() -> str:
    """All of them, for whoever named another: each with its short name."""
    return ", ".join(
        role.value if role.value == role.name.lower() else f"{role.value} ({role.name.lower()})"
        for role in Role
    )
