"""The setting that says where customers' data goes: what is odd in it is refused, and not said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.settings import Settings
from activities.systems import host_of, systems_of


def test_systems_are_named_by_commas() -> None:
    """Blanks and empty entries do no harm; a port, a path and a query are theirs."""
    said = " billing=https://b.example:8443/in?x=1 ,,crm = https://CRM.example/ "
    assert dict(systems_of(said)) == {
        "billing": "https://b.example:8443/in?x=1",
        "crm": "https://CRM.example/",
    }
    assert host_of("https://b.example:8443/in?token=1") == "b.example:8443"
    assert dict(systems_of("")) == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://billing.internal/x",
        "https://10.0.0.7/x",  # theirs, inside the house
        "https://[fd00::7]/x",
        "http://localhost:8009/x",
        "http://127.0.0.1:8009/x",
        "http://[::1]:8009/x",
        "https://xn--bcher-kva.example/x",
    ],
)
def test_an_address_of_the_houses_own(url: str) -> None:
    """Encrypted, or on this machine."""
    assert systems_of(f"crm={url}")["crm"] == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm.example",
        "http://crm.example/",
        "http://127.0.0.1.crm.example/",
        "http://localhost.crm.example/",
        "http://127.0.0.2/",
        "http://2130706433/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:169.254.169.254]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://[::]/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://user@crm.example/",
        "https://user:secret@crm.example/",
        "https://@crm.example/",
        "https://billing.example\\@crm.example/",
        "https://crm.example/#x",
        "https://crm.example/#",
        "https://crm.example:99999/",
        "https://crm.example:x/",
        "https://crm example/",
        "https://crm.example/\tx",
        "https://crm.example/\r\nHost: other",
        "https://crm..example/",
        "https://-crm.example/",
        "https:///x",
        "https://[::1",
        "https://ⓒrm.example/",
        "file:///etc/passwd",
        "gopher://crm.example/",
        "javascript:alert(1)",
        "https://" + "a" * 2000,
    ],
)
def test_an_address_of_nobodys(url: str) -> None:
    """The entry is named, the address is not repeated: a token may stand in it."""
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, systems=f"ok=https://ok.example,crm={url}")
    (error,) = refused.value.errors()
    assert error["loc"] == ("systems",)
    assert error["msg"].startswith("Value error, crm: ")
    assert not url or url not in error["msg"]


@pytest.mark.parametrize(
    "said",
    ["crm", "=https://x.example", "a b=https://x.example", "crm=https://x.example,y",
     "c/r=https://x.example", "crm=https://x.example,crm=https://y.example",
     "x" * 65 + "=https://x.example"],
)  # fmt: skip
def test_a_name_is_a_name_once(said: str) -> None:
    """It becomes a part of a step's key."""
    with pytest.raises(ValueError, match=r"name=https|named twice"):
        systems_of(said)


@given(st.text(max_size=80))
def test_whatever_is_written_is_read_or_refused(said: str) -> None:
    """By a `ValueError`, and nothing else."""
    for entry in (said, f"crm={said}", f"crm=https://{said}"):
        try:
            found = systems_of(entry)
        except ValueError:
            continue
        assert all(
            url.startswith(("https://", "http://")) for url in map(str.lower, found.values())
        )
