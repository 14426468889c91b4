"""`aftercare doctor --live`: each provider is asked with our own credentials, and harmlessly.

Nothing is sent and nothing changed: what is asked for is the account itself, a token, a greeting.
What an answer says stays inside; a line here says what it means, and the cure.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from activities.channels import UnknownOutcomeError
from activities.channels.http import Answer, AwayError, ask
from activities.channels.smtp import Server, SmtpChannel
from activities.clock import SystemClock
from activities.mirrors import TellingError, UnfitError
from activities.mirrors.tokens import App, Tokens
from activities.settings import Settings
from starter.health import Check
from starter.senders import woocommerce_shop as shop
from starter.senders.woocommerce_shop import NotFetchedError
from workflows.vocabulary import Pace

SECONDS = 10.0
NO_ANSWER = "does not answer"

Look = Callable[[Settings], Awaitable[Check]]


async def look_live(settings: Settings) -> list[Check]:
    """All that is set up, at the same time."""
    looks = [look(settings) for look in _chosen(settings)]
    if not looks:
        says = "no provider is set up: messages go to the outbox, the CRM is our own"
        return [Check("live", "ok", says)]
    return list(await asyncio.gather(*looks))


def _chosen(settings: Settings) -> Iterator[Look]:
    """Who is set up, so that they can be asked."""
    chosen: dict[Look, bool] = {
        _sendgrid: settings.email == "sendgrid",
        _smtp: settings.email == "smtp",
        _twilio: settings.sms == "twilio",
        _salesforce: settings.crm == "salesforce",
        _zoom: settings.meetings == "zoom",
        _surveymonkey: settings.surveys == "surveymonkey",
        _woocommerce: shop.is_set_up(settings),
    }
    yield from (look for look, there_is in chosen.items() if there_is)
    if settings.public_url.startswith("https://"):
        yield _ourselves


async def _sendgrid(settings: Settings) -> Check:
    """Whether the key is good, and may do what we do with it."""
    key = settings.sendgrid_api_key.get_secret_value()
    url = f"{settings.sendgrid_api_base.rstrip('/')}/v3/scopes"
    answer = await _asked("GET", url, {"Authorization": f"Bearer {key}"})
    scopes = _said(answer).get("scopes")
    if not isinstance(scopes, list):
        return _refused("sendgrid", answer, "make a new API key, and set SENDGRID_API_KEY")
    if "mail.send" not in scopes:
        return Check("sendgrid live", "broken", "the key may not send", "give it Mail Send")
    return Check("sendgrid live", "ok", "the key is good, and may send")


async def _smtp(settings: Settings) -> Check:
    """Whether the server lets us in; no mail is begun."""
    server = Server.of(settings.smtp_url.get_secret_value())
    channel = SmtpChannel(SystemClock(Pace()), server=server, from_email=settings.from_email)
    if reason := await channel.greet():
        cure = "correct AFTERCARE_SMTP_URL: host, port, user, password"
        return Check("smtp live", "broken", f"{server.host} does not let us in: {reason}", cure)
    return Check("smtp live", "ok", f"{server.host} lets us in")


async def _twilio(settings: Settings) -> Check:
    """Whether the account is ours, and active."""
    account = settings.twilio_account_sid
    known = f"{account}:{settings.twilio_auth_token.get_secret_value()}"
    basic = base64.b64encode(known.encode()).decode()
    url = f"{settings.twilio_api_base.rstrip('/')}/2010-04-01/Accounts/{quote(account)}.json"
    answer = await _asked("GET", url, {"Authorization": f"Basic {basic}"})
    said = _said(answer)
    if not isinstance(said.get("status"), str):
        return _refused("twilio", answer, "correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
    if said["status"] != "active":
        return Check("twilio live", "broken", "the account is not active", "see Twilio's console")
    trial = said.get("type") == "Trial"
    says = "a trial account: it writes to verified numbers only" if trial else "active"
    return Check("twilio live", "warning" if trial else "ok", says, "upgrade it" if trial else "")


async def _salesforce(settings: Settings) -> Check:
    from activities.mirrors.salesforce import app_of  # noqa: PLC0415 - for who needs it

    return await _token("salesforce", app_of(settings))


async def _zoom(settings: Settings) -> Check:
    from activities.mirrors.zoom import app_of  # noqa: PLC0415 - as above

    return await _token("zoom", app_of(settings))


async def _token(name: str, app: App) -> Check:
    """Whether the app gets a token."""
    try:
        await Tokens(SystemClock(Pace()), app).renew()
    except TellingError as fault:
        cure = fault.cure if isinstance(fault, UnfitError) else app.cures["settings"]
        return Check(f"{name} live", "broken", f"{name} gives us no token ({fault.code})", cure)
    return Check(f"{name} live", "ok", "it gives us a token")


async def _surveymonkey(settings: Settings) -> Check:
    """Whether the token is somebody's."""
    token = settings.surveymonkey_token.get_secret_value()
    url = f"{settings.surveymonkey_api_base.rstrip('/')}/v3/users/me"
    answer = await _asked("GET", url, {"Authorization": f"Bearer {token}"})
    if not _said(answer).get("id"):
        return _refused("surveymonkey", answer, "make a new token: AFTERCARE_SURVEYMONKEY_TOKEN")
    return Check("surveymonkey live", "ok", "the token is good")


