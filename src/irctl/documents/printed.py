"""What every document that is printed has in common, before it is laid out."""

from __future__ import annotations

from typing import Any

View = dict[str, Any]
"""What a template prints, as plain JSON values."""
NOT_CERTIFIED = "irctl is not a certified medical device."


def visible(value: Any) -> Any:
    """A JSON value as it may be printed: line breaks become spaces; what would act unseen (controls, changes of direction) shows as a replacement mark."""
    match value:
        case str():
            return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in value)
        case dict():
            return {k: visible(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [visible(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
