"""`irctl calibrate` at a keyboard: what it does not understand it asks again, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from irctl.cli.calibrate import Answers, _Guided
from irctl.cli.client import Controller
from irctl.domain.problems import Refused

NOTHING_SAID = Answers(None, None, None, None, None, nothing_adjusted=False, submit=False)
VIEW = {"next": {"distance_cm": 50.0}, "plan": {"distances_cm": [50.0]}, "step": "position"}


def at_a_keyboard(typed: Iterator[str], monkeypatch: pytest.MonkeyPatch) -> tuple[_Guided, list[dict[str, Any]]]:
    guided, posted = _Guided(Controller("http://127.0.0.1:9"), "left", "okafor", NOTHING_SAID, quiet=False), []
    guided.asks = True
    monkeypatch.setattr(guided.out, "input", lambda _question: next(typed))
    monkeypatch.setattr(guided, "_post", lambda verb, **body: posted.append({"verb": verb, **body}))
    return guided, posted


def test_a_distance_without_its_unit_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guided, posted = at_a_keyboard(iter(["50", "50 cm", "two", "0,5"]), monkeypatch)
    guided._position(VIEW)
    assert posted == [{"verb": "position", "distance": 50.0, "unit": "cm", "angle_deg": 0.5}]
    said = capsys.readouterr().out
    assert "cm or in" in said
    assert "Write it in figures" in said


def test_an_empty_line_is_the_usual_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    guided, posted = at_a_keyboard(iter(["", ""]), monkeypatch)
    guided._position(VIEW)
    assert posted == [{"verb": "position", "distance": 50.0, "unit": "cm", "angle_deg": 0.0}]


def test_a_script_that_said_it_wrongly_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    guided, posted = at_a_keyboard(iter([]), monkeypatch)
    guided.answers = Answers(None, None, "50", None, None, nothing_adjusted=False, submit=False)
    with pytest.raises(Refused, match="cm or in"):
        guided._position(VIEW)
    assert posted == []
