"""How busy lines are, on paper."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from irctl.controller.config import load
from irctl.controller.load import FULL, LineLoad, loads
from irctl.examples import examples


def station(tmp_path: Path, *changes: tuple[str, str]) -> dict[str, LineLoad]:
    """The station of four bays, changed."""
    text = (examples() / "four.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    for folder in ("calibrations", "meters"):
        (tmp_path / folder).symlink_to(examples() / folder)
    (tmp_path / "station.toml").write_text(text, "utf-8")
    return {one.line: one for one in asyncio.run(loads(load(tmp_path / "station.toml")))}


def test_lamps_share_a_line_and_each_has_its_part(tmp_path: Path) -> None:
    found = station(tmp_path)
    line = found["dimmer-line-a"]
    assert set(line.by_lamp) == {"bay-1", "bay-2"}
    assert line.by_lamp["bay-1"] == pytest.approx(line.by_lamp["bay-2"])
    assert line.busy == pytest.approx(sum(line.by_device.values()))
    assert 0.1 < line.busy < FULL
    assert line.advice is None


def test_half_the_tick_is_twice_the_work(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    text = (examples() / "four.toml").read_text("utf-8")
    usual, tick = station(tmp_path / "a"), "\nlease_s = 2.0"
    assert tick in text
    twice = station(tmp_path / "b", (tick, f"{tick}\ntick_s = 0.125"))
    for name in ("dimmer-line-a", "skin-line"):
        assert twice[name].busy == pytest.approx(2 * usual[name].busy)
        assert twice[name].frames == pytest.approx(2 * usual[name].frames)


def test_what_does_not_fit_is_said_with_what_to_move(tmp_path: Path) -> None:
    found = station(tmp_path, ('"sim://skin-line"\nbaud = 9600', '"sim://skin-line"\nbaud = 1200'))
    line = found["skin-line"]
    assert line.busy > FULL
    assert line.tick_at_best_s == pytest.approx(line.tick_s * line.busy / FULL)
    assert line.advice is not None
    assert "Move skin-" in line.advice
