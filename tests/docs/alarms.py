"""Every alarm in the controller's sources: each `Stop` and `Warn` that is made, with its text as a person reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from irctl.domain.alarms import priority
from irctl.domain.rules import Hazard, Stop, Warn

SOURCES = Path(__file__).parents[2] / "src" / "irctl"
ANY = "…"
"""What differs from one time to the next: a figure, a name."""


@dataclass(frozen=True, order=True)
class Said:
    """`hazard`: its id."""

    hazard: str
    priority: str
    text: str


def raised() -> set[Said]:
    """In `domain.rules` and everywhere in the controller."""
    paths = [SOURCES / "domain" / "rules.py", *sorted((SOURCES / "controller").rglob("*.py"))]
    return {said for path in paths for said in _in(ast.parse(path.read_text(encoding="utf-8")))}


def _in(tree: ast.AST) -> Iterator[Said]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for call in ast.walk(function):
            match call:
                case ast.Call(
                    func=ast.Name(id="Stop" | "Warn" as kind),
                    args=[ast.Attribute(value=ast.Name(id="Hazard"), attr=name), text, *_],
                ):
                    hazard = Hazard[name]
                    verdict = Stop(hazard, "", "") if kind == "Stop" else Warn(hazard, "")
                    yield Said(hazard.value, priority(verdict).value, _read(text, function, call.lineno))
                case _:
                    pass


def _read(text: ast.expr, function: ast.AST, line: int) -> str:
    """A text as it is written, or what was last put under its name above this line."""
    match text:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else ANY for part in parts)
        case ast.Name(id=name):
            given = [value for at, value in _assigned(function, name) if at <= line]
            return _read(given[-1], function, line) if given else ANY
        case _:
            raise AssertionError(f"line {line}: this text cannot be read: {ast.unparse(text)}")


def _assigned(function: ast.AST, name: str) -> list[tuple[int, ast.expr]]:
    found: list[tuple[int, ast.expr]] = []
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                found.append((node.lineno, value))
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                found += [
                    (node.lineno, value)
                    for one, value in zip(names, values, strict=True)
                    if isinstance(one, ast.Name) and one.id == name
                ]
            case _:
                pass
    return sorted(found, key=lambda one: one[0])
