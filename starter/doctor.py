"""`aftercare doctor`: one line for each thing that can be wrong, with its cure."""

from __future__ import annotations

import difflib
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import func, select

from activities import rendering
from activities.channels.wiring import missing
from activities.crm.house import HouseRules, house_rules
from activities.crm.store import Store
from activities.crm.tables import Engagement, Message, Stop
from activities.mirrors import wiring as mirrors
from activities.settings import Settings, variable
from activities.systems import host_of
from starter import health
from starter.bootstrap import open_desk
from starter.desk import Desk
from starter.doors import look_at_doors, look_at_shop
from starter.health import Check
from starter.reports.mirrors import mirrored
from workflows.sops import CATALOGUE

SILENT = timedelta(hours=48)  # no engagement heard of anyone: nobody can be told to be missed
TEMPORAL = {
    "TEMPORAL_ADDRESS": "Where Temporal answers [localhost:7233]",
    "TEMPORAL_NAMESPACE": "Its namespace [default]",
    "TEMPORAL_PROFILE": "The profile of temporal.toml to use",
    "TEMPORAL_API_KEY": "Its API key",
}


@dataclass(frozen=True)
class SettingLine:
    """A variable, its value (a secret masked), and what it is for."""

    name: str
    value: str
    says: str


async def examine(settings: Settings) -> tuple[list[SettingLine], list[Check]]:
    """Look at everything; nothing is changed."""
    rules = HouseRules()  # the defaults, as long as there is nobody to ask
    checks = [_variables(settings), _secret(settings), _directory(settings)]
    checks += [*_providers(settings), _systems(settings), *_mirrors(settings)]
    if not settings.has_database:
        cure = "start everything with `aftercare up`, or name the directory: --data DIR"
        checks.append(Check("database", "broken", f"there is none in {settings.data} yet", cure))
        checks += await health.engine()
    else:
        checks += [stored := await _database(settings), *await health.engine()]
        if stored.state == "ok":
            async with open_desk(settings, check=False) as desk:
                checks += [await look(desk) for look in LOOKS]
                async with desk.store.reading() as session:
                    rules = await house_rules(session)
    return list(_settings(settings)), [*checks, _templates(rules, settings), *_reviews()]


async def _database(settings: Settings) -> Check:
    store = Store(settings.database)
    try:
        return await health.database(store)
    finally:
        await store.close()


# -- settings and directory --------------------------------------------------------------------


def _settings(settings: Settings) -> Iterator[SettingLine]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "systems":  # in the addresses of hooks a token may stand
            value = ",".join(f"{one}={host_of(url)}" for one, url in settings.named_systems.items())
        if isinstance(value, SecretStr):
            shown = "•••" if value.get_secret_value() else ""
        else:
            shown = health.masked("" if value is None else str(value))
        yield SettingLine(variable(name), shown, field.description or "")
    for name, says in TEMPORAL.items():
        value = os.environ.get(name, "")
        yield SettingLine(name, "•••" if value and name.endswith("KEY") else value, says)


def _variables(settings: Settings) -> Check:
    """A variable that nobody reads is a spelling mistake that shows nowhere else."""
    known = [variable(name) for name in type(settings).model_fields]
    stray = [n for n in os.environ if n.startswith("AFTERCARE_") and n not in known]
    if not stray:
        return Check("settings", "ok", "every AFTERCARE_ variable is read")
    close = difflib.get_close_matches(stray[0], known, n=1)
    cure = f"did you mean {close[0]}?" if close else "unset it"
    return Check("settings", "warning", f"nobody reads {', '.join(stray)}", cure)


def _secret(settings: Settings) -> Check:
    if settings.secret_key.get_secret_value():
        return Check("secret key", "ok", "set, or kept in the data directory")
    if not settings.database_url:
        return Check("secret key", "ok", "will be made, and kept in the data directory")
    cure = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    return Check("secret key", "broken", "AFTERCARE_SECRET_KEY is not set; make one:", cure)


def _providers(settings: Settings) -> Iterator[Check]:
    """Who carries messages, whether they have what they need, and who may be written to."""
    lacks = missing(settings)
    for one in lacks:
        yield Check("providers", "broken", one, "set it; docs/sending.md says what to")
    if not lacks:
        yield Check("providers", "ok", f"e-mail by {settings.email}, SMS by {settings.sms}")
    if settings.only_to:
        says = f"only these are written to: {settings.only_to}; all else goes to the outbox"
        yield Check("only to", "warning", says, "unset AFTERCARE_ONLY_TO once you go live")


def _systems(settings: Settings) -> Check:
    """Who sets up a new account: a system that is named, else a colleague."""
    named = [f"{name} at {host_of(url)}" for name, url in settings.named_systems.items()]
    if not named:
        return Check("systems", "ok", "none is named: colleagues set new accounts up")
    return Check("systems", "ok", f"set up by {', '.join(named)}; all others by a colleague")


def _mirrors(settings: Settings) -> Iterator[Check]:
    """What lacks of those who are to have rows of ours, too; no message waits for that."""
    for one in mirrors.missing(settings):
        yield Check("systems", "broken", one, "set it; docs/systems.md says what to")


