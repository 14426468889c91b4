"""Every key of a policy, and of the house rules, has words that a manager can read."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from activities.crm.house import HOUSE, HouseRules
from activities.crm.policy_values import blanks, values
from activities.crm.store import Store
from starter.reports.keys import KEYS, is_empty, meaning, named, words
from tests.factories import FakeClock
from tests.starter.test_cli import Aftercare, aftercare, opened
from tests.starter.visitors import an_account, browser, site_over
from workflows.sops import PROCEDURES
from workflows.vocabulary import Role

__all__ = ["aftercare", "opened"]
MODELS: dict[str, type[BaseModel]] = {n: sop.paper for n, sop in PROCEDURES.items()}
MODELS[HOUSE] = HouseRules
S2 = "sales-follow-up"
WITHIN = "how long after the sale Sales is in touch"


def keys_of(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every key, with its parts; `*` for those that have a name of their own."""
    for name, field in model.model_fields.items():
        key, of = f"{above}{name}", field.annotation
        if get_origin(of) is dict:
            yield key
            if part := a_model(get_args(of)[1]):
                yield from keys_of(part, f"{key}.*.")
        elif part := a_model(of):
            yield from keys_of(part, f"{key}.")
        else:
            yield key


def a_model(of: Any) -> type[BaseModel] | None:
    options = [one for one in get_args(of) if one is not NoneType] or [of]
    found = options[0] if len(options) == 1 else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


@pytest.mark.parametrize("policy", MODELS)
def test_every_key_has_words_and_no_other(policy: str) -> None:
    """Short ones; what `aftercare policy` shows is among them."""
    known, model = words(policy), MODELS[policy]
    assert set(known) == set(keys_of(model))
    assert [key for key, said in known.items() if not 0 < len(said.label) <= 60] == []
    shown = [*values(model, {}), *blanks(model, {})]
    assert [key for key in shown if not meaning(policy, key).label] == []


def test_no_procedure_is_left_out_or_made_up() -> None:
    """The table and the catalogue name the same ones; of another, nothing is said."""
    assert set(KEYS) == set(PROCEDURES)
    assert (words("nope"), meaning("nope", "x").label, named("nope", ["x"])) == ({}, "", ["x"])


def test_what_has_a_name_of_its_own_has_words() -> None:
    """An office by its name, a queue by its role; a nought is no empty value."""
    assert meaning(HOUSE, "offices.leeds.opens").label == "when this office opens"
    assert meaning(HOUSE, "care.queues.csr") == meaning(HOUSE, "care.queues")
    assert meaning(HOUSE, "aliases.rep") == meaning(HOUSE, "aliases")
    nothing: tuple[Any, ...] = (None, "", [], {})
    assert all(map(is_empty, nothing))
    assert not any(map(is_empty, (0, False)))


def test_the_terminal_says_what_keys_mean(opened: Aftercare) -> None:
    """Beside each value; what is empty is seen to be, and JSON has keys and values alone."""
    shown = " ".join(opened("policy", "correspondence").out.split())
    assert "elsewhere – clauses that another system carries out" in shown
    house = opened("policy", "house")
    assert (house.code, "company.name" in house.out) == (0, True)
    assert "words" not in opened("policy", S2, "--json").json


def test_blanks_are_named_with_their_words(opened: Aftercare) -> None:
    """Where the policy is shown, where the procedure is, and where it cannot be switched on."""
    shown = " ".join(opened("policy", S2).out.split())
    assert "within blank how long" in shown
    assert f"within: {WITHIN} (blank)" in " ".join(opened("sops", S2).out.split())
    refused = opened("sops", "on", S2)
    assert (refused.code, f"within: {WITHIN}; interval: " in " ".join(refused.err.split())) == (
        1,
        True,
    )


async def test_the_console_says_them_first(memory_store: Store, clock: FakeClock) -> None:
    """The key stands beside them, and in what is chosen from; what is empty says so."""
    token = await an_account(memory_store, clock, role=Role.MANAGER)
    async with browser(site_over(memory_store, clock), token=token) as http:
        page = (await http.get(f"/policies/{S2}")).text
        assert f'<option value="within">{WITHIN} (within)</option>' in page
        assert "clauses that another system carries out <small>elsewhere</small>" in page
        assert "<td>none</td>" in page
        assert WITHIN in (await http.get("/policies")).text
        assert (await http.get("/policies/house")).status_code == 200
