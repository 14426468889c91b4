"""Replies by e-mail: whose they are, what of them is theirs, and what is no reply at all."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from activities.crm.cases import follow_up_of
from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Consent,
    Customer,
    Enclosure,
    Hold,
    Inbox,
    Message,
    Note,
    Suppression,
    message_id,
)
from starter.desk import Desk
from starter.senders.mail.machines import why_automatic
from starter.senders.mail.mime import mail_of
from starter.web import create_site
from tests.factories import FakeClock, a_customer
from tests.starter import mails
from tests.starter.front import FakeTemporal, an_event, only, rows
from tests.starter.hooks import PUBLIC_URL, SENDGRID_PUBLIC, visiting
from tests.starter.mails import ADA, a_message, ada, form, posts, raw, several, written
from tests.starter.visitors import an_account, browser

QUOTE = "On Mon, 23 Nov 2026 at 10:00, Shop <hello@shop.example.com> wrote:\n> Reply STOP to end\n"


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return mails.replying(store, clock, temporal)


async def comes(desk: Desk, body: bytes) -> None:
    async with visiting(desk) as client:
        answer = await posts(client, desk, body)
    assert answer.status_code == 200, answer.text


async def test_a_reply_to_the_token(desk: Desk, temporal: FakeTemporal) -> None:
    """Whoever it is from, it is hers: her reminder stops, a case is opened, her words are kept."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    mail = written(f"All is well, thank you.\n\n{QUOTE}", From="Work <ada@office.example.org>")
    await comes(desk, raw(mail, SPF="none", dkim="none"))
    note = await only(desk.store, Note)
    assert (note.customer_id, note.message_key, note.method) == (ADA, mails.KEY, "email")
    assert note.summary == "[Written from ada@office.example.org.]\nAll is well, thank you."
    assert temporal.heard(f"online-customer.{ADA}") == ["responded"]
    (body,) = [said for _, name, said in temporal.signals if name == "responded"]
    case = await only(desk.store, Case)
    assert (case.kind, body["to"], body["case_id"]) == ("inquiry", mails.KEY, case.id)
    assert set(body) == {"id", "at", "to", "case_id", "feedback_id"}


async def test_the_same_again_is_one_reply(desk: Desk, temporal: FakeTemporal) -> None:
    """The same delivery; and the same e-mail by way of another address of ours."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    mail = written("Hello")
    for more in ({}, {}, {"sender_ip": "192.0.2.9"}):
        await comes(desk, raw(mail, **more))
    assert len(await rows(desk.store, Note)) == 1
    assert len([r for r in await rows(desk.store, Inbox) if r.type.startswith("hooks/")]) == 2


@pytest.mark.parametrize(
    "answers",
    [
        {"In_Reply_To": f"<{message_id(mails.KEY)}@shop.example.com>"},
        {"References": f"<other@x.example>\r\n <{message_id(mails.KEY)}@shop.example.com>"},
    ],
)
async def test_a_reply_by_what_it_answers(
    desk: Desk, temporal: FakeTemporal, answers: dict[str, str]
) -> None:
    """Proved when the address is the one that was written to, and its domain vouches for it."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written("Hello", To="hello@reply.example.com", **answers)))
    note = await only(desk.store, Note)
    assert (note.message_key, note.summary) == (mails.KEY, "Hello")


async def test_the_providers_own_id_is_known(desk: Desk, temporal: FakeTemporal) -> None:
    """SendGrid puts its own id into the header."""
    await ada(desk.store, temporal)
    await a_message(desk.store, provider_id="aB3.x-_")
    said = {"In_Reply_To": "<aB3.x-_@geopod-ismtpd-1>", "To": "hello@reply.example.com"}
    await comes(desk, raw(written("Hello", **said)))
    assert (await only(desk.store, Note)).message_key == mails.KEY


UNPROVED = {"To": "hello@reply.example.com"}  # by its sender alone


