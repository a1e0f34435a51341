"""A problem is told to people and to programs."""

import json
from math import inf, nan
from pathlib import Path

import pytest

from irctl.domain.problems import Problem, Refused


def test_a_problem_reads_as_a_sentence_with_its_remedy() -> None:
    assert str(Problem("door", False, "is open", "Close it")) == "door = False: is open. Close it"


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", nan, inf, -inf, Path("/x"), (1, 2)])
def test_whatever_its_value_it_fits_into_json(value: object) -> None:
    shown = Problem("field", value, "limit", "remedy").as_dict()
    back = json.loads(json.dumps(shown, allow_nan=False))
    assert back["field"] == "field"
    assert back["text"] == str(Problem("field", value, "limit", "remedy"))


def test_a_refusal_carries_every_reason() -> None:
    reasons = [Problem("a", 1, "x", "y"), Problem("b", 2, "x", "y")]
    refused = Refused(iter(reasons))
    assert list(refused.problems) == reasons
    assert "a = 1" in str(refused)
    assert "b = 2" in str(refused)
    assert not refused.conflict