async def _woocommerce(settings: Settings) -> Check:
    """Whether the key shows us orders, and whether the webhooks still post."""
    name = "woocommerce live"
    try:
        await anext(shop.changed(settings, shop.KINDS[0], datetime.now(UTC)))
        hooks = await shop.hooks(settings)
    except NotFetchedError as fault:
        says = f"the shop does not show what is asked for: {fault.code}"
        cure = "correct AFTERCARE_WOOCOMMERCE_URL, and make a key of an administrator that reads"
        return Check(name, "broken", says, cure)
    bad = ", ".join(f"{one.topic} is {one.status}" for one in hooks if one.status != "active")
    if bad or not hooks:
        cure = "save them as active: WooCommerce, Settings, Advanced, Webhooks"
        return Check(name, "warning", f"its webhooks: {bad or 'none leads to us'}", cure)
    return Check(name, "ok", f"it shows its orders, and {len(hooks)} webhooks post")


async def _ourselves(settings: Settings) -> Check:
    """Whether the address that customers and providers know us by leads to us."""
    answer = await _asked("GET", f"{settings.public_url.rstrip('/')}/livez", {})
    if isinstance(answer, Answer) and answer.status == 200:
        return Check("public address", "ok", "it leads to us")
    cure = "see to name, proxy and certificate; or correct AFTERCARE_PUBLIC_URL"
    return Check("public address", "broken", f"{settings.public_url} {_meaning(answer)}", cure)


# -- what comes back ---------------------------------------------------------------------------


async def _asked(
    method: str, url: str, headers: dict[str, str], body: bytes | None = None
) -> Answer | str:
    """The answer, or a code for why there is none."""
    try:
        return await ask(method, url, seconds=SECONDS, headers=headers, body=body)
    except AwayError as away:
        return away.reason
    except UnknownOutcomeError as fault:
        return str(fault)


def _said(answer: Answer | str) -> dict[str, Any]:
    """The fields of a good answer; none of any other."""
    said = answer.said if isinstance(answer, Answer) and answer.status == 200 else None
    return said if isinstance(said, dict) else {}


def _refused(name: str, answer: Answer | str, cure: str) -> Check:
    return Check(f"{name} live", "broken", f"{name} {_meaning(answer)}", cure)


def _meaning(answer: Answer | str) -> str:
    """What it is, without what stands in it."""
    if isinstance(answer, str):
        return f"{NO_ANSWER} ({answer})"
    if answer.status in (400, 401, 403):
        return f"does not know us ({answer.status})"
    nothing = ", and nothing that could be read" if answer.status == 200 else ""
    return f"answers {answer.status}{nothing}"