async def test_a_sender_alone_proves_nothing(desk: Desk, temporal: FakeTemporal) -> None:
    """It reaches the staff, who are told so; it stops the reminder, which harms nobody."""
    await ada(desk.store, temporal)
    await comes(desk, raw(written("Where is it?", **UNPROVED)))
    note = await only(desk.store, Note)
    assert note.summary.startswith("[It is not proved that this is from the customer.]")
    assert note.summary.endswith("\nWhere is it?")
    assert (await only(desk.store, Case)).kind == "inquiry"
    assert temporal.heard(f"online-customer.{ADA}") == ["responded"]


async def test_unproved_one_may_hear_less(desk: Desk, temporal: FakeTemporal) -> None:
    """Whoever wants peace has it, and how that is known stands with it; nobody is heard more of."""
    await ada(desk.store, temporal)
    await comes(desk, raw(written("Unsubscribe", **UNPROVED)))
    consent = await only(desk.store, Consent)
    assert (consent.scope, consent.given) == ("email", False)
    assert consent.source == "reply, not proved"
    for number, word in enumerate(("START", "unstop", "subscribe", "yes", "resubscribe me")):
        await comes(desk, raw(written(word, **UNPROVED, Message_ID=f"<{number}@x.example>")))
    assert {row.given for row in await rows(desk.store, Consent)} == {False}


@pytest.mark.parametrize("state", ["open", "resolved", "closed"])
@pytest.mark.parametrize("said", ["Yes, all is well, thank you", "It is still broken", "resolved"])
async def test_unproved_no_complaint_is_settled_or_opened_again(
    desk: Desk, temporal: FakeTemporal, state: str, said: str
) -> None:
    """What is said goes to a person; the case, its hold and the customer stay as they were."""
    customer = await ada(desk.store, temporal)
    complaint = an_event("complaint.opened", customer={"id": ADA}, data={"reference": "c1"})
    await desk.receive("api", complaint)
    (case,) = await rows(desk.store, Case)
    async with desk.store.transaction() as session:
        row = await session.get_one(Case, case.id)
        row.state, row.closed_at = state, desk.clock.now() if state == "closed" else None
    before = [(one.state, one.reopened) for one in await rows(desk.store, Case)]
    held = [(one.id, one.released_at) for one in await rows(desk.store, Hold)]
    stolen = written(said, **UNPROVED, Reply_To="eve@evil.example", Cc="eve@evil.example")
    await comes(desk, raw(stolen))
    after = [(one.state, one.reopened) for one in await rows(desk.store, Case)]
    assert after[: len(before)] == before
    assert [(one.id, one.released_at) for one in await rows(desk.store, Hold)][:1] == held[:1]
    assert "feedback" not in temporal.heard(follow_up_of(case.id))
    (same,) = await rows(desk.store, Customer)
    assert (same.email, same.phone) == (customer.email, customer.phone)
    assert "eve@" not in json.dumps([one.address for one in await rows(desk.store, Message)])


async def test_a_forged_sender_with_a_known_id(desk: Desk, temporal: FakeTemporal) -> None:
    """The id can be guessed: another domain's signature does not make it hers."""
    await ada(desk.store, temporal)
    message = await a_message(desk.store)
    said = {"To": "hello@reply.example.com", "In_Reply_To": f"<{message.id}@shop.example.com>"}
    envelope = json.dumps({"to": ["x@y.example"], "from": "eve@evil.example"})
    forged = {"dkim": "{@evil.example : pass}", "envelope": envelope}
    await comes(desk, raw(written("All is well", **said), **forged))
    assert "not proved" in (await only(desk.store, Note)).summary


