"""A sale that is closed before its order is placed: the SOPs of the sale begin first."""

from __future__ import annotations

from activities.crm import tables as t
from starter.rehearse.stage import Stage
from tests.rehearsals.life import begin
from tests.rehearsals.test_sales_follow_up import FILLED, S2, arrives


async def test_who_begins_later_may_ask_first(shop: Stage) -> None:
    """They are asked about the product once, by whoever goes first; offers are S0's."""
    ada = await begin(shop, sop="", policies={S2: FILLED}, starts_with="sale.closed")
    await ada.event("order.paid", order={"id": ada.order})
    await arrives(ada)
    await ada.day(12, "10:00")
    sent = [message for message in await ada.rows(t.Message) if message.sent_at]
    asked = [message.template for message in sent if message.asks == "satisfaction"]
    assert asked == ["satisfaction-check"]
    mine = ada.of(S2)
    assert await mine.end() == "completed"
    assert (await mine.line("2 repeat"))[1] == "online_customer"
