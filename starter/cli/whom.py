"""Whom and what people mean by what they type: a customer, a role, an SOP, the office's time."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from activities.crm.store import Store
from starter.cli.common import CliError, Common, UsageError, desk
from starter.reports import Reports, people
from starter.reports.sops import procedures


async def names(reports: Reports, customers: Iterable[str]) -> dict[str, str]:
    """What to call these customers on a list."""
    async with reports.store.reading() as session:
        return await people.names(session, customers)


async def customer_id(reports: Reports, target: str) -> str | None:
    """Our id for a customer named by an id, ours or one from outside, by an e-mail address, or by a
    telephone number with its +."""
    async with reports.store.reading() as session:
        seek = people.sought(session, target, limit=1) if target.startswith("+") else None
        return next(iter(await (seek or people.meant(session, target))), None)


async def meant(asked: Reports, target: str) -> str:
    """An e-mail address or a telephone number is what people have at hand; the desk knows ids."""
    is_address = "@" in target or target.startswith("+")
    return (await customer_id(asked, target) or target) if is_address else target


async def customer_named(asked: Reports, target: str) -> str:
    if found := await customer_id(asked, target):
        return found
    raise CliError(unknown(target))


def unknown(target: str) -> str:
    return f"nobody knows {target!r}: `aftercare list` shows the follow-ups and their ids"


async def role_in(common: Common, said: str) -> str:
    """A role by its name, by the short one, or by what this house calls it."""
    from activities.crm.house import house_rules  # noqa: PLC0415 - loads the holidays of the world
    from starter import roles  # noqa: PLC0415

    rules = roles.PLAIN
    if roles.role_named(said) is None and common.settings().has_database:
        async with desk(common) as opened, opened.store.reading() as session:
            rules = await house_rules(session)
    if found := roles.role_named(said, rules):
        return found.value
    raise UsageError(f"there is no role {said!r}; there are: {roles.known_roles(rules)}")


async def office_zone(store: Store) -> ZoneInfo:
    from activities.crm.house import house_rules  # noqa: PLC0415 - loads the holidays of the world

    async with store.reading() as session:
        return ZoneInfo((await house_rules(session)).time_zone)


def sop_named(said: str) -> str:
    """An SOP that a follow-up can be of."""
    if said in (known := procedures()):
        return said
    raise UsageError(f"there is no SOP {said!r}; there are: {', '.join(known)}")
