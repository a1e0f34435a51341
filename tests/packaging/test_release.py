"""What `make dist` makes: the same bytes every time, whole, and told truly."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema_rs
import pytest
from packaging.utils import canonicalize_name

from tests.packaging.release import ROOT, built

PACKAGES = ("src/irctl", "drivers/irctl_drivers", "simulator/irctl_simulator", "simulator/irctl_campaign")
DEVELOPERS = ("pytest", "ruff", "pyright", "playwright", "hatchling", "cyclonedx-python-lib")


def wheel_of(release: Path) -> Path:
    return next(release.glob("*.whl"))


def bom_of(release: Path) -> dict[str, Any]:
    return json.loads((release / "irctl.cdx.json").read_bytes())


def test_another_folder_another_day_and_another_umask_give_the_same_bytes(release: Path, tmp_path: Path) -> None:
    again = built(tmp_path / "elsewhere" / "sources", mtime=1_790_000_000, umask=0o077)
    assert [path.name for path in sorted(again.iterdir())] == [path.name for path in sorted(release.iterdir())]
    for path in again.iterdir():
        assert path.read_bytes() == (release / path.name).read_bytes(), path.name


def test_whoever_gets_a_release_can_see_that_it_is_whole(release: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=release, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count(": OK") == len(list(release.iterdir())) - 1


def test_the_wheel_has_every_file_of_the_packages_and_what_is_installed_beside_them(release: Path) -> None:
    inside = {name for name in ZipFile(wheel_of(release)).namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to((ROOT / package).parent).as_posix() for package in PACKAGES for path in sources(ROOT / package)
    }
    wanted.add("irctl/constraints.txt")
    wanted |= {f"irctl/configs/{path.relative_to(ROOT / 'configs').as_posix()}" for path in sources(ROOT / "configs")}
    data = wheel_of(release).name.removesuffix("-py3-none-any.whl") + ".data/data/share/irctl"
    wanted |= {f"{data}/{path.relative_to(ROOT / 'ops').as_posix()}" for path in sources(ROOT / "ops")}
    assert inside == wanted


def sources(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_the_sources_of_a_release_build_the_same_wheel(release: Path, tmp_path: Path) -> None:
    with tarfile.open(next(release.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(words, cwd=next(tmp_path.iterdir()), check=True, capture_output=True)
    assert wheel_of(tmp_path).read_bytes() == wheel_of(release).read_bytes()


def test_what_is_in_it_is_told_as_the_standard_wants(release: Path) -> None:
    schemas = {
        path.name: json.loads(path.read_bytes())
        for path in files("cyclonedx.schema._res").iterdir()
        if path.name.endswith(".schema.json")
    }
    known = [(f"http://cyclonedx.org/schema/{name}", schema) for name, schema in schemas.items()]
    schema = schemas["bom-1.6.SNAPSHOT.schema.json"]
    validator = jsonschema_rs.validator_for(schema, registry=jsonschema_rs.Registry(known))
    validator.validate(bom_of(release))
    assert not validator.is_valid(bom_of(release) | {"components": [{"name": "a component without a type"}]})


def test_what_is_in_it_are_the_pinned_versions_and_no_developers_tools(release: Path) -> None:
    pinned = dict(line.split("==") for line in (release / "constraints.txt").read_text().splitlines() if "==" in line)
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    told = {canonicalize_name(one["name"]): one for one in bom_of(release)["components"]}
    assert {name: one["version"] for name, one in told.items()} == {name: pinned[name] for name in told}
    assert not told.keys() & set(DEVELOPERS)
    assert {name for name, one in told.items() if one["scope"] == "optional"} >= {"psycopg"}
    assert all(one["licenses"] for one in told.values())


def test_the_wheel_works_outside_of_these_sources(release: Path, tmp_path: Path) -> None:
    """What it needs it takes from the developers' environment; that nothing is missing, test_bare_debian.py shows."""
    venv.create(tmp_path / "venv", with_pip=False)
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    words = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(programs / "python"),
        "install",
        "--no-deps",
        "--quiet",
        str(wheel_of(release)),
    ]
    subprocess.run(words, check=True, capture_output=True)
    installed = next((tmp_path / "venv").rglob("irctl/__init__.py")).parent
    # A line of a .pth adds a folder, and what .pth files there say (the editable irctl) is not heeded.
    (installed.parent / "needed.pth").write_text(
        "\n".join({str(one.locate_file("")) for one in distributions() if one.name == "numpy"})
    )

    def run(*words: str) -> str:
        where = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        ended = subprocess.run(
            [programs / words[0], *words[1:]], cwd=tmp_path, env=where, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    assert run("python", "-c", "import irctl; print(irctl.__file__)").strip() == str(installed / "__init__.py")
    assert "wirenboard-mdm3" in run("irctl", "drivers", "--json")
    assert "usage: irctl-sim" in run("irctl-sim", "--help")


@pytest.mark.skipif("IRCTL_LONG" not in os.environ, reason="a minute of downloads: make long")
@pytest.mark.skipif(shutil.which("pipx") is None, reason="pipx is not installed")
def test_pipx_installs_it_as_the_page_says(release: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "install-on-a-workstation.md").read_text(encoding="utf-8")
    line = next(line for line in re.findall(r"^pipx install .*$", page, re.M))
    where = os.environ | {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    subprocess.run(["bash", "-c", line], cwd=release, env=where, check=True)
    said = subprocess.run(
        [tmp_path / "bin" / "irctl", "drivers", "--json"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "wirenboard-mdm3" in said.stdout
