"""Roles in a policy go by the house's own names."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.house import HouseRules
from activities.crm.policy_roles import with_roles
from activities.crm.policy_values import changed
from workflows.vocabulary import Role

HOUSE = HouseRules(aliases={"front desk": Role.SERVICE})


@pytest.mark.plays("online-customer", "scope")
@pytest.mark.plays("order-thanks", "scope")
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            {"care.ladder": "Front Desk, manager"},
            ["customer-service", "customer-experience-manager"],
        ),
        ({"care": {"ladder": ["front desk"]}}, ["customer-service"]),
    ],
)
def test_a_role_is_kept_by_its_own_name(said: dict[str, Any], kept: list[str]) -> None:
    """Wherever the policy has a role, in a list or deeper."""
    body = changed(HouseRules, {}, with_roles(HouseRules, said, HOUSE.role))
    assert body["care"]["ladder"] == kept


def test_what_is_no_role_stays() -> None:
    """A company may be called what it likes; and what there is not is refused elsewhere."""
    said = {"company.name": "Front Desk", "nothing.there": "front desk", "aliases": {"x": "csr"}}
    read = with_roles(HouseRules, said, HOUSE.role)
    assert read == said | {"aliases": {"x": "customer-excellence-officer"}}
    rows = {"matrix": [{"role": "Front Desk", "ladder": [{"after": "1h", "role": "manager"}]}]}
    read = with_roles(HouseRules, rows, HOUSE.role)
    assert read["matrix"][0]["role"] == "customer-service"
    assert read["matrix"][0]["ladder"][0]["role"] == "customer-experience-manager"
