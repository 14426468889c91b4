"""Hostile names, orders and drafts: whatever strangers write stays text, and adds nothing."""
# ruff: noqa: RUF001 - strange letters are what this is about

from __future__ import annotations

import os
import re
import unicodedata
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from activities.crm.house import HouseRules
from activities.rendering import Drafted, Rendered, registry, render
from activities.rendering.values import clean, defang, plain
from tests.activities.rendering import Page, a_person, a_purchase, facts

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
PIECES = r"""
<b> </b> <script>alert(1)</script> <img/src=x/onerror=alert(1)> <a/href="http://evil.com">
<!-- [x](http://evil.com) [x](javascript:alert(1)) [x]: <http://evil.com> -->
<javascript:alert(1)> ![i](//evil.com/i) {{7*191}} {%raw%} {{config}} {{''.__class__}} {#c#}
${7*191} #{7*191} %s %(x)s {0} {name} <%=7*191%> http://evil.com https://evil.com/?q=1
www.evil.com evil.com evil．com evil。com a@evil.com mailto:a@evil.com javascript:alert(1)
data:text/html;base64,PHNjcmlwdD4= //evil.com ]]> &lt;script&gt; &#60; &amp; &copy; * ** _
__ ` ``` ~~~ # ## > - + = === 1. 10) | \ \\ \* ![ ]( )[ [^1]: ::: " ' <""".split()
UNSEEN = ["\r\n", "\n", "\n\n", "\0", "\t", "\x1b", "\x85", "\u2028", "\u202e", "\u2066", "\u200b",
          "\u200d", "\ufeff", "\u00ad", "\U000e0041", "\ud800", "\r\nBcc: a@evil.com\r\n", "\n# ",
          "\n\n    x", " ", "\u00a0", "\u3164", "\ue000"]  # fmt: skip
HOSTILE = st.lists(
    st.sampled_from(PIECES) | st.sampled_from(UNSEEN) | st.text(max_size=6), max_size=12
).map("".join)
HEADERS = ["subject", "mime-version", "content-type"]
ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s)>]+")
LOOKS_LIKE_A_LINK = re.compile(r"://|\w[.．。｡][^\W\d]\w|\w@\w")
IN_WRITING = sorted(t.name for t in registry().values() if "email" in t.channels)
SUPPORT = HouseRules().company.support_email
SHIPMENTS = [{"id": "1", "tracking_url": "https://track.example.org/1"}]
OURS = facts(order=a_purchase(fulfilment="digital", shipments=SHIPMENTS))