@pytest.mark.parametrize("body", ["Unsubscribe", f"STOP!\n\n{QUOTE}", "Abmelden\n\n-- \nAda", ""])
async def test_a_proven_wish_to_hear_no_more(desk: Desk, temporal: FakeTemporal, body: str) -> None:
    """Her own whole words; or, with no words at all, the subject. It opens no case."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written(body, Subject="Re: Hi" if body else "unsubscribe")))
    consent = await only(desk.store, Consent)
    assert (consent.scope, consent.given, consent.source) == ("email", False, "reply")
    assert temporal.heard(f"online-customer.{ADA}") == ["opted_out"]
    assert await rows(desk.store, Case) == []


@pytest.mark.parametrize(
    "body", [QUOTE, f"No\n{QUOTE}", "Please stop by our shop", "> STOP", "cancel"]
)
async def test_what_is_quoted_opts_nobody_out(
    desk: Desk, temporal: FakeTemporal, body: str
) -> None:
    """Nor does one word among others; `cancel` may mean an order."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written(body)))
    assert await rows(desk.store, Consent) == []
    assert len(await rows(desk.store, Case)) == 1


async def test_failing_signatures_open_no_door(desk: Desk, temporal: FakeTemporal) -> None:
    """Not even with a token."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written("stop"), SPF="fail", dkim="{@example.com : fail}"))
    assert "signatures do not fit" in (await only(desk.store, Note)).summary
    assert await rows(desk.store, Consent) == []


async def test_somebody_unknown_is_kept(desk: Desk, temporal: FakeTemporal) -> None:
    """It waits in the inbox, and is carried out once they are known."""
    await comes(desk, raw(written("Hello?", To="hello@reply.example.com")))
    (event,) = [row for row in await rows(desk.store, Inbox) if row.type == "reply.received"]
    assert event.state == "parked"
    assert json.loads(event.raw)["data"]["text"].endswith("Hello?")
    said = {"id": "evt", "type": "customer.signed_up", "customer": {"email": mails.HERS}}
    await desk.receive("api", said)
    assert (await only(desk.store, Note)).summary.endswith("Hello?")


async def test_another_ones_token_wins_over_the_sender(desk: Desk, temporal: FakeTemporal) -> None:
    """Even if the sender is a customer as well."""
    await ada(desk.store, temporal)
    await a_customer(desk.store, id="cus_bob", email="bob@example.com")
    await a_message(desk.store)
    await comes(desk, raw(written("Hello", From="bob@example.com")))
    assert (await only(desk.store, Note)).customer_id == ADA


AUTOMATIC = [
    {"Auto_Submitted": "auto-replied"},
    {"X_Autoreply": "yes"},
    {"X_Autorespond": "Re: hi"},
    {"Precedence": "bulk"},
    {"Precedence": "auto_reply"},
    {"Return_Path": "<>"},
    {"From": "MAILER-DAEMON@example.com"},
    {"Content_Type": "multipart/report; report-type=disposition-notification; boundary=b"},
    {"X_Auto_Response_Suppress": "All", "Subject": "Abwesenheitsnotiz: Re: Hallo"},
]


@pytest.mark.parametrize("said", AUTOMATIC)
def test_machines_give_themselves_away(said: dict[str, str]) -> None:
    """By what standards say, and what nobody's own letter carries."""
    assert why_automatic(mail_of(written("stop", **said)), mails.HERS)


def test_an_envelope_without_a_sender_is_a_machines() -> None:
    """It must not be answered; of one that nobody knows, nothing is said."""
    mail = mail_of(written("stop"))
    assert why_automatic(mail, "") == why_automatic(mail, "<>") == "returned"
    assert why_automatic(mail, None) is None


@pytest.mark.parametrize(
    "said",
    [
        {"X_Auto_Response_Suppress": "All"},
        {"Subject": "Automatic reply: Hello"},
        {"Auto_Submitted": "no"},
        {"X_Autoreply": "no"},
    ],
)
def test_a_hint_alone_is_not_enough(said: dict[str, str]) -> None:
    """Exchange marks people's mail, too; and a person may write any subject."""
    assert why_automatic(mail_of(written("Hello", **said)), mails.HERS) is None


