"""What came of a command, follow-up by follow-up."""

from __future__ import annotations

from starter.answers import Effect, Receipt
from starter.cli.common import CliError, print_json, say
from starter.reports import words

EFFECTS = {
    "started": "started",
    "signalled": "told",
    "already": "is so already",
    "recorded": "recorded",
    "parked": "kept until that is known which it is about",
    "queued": "kept; carried out as soon as Temporal answers",
    "none": "nothing was done",
}


def print_receipt(receipt: Receipt, *, as_json: bool = False) -> None:
    """What came of it, follow-up by follow-up."""
    if as_json:
        print_json(receipt)
        return
    if receipt.error is not None:
        raise CliError(f"{receipt.error.detail} [{receipt.error.code}]")
    for effect in receipt.effects:
        say(_effect(effect))
    if not receipt.effects:
        say("Recorded.")


def _effect(effect: Effect) -> str:
    said = EFFECTS.get(effect.effect, effect.effect)
    because = f": {words.reason(effect.reason)}" if effect.reason else ""
    return f"{effect.follow_up}: {said}{because}" if effect.follow_up else f"{said}{because}"
