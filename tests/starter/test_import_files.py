"""What a file may look like, and what is said of one that does not fit."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.importing.carrying import write_rejected
from starter.importing.columns import HeaderError, columns, mapping
from starter.importing.lines import Bad, Lines
from starter.importing.reading import FileError, open_source
from starter.importing.values import UnfitError, moment_of, value_of
from tests.starter.files import written

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(header: str, row: str, *said: str) -> list[dict[str, Any]] | Bad:
    found = columns(header.split(","), *mapping(said))
    return Lines(found, BERLIN, NOW).read(2, row.split(","))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_file_says_itself_what_it_is(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """By its mark, and by its header; a line break in quotes ends no record."""
    names = f'customer.email{delimiter}"customer.name"'
    text = f'{names}\nada@example.com{delimiter}"Zoë\nLovelace"\n\nx{delimiter}y\n'
    path = tmp_path / "a.csv"
    path.write_text(text, encoding=encoding)
    source = open_source(path)
    assert source.header == ("customer.email", "customer.name")
    assert list(source.records()) == [(2, ["ada@example.com", "Zoë\nLovelace"]), (5, ["x", "y"])]


def test_windows_1252_is_for_somebody_to_say(tmp_path: Path) -> None:
    """What is no UTF-8 is refused, with its line and what to write."""
    lines = ("customer.email,customer.name", "a@example.com,Ada", "z@example.com,Zoë")
    path = written(tmp_path / "a.csv", *lines, encoding="windows-1252")
    with pytest.raises(FileError, match=r"line 3.*--encoding windows-1252"):
        list(open_source(path).records())
    assert list(open_source(path, "windows-1252").records())[1] == (3, ["z@example.com", "Zoë"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a\0b\0", "UTF-16 without a mark"),
        (b'customer.email\n"ada\nbob\n', "quotation mark"),
        (b"customer.email\n" + b"x" * 1_100_000, "quotation mark|longer"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, words: str) -> None:
    """It is refused in words."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=words):
        list(open_source(path).records())


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2025-03-31", "2025-03-31T00:00:00+02:00"),
        ("2025-01-31 9:05", "2025-01-31T09:05:00+01:00"),
        ("2025-01-31T09:05:07Z", "2025-01-31T09:05:07+00:00"),
        ("2025-01-31 09:05:07 -0400", "2025-01-31T09:05:07-04:00"),
        ("2025-01-31 09:05:07.123 +05:30", "2025-01-31T09:05:07.123000+05:30"),
    ],
)
def test_dates(said: str, meant: str) -> None:
    """With their zone, or by the clock of the one that is named."""
    assert moment_of(said, BERLIN).isoformat() == meant


@pytest.mark.parametrize(
    "said", ["31/03/2025", "03-31-25", "1.2.2025", "2025-02-30", "today", "1712345678"]
)
def test_dates_that_could_mean_two_things(said: str) -> None:
    """Are refused, and so are those that there are not."""
    with pytest.raises(UnfitError):
        moment_of(said, BERLIN)


@given(
    st.text(max_size=40),
    st.sampled_from(["occurred_at", "order.total", "data.minutes", "order.first"]),
)
def test_whatever_stands_in_a_cell(said: str, path: str) -> None:
    """It is a value, or it is refused: nothing else comes of it."""
    with suppress(UnfitError):
        value_of(path, said, BERLIN)


def test_a_line_is_an_event() -> None:
    """Of what it has; its order's further moments are events of their own."""
    read_ = read(
        "customer.email,order.id,order.total,order.items.1.name,order.items.2.name,occurred_at,order.delivered_at",
        "ada@example.com,A-1,49.00,Lamp,Bulb,2025-01-31,2025-02-03 12:00",
    )
    assert not isinstance(read_, Bad)
    placed, delivered = read_
    assert (placed["type"], delivered["type"]) == ("order.confirmed", "order.delivered")
    assert placed["order"]["items"] == [{"name": "Lamp"}, {"name": "Bulb"}]
    assert delivered["occurred_at"] == "2025-02-03T12:00:00+01:00"
    assert delivered["id"] == f"{placed['id']}#delivered"


