"""The files that people write: every section and key, from the models that read them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from textwrap import dedent
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.generate.markdown import table
from docs.generate.schema import bounds, kind, usual
from irctl.clinic.settings import ClinicFile
from irctl.controller.calibration_file import CalibrationFile, MeterFile
from irctl.controller.config import StationFile
from irctl.devices.mapped.model import DeviceMap
from irctl.mqtt.settings import MqttFile

HEADS = ("key", "", "usual", "limits", "meaning")
Model = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the file. `path`: as it is written in brackets, with NAME for what a file calls its own; empty at the top."""

    path: str
    model: Model
    listed: bool = False
    """It may stand several times, in double brackets."""


def page() -> str:
    told = (
        ("The station file", "Read by the controller and by `irctl config check`.", StationFile),
        ("The clinic's file", "Read by the clinic's process.", ClinicFile),
        ("The file of `irctl mqtt`", "Read by that process alone ([how](../how-to/publish-to-mqtt.md)).", MqttFile),
        ("A calibration's file", "Beside the station file, for a lamp that was calibrated elsewhere.", CalibrationFile),
        ("A meter's certificate", "Beside the station file: what its laboratory says.", MeterFile),
        ("A device map", "A device from its manual, without Python.", DeviceMap),
    )
    return "\n".join(f"## {title}\n\n{what}\n\n{_file(model)}" for title, what, model in told)


def _file(model: Model) -> str:
    return "\n".join(_told(section) for section in _sections(Section("", model)))


def _sections(section: Section) -> Iterator[Section]:
    yield section
    for name, field in section.model.model_fields.items():
        if (inner := model_in(field.annotation)) is not None:
            named = ".NAME" if get_origin(_plain(field.annotation)) is dict else ""
            path = f"{section.path}.{_key(name, field)}{named}".removeprefix(".")
            yield from _sections(Section(path, inner, get_origin(_plain(field.annotation)) is tuple))


def _told(section: Section) -> str:
    schema = section.model.model_json_schema()
    known, docs = schema.get("$defs", {}), sayings(section.model)
    rows = [
        (
            f"`{key}`",
            kind(told := schema["properties"][key], known),
            usual(told, needed=key in schema.get("required", ())),
            bounds(told, known),
            docs.get(name, ""),
        )
        for name, field in section.model.model_fields.items()
        if model_in(field.annotation) is None
        for key in [_key(name, field)]
    ]
    about = inspect.cleandoc(section.model.__dict__.get("__doc__") or "")
    brackets = f"[[{section.path}]]" if section.listed else f"[{section.path}]"
    head = f"### `{brackets}`\n" if section.path else "### At its top\n"
    return "\n".join([head, about, "", table(HEADS, rows)]) if rows or about else ""


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _plain(annotation: Any) -> Any:
    """Without what says that it may be left out."""
    ways = [one for one in get_args(annotation) if one is not type(None)]
    is_choice = type(None) in get_args(annotation) and len(ways) == 1
    return ways[0] if is_choice else annotation


def model_in(annotation: Any) -> Model | None:
    """The section that an annotation is or holds."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := model_in(one))), None)


@cache
def sayings(model: Model) -> dict[str, str]:
    """What stands below a field in the code says what the field means; inherited ones too."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if not issubclass(one, BaseModel) or one is BaseModel:
            continue
        try:
            (body,) = (x for x in ast.parse(dedent(inspect.getsource(one))).body if isinstance(x, ast.ClassDef))
        except OSError:
            continue  # made while the program runs, as the options of a map are
        for field, below in zip(body.body, body.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = text
                case _:
                    continue
    return found