def through_the_post(sent: Rendered) -> EmailMessage:
    """The message as a mail server gets it, and as a mail program reads it."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = sent.subject
    mail.set_content(sent.text)
    mail.add_alternative(sent.html or "", subtype="html")
    got = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert isinstance(got, EmailMessage)
    return got


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def squeezed(text: str) -> str:
    return " ".join(text.split())


def assert_harmless(sent: Rendered, usual: Rendered) -> None:
    mail = through_the_post(sent)
    assert sorted(header.lower() for header in mail.keys()) == sorted(HEADERS)  # noqa: SIM118
    # Where the library folds a long subject it may add or lose a blank, never more.
    assert mail["Subject"].replace(" ", "") == sent.subject.replace(" ", "")
    page, known = Page(body(mail, "html")), Page(usual.html)
    assert set(page.links) == set(known.links)
    assert set(page.tags) <= set(known.tags) | {"ul", "li"}
    assert page.attributes <= known.attributes
    assert page.tags["a"] == known.tags["a"]
    assert page.tags["h1"] == 1
    text = body(mail, "plain")
    assert set(ADDRESS.findall(text)) == set(ADDRESS.findall(usual.text))
    for said in (sent.subject, ADDRESS.sub("", text), page.words):
        assert not LOOKS_LIKE_A_LINK.search(said.replace(SUPPORT, ""))
        assert "1337" not in said
        unseen = {unicodedata.category(letter) for letter in said if letter != "\n"}
        assert not unseen & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@settings(max_examples=200 * DOSE, deadline=None)
@given(
    name=HOSTILE,
    number=HOSTILE,
    items=st.lists(HOSTILE, max_size=3),
    template=st.sampled_from(IN_WRITING),
)
@example(
    "<b>[x](http://evil)</b>", "<b>[x](http://evil)</b>", ["<b>[x](http://evil)</b>"], "welcome"
)
@example("Ada\r\nBcc: a@evil.com", "1\r\nBcc: a@evil.com", ["Kettle\r\n\r\n<html>"], "check-in")
@example("{{7*191}}", "{{7*191}}", ["{{7*191}}"], "getting-started")
@example("-", "-", ["- [a](b)", "1. x", "# y"], "welcome")
def test_what_strangers_write_stays_text(
    name: str, number: str, items: list[str], template: str
) -> None:
    """No header, no tag, no link is gained, whatever a customer is called or has bought."""
    named: list[dict[str, Any]] = [{"name": item, "quantity": 1} for item in items]
    parcel = SHIPMENTS[0] | {"carrier": name, "tracking_number": number}
    order = a_purchase(id=number, items=named, fulfilment="digital", shipments=[parcel])
    known = facts(a_person(name=name, preferred_name=name), order)
    # Even a name that we would not say: the templates must hold without that rule.
    for spoken in (known["name"], clean(name)):
        sent = render(template, "en", "email", known | {"name": spoken})
        assert_harmless(sent, render(template, "en", "email", OURS))


@settings(max_examples=200 * DOSE, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=3))
def test_what_strangers_write_reads_as_they_wrote_it(items: list[str]) -> None:
    """Nothing is swallowed either: every mark and brace of an item is there to be seen."""
    named = [{"name": item, "quantity": 1} for item in items]
    known = facts(order=a_purchase(items=named))
    sent = render("welcome", "en", "email", known)
    words = squeezed(Page(sent.html).words)
    for item in known["order"].items:
        assert squeezed(plain(item.name)) in words
        assert squeezed(plain(item.name)) in squeezed(sent.text)


@settings(max_examples=200 * DOSE, deadline=None)
@given(HOSTILE)
def test_text_messages_hold_no_stranger_s_link(name: str) -> None:
    """An SMS has no marks to hide behind: domains are taken apart, controls are gone."""
    known = facts(a_person(), a_purchase(id=name)) | {"name": clean(name)}
    sent = render("welcome", "en", "sms", known)
    ours = render("welcome", "en", "sms", OURS)
    assert set(ADDRESS.findall(sent.text)) == set(ADDRESS.findall(ours.text))
    assert not LOOKS_LIKE_A_LINK.search(ADDRESS.sub("", sent.text))


@settings(max_examples=200 * DOSE, deadline=None)
@given(HOSTILE.filter(clean), HOSTILE.filter(clean))
def test_a_draft_holds_nothing_active(subject: str, text: str) -> None:
    """What staff paste may hold links, but no HTML, no script, no picture, no header."""
    sent = render("check-in", "en", "email", OURS, Drafted(subject, text))
    mail = through_the_post(sent)
    assert sorted(header.lower() for header in mail.keys()) == sorted(HEADERS)  # noqa: SIM118
    page = Page(body(mail, "html"))
    assert not {"script", "img", "b", "iframe", "form"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on")]
    assert all(re.match(r"https?://|mailto:", link) for link in page.links)
    assert page.tags["h1"] == 1


@settings(max_examples=200 * DOSE, deadline=None)
@given(HOSTILE)
def test_cleaning_is_done_once_and_for_all(text: str) -> None:
    """A clean line stays as it is, and is one line."""
    line = defang(clean(text))
    assert clean(line) == line or len(line) > 200
    assert defang(line) == line
    assert len(line.splitlines()) <= 1
