"""The house's offices, its care for people and its matrix, as they are set from outside."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from activities.crm.house import HouseRules
from activities.crm.matrix import Step
from activities.crm.policy_values import PolicyError, changed, compare, values
from workflows.vocabulary import Role, Severity

BERLIN = {
    "offices.berlin.country": "DE",
    "offices.berlin.region": "BE",
    "offices.berlin.time_zone": "Europe/Berlin",
    "offices.berlin.opens": "08:30",
    "offices.berlin.days": "0, 1, 2",
    "offices.berlin.closed": "2026-12-24, 2026-12-31",
    "offices.berlin.serves": "DE, AT",
}


def house(*changes: dict[str, Any]) -> HouseRules:
    """The rules after these changes, one after the other."""
    body: dict[str, Any] = {}
    for change in changes:
        body = changed(HouseRules, body, change)
    return HouseRules.model_validate(body)


def test_an_office_is_set_part_by_part() -> None:
    """What is not named has its default; a part that is reset, too."""
    office = house(BERLIN).office("at")
    assert (office.country, office.region, office.opens) == ("DE", "BE", time(8, 30))
    assert (office.closes, office.days) == (time(17), (0, 1, 2))
    assert office.closed == (date(2026, 12, 24), date(2026, 12, 31))
    assert house(BERLIN, {"offices.berlin.opens": None}).office("DE").opens == time(9)
    assert house(BERLIN, {"offices.berlin": None}).offices == {}


def test_an_office_may_come_as_a_whole() -> None:
    """From a file, all at once or one at a time: the others stay."""
    both = house(BERLIN, {"offices": {"oslo": {"country": "NO", "serves": ["NO"]}}})
    assert set(both.offices) == {"oslo"}
    both = house(BERLIN, {"offices.oslo": {"country": "NO", "serves": "NO"}})
    assert set(both.offices) == {"berlin", "oslo"}
    assert both.office("NO").country == "NO"
    assert both.office("FR") == both.home


def test_the_home_office_has_a_region_and_days_off_too() -> None:
    home = house({"region": "SCT", "office_closed": "2026-12-24"}).home
    assert (home.region, home.closed) == ("SCT", (date(2026, 12, 24),))


def test_care_takes_roles_by_their_short_names() -> None:
    found = house(
        {
            "care.remind_before": "1h",
            "care.ladder": "manager, finance",
            "care.daily.csr": 40,
            "care.queues.csr": "csr@example.com",
        }
    ).care
    assert found.remind_before == timedelta(hours=1)
    assert found.ladder == (Role.MANAGER, Role.FINANCE)
    assert (found.daily, found.queues) == ({"csr": 40}, {"csr": "csr@example.com"})


def test_the_matrix_comes_from_a_file() -> None:
    """Spans, roles and severities as people write them, as deep as they stand."""
    row = {"kind": "complaint", "severities": ["high"], "answer": "12h", "role": "csr"}
    steps = [{"after": "1d12h", "role": "manager", "clock": "office"}]
    (found,) = house({"matrix": [row | {"ladder": steps}]}).matrix
    assert (found.answer, found.role) == (timedelta(hours=12), Role.CSR)
    assert found.severities == (Severity.HIGH,)
    assert found.ladder == (Step(after=timedelta(hours=36), clock="office"),)


def test_what_is_set_is_told_as_it_would_be_set() -> None:
    """Offices by their dotted keys; what is shown of the matrix can be put into a file again."""
    body = changed(HouseRules, {}, BERLIN)
    assert compare(HouseRules, {}, body)["offices.berlin.region"] == [None, "BE"]
    shown = values(HouseRules, {})["matrix"]
    assert shown[0]["ladder"][0]["after"] == "1h"
    assert changed(HouseRules, {}, {"matrix": shown}) == {}


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"offices.berlin.opnes": "9:00"}, "offices.berlin.opnes", "there is country, region"),
        ({"offices.berlin.opens": "25:00"}, "offices.berlin.opens", "such as 09:00"),
        ({"offices.berlin.opens": "09:00Z"}, "offices.berlin.opens", "without a zone"),
        ({"offices.berlin.opens": "18:00"}, "offices.berlin", "open before they close"),
        ({"offices.berlin.closed": "soon"}, "offices.berlin.closed.0", "days such as"),
        ({"offices.berlin.time_zone": "Mars"}, "offices.berlin.time_zone", "no such time zone"),
        ({"offices.berlin.days": "7"}, "offices.berlin.days.0", "less than or equal to 6"),
        ({"offices.berlin.region": "BY"}, "offices.berlin", "ENG, NIR, SCT, WLS"),
        ({"offices.berlin": "x"}, "offices.berlin", "offices.berlin.country"),
        ({"offices": "x"}, "offices", "KEY.NAME"),
        ({"region": "BY"}, "policy", "no calendar of holidays for BY in GB"),
        ({"care.remind_before": "soon"}, "care.remind_before", "a span such as"),
        ({"care.ladder": "boss"}, "care.ladder.0", "it takes one of"),
        ({"care.daily.csr": "x"}, "care.daily.csr", "integer"),
        ({"matrix": "x"}, "matrix.0", "--file"),
        ({"matrix.0.answer": "1h"}, "matrix.0.answer", "--file"),
        ({"matrix": [{"answer": "soon"}]}, "matrix.0.answer", "a span such as"),
        ({"matrix": [{"answr": "1h"}]}, "matrix.0.answr", "no such part"),
        ({"matrix": [{"ladder": [{}]}]}, "matrix.0.ladder.0.after", "is needed"),
        ({"matrix": [{"severities": ["grave"]}]}, "matrix.0.severities.0", "medium, high"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(change: dict[str, Any], key: str, words: str) -> None:
    """The very part, and what would fit."""
    with pytest.raises(PolicyError) as refused:
        changed(HouseRules, {}, change)
    assert refused.value.param == key
    assert words in refused.value.detail


def test_what_is_in_force_is_read_whatever_the_calendar_knows_today() -> None:
    """A region that a newer calendar has dropped ends nothing."""
    assert HouseRules.model_validate({"region": "XX"}).home.region == "XX"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"care.queues": {"csr": "nobody\r\nBcc: eve@example.com"}}, "care"),
        ({"care.queues": {"front desk": "desk@example.com"}}, "policy"),
        ({"care.daily": {"csr": -1}}, "care"),
        ({"care.daily": {"nobody": 5}}, "policy"),
        ({"matrix": [{"update_every": "0s"}]}, "matrix"),
        ({"matrix": [{"ladder": [{"after": "1h"}] * 21}]}, "matrix"),
        ({"root_causes": []}, "root_causes"),
    ],
)
def test_what_would_lead_nowhere(changes: dict[str, Any], param: str) -> None:
    """A misspelt role's queue would hear of nothing, without causes no complaint could be put
    right, and a customer who is told how it goes at every moment is told by nobody."""
    with pytest.raises(PolicyError) as refused:
        changed(HouseRules, {}, changes)
    assert refused.value.param.partition(".")[0] == param
