"""The site: it builds without a warning, needs no network, and its reference leaves out nothing that the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.generate.pictures import files
from docs.generate.written import written
from irctl.cli.app import COMMANDS
from irctl.controller.api.authority import TABLE
from irctl.domain.events import EVENTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = re.compile(
    r'<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+rel="(?:stylesheet|preload|icon)"[^>]+href="([^"]+)"'
)


def build(source: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does."""
    words = ["-E", "-q", "-W", "--keep-going", "-c", DOCS, "-d", into / "doctrees", source, into / "site"]
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "src", "drivers", "simulator"))
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *map(str, words)],
        env=os.environ | {"PYTHONPATH": paths},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("docs")
    built = build(DOCS, into)
    assert (built.returncode, built.stderr) == (0, "")
    return into / "site"


def text_of(page: Path) -> str:
    return unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))


def test_every_command_route_and_event_is_told(site: Path) -> None:
    commands, routes, events = (text_of(site / "reference" / f"{name}.html") for name in ("cli", "api", "events"))
    assert [words for _, words, _, _ in COMMANDS if f"irctl {words}\N{PILCROW SIGN}" not in commands] == []
    assert [path for method, path in TABLE if path.startswith("/v1") and f"{method} {path}" not in routes] == []
    assert [name for name in EVENTS if f"{name}\N{PILCROW SIGN}" not in events] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = [src or href for src, href in LOADED.findall(page.read_text("utf-8"))]
        assert found
        assert [address for address in found if "//" in address] == [], page.name


def test_what_is_wrong_with_a_page_is_an_error(tmp_path: Path) -> None:
    pages = {
        "index.md": "# Top\n\n[gone](gone.md), [no such heading](other.md#nowhere)\n\n```{toctree}\nother\nlost\n```\n",
        "other.md": "# Other\n\n```nolanguage\nx\n```\n\n![no such picture](none.png)\n",
        "orphan.md": "# Orphan\n",
    }
    source = tmp_path / "source"
    source.mkdir()
    for name, text in pages.items():
        (source / name).write_text(text, "utf-8")
    built = build(source, tmp_path)
    assert built.returncode != 0
    for complaint in ("'gone.md'", "nowhere", "'lost'", "nolanguage", "none.png", "orphan.md"):
        assert complaint in built.stderr, complaint


def test_each_event_that_the_controller_writes_is_in_the_table_and_no_other() -> None:
    assert [name for name in written() if not any(fnmatch(known, name) for known in EVENTS)] == []
    assert [known for known in EVENTS if not any(fnmatch(known, name) for name in written())] == []


def test_the_pictures_are_what_draws_them_and_say_what_they_show() -> None:
    for path, svg in files():
        assert path.read_text("utf-8") == svg, "run `python -m docs.generate.pictures`"
        title, says, *_ = ElementTree.fromstring(svg)
        assert title.text
        assert len(says.text or "") > 100
