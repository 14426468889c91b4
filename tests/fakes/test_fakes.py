"""The HTTP fakes in good weather: who may ask, what is refused, what is found again, and when."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.fakes.recipients import TO
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.twilio import FakeTwilio
from tests.fakes.test_faults import ask
from tests.fakes.wires import (
    BASIC,
    BEARER,
    MAIL,
    MESSAGES,
    SMS,
    Asked,
    Said,
    listed,
    log,
    logs,
    mail,
    sms,
)

HOUR = timedelta(hours=1)


def to(address: str, **more: Any) -> Asked:
    envelope = {"to": [{"email": address}], "custom_args": {"key": f"k-{address}"}}
    return mail({**MAIL, "personalizations": [envelope], **more})


# -- what the vendors refuse, and their descriptions do not ------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"subject": None}, "subject"),
        ({"content": []}, "content"),
        ({"content": MAIL["content"] * 2}, "content"),
        ({"more": 1}, None),
        ({"headers": {"Subject": "x"}}, "headers"),
        ({"headers": {"X-A": "b\r\nBcc: eve@example.com"}}, "headers.X-A"),
        ({"subject": "a\r\nBcc: eve@example.com"}, "subject"),
        ({"from": {"email": "care@shop.example", "name": "a\nb"}}, "from.name"),
        ({"send_at": 4_000_000_000}, "send_at"),
    ],
)
async def test_sendgrid_closes_the_holes(change: dict[str, Any], field: str | None) -> None:
    """400, in its shape, with the field at fault; no word of the value."""
    fake = FakeSendGrid()
    async with fake.serving() as base:
        said = await ask(mail({**MAIL, **change}), base)
    assert (said.status, fake.accepted) == (400, [])
    assert said.json["errors"][0].keys() == {"message", "field", "help"}
    assert said.json["errors"][0]["field"] == field
    assert b"eve@" not in said.body


async def test_sendgrid_says_why_a_subject_is_missing() -> None:
    """In the words of its documentation."""
    fake = FakeSendGrid()
    async with fake.serving() as base:
        said = await ask(mail({name: MAIL[name] for name in MAIL if name != "subject"}), base)
    assert said.json["errors"][0]["message"].startswith("The subject is required. You can get")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Body": ""}, 21602),
        ({"Body": " "}, 21602),
        ({"From": None}, 21603),
        ({"To": None}, 21604),
        ({"To": "abc"}, 21211),
        ({"To": "07700900123"}, 21211),
        ({"From": "++"}, 21212),
        ({"Body": "x" * 1601}, 21617),
        ({"StatusCallback": "/hooks"}, 21609),
        ({"MessagingServiceSid": "MG1"}, 21705),
        ({"ValidityPeriod": "0"}, 20001),
        ({"From": "+15005550001"}, 21212),
        ({"From": "+15005550007"}, 21606),
        ({"From": "+15005550008"}, 21611),
        *(({"To": number}, code) for number, code in TO.items()),
    ],
)
async def test_twilio_refuses_by_its_codes(fields: dict[str, str | None], code: int) -> None:
    """400 with a code and where it is explained: its own test numbers among them."""
    fake = FakeTwilio()
    async with fake.serving() as base:
        said = await ask(sms({k: v for k, v in (SMS | fields).items() if v is not None}), base)
    assert (said.status, said.json["code"], said.json["status"]) == (400, code, 400)
    assert said.json["more_info"].endswith(f"/{code}")
    assert fake.accepted == []


async def test_a_field_twice_is_refused() -> None:
    fake = FakeTwilio()
    async with fake.serving() as base:
        twice = sms([*SMS.items(), ("To", "+447700900124")])
        assert (await ask(twice, base)).status == 400


@pytest.mark.parametrize("header", ["", "Bearer SG.other", "Basic SG.fake"])
async def test_strangers_are_sent_away(header: str) -> None:
    """Both ask for their credentials, for sending and for looking up."""
    sendgrid, twilio = FakeSendGrid(), FakeTwilio()
    async with sendgrid.serving() as one, twilio.serving() as other:
        for asked, base in ((mail(), one), (logs(), one), (sms(), other), (listed(), other)):
            headers = {"Authorization": header}
            said = await ask(Asked(asked.method, asked.path, headers, asked.body, asked.type), base)
            assert said.status == 401
        elsewhere = MESSAGES.replace("AC00", "AC11")
        said = await ask(Asked("GET", f"{elsewhere}.json", BASIC, type=""), other)
        assert said.json["code"] == 20404
    assert sendgrid.accepted == twilio.accepted == []


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
async def test_mail_is_json(kind: str) -> None:
    """Another type is refused before it is read; so is an encoding that nobody offered."""
    fake = FakeSendGrid()
    async with fake.serving() as base:
        said = await ask(Asked("POST", "/v3/mail/send", BEARER, mail().body, kind), base)
        assert said.status == 415
        headers = {**BEARER, "Content-Encoding": "br"}
        said = await ask(Asked("POST", "/v3/mail/send", headers, mail().body), base)
        assert 400 <= said.status < 500


# -- what happens to whom ----------------------------------------------------------------------


async def _twice(fake: FakeSendGrid, asked: Asked) -> tuple[int, int, int]:
    async with fake.serving() as base:
        first, second = await ask(asked, base), await ask(asked, base)
    return first.status, second.status, len(fake.accepted)


@pytest.mark.parametrize(
    ("who", "came"),
    [
        ("refused", (400, 400, 0)),
        ("toobig", (413, 413, 0)),
        ("bounced", (202, 202, 2)),
        ("busy", (429, 202, 1)),
        ("broken", (500, 202, 1)),
        ("unsure", (500, 500, 2)),
        ("away", (503, 503, 0)),
        ("Refused", (400, 400, 0)),
        ("ada", (202, 202, 2)),
    ],
)
async def test_each_outcome_has_an_address(who: str, came: tuple[int, int, int]) -> None:
    """So that a newcomer sees it without an account."""
    assert await _twice(FakeSendGrid(), to(f"{who}@example.com")) == came


async def test_an_unverified_sender_is_forbidden() -> None:
    """That is the account's matter."""
    asked = to("ada@example.com", **{"from": {"email": "unverified@shop.example"}})
    assert await _twice(FakeSendGrid(), asked) == (403, 403, 0)


