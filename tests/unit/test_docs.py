"""What the documents say of files, commands and keys is there."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from irctl.cli.app import COMMANDS
from irctl.clinic.settings import ClinicFile, ReceiveSection, SendSection, StaffSection, load_clinic
from irctl.domain.tokens import ISSUER

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CLINIC = ROOT / "docs" / "reference" / "clinic.md"
EXAMPLE = ROOT / "configs" / "clinic.toml"

LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\birctl ((?:[a-z][a-z0-9-]*[ ]?){1,2})")
SECTION = re.compile(r"^\*\*(?:`\[([a-z]+)(\.NAME)?\]`|At its top)", re.M)
ROW = re.compile(r"^\| `([a-z_]+)` \|")
COMMANDS_NAMED = {words for _, words, _, _ in COMMANDS} | {one.name for one in entry_points(group="irctl.commands")}
GROUPS = {words.split()[0] for words in COMMANDS_NAMED if " " in words}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code_of(page: Path) -> str:
    """What stands in code, block or span: the rest is prose, in which irctl does things."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`|^    .+$", text_of(page), re.S | re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), link
        if anchor:
            assert anchor in anchors(found), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_is_one(page: Path) -> None:
    for words in COMMAND.findall(code_of(page)):
        first, _, second = words.strip().partition(" ")
        if first in GROUPS:
            assert not second or f"{first} {second}" in COMMANDS_NAMED, words
        else:
            assert first in COMMANDS_NAMED or words == ISSUER.removeprefix("irctl "), words


def keys(model: type[BaseModel], section: str = "") -> set[str]:
    """Each as "section.key"; those at the top as ".key"."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        if (inner := _model_in(field.annotation)) is not None:
            found |= keys(inner, name)
        else:
            found.add(f"{section}.{name}")
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation is or holds."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one))), None)


def keys_told(page: Path) -> set[str]:
    told: set[str] = set()
    section = None
    for line in text_of(page).splitlines():
        if line.startswith("#"):
            section = None
        if found := SECTION.match(line):
            section = found[1] or ""
        elif section is not None and (row := ROW.match(line)):
            told.add(f"{section}.{row[1]}")
    return told


def test_the_clinics_page_tells_every_key_of_its_file_and_no_other() -> None:
    assert keys_told(CLINIC) == keys(ClinicFile)


def test_the_example_of_a_clinics_file_holds_with_and_without_what_it_offers(tmp_path: Path) -> None:
    assert load_clinic(EXAMPLE).mail is None
    offered = tmp_path / "clinic.toml"
    offered.write_text(text_of(EXAMPLE).replace("#: ", ""), encoding="utf-8")
    file = load_clinic(offered)
    assert file.mail is not None
    assert file.records.database is not None
    assert "annex" in file.stations


def test_what_the_page_says_is_usual_is_usual() -> None:
    usual = ClinicFile().model_dump(mode="json")
    rows = re.findall(r"^\| `([a-z_]+)` \| `([^`]+)` \|", text_of(CLINIC), re.M)
    assert len(rows) > 12
    for key, said in rows:
        value = said if re.fullmatch(r"\d\d:\d\d:\d\d", said) else tomllib.loads(f"value = {said}")["value"]
        sections = [
            usual,
            *(one for one in usual.values() if isinstance(one, dict)),
            _mail(),
            StaffSection().model_dump(),
            _send(),
            ReceiveSection(what="hl7", at="mllp://127.0.0.1:2575").model_dump(mode="json"),
        ]
        assert value in [section[key] for section in sections if key in section], key


def _mail() -> dict[str, Any]:
    return ClinicFile.model_validate({"mail": {"host": "mail", "sender": "us"}}).model_dump(mode="json")["mail"]


def _send() -> dict[str, Any]:
    return SendSection(what="fhir", to="https://ehr.example.org").model_dump(mode="json")
