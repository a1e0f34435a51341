"""The clinic's protocols and its screening list, as in force."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from irctl.clinic.protocol_file import load_protocol
from irctl.clinic.screening_file import load_screening
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Protocol, name_of
from irctl.domain.screening import ScreeningList


class Library:
    """Read once, from files. Raises Refused with everything that is wrong with them."""

    def __init__(self, protocols: Path, screening: Path) -> None:
        self.protocols: Mapping[str, Protocol] = {
            protocol.name: protocol for protocol in map(load_protocol, sorted(protocols.glob("*.toml")))
        }
        self.screening: ScreeningList = load_screening(screening)

    def protocol(self, name: str) -> Protocol:
        """By its name or its label. Raises Refused."""
        found = self.protocols.get(name_of(name))
        if found is None:
            known = ", ".join(self.protocols) or "none"
            raise Refused([Problem("protocol", name, "is not in force here", f"Known are {known}")])
        return found
