"""SendGrid tells, at our door, that a mail of a life on the stage came back."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from activities.crm import tables as t
from starter.rehearse.stage import Stage
from tests.rehearsals.life import Life
from tests.starter.hooks import SENDGRID_PUBLIC, sendgrid, visiting
from tests.starter.posted import an_event

PHONE = "+447700900123"


async def comes_back(life: Life, template: str, event: str = "bounce", **said: Any) -> None:
    """SendGrid tells of the mail that was made from this template, as often as it likes."""
    stage = life.stage
    row = await message(stage, life, template)
    known = {"sg_message_id": f"{row.provider_id}.filter0001.16648.5515E0B88.0"}
    told = an_event(row, event, stage.clock.real(), **known | said)
    body = json.dumps([told, told | {"sg_event_id": "twice"}]).encode()
    update = {"sendgrid_webhook_public_key": SENDGRID_PUBLIC}
    stage.desk.settings = stage.desk.settings.model_copy(update=update)
    async with visiting(stage.desk) as client:
        headers = sendgrid(body, stage.clock.real())
        answer = await client.post("/hooks/sendgrid/events", content=body, headers=headers)
        assert answer.status_code == 204
    await stage.settle()


async def message(stage: Stage, life: Life, template: str) -> t.Message:
    async with stage.store.reading() as session:
        query = select(t.Message).where(
            t.Message.template == template, t.Message.customer_id == life.id
        )
        return (await session.execute(query)).scalar_one()
