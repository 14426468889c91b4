"""What the doctor says of the doors for other systems: which are open, which refuse, and how it
goes with the shop that is asked."""

from __future__ import annotations

from starter.desk import Desk
from starter.health import Check
from starter.reports.doors import refused
from starter.senders import woocommerce_shop as shop
from starter.senders.registry import SENDERS
from starter.senders.woocommerce import WooCommerce

HOOKS = "save them as active: WooCommerce, Settings, Advanced, Webhooks"


async def look_at_doors(desk: Desk) -> Check:
    async with desk.store.reading() as session:
        known = await refused(session)
    if refusing := [known[path] for path in SENDERS if path in known and known[path].is_refusing]:
        door = refusing[0]
        taken = f"the last it took came {door.taken_at:%Y-%m-%d %H:%M} UTC" if door.taken_at else ""
        says = (
            f"/hooks/{door.path} has refused {door.refused} as not signed, the last "
            f"{door.refused_at:%Y-%m-%d %H:%M} UTC; {taken or 'it never took one'}"
        )
        more = f" (and {len(refusing) - 1} more doors)" if len(refusing) > 1 else ""
        cure = f"compare {SENDERS[door.path].variable} with what the sender shows: docs/doors.md"
        return Check("doors", "warning", says + more, cure)
    there = [path for path, sender in SENDERS.items() if sender.is_set_up(desk.settings)]
    if not there:
        return Check("doors", "ok", "none is set up: events come by the API (docs/doors.md)")
    return Check("doors", "ok", f"set up: {', '.join(there)}")


async def look_at_shop(desk: Desk) -> Check:
    """WooCommerce says nothing twice, and switches off a webhook that failed: so it is asked."""
    settings = desk.settings
    if not shop.is_set_up(settings):
        if not (settings.woocommerce_url or WooCommerce().is_set_up(settings)):
            return Check("woocommerce", "ok", "not set up")
        says = "what its webhooks do not bring is lost: it is not asked for it"
        cure = "set AFTERCARE_WOOCOMMERCE_URL, …_CONSUMER_KEY and …_CONSUMER_SECRET"
        return Check("woocommerce", "warning", says, cure)
    state = await desk.fetching()
    last = f"{state.answered_at:%Y-%m-%d %H:%M} UTC" if state.answered_at else "never"
    if state.fault:
        says = f"it did not show its orders ({state.fault}), the last time: {last}"
        return Check("woocommerce", "warning", says, "aftercare doctor --live says why")
    if state.disabled:
        says = f"it has disabled its webhooks for {', '.join(state.disabled)}"
        return Check("woocommerce", "warning", says, HOOKS)
    if state.hooks == 0:
        says = "none of its webhooks leads to us: what happens there is heard of by the hour"
        return Check("woocommerce", "warning", says, "make them: docs/doors.md")
    seen = "" if state.hooks is None else f", its webhooks are {state.hooks}"
    return Check("woocommerce", "ok", f"asked by the hour, the last time: {last}{seen}")
