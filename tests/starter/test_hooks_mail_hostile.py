"""E-mails that no person writes: read as far as they go, in bounded time, and never lost."""

from __future__ import annotations

import random
import time

import pytest
from starlette.requests import Request

from activities.crm.store import Store
from activities.crm.tables import Enclosure, Inbox, Note
from starter.desk import Desk
from starter.inbound.hooks import MOST_LARGE, ROOMS
from starter.intake.events import Command, read_event
from starter.printing.received import Received
from starter.senders import Delivery, Reader
from starter.senders.inbound_mail import InboundMail
from starter.senders.mail.charsets import decoded
from starter.senders.mail.headers import addresses, text
from starter.senders.mail.mime import mail_of
from starter.senders.mail.quotes import own_words
from starter.senders.mail.words import out_of_html
from tests.factories import NOON, FakeClock
from tests.starter import mails
from tests.starter.front import FakeTemporal, only, rows
from tests.starter.hooks import sendgrid, visiting
from tests.starter.mails import BOUNDARY, a_message, ada, form, posts, raw, several, written

DEEP = b"Content-Type: message/rfc822\r\n\r\n" * 3000
NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(400)
)
PLAIN = ("Content-Type: text/plain", b"Hello")
SOUND = written("Hello")
HOSTILE = {
    "empty": b"",
    "only a head": b"From: ada@example.com",
    "only a body": b"\r\n\r\nHello",
    "zeros": b"\x00" * 1000,
    "a zero within": written(b"Hel\x00lo"),
    "bidi": written("Hello \u202e gnirts"),
    "halves of letters": written(b"Hello \xff\xfe\xed\xa0\x80"),
    "no such alphabet": written(b"Hello \xfc", "x-martian"),
    "an alphabet that is none": written(b"Hello", "zlib"),
    "ten megabytes of head": b"X-A: " + b"a" * 10_000_000 + b"\r\n" + SOUND,
    "two hundred thousand headers": b"X-A: a\r\n" * 200_000 + SOUND,
    "a thousand parts": several(*[PLAIN] * 1500),
    "parts within parts": written("", Content_Type="")[:-2] + NESTED,
    "mails within mails": DEEP + SOUND,
    "a boundary never closed": written(
        "--inner\r\n\r\nHello", Content_Type='multipart/mixed; boundary="inner"'
    ),
    "a boundary that is blank": written(
        "--\r\n\r\nHello", Content_Type='multipart/mixed; boundary=""'
    ),
    "a boundary of a pattern": written("x", Content_Type='multipart/mixed; boundary="(a+)+$"'),
    "no boundary": written("Hello", Content_Type="multipart/mixed"),
    "many parameters": written("Hello", Content_Type="text/plain" + "; a" * 100_000),
    "broken base64": written("Hel!!lo", Content_Transfer_Encoding="base64"),
    "unknown encoding": written("Hello", Content_Transfer_Encoding="rot13"),
    "encoded words without end": written("Hello", Subject="=?utf-8?q?" * 5000),
    "addresses without end": written("Hello", From="<" * 10_000, To="a@b," * 10_000),
    "a date that is none": written("Hello", Date="Mon, 99 Foo 99999 99:99:99 +9999999"),
    "lines without end": written("\r\n" * 2_000_000),
    "html that opens only": written("<div>" * 50_000 + "Hello", Content_Type="text/html"),
    "a table of cells": written("<table><tr>" + "<td>x" * 60_000, Content_Type="text/html"),
    "introductions without end": written("On 1 a\nOn 2 wrote " * 20_000),
    "a calendar": several(PLAIN, ("Content-Type: text/calendar; method=REPLY", b"BEGIN:VCALENDAR")),
}


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return mails.replying(store, clock, temporal)


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_comes_is_read(name: str) -> None:
    """No exception, nothing that no database takes, and soon enough to serve others."""
    began = time.process_time()
    mail = mail_of(HOSTILE[name], sender=mails.HERS)
    words = own_words(mail.text)
    assert time.process_time() - began < 20
    assert mail.head.sender == mails.HERS
    for said in (words, mail.head.subject, *(file.name for file in mail.files)):
        assert "\x00" not in said
        assert "\u202e" not in said
        said.encode()


