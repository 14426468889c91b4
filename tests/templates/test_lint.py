"""Each rule of the lint, proved by a template that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from activities.crm.house import Company, HouseRules
from activities.rendering import TEMPLATES, lint

KEPT = (
    "welcome access getting-started check-in targeted-tips sales-outreach loyalty-offer thank-you"
).split()


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Some of the templates, to be broken; to lint them all each time would take minutes."""

    def others(_: str, names: list[str]) -> list[str]:
        house = ("README.md", "registry.toml", "layout")
        return [n for n in names if n.partition(".")[0] not in KEPT and not n.startswith(house)]

    room = copytree(TEMPLATES, tmp_path / "templates", ignore=others)
    register = room / "registry.toml"
    head, *entries = re.split(r"(?m)^(?=\[)", register.read_text("utf-8"))
    kept = [f"[templates.{name}]" for name in KEPT]
    said = [e for e in entries if not e.startswith("[templates.") or e.startswith(tuple(kept))]
    register.write_text(head + "".join(said), "utf-8")
    return room


def test_the_room_is_in_order(room: Path) -> None:
    """What the tests break is sound before."""
    assert lint(room) == []


def change(file: str, old: str, new: str) -> Callable[[Path], None]:
    def breaking(room: Path) -> None:
        path = room / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return breaking


def add(file: str, text: str) -> Callable[[Path], None]:
    def breaking(room: Path) -> None:
        path = room / file
        path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")

    return breaking


def drop(file: str) -> Callable[[Path], None]:
    return lambda room: (room / file).unlink()


def spoil(room: Path) -> None:
    (room / "access.en.md").write_bytes("Zugang für alle".encode("latin-1"))


