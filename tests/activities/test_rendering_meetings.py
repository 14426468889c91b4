"""A call as its mail says it: where the customer lives, as their language says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from activities.crm.tables import Customer, Meeting
from activities.rendering import render
from activities.rendering.background import Background
from activities.rendering.facts import in_words
from activities.rendering.registry import registry
from tests.activities.rendering import facts

WINTER = datetime(2026, 12, 1, 9, tzinfo=UTC)
MAIL = [name for name in registry() if name.startswith("onboarding-")]


def meeting(**fields: object) -> Meeting:
    known = {"id": "meet_1", "customer_id": "cus_1", "starts_at": WINTER, "minutes": 60}
    return Meeting(**known | fields)


def said(zone: str, locale: str, row: Meeting, host: str = "") -> dict[str, str]:
    known = facts(
        Customer(id="cus_1", time_zone=zone), background=Background(meeting=row, host=host)
    )
    return dict(vars(in_words(known, locale, locale[:2])["meeting"]))


def test_in_their_own_time() -> None:
    """The zone is named: nobody has to guess whose ten o'clock it is."""
    talk = said("Europe/Berlin", "de-DE", meeting(), "Jo")
    assert talk["day"] == "Dienstag, 1. Dezember 2026"
    assert (talk["time"], talk["until"], talk["length"]) == ("10:00", "11:00", "1 Stunde")
    assert (talk["zone"], talk["host"]) == ("Mitteleuropäische Normalzeit", "Jo")


def test_another_zone_is_another_day() -> None:
    """Nine in the morning in London is night on the other side of the world."""
    talk = said("Pacific/Auckland", "en-GB", meeting(minutes=45))
    assert talk["day"].replace(",", "") == "Tuesday 1 December 2026"
    assert (talk["time"], talk["until"], talk["length"]) == ("22:00", "22:45", "45 minutes")
    assert talk["zone"] == "New Zealand Daylight Time"


def test_across_the_change_of_the_clocks() -> None:
    """It ends when it ends there."""
    night = meeting(starts_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    talk = said("Europe/Berlin", "en-GB", night)
    assert (talk["time"], talk["until"]) == ("02:30", "02:30")
    assert talk["zone"] == "Central European Summer Time"


def test_no_letter_that_a_text_message_lacks() -> None:
    """American clocks come with narrow spaces, which would halve the message."""
    assert said("America/New_York", "en-US", meeting())["time"] == "4:00 AM"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://user:pw@evil.example/", "meet", "x" * 400, None]
)
def test_only_a_page_is_joined(url: str | None) -> None:
    """What is no address of a page in plain sight is not known."""
    assert said("Europe/London", "en-GB", meeting(url=url))["link"] == ""


@pytest.mark.parametrize("name", MAIL)
@pytest.mark.parametrize("locale", ["en-GB", "de-AT"])
def test_mail_of_a_call_names_its_hour(name: str, locale: str) -> None:
    """All but the survey; each reads well without a meeting, too."""
    template, known = registry()[name], facts(background=Background(meeting=meeting()))
    for channel in template.channels:
        rendered = render(name, locale, channel, known)
        if not name.startswith("onboarding-survey"):
            assert ("9:00" in rendered.text) or ("09:00" in rendered.text)
            assert "Greenwich" in rendered.text
        assert render(name, locale, channel, facts()).text
