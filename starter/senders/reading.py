"""What a checkout says, taken in with care: what fits is kept, what does not is left out.

Nothing that a field holds may lose the order it stands in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from activities.crm import customers, orders, values
from activities.crm.parcels import PLAIN
from activities.crm.tables import Order
from starter.answers import Refusal
from starter.intake.events import Command, read_event
from starter.senders import Delivery, Reader, Reading, Readings, UnreadableError

LONG_AGO = timedelta(days=30)  # an order of before, and unknown to us, is none of our business
ONE = re.compile(r"gid://shopify/\w+/(\d+)")  # another way to write a number
LINKED = re.compile(r"https?://[^\s<>\"\\]+")
LONGEST = 64  # of a name of theirs; a longer one is made shorter
ENOUGH = 200  # fields that may be unfit before the event is
MOST = Decimal(10) ** 12
DIGITS = 6  # after the point, at most
TEST = "test_order"
JOINERS = "\u200c\u200d"  # Persian and Indic names are written with them

Fields = dict[str, Any]


def is_hmac(secret: str, body: bytes, said: str) -> bool:
    """Whether this is the base64 of the body's HMAC-SHA256."""
    right = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(said.encode(errors="replace"), right)


def parsed(body: bytes) -> Fields:
    """The object that was posted; numbers as they were written, however long."""
    try:
        said = json.loads(body, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError, InvalidOperation):
        raise UnreadableError("bad_json") from None
    if not isinstance(said, dict):
        raise UnreadableError("invalid")
    return said


def inside(said: object, *path: str) -> Any:
    """What stands there, if the way is one of objects."""
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said


def table(said: object, *path: str) -> Fields:
    """The object that stands there, else an empty one."""
    found = inside(said, *path)
    return found if isinstance(found, dict) else {}


def listed(said: object, *path: str, most: int = 500) -> list[Fields]:
    """The objects in the list that stands there."""
    found = inside(said, *path)
    return [one for one in found[:most] if isinstance(one, dict)] if isinstance(found, list) else []


def text(said: object, most: int = 200, *, escaped: bool = False) -> str | None:
    """One line of it, without what cannot be printed; none if that is nothing, or too long."""
    if not isinstance(said, str) or len(said) > 10 * most:
        return None
    written = html.unescape(said) if escaped else said
    kept = "".join(c if c.isprintable() or c in JOINERS else " " for c in written)
    line = " ".join(kept.split())
    return line if 0 < len(line) <= most else None


def word(said: object) -> str:
    """One of the sender's own words, to be compared."""
    return said if isinstance(said, str) and len(said) <= 100 else ""


def number(said: object) -> str | None:
    """An id, exactly; nobody's is 0 or empty."""
    if isinstance(said, int) and not isinstance(said, bool):
        return _short(str(said)) if said else None
    line = text(said) if isinstance(said, str) else None
    if line is None or line == "0":
        return None
    return _short(found[1] if (found := ONE.fullmatch(line)) else line)


def _short(line: str) -> str:
    return line if len(line) <= LONGEST else hashlib.sha256(line.encode()).hexdigest()[:24]


def whole(said: object, most: int = 1_000_000) -> int | None:
    """A count."""
    fits = isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= most
    return said if fits and isinstance(said, int) else None


def named(source: str, said: object, **known: str | None) -> str | None:
    """A name of theirs as one of ours, `shopify-1001`; what is odd in it, or says who somebody is,
    is made unreadable."""
    if (name := number(said)) is None:
        return None
    ours = f"{source}-{name}"
    if PLAIN.fullmatch(ours) and not values.looks_personal(name, **known):
        return ours
    return f"{source}-{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def moment(said: object) -> datetime | None:
    """A moment with its zone, as ISO 8601 writes it."""
    if not isinstance(said, str) or len(said) > 40 or "T" not in said:
        return None
    # Some write a billionth of a second; a millionth is what is kept.
    line = re.sub(r"(\.\d{6})\d+", r"\1", said.strip())
    try:
        found = datetime.fromisoformat(line)
        return found.astimezone(UTC) if found.tzinfo and 1990 <= found.year <= 9000 else None
    except (ValueError, OverflowError):
        return None


