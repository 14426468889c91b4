"""What the API answers when something was said to it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from starter.answers import Receipt


class Effect(BaseModel):
    """What came of it for one follow-up, or for none."""

    follow_up: str | None
    effect: str = Field(examples=["started"])
    reason: str | None = None


class EventReceipt(BaseModel):
    """What came of one event; `error` only for one that was refused in a batch."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "event": "evt_1",
                "customer": "cus_3f9c1b7a5d2e4c6f8a90",
                "effects": [
                    {"follow_up": "online-customer.cus_3f9c1b7a5d2e4c6f8a90", "effect": "started"}
                ],
            }
        }
    )

    event: str | None
    customer: str | None = None
    effects: list[Effect] = []
    error: dict[str, Any] | None = None


class Receipts(BaseModel):
    data: list[EventReceipt]


def view(receipt: Receipt) -> dict[str, Any]:
    said: dict[str, Any] = {
        "event": receipt.event,
        "effects": [_effect(e) for e in receipt.effects],
    }
    if receipt.customer:
        said["customer"] = receipt.customer
    return said


def answer(receipt: Receipt) -> JSONResponse:
    """200 once Temporal heard it, 202 while it is yet to."""
    return JSONResponse(view(receipt), 202 if receipt.queued else 200)


def _effect(effect: Any) -> dict[str, Any]:
    said = {"follow_up": effect.follow_up, "effect": effect.effect}
    return said | ({"reason": effect.reason} if effect.reason else {})
