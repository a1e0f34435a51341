"""Which events the controller's code writes, and which fields it gives them: read from the code, not from a run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import irctl.controller
from irctl.domain import chain

CODE = Path(irctl.controller.__file__).parent
WRITES = frozenset({"write", "_write", "_raise", "msg", "after"})
"""What is called to write an event; `_write` and `_raise` pass a name on, and add fields to it."""
NOT_FIELDS = frozenset({"sync"})
ANYTHING = "*"


@dataclass(slots=True)
class Written:
    """What is known of one event."""

    fields: set[str] = field(default_factory=set[str])
    whole: bool = True
    """Whether these are all of its fields: a function's answer that is passed on is not looked into."""


@cache
def written() -> dict[str, Written]:
    """By the event's name. One that is put together as it is written, such as `calibration.{how}`, has `*` in place of what is not known."""
    found: defaultdict[str, Written] = defaultdict(Written)
    for path in sorted(CODE.rglob("*.py")):
        module = ast.parse(path.read_text("utf-8"))
        adding = {one.name: set(_added(one)) for one in ast.walk(module) if isinstance(one, ast.FunctionDef)}
        for function in ast.walk(module):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in _calls(function):
                for name in _names(call):
                    one = found[name]
                    one.fields |= adding.get(_called(call), set())
                    _take(one, call, function)
    return dict(found)


def _calls(function: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _called(node) in WRITES and node.args:
            yield node


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _names(call: ast.Call) -> Iterator[str]:
    """What the event may be called; nothing where it is no event that is written, or where its name is only passed on."""
    for argument in call.args:
        yield from _texts(argument)


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts(one), *_texts(other))
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else ANYTHING for part in parts)
        case ast.Attribute(value=ast.Name(id="chain"), attr=name) if isinstance(text := getattr(chain, name), str):
            if "." in text:
                yield text
        case _:
            return


def _added(function: ast.FunctionDef) -> Iterator[str]:
    """What a function that passes an event's name on adds to its fields."""
    if function.name in ("_write", "_raise"):
        for call in _calls(function):
            yield from (keyword.arg for keyword in call.keywords if keyword.arg and keyword.arg not in NOT_FIELDS)


def _take(one: Written, call: ast.Call, function: ast.AST) -> None:
    for keyword in call.keywords:
        if keyword.arg is not None:
            one.fields |= {keyword.arg} - NOT_FIELDS
        elif (keys := _keys(keyword.value, function)) is not None:
            one.fields |= keys
        else:
            one.whole = False


def _keys(value: ast.expr, function: ast.AST) -> set[str] | None:
    """Of a dictionary that is written down in this function; None where it comes from elsewhere."""
    match value:
        case ast.Dict(keys=keys) if all(isinstance(key, ast.Constant) for key in keys):
            return {str(key.value) for key in keys if isinstance(key, ast.Constant)}
        case ast.IfExp(body=one, orelse=other):
            first, second = _keys(one, function), _keys(other, function)
            return None if first is None or second is None else first | second
        case ast.Name(id=name):
            return _assigned(name, function)
        case _:
            return None


def _assigned(name: str, function: ast.AST) -> set[str] | None:
    for node in ast.walk(function):
        match node:
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                return _keys(value, function)
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return _keys(value, function)
            case _:
                continue
    return None