async def test_what_a_machine_says_is_no_reply(desk: Desk, temporal: FakeTemporal) -> None:
    """It is on record, nobody is told, and nothing it says opts anybody out."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written("stop", Auto_Submitted="auto-replied")))
    note = await only(desk.store, Note)
    assert (note.direction, note.method) == ("internal", "system")
    assert note.summary.startswith("[This was sent automatically.]")
    assert temporal.signals == []
    assert await rows(desk.store, Case) == await rows(desk.store, Consent) == []


async def test_a_machine_that_means_nobody(desk: Desk) -> None:
    """A newsletter to our address, a bounce of nothing of ours: kept, and nothing comes of it."""
    await comes(desk, raw(written("Buy!", To="hello@reply.example.com", Precedence="bulk")))
    row = await only(desk.store, Inbox)
    assert (row.state, row.effects[0]["reason"]) == ("done", "automatic")


async def test_taken_apart_each_field_has_its_alphabet(desk: Desk, temporal: FakeTemporal) -> None:
    """Parsed mode: `charsets` says which; files come as parts."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    fields: dict[str, str | bytes] = {
        "headers": f"Message-ID: <1@example.com>\nTo: {mails.token_address().upper()}\n",
        "from": "Ada Lövelace <ada@example.com>".encode("cp850"),
        "to": mails.token_address().upper(),
        "subject": "Re: Grüße".encode("windows-1252"),
        "text": "Schön, 5 € gespart".encode("windows-1252"),
        "html": "<p>Schön</p>".encode("cp850"),
        "charsets": json.dumps(
            {"from": "cp850", "subject": "windows-1252", "text": "windows-1252", "html": "cp850"}
        ),
        "envelope": json.dumps({"to": ["x@reply.example.com"], "from": "ada@example.com"}),
        "attachments": "1",
        "SPF": "pass",
        "dkim": "{@example.com : pass}",
    }
    await comes(desk, form(fields, {"attachment1": ("a.png", "image/png", b"\x89PNG\x00\r\n--a1")}))
    assert (await only(desk.store, Note)).summary == "Schön, 5 € gespart"
    event = json.loads(next(r.raw for r in await rows(desk.store, Inbox) if r.parent_id))
    assert event["data"]["subject"] == "Re: Grüße"
    file = await only(desk.store, Enclosure)
    assert (file.name, file.type, file.size) == ("a.png", "image/png", 11)
    assert (file.customer_id, file.note_id) == (ADA, (await only(desk.store, Note)).id)


async def test_files_are_kept_up_to_a_number(desk: Desk, temporal: FakeTemporal) -> None:
    """What is left out is said, and stays in the inbox with the whole."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    file = (
        "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=../a/b.pdf",
        b"x",
    )
    await comes(desk, raw(several(("Content-Type: text/plain", b"See these"), *[file] * 25)))
    found = await rows(desk.store, Enclosure)
    assert (len(found), {row.name for row in found}) == (20, {"b.pdf"})
    note = await only(desk.store, Note)
    assert note.summary == "[Left out: there were more files than are kept.]\nSee these"


async def test_what_came_with_it_is_fetched_in_the_console(
    desk: Desk, temporal: FakeTemporal, clock: FakeClock
) -> None:
    """By somebody of ours, as a file under a name that harms nobody; a page in it is no page."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    named = "attachment; filename*=utf-8''..%2F%E2%80%AEgr%C3%BCn%22.html"
    page = (f"Content-Type: text/html\r\nContent-Disposition: {named}", b"<script>1</script>")
    await comes(desk, raw(several(("Content-Type: text/plain", b"Here"), page)))
    row, case = await only(desk.store, Enclosure), await only(desk.store, Case)
    assert row.name == "grün_.html"
    token = await an_account(desk.store, clock)
    async with browser(create_site(desk), base=PUBLIC_URL) as stranger:
        assert b"script>1" not in (await stranger.get(f"/enclosures/{row.id}")).content
    async with browser(create_site(desk), base=PUBLIC_URL) as staff:
        staff.cookies.set("__Host-aftercare", token)
        for where in (f"/customers/{ADA}", f"/cases/{case.id}"):
            assert f'href="/enclosures/{row.id}"' in (await staff.get(where)).text
        answer = await staff.get(f"/enclosures/{row.id}")
        assert (await staff.get("/enclosures/enc_none")).status_code == 404
    assert answer.content == b"<script>1</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"gr_n_.html\"; filename*=UTF-8''gr%C3%BCn_.html"
    )


