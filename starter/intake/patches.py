"""What may be said of customers, orders and contracts: every field typed and of bounded size.

They are patches: absent is unchanged, null is cleared.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from activities.crm import values
from activities.crm.parcels import PLAIN

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _writable(said: str) -> str:
    if "\x00" in said or any("\ud800" <= c <= "\udfff" for c in said):
        raise PydanticCustomError("unwritable_text", "this text has characters nobody can store")
    return said


JOINERS = str.maketrans("", "", "\u200c\u200d")  # Persian and Indic names are written with them


def printable(said: str) -> str:
    if not said.translate(JOINERS).isprintable():
        raise PydanticCustomError("unprintable_text", "write one line of printable characters")
    return said


def _money(said: object) -> str:
    if isinstance(said, bool) or not isinstance(said, str | int):
        raise PydanticCustomError("invalid_amount", 'write an amount as a decimal string: "49.00"')
    try:
        amount = Decimal(str(said))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 12 or len(str(said)) > 24:
        raise PydanticCustomError("invalid_amount", 'write an amount as a decimal string: "49.00"')
    return f"{amount:f}"


def _zoned(said: object) -> object:
    """Times are written out, with their zone: a bare number may be seconds or milliseconds."""
    if isinstance(said, datetime) or (isinstance(said, str) and "T" in said.upper()):
        return said
    raise PydanticCustomError("invalid_time", "write a time with its zone: 2026-11-21T12:00:00Z")


def _dated(said: object) -> object:
    """Where a day will do, one may be given: its beginning is meant."""
    return f"{said}T00:00:00Z" if isinstance(said, str) and DAY.fullmatch(said.strip()) else said


def _plausible(said: datetime) -> datetime:
    if said < EARLIEST or said.year > 9000:
        raise PydanticCustomError("invalid_time", "this time cannot be meant")
    return said.astimezone(UTC)


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Words = Annotated[str, Field(max_length=20_000), AfterValidator(_writable)]
Link = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s<>\"]+$")]
Money = Annotated[str, BeforeValidator(_money)]
Moment = Annotated[AwareDatetime, BeforeValidator(_zoned), AfterValidator(_plausible)]
Day = Annotated[Moment, BeforeValidator(_dated)]


class StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def said(self) -> dict[str, Any]:
        """What was said, null included; what was left out is not in it."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ConsentPatch(StrictModel):
    email_marketing: StrictBool | None = None
    sms_marketing: StrictBool | None = None
    relationship: StrictBool | None = None
    at: Moment | None = None
    source: Line | None = None
    wording: Words | None = None


class Address(StrictModel):
    line1: Line | None = None
    line2: Line | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: Line | None = None
    country: Line | None = None


def _fit(check: Any) -> AfterValidator:
    def run(said: str) -> str:
        try:
            return str(check(said))
        except values.UnfitValueError as unfit:
            code, detail = cast("Any", unfit.code), cast("Any", unfit.detail)
            raise PydanticCustomError(code, detail) from None

    return AfterValidator(run)


Email = Annotated[str, Field(max_length=254), _fit(values.email_of)]


class CustomerPatch(StrictModel):
    id: str | None = None
    email: Email | None = None
    phone: Annotated[str, Field(max_length=40), AfterValidator(printable)] | None = None
    name: Line | None = None
    preferred_name: Line | None = None
    company: Line | None = None
    country: Annotated[str, Field(max_length=10), _fit(values.country_of)] | None = None
    locale: Annotated[str, Field(max_length=20), _fit(values.locale_of)] | None = None
    time_zone: Annotated[str, Field(max_length=64), _fit(values.time_zone_of)] | None = None
    preferred_channel: Literal["email", "sms", "phone", "letter"] | None = None
    address: Address | None = None
    owner: Line | None = None
    tier: Literal["standard", "premium", "vip"] | None = None
    sensitive: StrictBool | None = None
    since: Day | None = None
    topics: dict[Name, StrictBool] | None = Field(None, max_length=50)
    consent: ConsentPatch | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _guest(cls, said: object) -> object:
        """A guest's id is absent, null, "0" or empty."""
        if isinstance(said, int) and not isinstance(said, bool):
            said = str(said)
        return None if said in ("", "0") else said

    @model_validator(mode="after")
    def _id_is_opaque(self) -> CustomerPatch:
        if self.id is None:
            return self
        known = {"name": self.name, "email": self.email, "phone": self.phone}
        if values.looks_personal(self.id, **known):
            raise PydanticCustomError(
                "id_looks_personal",
                "an id must not say who somebody is: leave it out, and the customer is found by "
                "e-mail address or phone number",
                {"param": "id"},
            )
        if not PLAIN.fullmatch(self.id):
            raise PydanticCustomError(
                "invalid_id", "an id is 1 to 64 of A-Z a-z 0-9 _ -", {"param": "id"}
            )
        return self


class Item(StrictModel):
    sku: Line | None = None
    name: Line | None = None
    quantity: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    price: Money | None = None
    url: Link | None = None


class Shipment(StrictModel):
    id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
    carrier: Line | None = None
    tracking_number: Line | None = None
    tracking_url: Link | None = None
    estimated_delivery: Day | None = None


class OrderPatch(StrictModel):
    id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
    reference: Line | None = None  # another name that its sender has for it
    number: Line | None = None  # what the customer knows it by
    confirmed_at: Moment | None = None
    first: StrictBool | None = None
    total: Money | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")] | None = None
    product_line: Line | None = None
    sold_by: Line | None = None
    fulfilment: Literal["ship", "pickup", "digital", "service"] | None = None
    items: Annotated[list[Item], Field(max_length=500)] | None = None
    shipments: Annotated[list[Shipment], Field(max_length=100)] | None = None

    def said(self) -> dict[str, Any]:
        """What was said; what stands in lists is plain data, as JSON keeps it."""
        plain = self.model_dump(mode="json", exclude_unset=True, include={"items", "shipments"})
        currency = {"currency": self.currency.upper()} if self.currency else {}
        return super().said() | plain | currency

    @field_validator("id", mode="before")
    @classmethod
    def _number(cls, said: object) -> object:
        return str(said) if isinstance(said, int) and not isinstance(said, bool) else said


class ContractPatch(StrictModel):
    id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
    signed_at: Moment | None = None
    account_manager: Line | None = None
    office: Line | None = None
    contacts: list[dict[Name, Words]] | None = Field(None, max_length=50)
    needs: Words | None = None
