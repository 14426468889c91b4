"""A look at a template, and a test of it to a colleague: by the house's rules, to nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from activities.crm.store import Store
from activities.crm.tables import Audit, Case, Message, Outbox
from activities.fakes.faults import Fault
from activities.fakes.sendgrid import FakeSendGrid
from activities.rendering import TEMPLATES, registry, tokens
from activities.rendering.sms import segments
from activities.settings import Settings
from starter.answers import Refusal
from starter.desk import Desk
from starter.preview import Preview, preview, send_test
from tests.factories import NOON, FakeClock, a_customer, an_order, kept
from tests.starter.front import rows
from tests.starter.test_cli import Aftercare, aftercare, opened

__all__ = ["aftercare", "opened"]

SECRET = "the house's own"
COLLEAGUE = "jo@ourshop.example"


def settings(**fields: Any) -> Settings:
    return Settings(_env_file=None, secret_key=SecretStr(SECRET), **fields)


async def seen(store: Store, template: str = "check-in", **how: Any) -> Preview:
    return await preview(store, settings(), template, **how)


async def refused(store: Store, template: str, **how: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await seen(store, template, **how)
    return caught.value


# -- looking -------------------------------------------------------------------------------------


async def test_every_template_can_be_seen(store: Store) -> None:
    """In every language, on every channel it has words for, about everything it can be about."""
    for template in registry().values():
        for channel in template.channels:
            for locale in ("en", "de-CH"):
                for about in ("", *template.variants):
                    shown = await seen(
                        store, template.name, channel=channel, locale=locale, about=about
                    )
                    assert (shown.channel, shown.locale) == (channel, locale[:2])
                    assert shown.characters == len(shown.text)
                    counted = segments(shown.text) if channel == "sms" else None
                    assert shown.segments == counted


async def test_the_house_rules_are_those_in_force(store: Store, desk: Desk) -> None:
    """What Marketing sees is what the database says of the company, not what we shipped."""
    company = {"name": "Tea & Co", "postal_address": "2 Low Road, Leeds"}
    await desk.policy_set("house", {"company": company}, by="jo", reason="ours", approve=True)
    shown = await seen(store, locale="de")
    assert "Ihr Team von Tea & Co" in shown.text
    assert "2 Low Road, Leeds" in (shown.html or "")


async def test_a_customer_s_own_words(store: Store) -> None:
    """Their name, their newest order, their language; their links are signed by nobody."""
    customer = await a_customer(store, preferred_name="Frau Lovelace", locale="de_AT")
    await an_order(store, customer.id, total="1200", currency="EUR")
    for name in (customer.id, customer.email):
        shown = await seen(store, "welcome", customer=name)
        assert "Guten Tag Frau Lovelace," in shown.text
        assert "Summe: € 1.200,00" in shown.text
    shown = await seen(store, "check-in", customer=customer.id)
    token = shown.text.rpartition("/u/")[2].strip()
    assert tokens.read(SECRET, "unsubscribe", token) is None
    assert await rows(store, Message) == []


async def test_a_customer_s_own_parcels_and_case(store: Store) -> None:
    """Of a split order the last parcel, or the one that is named; their newest case; how often
    they have ordered."""
    customer = await a_customer(store)
    parcels = [{"id": "p1", "carrier": "DHL"}, {"id": "p2", "carrier": "UPS"}]
    await an_order(store, customer.id, confirmed_at=NOON - timedelta(days=3))
    await an_order(store, customer.id, shipments=parcels)
    case = {"id": "case_3f9a21bc4d5e6f708192", "kind": "complaint", "opened_at": NOON}
    await kept(store, Case(key="x", customer_id=customer.id, **case))
    about = {"customer": customer.id}
    assert "with UPS" in (await seen(store, "order-shipped", **about)).text
    assert "with DHL" in (await seen(store, "order-shipped", about="p1", **about)).text
    assert "p1, p2" in (await refused(store, "order-shipped", about="p3", **about)).detail
    assert "3F9A21BC" in (await seen(store, "complaint-received", **about)).text
    assert "order number 2" in (await seen(store, "thank-you", **about)).text


async def test_what_there_is_not(store: Store) -> None:
    """Each refusal names what there is instead."""
    assert (await refused(store, "farewell")).param == "template"
    assert "email, sms" in (await refused(store, "welcome", channel="letter")).detail
    assert "sign-in" in (await refused(store, "targeted-tips", about="moon")).detail
    assert (await refused(store, "welcome", customer="cus_none")).status == 404


async def test_a_broken_template_says_what_to_do(store: Store, tmp_path: Path) -> None:
    """The code of the fault, and its cure; nothing else."""
    for name in ("registry.toml", "layout.html", "layout.txt"):
        (tmp_path / name).write_bytes((TEMPLATES / name).read_bytes())
    (tmp_path / "access.en.md").write_text("Hi\n\n{{ surname }}", "utf-8")
    fault = await refused(store, "access", root=tmp_path)
    assert (fault.code, "{% if %}" in fault.detail) == ("variable_unknown", True)


# -- sending -------------------------------------------------------------------------------------


@pytest.fixture
async def sendgrid() -> AsyncIterator[tuple[FakeSendGrid, str]]:
    fake = FakeSendGrid()
    async with fake.serving() as url:
        yield fake, url


def by_sendgrid(url: str, **more: Any) -> Settings:
    return settings(
        email="sendgrid",
        sendgrid_api_key=SecretStr("SG.fake"),
        sendgrid_api_base=url,
        from_email="care@ourshop.example",
        **more,
    )


async def test_a_test_goes_to_a_colleague(
    store: Store, clock: FakeClock, sendgrid: tuple[FakeSendGrid, str]
) -> None:
    """Through the channel that carries customers' messages, marked; no entry in the ledger."""
    fake, url = sendgrid
    shown = await seen(store)
    sent = await send_test(store, by_sendgrid(url), clock, shown, COLLEAGUE, by="cli:jo")
    assert (sent.went, sent.words) == (True, f"sendgrid has taken it for {COLLEAGUE}")
    assert [(one.to, one.subject) for one in fake.accepted] == [
        (COLLEAGUE, "[Test] How are you getting on, Ada?")
    ]
    assert await rows(store, Message) == []
    (audited,) = await rows(store, Audit)
    assert (audited.who, audited.what, audited.target) == ("cli:jo", "template.tested", "check-in")
    assert COLLEAGUE not in json.dumps(audited.facts)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.UNAUTHORISED, "did not take it: unauthorised (account)"),
        (Fault.ERROR_AFTER, "gave no answer (UnknownOutcomeError): look whether it arrives"),
    ],
)
async def test_a_test_that_fails_says_why(
    store: Store, clock: FakeClock, sendgrid: tuple[FakeSendGrid, str], fault: Fault, words: str
) -> None:
    """A test is there to find out."""
    fake, url = sendgrid
    fake.script.next.append(fault)
    sent = await send_test(
        store, by_sendgrid(url), clock, await seen(store), COLLEAGUE, by="cli:jo"
    )
    assert (sent.went, sent.words) == (False, f"sendgrid {words}")