def _directory(settings: Settings) -> Check:
    path = settings.data
    if settings.database_url and not path.exists():
        return Check("data", "ok", "no directory is needed: the database is named")
    if not path.exists():
        return Check("data", "warning", f"{path} does not exist yet", "aftercare up makes it")
    if not os.access(path, os.W_OK):
        return Check("data", "broken", f"{path} cannot be written to", f"chown or chmod {path}")
    if path.stat().st_mode & 0o077:
        says = f"others on this machine can look into {path}"
        return Check("data", "warning", says, f"chmod 700 {path}")
    return Check("data", "ok", str(path))


# -- what the database says ----------------------------------------------------------------------


async def _stops(desk: Desk) -> Check:
    query = select(Stop).where(Stop.lifted_at.is_(None)).order_by(Stop.at)
    async with desk.store.reading() as session:
        pressed = (await session.execute(query)).scalars().all()
    if not pressed:
        return Check("stop button", "ok", "not pressed")
    first = pressed[0]
    what = ", ".join(filter(None, [first.channel, first.sop, first.template])) or "everything"
    says = f"{what} is stopped since {first.at:%Y-%m-%d %H:%M} UTC by {first.by}: {first.reason}"
    more = f" (and {len(pressed) - 1} more)" if len(pressed) > 1 else ""
    names = {"channel": first.channel, "sop": first.sop, "template": first.template}
    which = "".join(f" --{name} {value}" for name, value in names.items() if value)
    return Check("stop button", "warning", says + more, f"aftercare go{which} --reason R")


async def _behind(desk: Desk) -> Check:
    """Whether all that is to have rows of ours has them."""
    async with desk.store.reading() as session:
        found = await mirrored(session, desk.clock.real())
    late = [one for one in found if one.given_up or one.fault]
    if not late:
        waiting = sum(one.waiting for one in found)
        return Check("mirrors", "ok", f"{waiting} rows wait to be told to other systems")
    said = [f"{one.system} refuses {one.given_up} of {one.waiting} that wait" for one in late]
    cure = f"aftercare systems {late[0].system}; mend it, then aftercare systems retry"
    return Check("mirrors", "warning", "; ".join(said), cure)


async def _unknown(desk: Desk) -> Check:
    query = select(func.count()).select_from(Message).where(Message.state == "unknown")
    async with desk.store.reading() as session:
        count = (await session.execute(query)).scalar_one()
    if not count:
        return Check("sends", "ok", "none waits for a person to find out")
    cure = "aftercare messages --state unknown; then settle each"
    return Check("sends", "warning", f"{count} unknown: nobody can say whether they arrived", cure)


async def _engagement(desk: Desk) -> Check:
    async with desk.store.reading() as session:
        last: datetime | None = (
            await session.execute(select(func.max(Engagement.at)))
        ).scalar_one_or_none()
    if last is not None and desk.clock.now() - last < SILENT:
        return Check("engagement", "ok", "the source speaks")
    since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "until now"
    says = f"nothing heard of anyone {since}: 5.3.2 is skipped as no_engagement_data"
    return Check("engagement", "warning", says, "post engagement.login and others to /v1/events")


async def _blanks(desk: Desk) -> Check:
    blank = {name: (await desk.policy_show(name)).get("blanks") for name in CATALOGUE}
    wanting = [f"{name} ({', '.join(keys)})" for name, keys in blank.items() if keys]
    if not wanting:
        return Check("policies", "ok", f"no blanks in {', '.join(CATALOGUE)}")
    cure = "aftercare policy SOP --set NAME=VALUE --approve"
    return Check("policies", "warning", f"blank, so switched off: {'; '.join(wanting)}", cure)


async def _targets(desk: Desk) -> Check:
    values = {name: (await desk.policy_show(name))["values"] for name in CATALOGUE}
    unset = {name: sop.unset(values[name]) for name, sop in CATALOGUE.items()}
    wanting = [f"{name} ({', '.join(keys)})" for name, keys in unset.items() if keys]
    if not wanting:
        return Check("targets", "ok", "all that the documents ask for are set")
    cure = "aftercare policy SOP --set NAME=PERCENT --approve"
    return Check("targets", "warning", f"not set, which stops nothing: {'; '.join(wanting)}", cure)


LOOKS: tuple[Callable[[Desk], Awaitable[Check]], ...] = (
    look_at_doors,
    look_at_shop,
    _stops,
    _behind,
    _unknown,
    _engagement,
    _blanks,
    _targets,
)


# -- what comes with the release -----------------------------------------------------------------


def _templates(rules: HouseRules, settings: Settings) -> Check:
    problems = rendering.lint(rules=rules, public_url=settings.public_url)
    if not problems:
        return Check("templates", "ok", f"{len(rendering.registry())}, nothing to complain of")
    says = f"{len(problems)} problems, the first: {problems[0]}"
    return Check(
        "templates",
        "broken",
        says,
        "mend the file it names in templates/, or `aftercare policy house`",
    )


def _reviews() -> Iterator[Check]:
    today = datetime.now().astimezone().date()
    for sop in CATALOGUE.values():
        if sop.next_review is None:
            says = f"{sop.name} {sop.version}: the document names no date for its next review"
            yield Check("review", "ok", says)
        elif sop.next_review < today:
            says = f"{sop.name} {sop.version}: review OVERDUE since {sop.next_review}"
            cure = f"have {sop.approved_by} review it; sends go on meanwhile"
            yield Check("review", "warning", says, cure)
        else:
            yield Check("review", "ok", f"{sop.name} {sop.version}: next on {sop.next_review}")
