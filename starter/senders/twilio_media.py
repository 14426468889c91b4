"""Pictures that came with an SMS: fetched from Twilio, who keeps them, with our credentials.

Twilio leads on to where they lie; there our credentials are nobody's business. Whatever cannot be
had is noted by its address: the words beside it wait for no picture.
https://www.twilio.com/docs/messaging/api/media-resource
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from activities.settings import Settings
from activities.systems import LOOPBACK
from starter.senders import File, asking
from starter.senders.mail.files import Files
from starter.senders.signatures import Form

MOST = 10  # of one message
LARGEST = 6_000_000  # bytes of one: of all together Twilio takes 5 MB
SECONDS = 10.0  # for all of them
SID = "[0-9a-fA-F]{32}"
PLACE = re.compile(
    rf"https://[^/]+(/2010-04-01/Accounts/(AC{SID})/Messages/(?:MM|SM){SID}/Media/ME{SID})"
)
KEPT = re.compile(r"(image|audio|video)/.+|text/(plain|vcard|x-vcard|calendar)|application/pdf")
THERE = (".twiliocdn.com", ".amazonaws.com")  # where Twilio leads on to


async def fetched(form: Form, settings: Settings) -> tuple[Sequence[File], Sequence[str]]:
    """What was sent along, and the addresses of what could not be had."""
    media = [form.first(f"MediaUrl{number}") for number in range(MOST)]
    there = [one for one in media if one.startswith("https://")]
    asked = [asyncio.create_task(_one(one, settings)) for one in there]
    if asked:
        await asyncio.wait(asked, timeout=SECONDS)
    files, missing = Files(), list[str]()
    for url, task in zip(there, asked, strict=True):
        file = task.result() if task.done() else None
        task.cancel()
        before = len(files.kept)
        if file is not None:
            ending = mimetypes.guess_extension(file.type) or ".bin"
            files.keep(File(f"picture-{len(files.kept) + 1}{ending}", file.type, file.content))
        if len(files.kept) == before:
            missing.append(url)
    return files.kept, missing


async def _one(url: str, settings: Settings) -> File | None:
    """Only what lies with our own account, and only where its API is."""
    base = settings.twilio_api_base.rstrip("/")
    found = PLACE.fullmatch(url)
    if found is None or found[2] != settings.twilio_account_sid:
        return None
    known = asking.basic(found[2], settings.twilio_auth_token.get_secret_value().strip())
    try:
        answer = await _get(base + found[1], known)
        if answer.status in (301, 302, 303, 307, 308):
            to = answer.headers.get("location", "")
            if not _leads_on(to, base):
                return None
            answer = await _get(to, "")
    except asking.AwayError:
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200 or not answer.content or not KEPT.fullmatch(kind):
        return None
    return File("", kind, answer.content)


async def _get(url: str, authorization: str) -> asking.Said:
    return await asking.get(
        url, authorization=authorization, params={}, most=LARGEST, seconds=SECONDS
    )


def _leads_on(to: str, base: str) -> bool:
    """Whether that is where Twilio keeps pictures; a fake on this machine keeps its own."""
    try:
        parts, own = urlsplit(to), urlsplit(base)
        host = parts.hostname or ""
        if own.hostname in LOOPBACK:
            return (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        return parts.scheme == "https" and parts.port in (None, 443) and host.endswith(THERE)
    except ValueError:
        return False