async def test_who_is_not_released_is_not_written_to(
    store: Store, clock: FakeClock, sendgrid: tuple[FakeSendGrid, str]
) -> None:
    """AFTERCARE_ONLY_TO holds for tests as well."""
    fake, url = sendgrid
    ours = by_sendgrid(url, only_to="@elsewhere.example")
    sent = await send_test(store, ours, clock, await seen(store), COLLEAGUE, by="cli:jo")
    assert "AFTERCARE_ONLY_TO" in sent.words
    assert (fake.accepted, len(await rows(store, Outbox))) == ([], 1)


async def test_a_test_by_sms_is_marked(store: Store, clock: FakeClock) -> None:
    """Without a provider it is in the outbox, and says so; a number is one of the office's land."""
    shown = await seen(store, channel="sms", locale="de")
    sent = await send_test(store, settings(), clock, shown, "020 7946 0999", by="cli:jo")
    assert sent.words.endswith("no provider is set up for sms")
    (row,) = await rows(store, Outbox)
    assert (row.address, row.subject) == ("+442079460999", None)
    assert row.body_text.startswith("[Test] Guten Tag Ada")


@pytest.mark.parametrize(
    ("channel", "to", "code"),
    [
        ("email", "ADA@example.com ", "customers_address"),
        ("sms", "+44 20 7946 0000", "customers_address"),
        ("email", "nobody", "invalid_email"),
        ("sms", COLLEAGUE, "invalid_phone"),
        ("call", "+442079460999", "not_sent"),
    ],
)
async def test_no_test_reaches_a_customer(
    store: Store, clock: FakeClock, channel: str, to: str, code: str
) -> None:
    """However the address is typed, and by whichever channel."""
    await a_customer(store, email="ada@example.com", phone="+442079460000")
    template = "sales-outreach" if channel == "call" else "check-in"
    shown = await seen(store, template, channel=channel)
    with pytest.raises(Refusal, match=code):
        await send_test(store, settings(), clock, shown, to, by="cli:jo")
    async with store.reading() as session:
        assert (await session.execute(select(Outbox))).first() is None
    assert await rows(store, Audit) == []


