"""Whatever stands in names, subjects and addresses: no header, recipient or active content more.

Each message is built as each of the three providers gets it, and read as they read it.
"""

from __future__ import annotations

import email
import json
import os
import random
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from activities.channels import Because, Parcel, Rejected
from activities.channels.mail import line, mailbox, shown
from activities.channels.sendgrid import mail
from activities.channels.smtp import letter
from activities.rendering import render
from tests.activities.rendering import Page, a_person, facts
from tests.activities.test_rendering_fuzz import PIECES, UNSEEN
from tests.channels.posts import MAIL, SENDER, SMS, post, twilio
from tests.factories import NOON

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
CASES = 1000 * DOSE
INJECTIONS = [
    "\r\nBcc: eve@evil.example",
    "\nTo: eve@evil.example",
    "\r\n\r\n<script>alert(1)</script>",
    "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n",
    "%0d%0aBcc:eve@evil.example",
    "=?utf-8?q?=0d=0aBcc:_eve=40evil.example?=",
    "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
    "=\u200b?utf-8?q?=0d=0aBcc:_eve=40evil.example?=",
    "\x85Bcc: eve@evil.example",
    "\u2028Bcc: eve@evil.example",
    "eve@evil.example",
    ", eve@evil.example",
    "; eve@evil.example",
    "<eve@evil.example>",
    ">, <eve@evil.example",
    '"eve@evil.example"',
    "eve@evil.example,ada@example.com",
    "&Body=evil&To=%2B15005550001",
    "&MediaUrl=http://evil.example/x.png",
    '","to":[{"email":"eve@evil.example"}],"x":"',
    "SG.abc.def",
    "x" * 2000,
    "é" * 500,
    "\U0001f600" * 300,
    "\udc80",
]
ADDRESSES = ["ada@example.com", "ada@bücher.example", "ädä@example.com", "+447700900123", "@", ""]
HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Auto-Submitted"} | {
    *("List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"),
    "Content-Transfer-Encoding",
}
KEYS = {"from", "subject", "personalizations", "content", "headers", "tracking_settings"} | {
    "reply_to"
}
FORM = {"To", "From", "Body", "ValidityPeriod", "SmartEncoded"}


def hostile() -> Iterator[Parcel]:
    """As many messages as the dose says, the same in every run."""
    dice = random.Random(2026)
    stuff = [*PIECES, *UNSEEN, *INJECTIONS, *string.punctuation]

    def text(most: int = 4) -> str:
        return "".join(dice.choice([*stuff, "Ada", " "]) for _ in range(dice.randint(0, most)))

    def address() -> str:
        good = dice.choice(ADDRESSES)
        return dice.choice([good, good + text(2), text(2) + good, text()])

    for number in range(CASES):
        yield replace(
            MAIL,
            to=address(),
            subject=text(6),
            text=text(8),
            html=dice.choice([None, f"<p>{text(3)}</p>"]),
            from_name=text(),
            reply_to=address(),
            unsubscribe=dice.choice([MAIL.unsubscribe, MAIL.unsubscribe + text(2), text()]),
            key=f"online-customer.cus_{number}/welcome",
        )