async def test_hostile_mail_through_the_door(desk: Desk, temporal: FakeTemporal) -> None:
    """Each reaches her thread, by the address it was written to."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    names = (
        "zeros",
        "a zero within",
        "halves of letters",
        "mails within mails",
        "a thousand parts",
    )
    async with visiting(desk) as client:
        for name in names:
            answer = await posts(client, desk, raw(HOSTILE[name], to=mails.token_address()))
            assert answer.status_code == 200, name
    assert len(await rows(desk.store, Note)) == len(names)
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}


async def test_what_is_no_form_is_kept_for_an_engineer(desk: Desk) -> None:
    """Signed, and nobody can read it."""
    async with visiting(desk) as client:
        for body, kind in ((b"{}", "application/json"), (b"x", "multipart/form-data; boundary=b")):
            headers = sendgrid(body, desk.clock.real()) | {"content-type": kind}
            answer = await client.post("/hooks/sendgrid/inbound", content=body, headers=headers)
            assert answer.status_code == 200
    assert {row.state for row in await rows(desk.store, Inbox)} == {"failed"}


async def test_what_is_not_signed_is_refused(desk: Desk) -> None:
    """And nothing of it is kept."""
    body = raw(SOUND)
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    good = sendgrid(body, desk.clock.real())
    async with visiting(desk) as client:
        for more, said in (({}, body), (good, body + b"x"), (good, body[:-1])):
            answer = await client.post(
                "/hooks/sendgrid/inbound", content=said, headers=headers | more
            )
            assert answer.status_code == 401
    assert await rows(desk.store, Inbox) == []


async def test_of_large_ones_some_are_taken_in_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others come again; what is small always fits, and nobody keeps a room for good."""
    large = raw(several(PLAIN, ("Content-Type: image/png; name=a.png", b"x" * 2_000_000)))
    monkeypatch.setattr(ROOMS, "taken", {Request({"type": "http"}) for _ in range(MOST_LARGE)})
    async with visiting(desk) as client:
        answer = await posts(client, desk, large)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert (await posts(client, desk, raw(SOUND))).status_code == 200
        ROOMS.taken.clear()
        unsigned = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        refused = await client.post("/hooks/sendgrid/inbound", content=large, headers=unsigned)
        assert refused.status_code == 401
        assert (await posts(client, desk, large)).status_code == 200
    assert ROOMS.taken == set()


async def test_thirty_megabytes(desk: Desk, temporal: FakeTemporal) -> None:
    """As much as SendGrid hands over; what is larger than is kept beside the note is said."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    small = ("Content-Type: image/png; name=a.png", b"x" * 9_000_000)
    large = ("Content-Type: image/png; name=b.png", b"x" * 20_000_000)
    async with visiting(desk) as client:
        assert (await posts(client, desk, raw(several(PLAIN, small, large)))).status_code == 200
        assert (await posts(client, desk, raw(b"x" * 31_000_001))).status_code == 413
    assert (await only(desk.store, Enclosure)).name == "a.png"
    assert (
        await only(desk.store, Note)
    ).summary == "[Left out: a file was too large to be kept.]\nHello"


@pytest.mark.parametrize(
    ("data", "label", "meant"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),  # the label lies
        ("Grüße €".encode("cp1252"), "iso-8859-1", "Grüße €"),  # and so it often does
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        ("Grüße".encode("cp1252"), None, "Grüße"),
        ("Grüße".encode("cp1252"), "us-ascii", "Grüße"),
        ("Grüße".encode("cp850"), "cp850", "Grüße"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("こんにちは".encode("iso-2022-jp"), "ISO-2022-JP", "こんにちは"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("안녕".encode("cp949"), "ks_c_5601-1987", "안녕"),
        ("Hi".encode("utf-16"), "utf-16", "Hi"),
        (b"Hi \xfc", "punycode", "Hi ü"),
        (b"Hi", '"utf-8"', "Hi"),
    ],
)
def test_letters_whatever_the_label(data: bytes, label: str | None, meant: str) -> None:
    """By the label, where it can be right; else by what the bytes look like."""
    assert decoded(data, label) == meant


@pytest.mark.parametrize(
    ("raw_header", "meant"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?b?R3LDvA==?=\r\n =?utf-8?b?w59l?=", "Grüße"),
        ("=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Grüße"),  # a letter cut in two
        ("=?windows-1252?Q?Gr=FC=DFe?= an =?utf-8*de?q?alle?=", "Grüße an alle"),
        ("=?x-martian?q?Gr=FC?=", "Grü"),
        ("=?utf-8?b?!!!?=", ""),
        ("Grüße", "Grüße"),
    ],
)
def test_encoded_words(raw_header: str, meant: str) -> None:
    """RFC 2047, as it is and as it is broken."""
    assert text(raw_header) == meant


def test_addresses_of_broken_headers() -> None:
    """What looks like an address is one."""
    assert addresses('"Ada, L." <Ada@Example.com>, r+X@reply.example.com') == [
        "ada@example.com",
        "r+x@reply.example.com",
    ]
    assert addresses("Ada Ada@Example.com <<") == ["ada@example.com"]


QUOTES = {
    "gmail": "On Mon, 23 Nov 2026 at 10:00, Shop <a@b.example> wrote:\n> STOP",
    "gmail, broken": "On Mon, 23 Nov 2026 at 10:00, A Shop\n<a@b.example>\nwrote:\n> STOP",
    "german": "Am 23.11.2026 um 10:00 schrieb Shop <a@b.example>:\n> STOP",
    "french": "Le lun. 23 nov. 2026 à 10:00, Shop <a@b.example> a écrit :\n\nSTOP",
    "spanish": "El lun, 23 nov 2026 a las 10:00, Shop (<a@b.example>) escribió:\n> STOP",
    "italian": "Il giorno lun 23 nov 2026 alle ore 10:00 Shop <a@b.example> ha scritto:\n> STOP",
    "dutch": "Op ma 23 nov. 2026 om 10:00 schreef Shop <a@b.example>:\n> STOP",
    "danish": "Den man. 23. nov. 2026 kl. 10.00 skrev Shop <a@b.example>:\n> STOP",
    "czech": "Dne po 23. 11. 2026 v 10:00 odesílatel Shop <a@b.example> napsal:\n> STOP",
    "outlook": "____________________\nFrom: Shop <a@b.example>\nSent: Monday\nTo: A\n\nSTOP",
    "outlook, german": "Von: Shop <a@b.example>\nGesendet: Montag\nAn: Ada\nBetreff: Hallo\n\nSTOP",
    "old outlook": "-----Original Message-----\nFrom: Shop\nSTOP",
    "bare": "> STOP",
}


@pytest.mark.parametrize("name", QUOTES)
def test_only_their_own_words_are_theirs(name: str) -> None:
    """In each mail program's way, above it and below it; and all of it, if nothing else is left."""
    assert own_words(f"Yes, please.\n\n{QUOTES[name]}") == "Yes, please."
    assert own_words(QUOTES[name]) == QUOTES[name]
    if QUOTES[name].endswith("> STOP"):
        assert own_words(f"{QUOTES[name]}\n\nYes, please.") == "Yes, please."


