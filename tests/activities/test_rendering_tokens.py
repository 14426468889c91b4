"""Signed tokens: ours are read for ever, nobody else's ever."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.rendering import tokens

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
TOKEN = tokens.make("secret", "feedback", "online-customer.cus_1/check-in")


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_token_says_what_it_was_made_for(subject: str) -> None:
    """What goes in comes out, through a URL's path."""
    token = tokens.make("secret", "unsubscribe", subject)
    assert tokens.read("secret", "unsubscribe", token) == subject
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_is_for_one_purpose_and_one_key() -> None:
    """A feedback link unsubscribes nobody, and another house's token is nothing here."""
    assert tokens.read("secret", "unsubscribe", TOKEN) is None
    assert tokens.read("other", "feedback", TOKEN) is None
    with pytest.raises(ValueError, match="secret"):
        tokens.make("", "feedback", "x")


@settings(max_examples=200 * DOSE, deadline=None)
@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_one_letter_changed_is_forged(place: int, letter: str) -> None:
    """No other spelling of a token is accepted."""
    forged = TOKEN[:place] + letter + TOKEN[place + 1 :]
    assert tokens.read("secret", "feedback", forged) is None or forged == TOKEN


@settings(max_examples=200 * DOSE, deadline=None)
@given(st.text() | st.from_regex(r"[\w=-]*\.[\w=-]*"))
def test_nonsense_is_nothing(text: str) -> None:
    """Whatever stands in the URL, the answer is no, never an error."""
    assert tokens.read("secret", "feedback", text) is None


@pytest.mark.parametrize("change", ["=", "\n", " ", ".", ".x"])
def test_nothing_may_be_added(change: str) -> None:
    """Padding and blanks that base64 would forgive are not forgiven."""
    assert tokens.read("secret", "feedback", TOKEN + change) is None
