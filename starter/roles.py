"""Roles as people name them: read by any of their names, written by one."""

from __future__ import annotations

from activities.crm.house import HouseRules
from workflows.vocabulary import Role

PLAIN = HouseRules()


def role_named(said: str, rules: HouseRules = PLAIN) -> Role | None:
    """The role by its name, by its short one (`csr`), or by what the house calls it besides."""
    return rules.role(said)


def known_roles(rules: HouseRules = PLAIN) -> str:
    """All of them, for whoever named another: each with its other names."""
    return ", ".join(_with_names(role, rules) for role in Role)


def _with_names(role: Role, rules: HouseRules) -> str:
    aliases = sorted(alias for alias, meant in rules.aliases.items() if meant is role)
    short = [] if role.value == role.name.lower() else [role.name.lower()]
    names = ", ".join([*short, *aliases])
    return f"{role.value} ({names})" if names else role.value
