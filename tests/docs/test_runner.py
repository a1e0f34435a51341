"""What runs the documentation finds what is wrong with it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.commands import commands, misunderstood, name_of, written_out
from tests.docs.pages import Page
from tests.docs.shell import Ran, answers_shown, run, unlike
from tests.docs.tutorial import Answer, Press, See, Type, steps

bash = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("setsid"), reason="needs bash on a pseudo-terminal"
)


def a_page(folder: Path, *parts: str) -> Page:
    folder.mkdir(exist_ok=True)
    page = folder / "page.md"
    page.write_text("\n\n".join(("# A page", "<!-- world: files -->", *parts)), encoding="utf-8")
    return Page(page)


def sh(*lines: str, mark: str = "", language: str = "sh") -> str:
    return "\n".join((*([f"<!-- {mark} -->"] if mark else []), f"```{language}", *lines, "```"))


def ran(folder: Path, *parts: str) -> Ran:
    return run(a_page(folder, *parts), folder / "here")


@bash
def test_the_first_line_that_fails_ends_the_page_and_is_named(tmp_path: Path) -> None:
    found = ran(tmp_path, sh("true", "irctl config check nothing.toml", "touch never"), sh("touch never"))
    assert found.code == 3
    assert "IN VAIN, with exit code 3: irctl config check nothing.toml" in found.said
    assert not (tmp_path / "here" / "never").exists()


@bash
def test_a_refusal_that_is_meant_must_come_and_be_that_one(tmp_path: Path) -> None:
    wanted = "irctl config check nothing.toml"
    assert ran(tmp_path / "a", sh(wanted, mark="exit code: 3")).code == 0
    assert ran(tmp_path / "b", sh(wanted, mark="exit code: 4")).code != 0
    assert ran(tmp_path / "c", sh("true", mark="exit code: 3")).code != 0


@bash
def test_what_stays_is_waited_for_and_ended_and_may_not_end_before(tmp_path: Path) -> None:
    stays = sh(
        "bash -c 'echo it is there; trap \"touch ended; exit\" TERM; while :; do sleep 0.1; done'",
        mark="stays: it is there",
    )
    assert ran(tmp_path / "a", stays, sh("test ! -e ended")).code == 0
    assert (tmp_path / "a" / "here" / "ended").exists()
    assert ran(tmp_path / "b", sh("echo something else", mark="stays: it is there")).code != 0


@bash
def test_what_a_page_shows_is_compared_with_what_is_said(tmp_path: Path) -> None:
    page = a_page(tmp_path, sh("$ echo 'a   7 b'; echo c", "a 7 b", "$ printf '1\\n2\\n'", "2", language="console"))
    (block,) = page.blocks
    said = run(page, tmp_path / "here").output(block)
    first, second = answers_shown(block)
    assert not unlike(first, said[0])
    assert not unlike(["a … b", "c"], said[0])
    assert unlike(["a 8 b"], said[0]) == "a 8 b"
    assert unlike(["c", "a 7 b"], said[0]) == "a 7 b"
    assert not unlike(second, said[1])


@bash
def test_a_file_of_the_page_is_there_and_so_is_what_it_takes_for_given(tmp_path: Path) -> None:
    shown = sh("key = 1", mark="file: own.toml", language="toml")
    assert ran(tmp_path, shown, sh("grep -q 'key = 1' own.toml", "test -s course.json")).code == 0
    assert not [*(tmp_path / "here").glob("*.pdf")], "it named none"


@pytest.mark.parametrize(
    "line",
    ["irctl lamp", "irctl treat left --dose 3", "irctl fhir push bundle.json", "irctl people add x --role surgeon", "irctl-sim fault"],
)  # fmt: skip
def test_a_command_that_is_not_understood_is_found(line: str) -> None:
    (words,) = commands(line)
    assert misunderstood(words)


def test_in_a_sentence_something_may_be_missing_but_nothing_may_be_wrong() -> None:
    assert not misunderstood(["irctl", "fhir", "push"], whole=False)
    assert not misunderstood(["irctl", "records", "retention", "--older-than", "YEARS"], whole=False)
    assert misunderstood(["irctl", "records", "retention", "--since", "YEARS"], whole=False)
    assert [*written_out("irctl calibrations redo|reject ID [--json]")][-1] == ["irctl", "calibrations", "reject", "ID"]


def test_commands_are_found_wherever_they_stand_on_a_line() -> None:
    found = [*commands('sudo -u irctl irctl lamps | grep left && IRCTL_URL=x irctl rvu 97026 > "a b" # irctl stop')]
    assert found == [["irctl", "lamps"], ["irctl", "rvu", "97026"]]
    assert [name_of(words) for words in found] == ["irctl lamps", "irctl rvu estimate"]
    assert not [*commands("systemctl enable --now irctl")]


def test_a_numbered_step_is_what_is_pressed_typed_and_seen(tmp_path: Path) -> None:
    page = a_page(tmp_path, "1. See `7 cm`. *Far* **Yes**; *Distance* `50`, then **Go**.\n2. **End**")
    first, second = steps(page)
    assert first.acts == (See("7 cm"), Answer("Far", "Yes"), Type("Distance", "50"), Press("Go"))
    assert (second.number, second.acts) == (2, (Press("End"),))
