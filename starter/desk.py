"""The desk: everything that comes in from outside, and every command of staff, goes through here.

Rows first, Temporal afterwards: what was acknowledged stands in the database, and is told to
Temporal again and again until it has heard (`relay.py`).
"""

from __future__ import annotations

from typing import Any, Literal

from activities.clock import Clock
from activities.crm.store import Store
from activities.settings import Settings
from starter.answers import Effect, Problem, Receipt, Refusal

__all__ = ["Desk", "Effect", "Problem", "Receipt", "Refusal", "Verb"]

Verb = Literal["hold", "resume", "skip", "run-now", "retry", "end"]


class Desk:
    """Doors that lose nothing: each method raises `Refusal` for what cannot be done as asked."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, temporal: Any) -> None:
        self.store, self.settings, self.clock = store, settings, clock

    async def run(self) -> None:
        """The relay's loop, for the web process: tells, carries out, expires; until cancelled."""
        raise NotImplementedError

    async def reachable(self) -> bool:
        """Whether Temporal answers."""
        raise NotImplementedError

    async def receive(self, source: str, event: dict[str, Any]) -> Receipt:
        """Check an event strictly, store it, carry it out, and tell Temporal; once per id.

        The same id from the same source again gets the first answer, even with another body.
        """
        raise NotImplementedError

    async def receipt(self, event_id: str) -> Receipt | None:
        """What came of an event until now."""
        raise NotImplementedError

    async def start(
        self,
        sop: str,
        customer: dict[str, Any],
        order: dict[str, Any] | None,
        contract: dict[str, Any] | None,
        policy: dict[str, Any] | None,
        by: str,
    ) -> tuple[str, bool, str]:
        """Start a follow-up by hand: its id, whether it is new, and the effect."""
        raise NotImplementedError

    async def signal(self, target: str, name: str, body: dict[str, Any], by: str) -> Receipt:
        """Signal a follow-up or all of a customer's, by signal or event name.

        What a person wrote (`text`) goes to the CRM; only ids go on. To a finished follow-up it
        goes to `keep-in-touch`, else to a person.
        """
        raise NotImplementedError

    async def control(
        self, verb: Verb, target: str, *, clause: str | None = None, reason: str, by: str
    ) -> Receipt:
        """Hold, resume, skip, run now, retry or end; hold and resume also for a whole customer."""
        raise NotImplementedError

    async def complete_task(self, task_id: str, outcome: dict[str, Any], by: str) -> Receipt:
        """Close a task with `{subject, text, declined, note, result, resolved}`."""
        raise NotImplementedError

    async def opt_out(
        self,
        customer: str,
        *,
        topic: str = "all",
        channel: str | None = None,
        reason: str | None = None,
        by: str,
    ) -> Receipt:
        """Take back a customer's consent: for all, a topic, or a channel."""
        raise NotImplementedError

    async def stop(
        self,
        *,
        channel: str | None = None,
        sop: str | None = None,
        template: str | None = None,
        reason: str,
        by: str,
    ) -> str:
        """Press the stop button for what matches, or for everything; its id."""
        raise NotImplementedError

    async def go(
        self,
        *,
        channel: str | None = None,
        sop: str | None = None,
        template: str | None = None,
        reason: str,
        by: str,
    ) -> list[str]:
        """Lift the stop buttons that match exactly (none given: all of them); their ids."""
        raise NotImplementedError

    async def policy_show(self, name: str) -> dict[str, Any]:
        """A policy as it stands: `{name, version, approved_by, values, blanks}`; `house` too."""
        raise NotImplementedError

    async def policy_diff(self, name: str, changes: dict[str, Any]) -> dict[str, list[Any]]:
        """What the changes would change: `{key: [now, then]}`."""
        raise NotImplementedError

    async def policy_set(
        self, name: str, changes: dict[str, Any], *, by: str, reason: str, approve: bool = False
    ) -> dict[str, Any]:
        """A new version of a policy; in force for new follow-ups once approved."""
        raise NotImplementedError

    async def policy_approve(self, name: str, *, by: str) -> dict[str, Any]:
        """Approve the newest version of a policy."""
        raise NotImplementedError

    async def sop_switch(self, sop: str, *, on: bool, by: str) -> None:
        """Switch an SOP on or off for new follow-ups; refused while it has blanks."""
        raise NotImplementedError

    async def settle(
        self, message_id: str, outcome: Literal["sent", "not_sent"], *, reason: str, by: str
    ) -> None:
        """Say what became of a message whose sending is unknown."""
        raise NotImplementedError
