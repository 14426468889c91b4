"""Policies and house rules: what is in force, what would change for whom, and a second person's
word on it."""

from __future__ import annotations

from typing import Any, Literal

from starlette.responses import Response

from activities.crm.house import HOUSE
from starter.answers import Refusal
from starter.console.guard import MANAGERS, Ask, Rooms
from starter.desk import needs_reason
from starter.desk.in_flight import To
from starter.reports.keys import is_empty, meaning
from workflows.sops import SERVICES

rooms = Rooms()

SAID = {
    "set": "It waits for somebody else to approve it.",
    "approved": "It is in force.",
    "undone": "What was in force before is in force again.",
    "discarded": "It was dropped.",
}


@rooms.shows("/policies")
async def list_(ask: Ask) -> Response:
    _manages(ask)
    desk = ask.house.desk
    names = [*desk.catalogue.sops, *SERVICES, HOUSE]
    found = [await desk.policy_show(name) for name in names]
    return ask.page(
        "policies.html", room="policies", policies=found, titles=_titles(ask), meaning=meaning
    )


@rooms.shows("/policies/{name}")
async def show(ask: Ask) -> Response:
    return await _page(ask)


@rooms.takes("/policies/{name}", roomy=True)
async def set_(ask: Ask) -> Response:
    """First looked at, with its numbers; then set, and somebody else approves it."""
    name, key = await _named(ask), ask.form.get("key", "")
    changes = {key: ask.form.get("value", "")}
    try:
        difference = await ask.house.desk.policy_diff(name, changes)
        if ask.form.get("do") != "set":
            return await _page(ask, changes=changes, difference=difference)
        reason = ask.form.get("reason", "")
        needs_reason(reason)
        await ask.house.desk.policy_set(name, changes, by=ask.me.email, reason=reason)
    except Refusal as refusal:
        return await _page(ask, changes=changes, fault=refusal)
    return ask.goes(f"/policies/{name}?done=set")


@rooms.takes("/policies/{name}/approve")
async def approve(ask: Ask) -> Response:
    name, by = await _named(ask), ask.me.email
    try:
        await ask.house.desk.policy_approve(
            name,
            by=by,
            to=_to(ask),
            confirm=_number(ask, "confirm"),
            version=_number(ask, "version") or 0,
        )
    except Refusal as refusal:
        return await _page(ask, fault=refusal)
    return ask.goes(f"/policies/{name}?done=approved")


@rooms.takes("/policies/{name}/undo", roomy=True)
async def undo(ask: Ask) -> Response:
    name, reason = await _named(ask), ask.form.get("reason", "")
    try:
        await ask.house.desk.policy_undo(
            name, by=ask.me.email, reason=reason, confirm=_number(ask, "confirm")
        )
    except Refusal as refusal:
        most = 0
        if refusal.code == "confirm_needed":
            preview = await ask.house.desk.policy_preview(name, {}, undo=True)
            most = preview["confirm"]
        return await _page(ask, fault=refusal, most=most)
    return ask.goes(f"/policies/{name}?done=undone")


@rooms.takes("/policies/{name}/discard", roomy=True)
async def discard(ask: Ask) -> Response:
    name, reason = await _named(ask), ask.form.get("reason", "")
    try:
        await ask.house.desk.policy_discard(name, by=ask.me.email, reason=reason)
    except Refusal as refusal:
        return await _page(ask, fault=refusal)
    return ask.goes(f"/policies/{name}?done=discarded")


async def _page(
    ask: Ask,
    *,
    changes: dict[str, Any] | None = None,
    difference: dict[str, list[Any]] | None = None,
    fault: Refusal | None = None,
    most: int = 0,
) -> Response:
    name, desk = await _named(ask), ask.house.desk
    found = await desk.policy_show(name)
    waiting = await desk.policy_diff(name, {}) if found["waiting"] else {}
    preview, silent = None, None
    if (changes and difference) or waiting:
        try:
            preview = await desk.policy_preview(name, changes or {})
        except Refusal as refusal:
            silent = refusal
    return ask.page(
        "policy.html",
        status=fault.status if fault else 200,
        room="policies",
        title=_titles(ask)[name],
        policy=found,
        meaning=meaning,
        is_empty=is_empty,
        versions=await desk.policy_versions(name),
        changes=changes or {},
        difference=difference or {},
        waiting=waiting,
        preview=preview,
        silent=silent,
        fault=fault,
        most=most,  # how many may be due at once, if the last change is undone
        done=SAID.get(ask.asked("done") or ""),
    )


async def _named(ask: Ask) -> str:
    _manages(ask)
    name: str = ask.request.path_params["name"]
    if name not in _titles(ask):
        raise Refusal("not_found", "There is no such policy.", status=404)
    return name


def _titles(ask: Ask) -> dict[str, str]:
    sops = {**ask.house.desk.catalogue.sops, **SERVICES}
    return {name: sop.title for name, sop in sops.items()} | {HOUSE: "House rules"}


def _manages(ask: Ask) -> None:
    if ask.me.role not in MANAGERS:
        roles = " or ".join(role.replace("-", " ") for role in MANAGERS)
        words = f"Policies are for managers: somebody whose role is {roles} can change them."
        raise Refusal("forbidden", words, status=403)


def _to(ask: Ask) -> To:
    to: Literal["new", "running"] = "running" if ask.form.get("to") == "running" else "new"
    return to


def _number(ask: Ask, name: str) -> int | None:
    """What was on the page that somebody agreed to."""
    said = ask.form.get(name, "")
    return int(said) if said.isdecimal() and said.isascii() and len(said) < 9 else None
