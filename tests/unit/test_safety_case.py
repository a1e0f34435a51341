"""The safety case is whole: every hazard has a test that exists, every rule a hazard, and the page says what its sources say."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

import pytest

from irctl.domain import rules
from irctl_campaign.catalogue import KINDS
from irctl_campaign.safety_case import FIGURES, PAGE, Hazard, generate, hazards

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CASE = hazards(DOCS)
RULES = {rule.__name__ for rule in rules.RULES}


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("hazard", CASE, ids=lambda hazard: hazard.id)
def test_each_hazard_is_shown_by_tests_that_exist_and_rules_that_are_asked(hazard: Hazard) -> None:
    assert hazard.tests
    for test in hazard.tests:
        file, _, name = test.partition("::")
        assert name in functions(file), test
    assert set(hazard.rules) <= RULES


def test_every_hazard_of_the_rules_is_in_the_case() -> None:
    assert {hazard.value for hazard in rules.Hazard} <= {hazard.id for hazard in CASE}


def test_every_rule_stands_against_a_hazard() -> None:
    assert {rule for hazard in CASE for rule in hazard.rules} == RULES


def test_every_fault_of_the_campaign_stands_for_hazards_of_the_case() -> None:
    assert {hazard for kind in KINDS for hazard in kind.hazard.split()} <= {hazard.id for hazard in CASE}


def test_the_page_is_what_its_sources_say() -> None:
    assert (DOCS / PAGE).read_text(encoding="utf-8") == generate(DOCS), "run `make safety-case`"


def test_the_figures_are_of_a_campaign_of_hundreds_of_seeds_without_violations() -> None:
    figures = json.loads((DOCS / FIGURES).read_text(encoding="utf-8"))
    assert figures["seeds"] >= 500
    assert figures["violations"] == []
