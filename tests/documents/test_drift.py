"""The drift page: what is drawn is what was found, and what cannot be said is not said."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from xml.etree import ElementTree

import pytest

from irctl.documents.drift import DriftError, LampDrift, drift_pdf, drift_svg, view
from irctl.domain.drift import Evidence, Kind, control_chart
from irctl.domain.forecast import forecast

NEW = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")


def a_lamp(rate_per_hour: float = -0.00016, pieces: int = 30, level: float = 1.0) -> LampDrift:
    """A calibration, then a check every fourth day and sessions in between; it ages by `rate_per_hour`."""
    lot, evidence = Random(3), list[Evidence]()
    for i in range(pieces):
        kind = Kind.CALIBRATION if i == 0 else Kind.CHECK if i % 4 == 0 else Kind.SESSION
        u_pct = {Kind.CALIBRATION: 1.2, Kind.CHECK: 1.8, Kind.SESSION: 2.4}[kind]
        ratio = level * (1.0 + rate_per_hour * 12.0 * i) * (1.0 + lot.gauss(0.0, u_pct / 200.0))
        evidence.append(Evidence(NEW + timedelta(days=4 * i), 12.0 * i, ratio, u_pct, kind))
    return LampDrift("Room 2", False, "left", "IR-2214-L", 60.0, 10.0, 3.0, tuple(evidence), NEW + timedelta(days=150))


def said(pdf: bytes) -> str:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode().replace("\u200b", "")


@needs_poppler
def test_the_page_tells_deviation_forecast_and_every_piece_of_evidence() -> None:
    told = a_lamp()
    text = said(drift_pdf(told))
    expected = forecast(told.evidence, 10.0, 3.0)
    assert expected.text.startswith("likely in")
    assert expected.text[1:] + "." in " ".join(text.split())
    for number, (e, z) in enumerate(zip(told.evidence, control_chart(told.evidence).z, strict=True), start=1):
        deviation, in_sigma = (f"{v:+.2f}".replace("-", "−") for v in (100 * (e.ratio - 1), z))
        row = rf"^ *{number} +{e.at:%Y-%m-%d %H:%M} +{e.lamp_hours:.1f} +{e.kind} +{re.escape(deviation)} .*{re.escape(in_sigma)}"
        assert re.search(row, text, re.M)


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert drift_pdf(a_lamp()) == drift_pdf(a_lamp())


def test_signals_are_marked_where_the_chart_says_and_nowhere_else() -> None:
    told = a_lamp()
    signalled = {s.index for s in control_chart(told.evidence).signals}
    assert signalled
    rows = view(told)["rows"]
    assert {i for i, row in enumerate(rows) if row["signals"]} == signalled
    root = ElementTree.fromstring(drift_svg(told))
    squares = [p for p in root.iter(f"{SVG}polyline") if len((p.get("points") or "").split()) == 5]
    assert len(squares) == len(signalled)


def test_every_piece_is_drawn_in_both_panels_with_its_uncertainty() -> None:
    told = a_lamp()
    root = ElementTree.fromstring(drift_svg(told))
    assert len(list(root.iter(f"{SVG}circle"))) == 2 * len(told.evidence)
    assert len(list(root.iter(f"{SVG}path"))) == len(told.evidence)


def test_a_lower_ratio_is_drawn_lower_and_nothing_leaves_the_drawing() -> None:
    for told in (a_lamp(), a_lamp(level=0.7), a_lamp(level=1.4, pieces=4)):
        root = ElementTree.fromstring(drift_svg(told))
        width, height = (float(n) for n in (root.get("viewBox") or "").split()[2:])
        circles = list(root.iter(f"{SVG}circle"))[: len(told.evidence)]
        assert all(0 < float(c.get("cx", "nan")) < width and 0 < float(c.get("cy", "nan")) < height for c in circles)
        by_ratio = sorted(zip(told.evidence, circles, strict=True), key=lambda pair: pair[0].ratio)
        drawn = [float(c.get("cy", "nan")) for _, c in by_ratio]
        assert drawn == sorted(drawn, reverse=True)


def test_two_pieces_make_no_forecast() -> None:
    told = a_lamp(pieces=2)
    assert view(told)["forecast"].startswith("No forecast")
    root = ElementTree.fromstring(drift_svg(told))
    assert not list(root.iter(f"{SVG}polygon"))
    assert "forecast" not in {t.text for t in root.iter(f"{SVG}text")}


def test_no_evidence_is_no_graph() -> None:
    with pytest.raises(DriftError, match="no evidence"):
        drift_pdf(replace(a_lamp(), evidence=()))


@needs_poppler
@pytest.mark.parametrize("simulated", [True, False])
def test_a_simulated_station_is_said(simulated: bool) -> None:
    text = said(drift_pdf(replace(a_lamp(), simulated=simulated)))
    assert ("SIMULATED" in text) is simulated


def test_evidence_of_every_level_is_one_graph_and_says_so() -> None:
    told = replace(a_lamp(), level_pct=None)
    assert ["Level", "all"] in view(told)["facts"]
    assert "all levels" in view(told)["alt"]
    assert drift_svg(told)


def test_the_forecast_counts_from_the_lamps_present_hours() -> None:
    told = a_lamp()
    used_since = replace(told, lamp_hours=told.evidence[-1].lamp_hours + 60.0)
    assert view(used_since)["forecast"] != view(told)["forecast"]
    assert view(used_since)["forecast"][1:-1] == forecast(told.evidence, 10.0, 3.0, used_since.lamp_hours).text[1:]