def one_line(said: str) -> bool:
    return all(unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp", "Cf") for one in said)


def test_sendgrid_gets_one_recipient_and_our_headers() -> None:
    """Its JSON says no more than ours: what is hostile is a value, on one line."""
    built = 0
    for parcel in hostile():
        made = mail(parcel, SENDER)
        if isinstance(made, Rejected):
            assert made.because in (Because.ADDRESS, Because.MESSAGE)
            continue
        built += 1
        said = json.loads(json.dumps(made).encode().decode())
        assert said.keys() <= KEYS
        (personal,) = said["personalizations"]
        assert personal.keys() == {"to", "custom_args"}
        (to,) = personal["to"]
        assert to == {"email": reached(parcel)}
        assert personal["custom_args"]["aftercare_key"] == parcel.key
        assert said["from"].keys() <= {"email", "name"}
        assert said["from"]["email"] == SENDER
        assert one_line(said["from"].get("name", ""))
        assert one_line(said["subject"])
        assert not {"name", "cc"} & said.get("reply_to", {}).keys()
        assert said["headers"].keys() <= HEADERS
        assert all(one_line(value) for value in said["headers"].values())
        leave = said["headers"].get("List-Unsubscribe", "<>")
        assert not set(leave[1:-1]) & set("<>, \"'\\\r\n\t")
        json.dumps(said, ensure_ascii=False).encode()  # no broken letter in it
    assert built > CASES / 10


def test_a_mail_server_gets_one_recipient_and_our_headers() -> None:
    """Its lines are ours: parsed again, there are as many headers and parts as there were."""
    built = 0
    for parcel in hostile():
        made = letter(parcel, SENDER, NOON)
        if isinstance(made, Rejected):
            assert made.because is Because.ADDRESS
            continue
        built += 1
        got = email.message_from_string(made.as_bytes().decode(), policy=policy.default)
        assert isinstance(got, EmailMessage)
        assert set(got.keys()) <= HEADERS
        assert len(got.keys()) == len(set(got.keys()))
        (to,) = got["To"].addresses
        assert to.addr_spec in (reached(parcel), full(parcel))
        (sender,) = got["From"].addresses
        assert sender.addr_spec == SENDER
        assert squeezed(sender.display_name) == squeezed(shown(parcel.from_name))
        assert squeezed(str(got["Subject"])) == squeezed(line(parcel.subject))
        assert len(got["Reply-To"].addresses if "Reply-To" in got else ()) <= 1
        assert one_line(str(got["Subject"]))
        parts = [one.get_content_type() for one in got.walk()]
        assert parts == (["multipart/alternative"] if parcel.html else []) + ["text/plain"] + (
            ["text/html"] if parcel.html else []
        )
        assert not [part.defects for part in got.walk() if part.defects]
    assert built > CASES / 10


async def test_twilio_gets_one_number_and_our_fields() -> None:
    """Its form has no field more, whatever stands in the words."""
    channel = twilio("http://127.0.0.1:9")
    for parcel in hostile():
        form = channel._request(replace(parcel, to=SMS.to))
        names = {"to": "To", "from_": "From", "body": "Body"} | {
            "validity_period": "ValidityPeriod",
            "smart_encoded": "SmartEncoded",
        }
        said = parse_qs(urlencode({names[name]: value for name, value in form.items()}))
        assert said.keys() <= FORM
        assert said["To"] == [SMS.to]
        assert all(len(values) == 1 for values in said.values())


async def test_the_providers_read_them_so_too() -> None:
    """A sample goes over the wire: each provider has one message, to whom it was for."""
    sample = [one for one in hostile() if mailbox(one.to)][:40]
    for provider in ("sendgrid", "smtp", "twilio"):
        async with post(provider) as ours:
            for parcel in sample:
                to = SMS.to if provider == "twilio" else parcel.to
                before = len(ours.fake.accepted)
                outcome = await ours.send(**{**vars(parcel), "to": to})
                taken = ours.fake.accepted[before:]
                assert len(taken) == (outcome == "accepted")
                assert outcome == "accepted" or outcome.startswith(("message", "address"))
                assert {one.to for one in taken} <= {to, reached(parcel), full(parcel)}


@pytest.mark.parametrize("template", ["welcome"])
def test_a_name_makes_nothing_active(template: str) -> None:
    """From the customer's record through the template to the mail: the same tags and links."""
    usual = Page(render(template, "en", "email", facts()).html)
    dice = random.Random(5)
    stuff = [*PIECES, *UNSEEN, *INJECTIONS]
    for _ in range(100 * DOSE):
        name = "".join(dice.choices(stuff, k=dice.randint(1, 4)))
        sent = render(template, "en", "email", facts(a_person(name=name, preferred_name=name)))
        made = letter(
            replace(MAIL, subject=sent.subject, text=sent.text, html=sent.html), SENDER, NOON
        )
        assert isinstance(made, EmailMessage)
        body = made.get_body(("html",))
        assert body is not None
        page = Page(body.get_content())
        assert set(page.links) == set(usual.links)
        assert set(page.tags) <= set(usual.tags)
        assert page.attributes <= usual.attributes


def squeezed(text: str) -> str:
    """Where the library folds a long line it may add or lose a blank, never more."""
    return text.replace(" ", "")


def reached(parcel: Parcel) -> Any:
    box = mailbox(parcel.to)
    return box and box.plain


def full(parcel: Parcel) -> Any:
    box = mailbox(parcel.to)
    return box and box.full
