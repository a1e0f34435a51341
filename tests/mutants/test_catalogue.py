"""The list of defects fits the sources, and the machinery that puts them in notices one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, _examine, mutated
from tests.mutants.catalogue import MUTANTS, Mutant

LEAST = 25


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_defect_still_has_its_place(mutant: Mutant) -> None:
    changed = mutated(mutant, ROOT)
    compile(changed, mutant.file, "exec")
    for check in mutant.caught_by:
        assert (ROOT / check.partition("::")[0]).exists()


def test_the_list_is_long_enough_and_names_each_defect_once() -> None:
    assert len(MUTANTS) >= LEAST
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("name", ["a stale reading is taken for fresh", "an edited journal verifies"])
def test_a_defect_that_is_put_in_is_caught(tmp_path: Path, name: str) -> None:
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == name]
    assert _examine(mutant, tmp_path / "copy").caught
