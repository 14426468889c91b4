"""Whatever the vendors' own descriptions refuse, the fakes refuse; they answer as described.

The judge is openapi-core with an extract of each description; requests go over the wire.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.twilio import FakeTwilio
from tests.fakes.wires import (
    BASIC,
    BEARER,
    MAIL,
    MESSAGES,
    SMS,
    Asked,
    Description,
    listed,
    log,
    logs,
    mail,
    on_a_thread,
    sms,
)

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
CASES = settings(
    max_examples=400 * DOSE, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
FULL: dict[str, Any] = {
    **copy.deepcopy(MAIL),
    "reply_to": {"email": "r+abc@reply.shop.example", "name": "The Shop"},
    "content": [
        {"type": "text/plain", "value": "Good day"},
        {"type": "text/html", "value": "<p>Good day</p>"},
    ],
    "headers": {"List-Unsubscribe": "<https://shop.example/u/abc>"},
    "categories": ["welcome"],
    "asm": {"group_id": 1, "groups_to_display": [1, 2]},
    "ip_pool_name": "shop",
    "mail_settings": {"footer": {"enable": False, "text": "t"}, "sandbox_mode": {"enable": False}},
    "tracking_settings": {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False, "substitution_tag": "%o%"},
        "subscription_tracking": {"enable": False},
        "ganalytics": {"enable": False, "utm_source": "care"},
    },
    "attachments": [{"content": "aGk=", "filename": "a.txt", "disposition": "attachment"}],
    "send_at": 1,
    "batch_id": "b",
}
FULL["personalizations"][0] |= {
    "cc": [{"email": "cc@example.com"}],
    "bcc": [{"email": "bcc@example.com", "name": "B"}],
    "subject": "Welcome, Ada",
    "headers": {"X-One": "1"},
    "substitutions": {"-name-": "Ada"},
    "send_at": 1,
}
WHOLE_SMS: dict[str, str] = {
    **SMS,
    "MessagingServiceSid": "MG" + "a" * 32,
    "StatusCallback": "https://shop.example/hooks/twilio/status?k=k-1",
    "ValidityPeriod": "3600",
    "Attempt": "1",
    "MaxPrice": "0.5",
    "ProvideFeedback": "false",
    "ForceDelivery": "true",
    "SmartEncoded": "true",
    "ShortenUrls": "false",
    "ContentRetention": "retain",
    "AddressRetention": "retain",
    "RiskCheck": "enable",
    "TrafficType": "free",
    "ContentSid": "HX" + "b" * 32,
    "ApplicationSid": "AP" + "c" * 32,
    "MediaUrl": "https://shop.example/a.png",
}

SMALL: list[Any] = [None, True, 0, -1, 1.5, 10**12, "", "x", "a@b", [], {}, [[]], "x" * 300]
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(SMALL),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=12),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
)
WORDS = st.one_of(
    st.sampled_from(
        ["", "abc", "true", "yes", "-1", "1.5", "1e3", "AC" + "0" * 32, "http://", "٣"]
    ),
    st.sampled_from([word[:-1] for word in WHOLE_SMS.values()]),
    st.sampled_from(list(WHOLE_SMS.values())),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)


@pytest.fixture(scope="module")
def sendgrid() -> Iterator[str]:
    with on_a_thread(FakeSendGrid()) as url:
        yield url


@pytest.fixture(scope="module")
def twilio() -> Iterator[str]:
    with on_a_thread(FakeTwilio()) as url:
        yield url


@pytest.fixture(scope="module")
def mails() -> Description:
    return Description("sendgrid_mail", "https://api.sendgrid.com")


@pytest.fixture(scope="module")
def mail_logs() -> Description:
    return Description("sendgrid_logs", "https://api.sendgrid.com")


@pytest.fixture(scope="module")
def messages() -> Description:
    return Description("twilio_messages", "https://api.twilio.com")


# -- mutations ---------------------------------------------------------------------------------


def places(node: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in inner:
        yield (*before, name)
        if isinstance(value, dict | list):
            yield from places(value, (*before, name))


@st.composite
def spoilt(draw: st.DrawFn, document: Any) -> Any:
    """The document with one to three places dropped, doubled, renamed or filled with something."""
    spoiling = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(spoiling))
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        parent = spoiling
        for step in path:
            parent = parent[step]
        match draw(st.sampled_from(["drop", "fill", "fill", "double", "rename"])):
            case "drop":
                del parent[last]
            case "double" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[last]))
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(min_size=1, max_size=8))] = parent.pop(last)
            case _:
                parent[last] = copy.deepcopy(draw(JUNK))
    return spoiling


@st.composite
def misspelt(draw: st.DrawFn) -> dict[str, str]:
    """A form with one to three fields dropped or filled with something."""
    fields = dict(WHOLE_SMS)
    for name in draw(st.lists(st.sampled_from(list(WHOLE_SMS)), min_size=1, max_size=3)):
        if draw(st.booleans()):
            fields.pop(name, None)
        else:
            fields[name] = draw(WORDS)
    return fields


def agree(asked: Asked, description: Description, base: str) -> None:
    said = asked.to(base)
    if description.refuses(asked):
        assert 400 <= said.status < 500, said.status
    assert said.status < 500


# -- the laws ----------------------------------------------------------------------------------


@CASES
@given(document=spoilt(FULL))
def test_what_the_description_of_mail_refuses_is_refused(
    document: Any, mails: Description, sendgrid: str
) -> None:
    agree(mail(document), mails, sendgrid)


@CASES
@given(document=spoilt({"query": "to_email = 'ada@example.com'", "limit": 5, "subusers": ["1"]}))
def test_what_the_description_of_the_logs_refuses_is_refused(
    document: Any, mail_logs: Description, sendgrid: str
) -> None:
    body = json.dumps(document).encode()
    agree(Asked("POST", "/v3/logs", BEARER, body), mail_logs, sendgrid)


@CASES
@given(fields=misspelt())
def test_what_the_description_of_messages_refuses_is_refused(
    fields: dict[str, str], messages: Description, twilio: str
) -> None:
    agree(sms(fields), messages, twilio)


@CASES
@given(
    filters=st.dictionaries(
        st.sampled_from(["To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page"]),
        st.one_of(WORDS, st.sampled_from(["2026-11-22", "2026-11-22T10:00:00Z", "0", "1001"])),
        max_size=3,
    )
)
@example(filters={"Page": "0.0"})
@example(filters={"PageSize": " 5"})
def test_what_the_description_of_the_list_refuses_is_refused(
    filters: dict[str, str], messages: Description, twilio: str
) -> None:
    agree(listed(**filters), messages, twilio)


def test_the_whole_requests_are_taken(
    mails: Description, messages: Description, sendgrid: str, twilio: str
) -> None:
    """Else the mutations would show nothing."""
    assert not mails.refuses(mail(FULL))
    assert mail(FULL).to(sendgrid).status == 202
    assert not messages.refuses(sms(WHOLE_SMS))
    assert sms(WHOLE_SMS).to(twilio).status == 201


REFUSED_MAIL: list[dict[str, Any]] = [
    {"personalizations": [{}]},
    {"personalizations": [{"to": [{"name": "Ada"}]}]},
    {"personalizations": [{"to": [{"email": "ada"}]}]},
    {"from": {}},
    {"subject": ""},
    {"subject": None},
    {"content": [{"type": "text/plain"}]},
    {"content": [{"type": "text/plain", "value": ""}]},
    {"categories": [str(number) for number in range(11)]},
    {"categories": ["a", "a"]},
    {"categories": ["x" * 256]},
    {"asm": {}},
    {"custom_args": {"key": "k"}},
    {"send_at": "tomorrow"},
    {"ip_pool_name": "x"},
    {"attachments": [{"content": "aGk="}]},
    {"mail_settings": {"sandbox_mode": {"enable": "yes"}}},
]
REFUSED_SMS: list[dict[str, str]] = [
    {"StatusCallback": "shop", "ValidityPeriod": "soon"},
    {"MessagingServiceSid": "MG1"},
    {"ForceDelivery": "perhaps"},
    {"MaxPrice": "a lot"},
    {"SendAt": "tomorrow"},
    {"RiskCheck": "off"},
]


@pytest.mark.parametrize("change", REFUSED_MAIL)
def test_both_refuse_mail(change: dict[str, Any], mails: Description, sendgrid: str) -> None:
    """So the law above speaks of something."""
    assert mails.refuses(mail(MAIL | change))
    assert mail(MAIL | change).to(sendgrid).status == 400


@pytest.mark.parametrize("change", REFUSED_SMS)
def test_both_refuse_messages(change: dict[str, str], messages: Description, twilio: str) -> None:
    """So the law above speaks of something."""
    assert messages.refuses(sms(SMS | change))
    assert sms(SMS | change).to(twilio).status == 400


# -- answers -----------------------------------------------------------------------------------


def test_answers_are_as_described(
    mails: Description, mail_logs: Description, messages: Description, sendgrid: str, twilio: str
) -> None:
    """What is taken, and what is looked up."""
    asked = mail()  # refusals differ from the description: there, `help` is an object
    mails.check(asked, asked.to(sendgrid))
    found = logs("to_email = 'ada@example.com'", limit=1)
    answer = found.to(sendgrid)
    mail_logs.check(found, answer)
    one = log(answer.json["messages"][0]["sg_message_id"])
    mail_logs.check(one, one.to(sendgrid))
    sent = sms()
    answer = sent.to(twilio)
    messages.check(sent, answer)
    resource = Asked("GET", f"{MESSAGES}/{answer.json['sid']}.json", BASIC, type="")
    messages.check(resource, resource.to(twilio))
    page = listed(To=SMS["To"], PageSize=1)
    messages.check(page, page.to(twilio))