async def test_a_provider_that_lacks_a_setting_is_named(store: Store, clock: FakeClock) -> None:
    """The variable is named, its value is not."""
    half = settings(email="sendgrid", from_email="care@ourshop.example")
    with pytest.raises(Refusal) as caught:
        await send_test(store, half, clock, await seen(store), COLLEAGUE, by="cli:jo")
    assert "SENDGRID_API_KEY" in caught.value.detail


# -- from a terminal -------------------------------------------------------------------------------


def test_a_preview_in_the_terminal(opened: Aftercare, tmp_path: Path) -> None:
    """The words to standard output, the counts beside them, the HTML into a file."""
    said = opened("sops", "online-customer", "--preview", "welcome", "--locale", "de",
                  "--html", str(tmp_path / "welcome.html"))  # fmt: skip
    assert said.code == 0
    assert said.out.startswith("Willkommen bei Our Shop: Bestellung 1042 ist bestätigt\n\n")
    assert "welcome, email, de: " in said.err
    assert '<html lang="de"' in (tmp_path / "welcome.html").read_text("utf-8")
    said = opened("sops", "--preview", "check-in", "--channel", "sms", "--html", "x.html")
    assert " characters, 2 segments" in said.err
    assert "no HTML part" in said.err
    said = opened("sops", "--preview", "check-in", "--json")
    assert said.json["template"] == "check-in"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["order-thanks", "--preview", "thank-you"], "order number 3 of yours"),
        (["order-thanks", "--preview", "thank-you-note"], "With warm wishes"),
        (["order-thanks", "--preview", "order-shipped"], "00340434161094042557"),
        (["satisfaction", "--preview", "satisfaction-survey", "--channel", "call"], "Jo Sample"),
        (["case", "--preview", "complaint-received"], "within 24 hours"),
    ],
)
def test_a_sample_of_every_sort(opened: Aftercare, words: list[str], says: str) -> None:
    """Parcels, repeat orders, colleagues and cases are invented where no customer is named."""
    said = opened("sops", *words)
    assert (said.code, says in said.out) == (0, True)


def test_a_test_from_the_terminal(opened: Aftercare) -> None:
    """It says where it went."""
    said = opened("sops", "--preview", "check-in", "--test", COLLEAGUE)
    assert (said.code, "It is in the outbox" in said.err) == (0, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--locale", "de"], "name the template"),
        (["--preview", "farewell"], "there are: welcome"),
        (["keep-in-touch", "--preview", "welcome"], "there are: loyalty-offer, review-request"),
        (["--preview", "welcome", "--about", "sign-in"], "nothing in particular"),
        (["--preview", "welcome", "--customer", "nobody"], "no such customer"),
        (["--preview", "welcome", "--html", "/nowhere/x.html"], "cannot write"),
        (["--preview", "welcome", "--test", "jo"], "not an e-mail address"),
    ],
)
def test_what_cannot_be_shown(opened: Aftercare, words: list[str], says: str) -> None:
    """An error says what there is."""
    said = opened("sops", *words)
    assert (said.code != 0, says in said.err) == (True, True)
