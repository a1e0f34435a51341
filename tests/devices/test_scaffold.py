"""What `irctl device new` writes works as it is: a map that loads, a package that installs, is found, and keeps every promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from irctl.cli import exits
from irctl.cli.app import run
from irctl.cli.scaffold import driver_files
from irctl.devices.mapped import load_map
from tests.service.worlds import environment

THIRD_PARTY = Path(__file__).parents[1] / "third_party"


def test_a_new_map_is_a_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["device", "new", "acme-relay", "--output", str(tmp_path)]) == exits.OK
    assert load_map(tmp_path / "acme-relay.toml").name == "acme-relay"
    assert "irctl map check" in capsys.readouterr().out
    assert run(["map", "check", str(tmp_path / "acme-relay.toml")]) == exits.OK


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "acme-relay.toml").write_text("mine", "utf-8")
    assert run(["device", "new", "acme-relay", "--output", str(tmp_path)]) == exits.REFUSED
    assert (tmp_path / "acme-relay.toml").read_text("utf-8") == "mine"


def test_the_example_of_a_third_party_is_what_is_scaffolded() -> None:
    for path, text in driver_files("acme-relay").items():
        assert (THIRD_PARTY / path).read_text("utf-8") == text


def test_a_strangers_package_is_installed_found_and_keeps_every_promise(tmp_path: Path) -> None:
    """Installed as pip installs it, in a folder of its own; its own tests are the conformance suite."""
    site = tmp_path / "site"
    words = ["install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", *words, str(THIRD_PARTY / "acme-relay")], check=True, timeout=120)
    there = environment(PYTHONPATH=str(site))
    listed = subprocess.run(
        [sys.executable, "-m", "irctl", "drivers", "--json"], env=there, capture_output=True, text=True, check=True
    )
    (acme,) = [one for one in json.loads(listed.stdout) if one["name"] == "acme-relay"]
    assert (acme["roles"], acme["fail_safe"]) == (["cutoff"], "comm-watchdog")
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(THIRD_PARTY / "acme-relay")],
        env=there, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert "17 passed" in tested.stdout
