"""What is done about a message that came back.

What the customer must have goes another way, under its own key, so that it never goes two ways at
once; should there be no other, a person finds one. Anything else is not sent twice: the gate knows
that the address is dead, and the next message takes another way. Where there is none for that
either, a person is told, once for each follow-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from workflows import events
from workflows import vocabulary as v
from workflows.checklist import HERE, Clause
from workflows.contract import Messaging
from workflows.signals import Signals

FIND_A_WAY = "find a way to reach this customer"


@dataclass(frozen=True)
class Mail:
    """A message the customer must have; should it reach them no way, that role finds one."""

    clause: Clause
    message: v.Message
    role: v.Role


class Bounces(Signals):
    def __init__(self, *given: Any, early: Iterable[v.Heard] = ()) -> None:
        super().__init__(*given, early=early)
        self.posted: dict[str, Mail] = {}  # what they must have, by its step
        self.lost = False  # an address of theirs is dead, and nobody has been told

    def _post(self, message: v.Message, role: v.Role | None) -> None:
        """Keep what they must have, before it goes: word that it came back may be the first."""
        if message.kind is v.Kind.TRANSACTIONAL:
            step = message.key.partition("/")[2]  # a history may be replayed under another id
            self.posted[step] = Mail(HERE.get(), message, role or v.Role.CSR)

    async def on_bounce(self, bounce: events.Bounce) -> None:
        self.lost = self.lost or bounce.lasting
        self._count_anew(bounce.message)
        mail = self.posted.get(bounce.step)
        if mail is not None and not self.facts.over(mail.clause.number):
            await self._send_another_way(mail)
        elif mail is None and bounce.owed:  # sent before this workflow continued as new
            await self._puzzle(FIND_A_WAY, v.Role.CSR)

    async def _send_another_way(self, mail: Mail) -> None:
        """The same message anew: the gate knows which ways were tried."""
        clause, latest = mail.clause, mail.clause.latest
        again = mail.message.model_copy(update={"again": True, "now": self.now()})
        with self._under(clause):
            gist = f"{again.template}: another way"
            became = await self._settle(Messaging.send, again, gist)
        too_late = latest is not None and self.now() >= latest
        if too_late or isinstance(became, v.Refused):
            with self._under(replace(clause, of_use=None)):  # late is better than never
                await self._seek(mail.role)

    async def _seek(self, role: v.Role | None) -> None:
        """Have somebody find a way: that role, or else, once for a dead address, anybody."""
        if role or self.lost:
            self.lost = False
            await self._find_a_way(role or v.Role.CSR)

    async def _find_a_way(self, role: v.Role) -> None:
        raise NotImplementedError

    def _count_anew(self, key: str) -> None:
        """What counts from a message that came back is planned anew."""
