"""Commands of irctl in shell text, understood by irctl's own parser: nothing is run."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from importlib.metadata import entry_points
from itertools import product

from cyclopts import CoercionError, CycloptsError, MissingArgumentError

from irctl.cli.app import COMMANDS, LISTED, UNSAID, build
from irctl.domain.problems import Refused
from irctl_simulator import cli as simulator

PLACEHOLDER = re.compile(r"[A-Z]+|…|\.\.\.")
PROGRAMS = ("irctl", "irctl-sim")
NAMES = {words for _, words, _, _ in COMMANDS} | {one.name for one in entry_points(group="irctl.commands")}


def lines(text: str) -> Iterator[str]:
    """Each command line of a block, without its comment; what a backslash carries on is one line."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def commands(line: str) -> Iterator[list[str]]:
    """The words of each command of irctl on a line; what stands before it (sudo, a variable) is left out."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>()")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if word and set(word) <= set("|;&()"):
            words = _itself(words)
            if words and words[0] in PROGRAMS:
                yield _without_redirection(words)
            words = []
        else:
            words.append(word)


def _itself(words: list[str]) -> list[str]:
    """Without what another program is told about how to run it: who it is run as, its environment."""
    while words and (words[0] in ("sudo", "runuser", "env", "exec", "--") or "=" in words[0] or words[0] == "-u"):
        words = words[2 if words[0] == "-u" else 1 :]
    return words


def _without_redirection(words: list[str]) -> list[str]:
    end = next((n for n, word in enumerate(words) if word and set(word) <= set("<>")), len(words))
    return words[:end]


def name_of(words: list[str]) -> str:
    """ "irctl records sync" of a whole command."""
    if words[0] != "irctl" or not words[1:]:
        return " ".join(words[:2]) if words[1:2] and not words[1].startswith("-") else words[0]
    words = _as_typed(words[1:])
    return "irctl " + next((name for name in (" ".join(words[:2]), words[0]) if name in NAMES), words[0])


def misunderstood(words: list[str], *, whole: bool = True) -> str:
    """What the program's parser says against these words; empty where it understands them.

    `whole`: nothing may be missing. Otherwise what is mentioned in a sentence may lack an argument, and have NAME in the place of one.
    """
    return _by_simulator(words[1:], whole=whole) if words[0] == "irctl-sim" else _by_irctl(words[1:], whole=whole)


def _by_irctl(words: list[str], *, whole: bool) -> str:
    words = _as_typed(words)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            build(words).parse_args(words, exit_on_error=False, print_error=False)
        except Refused:
            return ""  # understood; nobody is signed in
        except (MissingArgumentError, CoercionError) as error:
            placeholder = isinstance(error, MissingArgumentError) or any(map(PLACEHOLDER.fullmatch, words))
            return _unknown_options(words) if placeholder and not whole else str(error)
        except CycloptsError as error:
            return str(error) or type(error).__name__
    return ""


def _unknown_options(words: list[str]) -> str:
    """What is missing is told first, and hides them."""
    app = build(words)
    for word in words:
        if word in app:
            app = app[word]
    known = {name for argument in app.assemble_argument_collection() for name in (*argument.names, *argument.negatives)}
    return ", ".join(word for word in words if word.startswith("--") and word.partition("=")[0] not in known)


def _as_typed(words: list[str]) -> list[str]:
    """As `irctl.cli.app.run` completes what may be left out."""
    if words[0] in LISTED and all(word.startswith("-") for word in words[1:2]):
        return [words[0], "list", *words[1:]]
    if words[0] in UNSAID and words[1:] and " ".join(words[:2]) not in NAMES:
        return [words[0], UNSAID[words[0]], *words[1:]]
    return words


def _by_simulator(words: list[str], *, whole: bool) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            simulator.parsed(words)
        except SystemExit as end:
            missing = "required" in said.getvalue() and not whole
            return said.getvalue() if end.code and not missing else ""
    return ""


def written_out(span: str) -> Iterator[list[str]]:
    """What a sentence mentions, each possibility as words: `redo|abandon ID [--key FILE]` is four commands."""
    optional = [span, *([re.sub(r"\[[^\]]*\]", "", span)] if "[" in span else [])]
    for text in optional:
        words = shlex.split(text.replace("[", " ").replace("]", " "))
        yield from (list(one) for one in product(*(word.split("|") for word in words)))
