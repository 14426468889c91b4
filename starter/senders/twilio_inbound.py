"""What customers write by SMS, as Twilio posts it at `/hooks/twilio/inbound`.

A STOP is everybody's who has the number. Twilio's network answers it itself, and HELP, too: we say
nothing to either.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import consents, numbers, values
from activities.crm.tables import Customer, Message
from activities.rendering.values import visible
from activities.settings import Settings
from starter.senders import Delivery, Reader, Reading, Readings, Reply, UnreadableError
from starter.senders.signatures import Form, form_of, is_by_twilio
from starter.senders.twilio_media import fetched
from starter.senders.wishes import Wish, by_sms

RECENT = timedelta(days=60)  # an SMS of ours that may still be meant
SID = "MessageSid"


class TwilioInbound:
    name = "twilio"
    path = "twilio/inbound"
    variable = "TWILIO_AUTH_TOKEN"
    headers: Sequence[str] = ()
    most = 100_000
    thanks = Reply(200, b"<Response/>", "text/xml")

    def is_set_up(self, settings: Settings) -> bool:
        return bool(settings.twilio_auth_token.get_secret_value().strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        return is_by_twilio(delivery, settings, self.path)

    def key(self, delivery: Delivery) -> str:
        form = form_of(delivery.body)
        return form.first(SID) if form else ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        """A reply; or a wish, for each who has the number."""
        form = form_of(delivery.body)
        if form is None or not form.first(SID):
            raise UnreadableError("bad_form")
        try:
            phone = values.phone_of(form.first("From"), None)
        except values.UnfitValueError:
            return Readings(left_out=["no_number"])  # a short code, or not by SMS at all
        async with reader.store.reading() as session:
            theirs = await _having(session, phone)
            sent = await _last(session, phone, reader.now)
            stopped = await _is_stopped(session, phone, theirs)
        words = visible(form.first("Body"))
        wish = by_sms(words, form.first("OptOutType"), stopped=stopped)
        if wish in (Wish.STOP, Wish.START):
            given = wish is Wish.START
            return Readings(_wished(form.first(SID), phone, theirs, words, given=given))
        files, missing = await fetched(form, reader.settings)
        event = _reply(form, phone, theirs, sent, missing, automatic=wish is Wish.HELP)
        found = Reading(event, tuple(files))
        return Readings([found], left_out=["help"] if wish is Wish.HELP else [])


def _wished(
    sid: str, phone: str, theirs: Sequence[str], words: str, *, given: bool
) -> list[Reading]:
    """It is said by whoever has the number, known to us or not."""
    said = {"sms": given, "source": "sms", "wording": words[:2000]}
    whose: list[dict[str, str]] = [{"id": one} for one in theirs] or [{"phone": phone}]
    return [
        Reading(
            {
                "id": f"sms/{sid}/{number}",
                "type": "consent.changed",
                "customer": who,
                "data": said,
            }
        )
        for number, who in enumerate(whose)
    ]


def _reply(
    form: Form,
    phone: str,
    theirs: Sequence[str],
    sent: Message | None,
    missing: Sequence[str],
    *,
    automatic: bool,
) -> dict[str, Any]:
    """To the last that we sent to this number; without one, from who has had it longest."""
    customer = sent.customer_id if sent else next(iter(theirs), None)
    data: dict[str, Any] = {"channel": "sms", "text": _words(form, missing), "automatic": automatic}
    return {
        "id": f"sms/{form.first(SID)}",
        "type": "reply.received",
        "customer": {"id": customer} if customer else {"phone": phone},
        "data": data | ({"message": sent.id} if sent else {}),
    }


def _words(form: Form, missing: Sequence[str]) -> str:
    """The words; of pictures that could not be had, where they are."""
    noted = [f"[Sent along, and not fetched: {visible(one)[:500]}]" for one in missing]
    return "\n".join([visible(form.first("Body")) or "[No words.]", *noted])[:20_000]


async def _having(session: AsyncSession, phone: str) -> list[str]:
    query = (
        select(Customer.id)
        .where(Customer.phone == phone, Customer.erased_at.is_(None))
        .order_by(Customer.created_at, Customer.id)
    )
    return list((await session.execute(query)).scalars())


async def _last(session: AsyncSession, phone: str, now: datetime) -> Message | None:
    """The last SMS that went to this number, if that is not long ago, of somebody we still know."""
    query = (
        select(Message)
        .join(Customer, Customer.id == Message.customer_id)
        .where(
            Message.channel == "sms",
            Message.address == phone,
            Message.sent_at > now - RECENT,
            Customer.erased_at.is_(None),
        )
        .order_by(Message.sent_at.desc(), Message.id)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def _is_stopped(session: AsyncSession, phone: str, theirs: Sequence[str]) -> bool:
    """Whether anybody has said STOP from this number, and not taken it back."""
    if await numbers.is_stopped(session, phone):
        return True
    words = [await consents.latest(session, one, "sms") for one in theirs]
    return any(word is not None and not word.given for word in words)
