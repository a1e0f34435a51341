"""What a JSON schema allows, in words. Both the API's bodies and the files' models are told by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false", "object": "table"}
FORMATS = {"time": "time of day", "date-time": "date and time", "uuid": "UUID"}
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "maxLength": "≤ {} characters",
    "minItems": "≥ {} of them",
    "maxItems": "≤ {} of them",
    "pattern": "`{}`",
}


def kind(schema: Schema, known: Schema) -> str:
    """Such as "number", or the words that are allowed. `known`: what `$ref` refers to, by its last part."""
    one = resolved(schema, known)
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    if "enum" in one:
        return " or ".join(f"`{json.dumps(value)}`" for value in one["enum"])
    if ways := one.get("anyOf"):
        return " or ".join(dict.fromkeys(kind(way, known) for way in ways if way.get("type") != "null"))
    if one.get("type") == "array":
        return f"list of {kind(one['items'], known)}" if one.get("items") else "list"
    if named := one.get("patternProperties"):
        return f"table of {kind(next(iter(named.values())), known)}"
    return FORMATS.get(one.get("format", "")) or WORDS.get(one.get("type", ""), "anything")


def bounds(schema: Schema, known: Schema) -> str:
    """Such as "> 0, ≤ 100"; of a list, those of its entries behind its own."""
    return ", ".join(dict.fromkeys(_bounds(schema, known)))


def _bounds(schema: Schema, known: Schema) -> Iterator[str]:
    one = resolved(schema, known)
    for name, words in BOUNDS.items():
        if name in one:
            yield words.format(f"{one[name]:g}" if isinstance(one[name], float) else one[name])
    if one.get("minLength"):
        yield "not empty"
    for way in one.get("anyOf", ()):
        yield from _bounds(way, known)
    if isinstance(one.get("items"), Mapping):
        yield from (f"each {words}" for words in _bounds(one["items"], known))


def resolved(schema: Schema, known: Schema) -> Schema:
    if "$ref" in schema:
        return known[schema["$ref"].rpartition("/")[2]]
    return schema


def usual(schema: Schema, *, needed: bool) -> str:
    """What counts where nothing is given."""
    if needed:
        return "needed"
    default = schema.get("default")
    if schema.get("format") == "time":
        return f"`{default}`"
    return "none" if default in (None, [], {}, "") else f"`{json.dumps(default, ensure_ascii=False)}`"