def test_the_same_line_is_the_same_event_in_any_file() -> None:
    """Whatever its place, its columns' order, or its columns' names."""
    one = read("customer.email,customer.name", "ada@example.com,Ada")
    other = read(
        "Name,extra,E-Mail",
        "Ada,x,ada@example.com",
        "name=customer.name",
        "extra=-",
        "e-mail=customer.email",
    )
    assert not isinstance(one, Bad)
    assert not isinstance(other, Bad)
    assert one[0]["id"] == other[0]["id"]
    assert read("id,customer.email", "X-1,ada@example.com")[0]["id"] == "X-1"  # type: ignore[index]


@pytest.mark.parametrize(
    ("header", "row", "column", "words"),
    [
        (
            "customer.email,order.id,occurred_at",
            "ada@example.com,1,31.01.2025",
            "occurred_at",
            "year first",
        ),
        (
            "customer.email,order.id,order.total,occurred_at",
            "a@example.com,1,1.234€,2025-01-01",
            "order.total",
            "without a currency",
        ),
        ("customer.email,order.id", "ada@example.com,1", "occurred_at", "say when"),
        ("customer.email", "no address", "customer.email", "not an e-mail"),
        ("customer.name", "Ada", "customer", "name the customer"),
        (
            "customer.email,customer.consent.email_marketing",
            "a@example.com,maybe",
            "customer.consent.email_marketing",
            "yes or no",
        ),
        ("customer.email,type", "a@example.com,customer.erased", "type", "no event of the past"),
        ("customer.email,type", "a@example.com,order.confirmd", "type", "no event of the past"),
        (
            "customer.email,customer.id",
            "a@example.com,a@example.com",
            "customer.id",
            "must not say who",
        ),
        ("customer.email,customer.name", "a@example.com", "", "1 cells"),
    ],
)
def test_a_bad_line(header: str, row: str, column: str, words: str) -> None:
    """Its number, its column, and the cure."""
    bad = read(header, row)
    assert isinstance(bad, Bad)
    assert (bad.line, bad.column) == (2, column)
    assert words in bad.words


def test_a_comma_in_a_number() -> None:
    """It may be a thousand or a decimal: nobody guesses."""
    found = columns(["customer.email", "order.id", "order.total", "occurred_at"], {}, {})
    bad = Lines(found, BERLIN, NOW).read(7, ["a@example.com", "1", "1.234,50", "2025-01-01"])
    assert bad == Bad(
        7, "order.total", "write a number with a point and nothing else: 1234.50, not 1.234,50"
    )


def test_a_column_nobody_knows() -> None:
    """Is refused with what it may mean, and with the export that it looks like."""
    with pytest.raises(HeaderError, match=r"did you mean customer\.email"):
        columns(["customer.emial"], {}, {})
    with pytest.raises(HeaderError, match=r"'email'.*did you mean customer\.email"):
        columns(["email", "name"], {}, {})
    shop = ["Customer ID", "First Name", "Last Name", "Email", "Total Spent"]
    with pytest.raises(HeaderError, match="--map shopify-customers"):
        columns(shop, {}, {})
    with pytest.raises(HeaderError, match="no file, no header=field"):
        mapping(["nowhere.txt"])
    with pytest.raises(HeaderError, match="no such field"):
        mapping(["a=b"])
    with pytest.raises(HeaderError, match="two columns are"):
        columns(["customer.email", "E-Mail"], {"e-mail": "customer.email"}, {})


def test_exports_that_are_known(tmp_path: Path) -> None:
    """By their name; a file of one's own says the rest."""
    shop = read(
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Total Spent,Tags",
        "'6789,Ada,Lovelace,ada@example.com,no,12.00,vip",
        "shopify-customers",
    )
    assert not isinstance(shop, Bad)
    assert shop[0]["customer"] == {
        "id": "shopify-6789",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "consent": {"email_marketing": False},
    }
    own = written(tmp_path / "map.txt", "# ours", "Mail = customer.email", "Points = -")
    assert not isinstance(read("Mail,Points", "ada@example.com,7", str(own)), Bad)


def test_what_does_not_fit_can_be_read_again(tmp_path: Path) -> None:
    """By the same words as the file it came from, of which one names its encoding."""
    path = written(tmp_path / "a.csv", "customer.email,customer.name", "no address,Zoë",
                   encoding="windows-1252")  # fmt: skip
    source, rejected = open_source(path, "windows-1252"), tmp_path / "a.rejected.csv"
    write_rejected(source, [Bad(2, "customer.email", "this is none")], rejected)
    (again,) = open_source(rejected, "windows-1252").records()
    assert again == (2, ["no address", "Zoë", "customer.email: this is none"])
