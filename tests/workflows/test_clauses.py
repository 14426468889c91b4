"""Every clause of the SOP's text is honoured in code or in a template, or excused with a reason."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from workflows import rhythms
from workflows.plugin import plugin
from workflows.sops import CATALOGUE, KEEP_IN_TOUCH, Sop
from workflows.vocabulary import Kind, Policy

COUNTED = {
    "online-customer": 18,
    "order-thanks": 21,
    "sales-follow-up": 16,
    "satisfaction": 21,
    "onboarding": 28,
}
LAST = {
    "online-customer": "5.6.1",
    "order-thanks": "6",
    "sales-follow-up": "5.5",  # after it comes what section 2 wants
    "satisfaction": "4.2",
    "onboarding": "8",
}
# How the documents' blanks might be filled.
FILLED: dict[str, dict[str, Any]] = {
    "sales-follow-up": {
        "within": "P5D",
        "interval": "P90D",
        "approved_by": "Somebody, Head of Sales",
        "approval_date": "2026-11-01",
        "next_review": "2027-11-01",
        "system": "Aftercare",
        "record_system": "Aftercare",
        "retention": "P2190D",
    },
}
REGISTRY = Path(__file__).parents[2] / "templates" / "registry.toml"
NUMBER = re.compile(r"^(\d+(?:\.\d+)*) \S", re.MULTILINE)


def text_of(sop: Sop) -> str:
    return (resources.files("workflows.sops") / sop.text).read_text(encoding="utf-8")


def in_code(sop: Sop) -> list[str]:
    """The clauses named in `with self.clause("…", …)`, in the order of the code."""
    module = inspect.getmodule(sop.workflow)
    assert module
    return [
        node.args[0].value
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "clause"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]


def carried_out(sop: Sop) -> set[str]:
    """Those of the code, of what all purchases share, and of the years after."""
    shared = {getattr(sop.workflow, each, ("",))[0] for each in ("concerns", "thanks")}
    return {*in_code(sop), *(shared - {""}), *(set(KEEP_IN_TOUCH.steps) & set(sop.years))}


def heading(clause: str) -> str:
    return clause.rpartition(".")[0]


def templates() -> dict[str, dict[str, object]]:
    registry: dict[str, dict[str, object]] = tomllib.loads(REGISTRY.read_text())["templates"]
    return registry


def in_templates(sop: Sop) -> set[str]:
    mine = {name for sent in sop.steps.values() for name in sent}
    clauses = (each["clauses"] for name, each in templates().items() if name in mine)
    return {str(clause) for some in clauses if isinstance(some, list) for clause in some}


@pytest.mark.parametrize("sop", CATALOGUE.values(), ids=lambda sop: sop.name)
def test_every_clause_is_honoured_or_excused(sop: Sop) -> None:
    """Nothing of the document is left out in silence, and nothing is excused that it lacks. What
    the lines below a clause ask is done with it."""
    text, code = set(NUMBER.findall(text_of(sop))), carried_out(sop)
    assert len(text) == COUNTED[sop.name]
    assert code <= text
    by_heading = {clause for clause in text if heading(clause) in code | set(sop.excused)}
    assert text == (code | by_heading | in_templates(sop) | set(sop.excused)) & text
    assert not set(sop.excused) & (code | in_templates(sop))
    assert all(sop.excused.values())


@pytest.mark.parametrize("sop", CATALOGUE.values(), ids=lambda sop: sop.name)
def test_the_code_goes_in_the_order_of_the_document(sop: Sop) -> None:
    """The timeline's clauses rise; the standing orders stand after it."""
    numbers = in_code(sop)
    timeline = numbers[: numbers.index(LAST[sop.name]) + 1]
    assert timeline == sorted(timeline)


@pytest.mark.parametrize("sop", [*CATALOGUE.values(), KEEP_IN_TOUCH], ids=lambda sop: sop.name)
def test_an_entry_of_the_catalogue_is_whole(sop: Sop) -> None:
    """Its policy has the blanks that are known, its templates exist, its class runs under its
    name."""
    blanks = {name for name, field in sop.paper.model_fields.items() if field.is_required()}
    assert blanks == FILLED.get(sop.name, {}).keys()
    policy = sop.policy.model_validate(FILLED.get(sop.name, {}))
    assert policy == sop.policy.model_validate_json(policy.model_dump_json())
    assert issubclass(sop.policy, Policy)
    assert issubclass(sop.paper, sop.policy)
    assert {name for sent in sop.steps.values() for name in sent} <= templates().keys()
    assert isinstance(plugin.workflows, list)
    assert sop.workflow in plugin.workflows
    assert (sop.reviewed is None) == (sop.next_review is None)
    assert not sop.reviewed or not sop.next_review or sop.reviewed < sop.next_review
    assert text_of(sop)


def test_what_keep_in_touch_does_is_described() -> None:
    """Each of its templates has words for the Temporal UI."""
    assert {name for sent in KEEP_IN_TOUCH.steps.values() for name in sent} == set(rhythms.SAYS)


def test_what_sells_is_marketing() -> None:
    """5.5.2, 5.5.3 and 5.6.2 make offers, and S2's section 2 does, so their templates need
    consent."""
    known = templates()
    steps = CATALOGUE["online-customer"].steps
    offers = [*steps["5.5.2"], *steps["5.5.3"], *KEEP_IN_TOUCH.steps["5.6.2"]]
    offers += CATALOGUE["sales-follow-up"].steps["2"]
    assert {known[name]["kind"] for name in offers} == {Kind.MARKETING.value}