POSTAL = "{{ company.postal_address }}"
BREAKS: list[tuple[str, str, Callable[[Path], None]]] = [
    # registry and files
    ("registry_unreadable", "registry.toml", add("registry.toml", "\n[templates.x")),
    ("registry_unreadable", "registry.toml", add("registry.toml", "\n[templates.x]\nkind = 'a'\n")),
    ("file_missing", "welcome", drop("welcome.en.md")),
    ("file_missing", "targeted-tips", drop("targeted-tips.sign-in.en.md")),
    ("file_missing", "sales-outreach", drop("sales-outreach.en.call.md")),
    ("text_missing", "check-in", drop("check-in.en.sms.txt")),
    ("file_unregistered", "farewell.en.md", add("farewell.en.md", "Bye\n\nBye")),
    ("file_unregistered", "loyalty-offer.en.sms.txt", add("loyalty-offer.en.sms.txt", "Hi STOP")),
    ("file_missing", "targeted-tips", drop("targeted-tips.sign-in.de.md")),
    ("text_missing", "check-in", drop("check-in.de.sms.txt")),
    ("file_missing", "access", add("welcome.fr.md", "Bonjour\n\nBonjour")),
    ("words_missing", "fr", add("welcome.fr.md", "Bonjour\n\nBonjour")),
    ("words_missing", "de", change("registry.toml", 'faq = "Antworten auf häufige Fragen"\n', "")),
    ("layout_missing", "welcome", drop("layout.txt")),
    # letters
    ("encoding", "access", spoil),
    ("encoding", "access", add("access.en.md", "â€œquoted")),
    ("invisible", "access", add("access.en.md", "\u202e")),
    # shape
    ("subject_missing", "access", change("access.en.md", "Your access", "# Your access")),
    ("subject_missing", "access", change("access.en.md", "ready\n\n", "ready\n")),
    ("subject_long", "access", change("access.en.md", "Your access", "Your very own access " * 4)),
    ("headings", "access", add("access.en.md", "\n# Another\n")),
    ("action_missing", "access", change("access.en.md", "**[Go to", "[Go to")),
    ("size", "access", add("access.en.md", "\n" + "word " * 21_000)),
    # variables and constructs
    ("syntax", "access", add("access.en.md", "{% if name %}")),
    ("syntax", "access", change("access.en.md", "Your access", "{% if name %}Your access")),
    ("variable_unknown", "access", add("access.en.md", "{{ surname }}")),
    ("variable_unknown", "access", add("access.en.md", "{{ company.slogan }}")),
    ("variable_unknown", "access", add("access.en.md", "{{ links.moon if order }}")),
    ("variable_unknown", "access", add("access.en.md", "{{ order.number }}")),
    ("variable_unknown", "getting-started", add("getting-started.en.sms.txt", "{{ nobody }}")),
    ("construct", "access", add("access.en.md", "{{ name | safe }}")),
    ("construct", "access", add("access.en.md", "{{ name.__class__ }}")),
    ("construct", "access", add("access.en.md", "{{ name.upper() }}")),
    ("construct", "access", add("access.en.md", "{% set x = 1 %}")),
    ("construct", "access", add("access.en.md", "{% include 'registry.toml' %}")),
    ("construct", "access", add("access.en.md", "{% macro a() %}{% endmacro %}")),
    ("raw_html", "access", add("access.en.md", "<b>bold</b>")),
    ("raw_html", "access", add("access.en.md", "<script>alert(1)</script>")),
    ("raw_html", "access", add("access.en.md", "<!-- hidden -->")),
    ("variable_unknown", "access", add("access.en.md", "{% if case.secret %}{% endif %}")),
    ("variable_unknown", "access", add("access.en.md", "{{ shipment.weight }}")),
    # what is personal, and what is carried
    ("impersonal", "access", add("access.en.md", "{{ name }}, welcome")),
    ("impersonal", "access", add("access.en.sms.txt", "{% if order %}{{ product }}{% endif %}")),
    ("impersonal", "access", change("registry.toml", "action = true", 'personal = ["product"]')),
    ("registry_unreadable", "registry.toml", change("registry.toml", '["name", "p', '["age", "p')),
    ("carries_nothing", "welcome", change("registry.toml", '["thanks"]', '["flowers"]')),
    # what the SOP demands
    ("link_missing", "welcome", change("welcome.en.md", "({{ links.faq }})", "({{ links.tips }})")),
    ("link_missing", "check-in", change("check-in.en.md", "{{ links.feedback }}", "https://a.b")),
    ("link_missing", "check-in", change("check-in.en.sms.txt", "{{ links.feedback }}", "us")),
    ("link_words", "welcome", change("welcome.en.md", "[support portal]", "[here]")),
    # offers outside marketing
    ("offer", "check-in", add("check-in.en.md", "\nToday 20 % off")),
    ("offer", "check-in", add("check-in.en.md", "\nOnly £5")),
    ("offer", "check-in", add("check-in.en.md", "\nYour discount")),
    ("offer", "check-in", add("check-in.en.md", '\n{{ "a special offer" }}')),
    ("offer", "check-in", add("check-in.en.md", "\n[More]({{ links.plans }})")),
    ("offer", "welcome", add("welcome.en.sms.txt", "Upgrade now")),
    # the layout
    ("language_missing", "welcome", change("layout.html", ' lang="{{ language }}"', "")),
    ("title_missing", "welcome", change("layout.html", "<title>{{ subject }}</title>", "")),
    ("headings", "check-in", change("layout.html", "<h1>{{ subject }}</h1>", "")),
    ("headings", "welcome", change("layout.html", '<div class="foot">', "<div><h1>x</h1>")),
    ("active", "welcome", change("layout.html", "</body>", "<script>x</script></body>")),
    ("active", "welcome", change("layout.html", '<div class="foot">', '<div onclick="x">')),
    ("alt_missing", "welcome", change("layout.html", "</body>", '<img src="a.png"></body>')),
    ("links_differ", "welcome", change("layout.html", "</body>", '<a href="https://a.b">a</a>')),
    ("unsubscribe_missing", "check-in", change("layout.html", 'href="{{ unsubscribe }}"', "")),
    ("unsubscribe_missing", "loyalty-offer", change("layout.txt", "{{ unsubscribe }}", "")),
    ("postal_address_missing", "loyalty-offer", change("layout.html", POSTAL, "")),
    ("postal_address_missing", "loyalty-offer", change("layout.txt", POSTAL, "")),
    # text messages
    ("stop_missing", "check-in", change("check-in.en.sms.txt", "Reply STOP to opt out.", "")),
    ("stop_missing", "check-in", change("check-in.de.sms.txt", "STOP zum Abmelden", "")),
    ("sms_dear", "access", add("access.de.sms.txt", " „Ja“")),
    ("sms_long", "access", add("access.de.sms.txt", " und so weiter" * 20)),
    ("offer", "check-in", add("check-in.de.md", "\nUnser Angebot")),
    ("sms_long", "access", add("access.en.sms.txt", " and so on" * 20)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "template", "breaking"), BREAKS, ids=[f"{n}-{b[0]}" for n, b in enumerate(BREAKS)]
)
def test_a_broken_template_is_found(
    room: Path, code: str, template: str, breaking: Callable[[Path], None]
) -> None:
    """The problem is named, with the template it is in, and says what to do."""
    breaking(room)
    found = [problem for problem in lint(room) if problem.code == code]
    assert template in [problem.template for problem in found]
    assert all(problem.words for problem in found)


def test_every_code_is_proved() -> None:
    """No rule without a template that breaks it."""
    said = set()
    for file in ("lint.py", "lint_source.py", "lint_sent.py"):
        text = (TEMPLATES.parent / "activities" / "rendering" / file).read_text("utf-8")
        said |= {part.split('"')[1] for part in text.split("yield ")[1:] if part.startswith('"')}
    assert said - {"body_missing"} <= {code for code, _, _ in BREAKS}


def test_a_message_without_words_is_found(room: Path) -> None:
    """A subject alone is no message."""
    (room / "access.en.md").write_text("Your access\n\n", "utf-8")
    assert "body_missing" in [problem.code for problem in lint(room)]


def test_a_pale_brand_is_found() -> None:
    """White on yellow cannot be read."""
    rules = HouseRules(company=Company(colour="#ffdd00"))
    problem = next(p for p in lint(rules=rules) if p.code == "contrast")
    assert "darker" in problem.words


def test_a_language_that_needs_its_letters_may_have_them(room: Path) -> None:
    """Where the words are not in the telephone's alphabet anyway, its marks cost nothing more."""
    add("access.de.sms.txt", " „Да“")(room)
    assert "sms_dear" not in [problem.code for problem in lint(room)]


def test_each_problem_is_said_once(room: Path) -> None:
    """Six invented customers do not make six problems of one."""
    add("access.en.md", "{{ surname }}")(room)
    found = lint(room)
    assert len(found) == len(set(found))