def test_between_the_lines() -> None:
    """Answers to one question each."""
    asked = "On 23 Nov 2026 Shop wrote:\n> All well?\n\nYes.\n> Anything else?\nNo, thanks."
    assert own_words(asked) == "Yes.\nNo, thanks."
    assert own_words("Two things I wrote:\nmilk, bread") == "Two things I wrote:\nmilk, bread"


def test_html_without_what_it_quotes() -> None:
    """By the marks that mail programs set."""
    gmail = '<div>Yes</div><div class="gmail_quote">On x wrote:<blockquote>STOP</blockquote></div>'
    assert out_of_html(gmail) == "Yes"
    assert out_of_html('<p>Yes</p><hr><div id="divRplyFwdMsg">From: x</div><p>STOP</p>') == "Yes"
    assert out_of_html("<blockquote>STOP</blockquote>") == "STOP"
    assert out_of_html("<style>p{}</style><p>Gr&uuml;&szlig;e<br>A") == "Grüße\nA"


def test_a_thousand_mutations() -> None:
    """Bytes lost, doubled and changed anywhere in sound mail: always read."""
    dice = random.Random(1)
    file = ("Content-Type: image/png; name=a.png", b"\x89PNG")
    mail = several(PLAIN, file, Subject="=?utf-8?q?x?=")
    for _ in range(1000):
        data = bytearray(mail)
        for _ in range(dice.randint(1, 8)):
            at = dice.randrange(len(data))
            data[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        read = mail_of(bytes(data))
        assert "\x00" not in read.text + read.head.subject


async def test_any_letters_anywhere_make_an_event(desk: Desk) -> None:
    """Whatever Unicode has, and has not yet: what comes of it is never refused at our own door."""
    dice, sender = random.Random(2), InboundMail()
    reader = Reader(desk.store, desk.settings, now=NOON, real=NOON)

    def letters(most: int) -> str:
        drawn = (
            chr(dice.choice((*range(32, 127), *range(128, 0x3100), 0x1F600, 0xE000, 0x378)))
            for _ in range(dice.randint(0, most))
        )
        return "".join(drawn)

    for number in range(40):
        subject, name, body = letters(300), letters(200), letters(400)
        mail = written(body, Subject=subject, Content_Type=f'text/plain; name="{name}"')
        apart = {"headers": "", "from": mails.HERS, "subject": subject, "text": body, "to": name}
        for posted in (raw(mail), form(apart, {"a": (name.replace('"', ""), letters(9), b"x")})):
            kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
            for one in (await sender.read(Delivery(posted, kind), reader)).found:
                assert read_event(one.event, Command).type == "reply.received", number
                for file in one.enclosures:
                    assert "/" not in file.name
                    Received(file.name, file.type, file.content).headers[
                        "Content-Disposition"
                    ].encode("ascii")
