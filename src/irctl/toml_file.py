"""TOML into strict models: every key known, every number a number, everything wrong with a file told at once in our words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from irctl.domain.problems import Problem, Refused

M = TypeVar("M", bound=BaseModel)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def read(path: Path, field: str) -> bytes:
    """A file's bytes. Raises Refused, which calls the file `field`."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else None
        raise Refused([Problem(field, str(path), reason or str(error), "Check the file's name and rights")]) from None


def parse(text: bytes, model: type[M], name: str) -> M:
    """A file's text as a model. Raises Refused with every problem of its form."""
    try:
        return model.model_validate(tomllib.loads(text.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused([Problem(name, "", f"not TOML: {error}", "Correct the file")]) from None
    except ValidationError as error:
        raise Refused([schema_problem(details) for details in error.errors()]) from None


def schema_problem(details: Mapping[str, Any], prefix: str = "") -> Problem:
    """One pydantic error in our words."""
    field = prefix + ".".join(str(part) for part in details["loc"])
    value: Any = details.get("input")
    shown = None if details["type"] == "missing" else value
    match details["type"]:
        case "extra_forbidden":
            return Problem(field, shown, "is not a known key", "Remove it, or correct its spelling")
        case "missing":
            return Problem(field, None, "is missing", "Add it")
        case _:
            return Problem(field, shown, str(details["msg"]), "Correct the value")
