"""What is installed for irctl to stand on, with its licences, as the packages themselves say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from functools import cache
from importlib import metadata
from typing import cast

_NAME = re.compile(r"[A-Za-z0-9._-]+")
LICENCE_MAX = 60
"""Characters: some packages write the whole licence where its name belongs."""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    licence: str


@cache
def shipped() -> tuple[Package, ...]:
    """Everything that irctl requires, and what that requires in turn; by name."""
    found: dict[str, Package] = {}
    open_ = _required("irctl")
    while open_:
        name = open_.pop()
        key = name.lower().replace("_", "-")
        if key in found:
            continue
        try:
            told = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # for another system or another Python
        # The metadata are an e-mail's headers; the type says less than they can.
        headers = cast("Message", told)
        found[key] = Package(str(told["Name"]), str(told["Version"]), _licence(headers))
        open_ |= _required(name)
    return tuple(found[key] for key in sorted(found))


def _required(name: str) -> set[str]:
    """Without what only an extra asks for."""
    wanted = metadata.requires(name) or []
    plain = (line for line in wanted if "extra ==" not in line.replace("'", '"'))
    return {match.group() for line in plain if (match := _NAME.match(line))}


def _licence(told: Message) -> str:
    named = str(told.get("License-Expression") or told.get("License") or "")
    if named and len(named) <= LICENCE_MAX and "\n" not in named:
        return named
    classified = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    return ", ".join(classified) or "see the package"
