"""How SendGrid and Twilio prove themselves: the vendors' own vectors, and what is a little off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from activities.settings import Settings
from starter.senders import Delivery
from starter.senders.signatures import (
    SENDGRID,
    SENDGRID_AT,
    TWILIO,
    form_of,
    is_by_sendgrid,
    is_by_twilio,
    is_signed,
)
from tests.starter.hooks import (
    PUBLIC_URL,
    SENDGRID_PUBLIC,
    TWILIO_TOKEN,
    sendgrid,
    twilio,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATUS = "twilio/status"


def settings(**fields: object) -> Settings:
    given: dict[str, object] = {
        "sendgrid_webhook_public_key": SENDGRID_PUBLIC,
        "twilio_auth_token": SecretStr(TWILIO_TOKEN),
        "public_url": PUBLIC_URL,
    }
    return Settings(_env_file=None).model_copy(update=given | fields)


# -- SendGrid ------------------------------------------------------------------------------

# The vector that the vendor's own library is tested with (sendgrid-python, MIT): a signature
# cannot be rewritten, so this body stands as it was signed, with the CRLF that ends it.
VECTOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1"
    "flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)
VECTOR = {
    SENDGRID: (
        "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15T"
        "luLtEZtM="
    ),
    SENDGRID_AT: "1600112502",
}
VECTOR_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]'
    b"\r\n"
)
VECTOR_AT = datetime.fromtimestamp(1600112502, UTC)


def test_sendgrids_own_vector_verifies() -> None:
    """On the raw bytes: without the line's end that SendGrid signed, it is another body."""
    known = settings(sendgrid_webhook_public_key=VECTOR_KEY)
    assert is_by_sendgrid(Delivery(VECTOR_BODY, VECTOR), known, VECTOR_AT)
    assert not is_by_sendgrid(Delivery(VECTOR_BODY.strip(), VECTOR), known, VECTOR_AT)
    assert not is_by_sendgrid(Delivery(VECTOR_BODY, VECTOR), settings(), VECTOR_AT)


@pytest.mark.parametrize(
    ("age", "genuine"),
    [
        (timedelta(hours=25), True),  # a day of retries
        (timedelta(hours=27), False),
        (-timedelta(minutes=4), True),  # clocks differ
        (-timedelta(minutes=6), False),
    ],
)
def test_sendgrid_may_be_a_day_late(age: timedelta, genuine: bool) -> None:
    """It tries again for 24 hours what we could not take."""
    delivery = Delivery(b"[]", sendgrid(b"[]", NOW - age))
    assert is_by_sendgrid(delivery, settings(), NOW) is genuine


@pytest.mark.parametrize(
    "off",
    [
        {SENDGRID: ""},
        {SENDGRID: "no base64"},
        {SENDGRID: "é"},
        {SENDGRID: "MEUC"},
        {SENDGRID_AT: ""},
        {SENDGRID_AT: "-5"},
        {SENDGRID_AT: "1e9"},
        {SENDGRID_AT: "9" * 400},
        {SENDGRID_AT: "²"},
    ],
)
def test_what_is_no_signature_of_sendgrids_is_none(off: dict[str, str]) -> None:
    """Whatever stands in the headers, nothing is raised."""
    delivery = Delivery(b"[]", sendgrid(b"[]", NOW) | off)
    assert not is_by_sendgrid(delivery, settings(), NOW)


def test_the_same_bytes_in_another_spelling_are_no_signature() -> None:
    """Base64 that ends in `=` has bits that say nothing: only its right spelling counts."""
    signed = sendgrid(b"[]", NOW)
    while not signed[SENDGRID].endswith("="):
        signed = sendgrid(b"[]", NOW)  # each signature is another
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = signed[SENDGRID].rstrip("=")
    last = alphabet[alphabet.index(bare[-1]) + 1]
    other = bare[:-1] + last + "=" * (len(signed[SENDGRID]) - len(bare))
    assert is_by_sendgrid(Delivery(b"[]", signed), settings(), NOW)
    assert not is_by_sendgrid(Delivery(b"[]", signed | {SENDGRID: other}), settings(), NOW)


@pytest.mark.parametrize("key", ["", "nonsense", "AAAA", SENDGRID_PUBLIC[:-8], "é" * 40])
def test_with_a_key_that_is_none_nothing_is_genuine(key: str) -> None:
    """A setting that was cut short does not open the door."""
    known = settings(sendgrid_webhook_public_key=key)
    assert not is_by_sendgrid(Delivery(b"[]", sendgrid(b"[]", NOW)), known, NOW)


# -- Twilio --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "signature"),
    [
        (
            (
                b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
                b"&Caller=%2B14158675309"
            ),
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (
            b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
    ],
)
def test_twilios_own_vectors_verify(form: bytes, signature: str) -> None:
    """Those that its own library is tested with (twilio-python, MIT): names once, and twice."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert is_signed(url, form, signature, "12345")
    assert not is_signed(url, form, signature, "1234")


def test_twilios_way_is_kept_to_the_letter() -> None:
    """Blank values are values; of a name that comes twice, each value counts; the address, too."""
    body = b"MessageSid=SM1&Body=&MediaUrl=b&MediaUrl=a&MediaUrl=a&To=%2B44+20"
    query = "t=msg_1"
    signed = twilio(body, f"/hooks/{STATUS}?{query}")
    assert is_by_twilio(Delivery(body, signed, query), settings(), STATUS)
    for other in (
        Delivery(body, signed),
        Delivery(body, signed, "t=msg_2"),
        Delivery(body.replace(b"Body=&", b"Body=x&"), signed, query),
        Delivery(body.replace(b"MediaUrl=b&", b""), signed, query),
        Delivery(body, {}, query),
        Delivery(body, {TWILIO: ""}, query),
        Delivery(body, {TWILIO: "é"}, query),
        Delivery(b"\xff\xfe", signed, query),
        Delivery(b"a=%ff", signed, query),
        Delivery(b"&".join([b"a=1"] * 501), signed, query),
    ):
        assert not is_by_twilio(other, settings(), STATUS)
    assert not is_by_twilio(Delivery(body, signed, query), settings(), "twilio/inbound")


def test_only_the_address_that_twilio_knows_counts() -> None:
    """As the settings have it, with or without its port; a missing token proves nothing."""
    body = b"MessageSid=SM1"
    signed = twilio(body, f"/hooks/{STATUS}")
    delivery = Delivery(body, signed)
    assert is_by_twilio(delivery, settings(public_url=f"{PUBLIC_URL}/"), STATUS)
    assert is_by_twilio(delivery, settings(public_url=f"{PUBLIC_URL}:443"), STATUS)
    assert not is_by_twilio(delivery, settings(public_url="http://hello.example.com"), STATUS)
    assert not is_by_twilio(delivery, settings(public_url="https://[broken"), STATUS)
    assert not is_by_twilio(delivery, settings(twilio_auth_token=SecretStr("")), STATUS)


def test_a_form_is_read_as_it_came() -> None:
    """In its order, decoded once; what is no form is none."""
    form = form_of(b"a=1&b=&a=%C3%A9&c")
    assert form == {"a": ["1", "é"], "b": [""], "c": [""]}
    assert (form.first("a"), form.first("z")) == ("1", "")
    assert form_of(b"a=\xe9") is None
