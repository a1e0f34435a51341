"""What a form holds, as TOML: for protocols, lists and templates, whose text is what is kept and approved. Comments are not among what a form holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, cast

Table = Mapping[str, Any]


def written(told: Table) -> str:
    """As TOML that reads back to the same; raises TypeError for what TOML has not, such as None."""
    return "\n".join(_lines(told, ())).strip() + "\n"


def _lines(table: Table, path: tuple[str, ...]) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if not _is_table(value) and not _is_tables(value)}
    for key, value in plain.items():
        yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        here = (*path, key)
        if _is_table(value):
            if not value or any(not _is_table(one) and not _is_tables(one) for one in value.values()):
                yield f"\n[{_path(here)}]"
            yield from _lines(value, here)
        elif _is_tables(value):
            for one in value:
                yield f"\n[[{_path(here)}]]"
                yield from (f"{_key(name)} = {_value(inner)}" for name, inner in one.items())


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    """One or more tables; an empty list is a plain value."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    return all(_is_table(one) for one in cast("Sequence[object]", value))


def _path(keys: tuple[str, ...]) -> str:
    return ".".join(map(_key, keys))


def _key(key: str) -> str:
    bare = key and key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # JSON's escapes are TOML's, but for one sign that TOML wants escaped and JSON does not.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int():
            return str(value)
        case float():
            return repr(value)
        case date():
            return value.isoformat()
        case Mapping():
            inner = cast("Table", value)
            return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in inner.items()) + " }"
        case Sequence():
            return "[" + ", ".join(_value(one) for one in cast("Sequence[Any]", value)) + "]"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")
