"""What colleagues are told of their tasks: an e-mail an hour, the urgent ones at once, and, if it
is wanted, a webhook.

Nothing of a customer is in it beyond the task's title, its clause and when it is due: who wants to
know more follows the link, and logs in. Told at least once: a digest that may have gone and was not
marked goes again, under the same key.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from activities.carriers import Carriers
from activities.channels import Accepted, Channel, Parcel, Rejected
from activities.clock import Clock
from activities.crm.holds import stops
from activities.crm.house import HouseRules, house_rules
from activities.crm.noticing import ESCALATED, NEW, WHOEVER
from activities.crm.staffing import Roster
from activities.crm.store import Store, lock_name
from activities.crm.tables import Notice, Task, new_id
from activities.crm.tasks import OPEN
from activities.settings import Settings
from activities.webhook import HOOK, Webhook
from workflows.vocabulary import Role

MANY = 500  # at a time
KEPT = timedelta(days=30)
LEAN = (defer(Task.brief), defer(Task.outcome))  # what is long in a task, and nobody is told
SAID = {
    "new": "New",
    "reminder": "Due soon",
    "overdue": "Overdue",
    "escalated": "Not done in time",
    "reassigned": "Given to you",
    "answered": "Your question is answered",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Digest:
    """What one address is told in one e-mail."""

    address: str
    lines: Sequence[tuple[Notice, Task]]
    urgent: bool

    @property
    def key(self) -> str:
        """The same for the same lines: whoever looks can tell a repetition."""
        ids = " ".join(sorted(notice.id for notice, _ in self.lines))
        return f"notice/{hashlib.sha256(ids.encode()).hexdigest()[:20]}"

    @property
    def news(self) -> list[tuple[Notice, Task]]:
        """The last that is to be said of each task."""
        return list({task.id: (notice, task) for notice, task in self.lines}.values())

    def subject(self) -> str:
        count, first = len(self.news), self.news[0][1]
        if self.urgent:
            return f"Urgent: {first.title}" + (f", and {count - 1} more" if count > 1 else "")
        return f"{count} tasks" if count > 1 else f"A task: {first.title}"

    def text(self, rules: HouseRules, public_url: str) -> str:
        zone, base = ZoneInfo(rules.time_zone), public_url.rstrip("/")
        lines = [
            f"{SAID.get(notice.what, notice.what)}: {task.title}{_clause(task)}, "
            f"due {task.due_at.astimezone(zone):%a %d %b %H:%M}\n{base}/tasks/{task.id}"
            for notice, task in self.news
        ]
        return "\n\n".join(lines) + "\n"


@dataclass
class Patience:
    """How long to leave an address, or a system, in peace that did not take anything."""

    waits: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)

    def is_over(self, whom: str, now: datetime) -> bool:
        return whom not in self.waits or self.waits[whom][0] <= now

    def failed(self, whom: str, now: datetime) -> None:
        _, last = self.waits.get(whom, (now, timedelta(seconds=30)))
        span = min(2 * last, timedelta(hours=1))
        self.waits[whom] = (now + span, span)

    def went(self, whom: str) -> None:
        self.waits.pop(whom, None)


class Notices:
    """Addresses what was noted, and sends it."""

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, channels: Mapping[str, Channel]
    ) -> None:
        self.store, self.clock, self.settings = store, clock, settings
        self.carriers = Carriers(store, clock, settings, channels)
        self.webhook = Webhook(settings)
        self.patience = Patience()

    async def tell(self) -> int:
        """Tell whoever is to be told now; how many were."""
        await self._address()
        told = 0
        digests, rules = await self._digests()
        for digest in digests:
            told += await self._mail(digest, rules)
        return told + await self._call_hook()

    # -- to whom -----------------------------------------------------------------------------

    async def _address(self) -> None:
        """Whoever has the task by now is told, or its role; of what is closed, nobody."""
        now = self.clock.now()
        async with self.store.transaction() as session:
            await lock_name(session, "notices")
            query = select(Notice, Task).join(Task, Task.id == Notice.task_id)
            query = query.where(Notice.address == WHOEVER, Notice.sent_at.is_(None))
            query = query.order_by(Notice.urgent.desc(), Notice.at).limit(MANY)
            found = (await session.execute(query.options(*LEAN))).all()
            if not found:
                return
            roster, rules = await Roster.at(session, now), await house_rules(session)
            for notice, task in found:
                notice.sent_at = now
                to = recipients(notice.what, task, roster, rules) if task.state == OPEN else []
                to += [HOOK] if self.webhook.url and task.state == OPEN else []
                for address in dict.fromkeys(to):
                    session.add(_addressed(notice, address))
            old = delete(Notice).where(Notice.sent_at < now - KEPT)
            await session.execute(old)

    async def _digests(self) -> tuple[list[Digest], HouseRules]:
        now = self.clock.now()
        async with self.store.transaction() as session:
            rules = await house_rules(session)
            if await stops(session, channel="email", sop="", template=""):
                return [], rules
            by_address: dict[str, list[tuple[Notice, Task]]] = {}
            for notice, task in await self._waiting(session):
                by_address.setdefault(notice.address, []).append((notice, task))
        digests = []
        for address, lines in by_address.items():
            if not self.patience.is_over(address, self.clock.real()):
                continue
            urgent = [line for line in lines if line[0].urgent]
            usual = [line for line in lines if not line[0].urgent]
            if urgent:
                digests.append(Digest(address, urgent, urgent=True))
            if usual and usual[0][0].at <= now - rules.care.digest_every:
                digests.append(Digest(address, usual, urgent=False))
        return digests, rules

    async def _waiting(self, session: AsyncSession) -> list[tuple[Notice, Task]]:
        """What is to be mailed, oldest first; of a task that is done nobody need hear any more."""
        query = select(Notice, Task).join(Task, Task.id == Notice.task_id)
        query = query.where(Notice.sent_at.is_(None), Notice.address.not_in((WHOEVER, HOOK)))
        query = query.order_by(Notice.at, Notice.id).options(*LEAN)
        waiting = []
        for notice, task in (await session.execute(query)).all():
            if task.state == OPEN:
                waiting.append((notice, task))
            else:
                await session.delete(notice)
        return waiting

    # -- how ---------------------------------------------------------------------------------

    async def _mail(self, digest: Digest, rules: HouseRules) -> int:
        channel = self.carriers.choose("email", digest.address)
        parcel = Parcel(
            key=digest.key,
            to=digest.address,
            subject=digest.subject(),
            text=digest.text(rules, self.settings.public_url),
            html=None,
            sender="",
            from_name=rules.company.name,
            reply_to=rules.company.support_email,
        )
        try:
            async with asyncio.timeout(channel.deadline.total_seconds() / 2):
                outcome = await channel.send(parcel)
        except Exception as error:  # noqa: BLE001 - whatever it was, they may have it: once more
            return self._failed(digest, type(error).__name__)
        if isinstance(outcome, Rejected) and outcome.later:
            return self._failed(digest, outcome.reason)
        if not isinstance(outcome, Accepted):
            log.error("a colleague's address takes no notices: %s", outcome.reason)
        await self._mark([notice for notice, _ in digest.lines])
        self.patience.went(digest.address)
        return int(isinstance(outcome, Accepted))

    def _failed(self, digest: Digest, why: str) -> int:
        log.warning("a notice waits: %s", why)
        self.patience.failed(digest.address, self.clock.real())
        return 0

    async def _call_hook(self) -> int:
        real, told = self.clock.real(), 0
        if not self.patience.is_over(HOOK, real):
            return 0
        async with self.store.reading() as session:
            query = select(Notice, Task).join(Task, Task.id == Notice.task_id)
            query = query.where(Notice.sent_at.is_(None), Notice.address == HOOK)
            query = query.order_by(Notice.at, Notice.id).options(*LEAN)
            rows = (await session.execute(query.limit(MANY))).all()
        for notice, task in rows:
            if await self.webhook.call(notice, task, real):
                self.patience.went(HOOK)
                await self._mark([notice])
                told += 1
            else:  # the others wait with it, and come in their order
                self.patience.failed(HOOK, real)
                break
        return told

    async def _mark(self, notices: Sequence[Notice]) -> None:
        async with self.store.transaction() as session:
            for notice in notices:
                row = await session.get(Notice, notice.id, with_for_update=True)
                if row is not None:
                    row.sent_at = self.clock.now()


def recipients(what: str, task: Task, roster: Roster, rules: HouseRules) -> list[str]:
    """The colleague who has it, else all of its role who are here, and the role's own address."""
    if what != ESCALATED and task.assignee:
        return [task.assignee]
    roles = [Role(task.escalated_to if what == ESCALATED and task.escalated_to else task.role)]
    roles += [Role(task.copy_to)] if what == NEW and task.copy_to else []
    told: list[str] = []
    for role in roles:
        told += [row.email for row in roster.of(role) if row.email]
        told += filter(None, [rules.queue(role)])
    return told


def _addressed(notice: Notice, address: str) -> Notice:
    mark = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Notice(
        id=new_id("not"),
        key=f"{notice.key}/{mark}",
        task_id=notice.task_id,
        what=notice.what,
        address=address,
        urgent=notice.urgent,
        at=notice.at,
    )


def _clause(task: Task) -> str:
    sop = (task.follow_up or "").partition(".")[0]
    return f" ({sop} {task.clause})" if sop and task.clause else ""