async def test_sandbox_mode_sends_nothing() -> None:
    """Valid, 200, and not taken."""
    asked = to("ada@example.com", mail_settings={"sandbox_mode": {"enable": True}})
    assert await _twice(FakeSendGrid(), asked) == (200, 200, 0)


# -- looking up --------------------------------------------------------------------------------


async def test_sendgrids_logs() -> None:
    """By address, subject, time and status; the custom args only with the one message."""
    fake = FakeSendGrid()
    async with fake.serving() as base:
        ids = []
        for who in ("ada", "bounced", "ada"):
            said = await ask(to(f"{who}@example.com"), base)
            ids.append(said.headers["X-Message-Id"])
        ada = "to_email = 'ada@example.com' AND sg_message_id_created_at > TIMESTAMP "
        found = (await ask(logs(f'{ada}"2025-01-01T00:00:00Z"'), base)).json["messages"]
        assert [one["sg_message_id"].partition(".")[0] for one in found] == [ids[2], ids[0]]
        assert "custom_args" not in found[0]
        one = (await ask(log(found[0]["sg_message_id"]), base)).json
        assert one["custom_args"] == {"key": "k-ada@example.com"}
        late = await ask(logs(f'{ada}"2999-01-01T00:00:00Z"'), base)
        assert late.json["messages"] == []
        status = await ask(logs("status IN ('bounced', 'dropped')", limit=5), base)
        assert [m["to_email"] for m in status.json["messages"]] == ["bounced@example.com"]
        assert len((await ask(logs(limit=2), base)).json["messages"]) == 2
        for wrong in ("to_email LIKE 'a'", "custom_args = 'x'", "(to_email = 'a')", "x", "AND "):
            assert (await ask(logs(wrong), base)).status == 400
        assert (await ask(log("nothing"), base)).status == 404


