"""What only we say of an event: where it is from, and what a provider tells of our messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from starter.intake.patches import Line, Name, StrictModel


class Data(StrictModel):
    source: Line | None = None  # which system says so
    reference: Annotated[Line, Field(max_length=190)] | None = None  # what that system calls it


class Report(Data):
    """What became of a message of ours after it went."""

    message: Line  # our id of it
    what: Literal[
        "processed",
        "sent",
        "deferred",
        "delivered",
        "bounced",
        "dropped",
        "undelivered",
        "failed",
        "complained",
        "unsubscribed",
        "resubscribed",
        "opened",
        "clicked",
    ]
    provider: Name
    provider_id: Line | None = None
    reason: Name | None = None