REPORT = """This is the mail system. I'm sorry."""


def a_report(to: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    """What a server writes that could not deliver the check-in."""
    about = f"Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; {to}\r\n"
    about += f"Action: {action}\r\nStatus: {status}\r\n"
    original = f"Message-ID: <{message_id(mails.KEY)}@shop.example.com>\r\nSubject: Hi\r\n"
    return several(
        ("Content-Type: text/plain", REPORT.encode()),
        ("Content-Type: message/delivery-status", about.encode()),
        ("Content-Type: text/rfc822-headers", original.encode()),
        From="MAILER-DAEMON@mx.example.com",
        To="hello@shop.example.com",
        Content_Type='multipart/report; report-type=delivery-status; boundary="inner"',
    )


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (a_report(mails.HERS), "bounced"),
        (a_report(mails.HERS, action="delayed", status="4.4.1"), "sent"),
        (a_report("eve@example.com"), "sent"),
    ],
)
async def test_what_a_server_gives_back(
    desk: Desk, temporal: FakeTemporal, report: bytes, state: str
) -> None:
    """For good, and by the message's id and its address: then it came back, and is no reply."""
    await ada(desk.store, temporal)
    await a_message(desk.store, via="smtp", attempts=1)
    await comes(desk, raw(report, envelope=json.dumps({"to": ["x@y.example"], "from": ""})))
    assert (await only(desk.store, Message)).state == state
    assert await rows(desk.store, Note) == await rows(desk.store, Case) == []
    assert await rows(desk.store, Suppression) == []  # nobody has signed it


async def test_inbound_mail_has_a_key_of_its_own(store: Store, clock: FakeClock) -> None:
    """SendGrid makes one for events, and one for each security policy: both are set, by commas."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    both = f"{base64.b64encode(der).decode()}, {SENDGRID_PUBLIC}"
    body = raw(written("Hello"))
    for keys, status in ((both, 200), (both.partition(",")[0], 401), (f"{both},nonsense", 503)):
        desk = mails.replying(store, clock, FakeTemporal())
        settings = desk.settings.model_copy(update={"sendgrid_webhook_public_key": keys})
        desk = Desk(store, settings, clock, desk.relay.temporal)
        async with visiting(desk) as client:
            assert (await posts(client, desk, body)).status_code == status


async def test_line_breaks_of_whatever_kind(desk: Desk, temporal: FakeTemporal) -> None:
    """Some proxies keep only half of each: the form is read all the same."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written("Hello\r\n\r\nAda")).replace(b"\r\n", b"\n"))
    assert (await only(desk.store, Note)).summary == "Hello\n\nAda"


@pytest.mark.parametrize("header", ["Cc", "Delivered_To", "X_Original_To"])
async def test_a_token_wherever_it_stands(desk: Desk, temporal: FakeTemporal, header: str) -> None:
    """Its capitals are lost on the way, and its domain may have changed."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    address = mails.token_address(domain="old.example.com").upper()
    said = {"To": "hello@reply.example.com", header: f"x@y.example, {address}"}
    await comes(desk, raw(written("Hello", From="bob@example.org", **said), SPF="none", dkim=""))
    assert (await only(desk.store, Note)).message_key == mails.KEY


async def test_a_long_letter_is_shortened_in_the_note(desk: Desk, temporal: FakeTemporal) -> None:
    """The whole of it stays in the inbox, and the note says so."""
    await ada(desk.store, temporal)
    await a_message(desk.store)
    await comes(desk, raw(written("word " * 8000)))
    summary = (await only(desk.store, Note)).summary
    assert summary.startswith("[Shortened: the whole is in the inbox.]\nword word")
    assert 18_000 < len(summary) <= 20_000