async def test_twilios_list_has_pages() -> None:
    """Newest first, by number; what comes meanwhile moves nothing to another page."""
    fake = FakeTwilio()
    async with fake.serving() as base:
        for body in "abc":
            await ask(sms(SMS | {"Body": body}), base)
        await ask(sms(SMS | {"To": "+447700900999"}), base)
        page = (await ask(listed(To=SMS["To"], PageSize=2), base)).json
        assert [one["body"] for one in page["messages"]] == ["c", "b"]
        await ask(sms(SMS | {"Body": "d"}), base)
        page = (await ask(Asked("GET", page["next_page_uri"], BASIC, type=""), base)).json
        assert [one["body"] for one in page["messages"]] == ["a"]
        assert page["next_page_uri"] is None
        found = await ask(listed(**{"DateSent>": "2999-01-01T00:00:00Z"}), base)
        assert found.json["messages"] == []


async def test_an_index_comes_later_than_the_message() -> None:
    """Within the lag a look-up finds nothing, as with the real ones."""
    sendgrid, twilio = FakeSendGrid(lag=HOUR), FakeTwilio(lag=HOUR)
    async with sendgrid.serving() as one, twilio.serving() as other:
        await ask(mail(), one)
        sid = (await ask(sms(), other)).json["sid"]
        assert (await ask(logs(), one)).json["messages"] == []
        assert (await ask(listed(), other)).json["messages"] == []
        known = await ask(Asked("GET", f"{MESSAGES}/{sid}.json", BASIC, type=""), other)
        assert known.json["sid"] == sid
        sendgrid.lag = twilio.lag = timedelta(0)
        assert len((await ask(logs(), one)).json["messages"]) == 1
        assert len((await ask(listed(), other)).json["messages"]) == 1


# -- what it keeps -----------------------------------------------------------------------------


async def test_what_was_taken_is_known_as_it_came(tmp_path: Path) -> None:
    """Id, key, words and the bytes; one for each recipient; and again after a restart."""
    fake = FakeSendGrid(keep=tmp_path)
    everybody = {"to": [{"email": "a@example.com"}], "bcc": [{"email": "b@example.com"}]}
    async with fake.serving() as base:
        said = await ask(mail(), base)
        await ask(mail({**MAIL, "personalizations": [everybody]}), base)
    first, *others = fake.accepted
    assert (first.id, first.key) == (said.headers["X-Message-Id"], "k-1")
    assert (first.to, first.subject, first.text) == ("ada@example.com", "Welcome", "Good day")
    assert json.loads(first.raw) == MAIL
    assert [one.to for one in others] == ["a@example.com", "b@example.com"]
    with (tmp_path / "sendgrid.jsonl").open("ab") as file:
        file.write(b'{"id": "ha')  # killed in the middle of a line
    again = FakeSendGrid(keep=tmp_path)
    assert again.accepted == fake.accepted
    async with again.serving() as base:
        await ask(mail(), base)
    assert len(FakeSendGrid(keep=tmp_path).accepted) == 4


async def test_twilios_key_is_in_the_callback() -> None:
    """It has no other field for it."""
    fake = FakeTwilio()
    async with fake.serving() as base:
        await ask(sms(SMS | {"StatusCallback": "https://shop.example/hooks?k=k-7"}), base)
    (taken,) = fake.accepted
    assert (taken.key, taken.to, taken.text) == ("k-7", SMS["To"], SMS["Body"])


async def test_what_was_taken_can_be_looked_at() -> None:
    """As text: whatever stands in a message does nothing there."""
    fake = FakeSendGrid()
    async with fake.serving() as base:
        await ask(mail({**MAIL, "subject": "<script>alert(1)</script>"}), base)
        said: Said = await ask(Asked("GET", "/", {}, type=""), base)
    assert b"&lt;script&gt;" in said.body
    assert b"<script>" not in said.body
    assert "default-src 'none'" in said.headers["Content-Security-Policy"]
    assert fake.requests == 1
