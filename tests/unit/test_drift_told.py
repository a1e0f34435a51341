"""`irctl calibrations history` as a person sees it: words, and a drawing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from irctl.cli import app, client, exits
from irctl.domain.drift import Evidence, Kind, control_chart
from irctl.domain.forecast import forecast
from tests.unit.worlds import NOW


def told(rate_per_hour: float = -0.0002) -> dict[str, Any]:
    """What the controller answers of a lamp that was checked at two levels every day for 60 days, two hours each."""
    lot = Random(7)
    levels = [50.0, 100.0]
    evidence = [
        Evidence(NOW, 2.0 * day, (1 + rate_per_hour * 2.0 * day) * (1 + lot.gauss(0, 0.01)), 3.0, Kind.CHECK)
        for day in range(60)
        for _ in levels
    ]
    rows = [
        {"at": "2026-11-23T10:00:00Z", "lamp_hours": e.lamp_hours, "level_pct": levels[i % 2], "ratio": e.ratio,
         "expanded_pct": e.expanded_pct, "kind": "check"}
        for i, e in enumerate(evidence)
    ]  # fmt: skip
    return {
        "lamp": "left", "serial": "L-1", "at": "2027-01-23T10:00:00Z", "calibration": "C-1", "tolerance_pct": 10.0,
        "hours_per_day": 2.0, "lamp_hours": 118.0, "evidence": rows, "chart": asdict(control_chart(evidence)),
        "forecast": asdict(forecast(evidence, 10.0, 2.0, 118.0)),
    }  # fmt: skip


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    known = {"/v1/lamps/left/drift": told(), "/v1/station": {"station": "Room 2", "simulated": True}}
    monkeypatch.setattr(client.Controller, "get", lambda _self, path, **_: known[path])
    return known


def test_the_forecast_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["calibrations", "history", "left"]) == exits.OK
    said = capsys.readouterr().out
    assert said.count("eight on one side") == 1
    text = told()["forecast"]["text"]
    assert text.startswith("likely in ")
    assert f"Leaves its tolerance of ±10 %: {text} (95 %; at 2.0 h a day)" in said


@pytest.mark.parametrize(("name", "begins"), [("drift.pdf", b"%PDF"), ("drift.svg", b"<svg")])
def test_it_is_drawn_as_a_page_or_as_a_graph(tmp_path: Path, name: str, begins: bytes) -> None:
    assert app.run(["calibrations", "history", "left", "--output", str(tmp_path / name)]) == exits.OK
    assert (tmp_path / name).read_bytes().startswith(begins)
    one_level = tmp_path / f"one-{name}"
    assert app.run(["calibrations", "history", "left", "--level", "50", "--output", str(one_level)]) == exits.OK
    assert one_level.read_bytes() != (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--output", "drift.png"], ".pdf or .svg"), (["--level", "60", "--output", "d.pdf"], "50 %, 100 %")],
)
def test_what_cannot_be_drawn_is_refused(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert app.run(["calibrations", "history", "left", *words]) == exits.REFUSED
    assert says in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_without_evidence_there_is_no_forecast(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    none = asdict(forecast([], 10.0, 1.0))
    answers["/v1/lamps/left/drift"] = told() | {"evidence": [], "chart": None, "forecast": none}
    assert app.run(["calibrations", "history", "left"]) == exits.OK
    assert "no forecast: it takes evidence" in capsys.readouterr().out
