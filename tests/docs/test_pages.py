"""What the documentation says to type, and every block of code in it, is understood by the program it is for. What can be run is run: test_shell.py, test_tutorial.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import commands, files
from tests.docs.pages import LANGUAGES, REASONS, ROOT, SHOWN, Block, Page, blocks, pages
from tests.docs.shell import RUN, typed
from tests.docs.worlds import WORLDS

BLOCKS = tuple(block for page in pages() for block in page.blocks)
NOT_COMMANDS = ("irctl clinic", r"irctl certificate\n<number>\n<sha256>\n")
"""Code that begins with the program's name and is text: what a token and a seal say."""


def each(*languages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks(*languages), ids=lambda block: block.where)


def commands_of(block: Block) -> Iterator[list[str]]:
    return (words for text in typed(block) for line in commands.lines(text) for words in commands.commands(line))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_each_block_says_what_it_is_and_each_page_with_commands_which_world_they_need(page: Page) -> None:
    for block in page.blocks:
        assert block.language in LANGUAGES + SHOWN, f"{block.where}: fence it, and say its language"
        assert block.not_run is None or block.not_run in REASONS, f"{block.where} is not run: {block.not_run}?"
        if block.language in SHOWN:
            shown = block.text.splitlines()
            assert not [line for line in shown if line.startswith(("$ ", "irctl ", "irctl-sim "))], block.where
    if any(block.language in RUN and block.not_run is None for block in page.blocks):
        assert page.world in WORLDS, f"{page.name} has commands: say in which world they run (tests/docs/worlds.py)"


def test_what_is_not_run_has_a_reason_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = [f"{block.where}  {block.marks['not run']}" for block in BLOCKS if block.not_run is not None]
    with capsys.disabled():
        print("\nnot run:", *told, sep="\n  ")
    for word in " ".join(told).replace(";", " ").split():
        assert not word.startswith("tests/") or (ROOT / word.rstrip(".")).exists(), word


@each(*RUN)
def test_each_command_is_understood(block: Block) -> None:
    for words in commands_of(block):
        assert not (why := commands.misunderstood(words)), f"{block.where}: {' '.join(words)}\n{why}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_each_command_in_a_sentence_is_understood_as_far_as_it_goes(page: Page) -> None:
    for line, span in page.spans():
        if span.startswith(("irctl ", "irctl-sim ")) and span not in NOT_COMMANDS:
            for words in commands.written_out(span):
                why = commands.misunderstood(words, whole=False)
                assert not why, f"{page.name}:{line}: {' '.join(words)}\n{why}"


def test_each_command_of_a_list_is_run_by_another_page() -> None:
    run, listed = set[str](), dict[str, str]()
    for block in blocks(*RUN):
        for words in commands_of(block):
            if block.not_run is None:
                run.add(commands.name_of(words))
            elif block.not_run == "list of commands":
                listed[commands.name_of(words)] = block.where
    assert not {name: where for name, where in listed.items() if name not in run}


@each("toml")
def test_each_file_is_one_that_its_program_reads(block: Block, tmp_path: Path) -> None:
    files.check(block.marks.get("kind", ""), block.text, tmp_path)


@pytest.mark.parametrize("block", [*blocks("json"), None], ids=lambda block: block.where if block else "")
def test_each_document_is_json(block: Block | None) -> None:
    if block is not None:
        json.loads(block.text)


@each("python")
def test_each_piece_of_python_runs(block: Block) -> None:
    exec(compile(block.text, block.where, "exec"), {"__name__": "__main__"})


@each("typst")
def test_each_template_is_set_by_a_command_of_its_page(block: Block) -> None:
    (page,) = [page for page in pages() if page.path == block.page]
    ran = [words for other in page.blocks if other.language in RUN for words in commands_of(other)]
    assert any(block.marks["file"] in words for words in ran), block.where