def money(said: object, places: int | None = None) -> str | None:
    """An amount as a decimal, rounded to so many places if that is said."""
    if isinstance(said, bool) or not isinstance(said, str | int | Decimal):
        return None
    if isinstance(said, str) and len(said) > 24:
        return None
    try:
        amount = Decimal(said)
        if not amount.is_finite() or abs(amount) >= MOST:
            return None
        exponent = amount.as_tuple().exponent
        digits = DIGITS if isinstance(exponent, int) and exponent < -DIGITS else None
        digits = places if places is not None else digits
        rounded = amount if digits is None else amount.quantize(Decimal(1).scaleb(-digits))
        return f"{rounded:f}"[:24]
    except InvalidOperation:
        return None


def link(said: object) -> str | None:
    fits = isinstance(said, str) and len(said) <= 2000 and said.isprintable()
    return said if fits and isinstance(said, str) and LINKED.fullmatch(said) else None


def _checked(check: Callable[[str], str], said: object, most: int) -> str | None:
    line = text(said, most)
    try:
        return check(line) if line else None
    except values.UnfitValueError:
        return None


def email(said: object) -> str | None:
    return _checked(values.email_of, said, 254)


def country(said: object) -> str | None:
    return _checked(values.country_of, said, 10)


def locale(said: object) -> str | None:
    return _checked(values.locale_of, said, 20)


def phone(said: object, where: str | None) -> str | None:
    """In the one form, or none: a number without a country may be anybody's."""
    return _checked(lambda line: values.phone_of(line, where), said, 40)


def known_of(**fields: Any) -> Fields:
    """What is known of these: the others are left as they were."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}


def accepts_tests(reader: Reader) -> bool:
    """Nobody real is written to: then a test order may be followed up, to see how it goes."""
    return not reader.settings.real_providers


async def order_of(reader: Reader, name: str) -> Order | None:
    """The order as it is known so far."""
    async with reader.store.reading() as session:
        return await orders.find(session, name)


async def knows_customer(reader: Reader, who: Fields) -> bool:
    async with reader.store.reading() as session:
        return await customers.recognise(session, who) is not None


@dataclass
class Comes:
    """What a delivery comes to, so far."""

    key: str  # the delivery's own
    now: datetime
    found: list[Reading] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, key: str, delivery: Delivery, reader: Reader) -> Comes:
        return cls(delivery.called(key, 150), reader.now)

    def say(
        self,
        what: str,
        at: datetime | None,
        *,
        once: str = "",
        customer: Fields | None = None,
        order: Fields | None = None,
        data: Fields | None = None,
    ) -> None:
        """An event of ours; `once` names the fact, however many deliveries tell of it."""
        event = known_of(
            id=once or f"{self.key}/{what}",
            type=what,
            occurred_at=min(at, self.now).isoformat() if at else None,  # none: when it came
            customer=customer,
            order=order,
            data=data,
        )
        try:
            self.found.append(Reading(fitting(event)))
        except Refusal as refusal:
            self.failed.append(refusal.code)

    def leave(self, code: str) -> None:
        if code not in self.left_out:
            self.left_out.append(code)

    @property
    def readings(self) -> Readings:
        return Readings(self.found, self.left_out, self.failed)


def fitting(event: Fields) -> Fields:
    """The event without the fields that do not fit; a `Refusal` if it is nothing without them."""
    for _ in range(ENOUGH):
        try:
            read_event(event, Command)
        except Refusal as refusal:
            if not _drop(event, (refusal.param or "").split(".")):
                raise
        else:
            return event
    raise Refusal("invalid", "hardly anything of it fits")


def _drop(event: Fields, path: list[str]) -> bool:
    """Leave out what stands there, or what it stands in; never what the event is about."""
    steps = list(_steps(event, path))
    if len(steps) < 2 or path[:2] == ["order", "id"]:
        return False
    holder, name = steps[-1]
    del holder[name]
    return True


def _steps(event: Any, path: list[str]) -> Iterator[tuple[Any, Any]]:
    here = event
    for part in path:
        name: Any = part
        if isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            name = int(part)
        elif not (isinstance(here, dict) and part in here):
            return
        yield here, name
        here = here[name]
