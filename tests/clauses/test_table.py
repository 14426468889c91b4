"""None is missing: every line of the documents is carried, or excused until a release to come; what
is carried, a test plays. The table that says so is docs/clauses.md."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources

import pytest

from activities.rendering import registry
from tests.clauses import declared
from tests.clauses.documents import Line, every_line, line, lines_of
from tests.clauses.played import Done, marks, plays
from tests.clauses.proof import _prove
from tests.clauses.table import FILE, carriers, missing, played_by, table, unplayed
from workflows.sops import CATALOGUE, Sop

DATED = {"Reviewed date": "reviewed", "Next review date": "next_review"}
NAMED = {"Prepared by": "prepared_by", "Approved by": "approved_by"}


def test_none_is_missing() -> None:
    """Neither a clause nor a purpose, a scope, a duty, a record, a training, a review, a blank."""
    assert missing() == []


def test_none_is_without_a_test() -> None:
    """Mark a test that plays it, `@pytest.mark.plays("satisfaction", "4.1")`, or write one."""
    assert unplayed() == []


def test_the_table_is_what_stands_here() -> None:
    """`python -m tests.clauses` writes it anew."""
    assert FILE.read_text(encoding="utf-8") == table()


@pytest.mark.parametrize("sop", CATALOGUE.values(), ids=lambda sop: sop.name)
def test_every_line_of_a_document_is_read(sop: Sop) -> None:
    """But for its title and the names of its sections; each has an id of its own."""
    text = (resources.files("workflows.sops") / sop.text).read_text(encoding="utf-8")
    lines = [one for one in text.splitlines()[1:] if one.strip() and not one.startswith("[")]
    assert len(lines_of(sop.name)) == len(lines) == len({one.id for one in lines_of(sop.name)})


def test_what_is_declared_exists() -> None:
    """The line that it is of, whatever is named as its carrier, and the release to come."""
    for (sop, id_), said in declared.declared().items():
        assert line(sop, id_)
        assert said.coming in ("", *declared.COMING)
        assert said.carried or said.coming, (sop, id_)
        assert [name for name in said.carried if not declared.is_there(name, sop)] == []


def test_what_tests_say_they_play_exists() -> None:
    assert [mark for mark in marks() if not line(mark.sop, mark.line)] == []


@pytest.mark.parametrize("sop", CATALOGUE.values(), ids=lambda sop: sop.name)
def test_what_the_catalogue_excuses_is_to_come(sop: Sop) -> None:
    """An excused clause is carried elsewhere, or a release is named that brings it."""
    for one in lines_of(sop.name):
        if one.id in sop.excused:
            assert declared.of(one).coming or played_by(one), one.id


# -- that it cannot pass for nothing ----------------------------------------------------------


def test_a_line_that_nobody_carries_would_show() -> None:
    """One more than the document has."""
    assert carriers(Line("satisfaction", "4.6", "Dance with them.")) == []
    assert played_by(Line("satisfaction", "4.6", "Dance with them.")) == []


def test_what_was_left_out_is_not_played() -> None:
    """Neither by another clause's doing, nor by what a life leaves out or covers."""
    asked = line("order-thanks", "3.1")
    assert plays(asked, {Done("order-thanks", "3", "satisfaction-check")})
    assert not plays(asked, {Done("satisfaction", "4.1", "satisfaction-survey")})
    assert "life angry" in played_by(line("online-customer", "5.4.1"))
    assert "life angry" not in played_by(line("online-customer", "5.5.3"))


def test_a_test_that_does_not_play_what_it_says_fails(request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError, match="says that it plays order-thanks 2"):
        _prove(request.node, [line("order-thanks", "2")], {Done("order-thanks", "1", "thank-you")})


# -- headers and registers ----------------------------------------------------------------------


@pytest.mark.plays("online-customer", "header.1", "header.2", "header.3", "header.4", "header.5")
@pytest.mark.plays("order-thanks", "header")
@pytest.mark.plays("satisfaction", "header")
@pytest.mark.plays("onboarding", "header")
@pytest.mark.parametrize("sop", ["online-customer", "order-thanks", "satisfaction", "onboarding"])
def test_the_catalogue_has_the_documents_header(sop: str) -> None:
    """Version, names and dates as they stand above it; where it has none, none is made up."""
    entry = CATALOGUE[sop]
    above = [one.says for one in lines_of(sop) if one.id.startswith("header")]
    said = dict(re.findall(r"^([A-Z][a-z ]+): @?(.+)$", "\n".join(above), re.MULTILINE))
    for words, field in NAMED.items():
        assert getattr(entry, field) == said.get(words, "")
    for words, field in DATED.items():
        written = said.get(words)
        assert getattr(entry, field) == (date.fromisoformat(written) if written else None)
    assert f"Version {entry.version}" in above or "no version" in above[0]


@pytest.mark.plays("online-customer", "records.2")
def test_every_template_has_its_place_in_the_lms() -> None:
    """And those that the document names have the very name."""
    assert all(template.lms for template in registry().values())
    listed = " ".join(one.says for one in every_line() if one.id.startswith("records."))
    for name in ("welcome", "getting-started", "re-engagement", "check-in"):
        assert registry()[name].lms in listed
