"""What a server says of itself in its CapabilityStatement, as far as it matters here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irctl.interop.fhir.r4 import Resource


@dataclass(frozen=True, slots=True)
class Ability:
    """With one type of resource. `conditional`: create or update, or both, on condition that it is not there yet."""

    interactions: frozenset[str] = frozenset()
    conditional: frozenset[str] = frozenset()

    @property
    def searches(self) -> bool:
        return "search-type" in self.interactions

    @property
    def creates(self) -> bool:
        return "create" in self.interactions

    @property
    def updates(self) -> bool:
        return "update" in self.interactions

    def takes(self, *, once: bool) -> bool:
        """Whether it can be sent twice and be there once, in its last version; `once`: it never has a second one."""
        return (
            (self.creates and self.searches)
            or (self.updates and "update" in self.conditional and not once)
            or (self.creates and "create" in self.conditional and once)
        )


@dataclass(frozen=True, slots=True)
class Abilities:
    """Of the whole server."""

    version: str
    of_types: Mapping[str, Ability] = field(default_factory=dict[str, Ability])
    transaction: bool = False

    def of(self, kind: str) -> Ability:
        return self.of_types.get(kind, Ability())


def read_abilities(statement: Resource) -> Abilities:
    """Raises ValueError where it is no CapabilityStatement of an R4 server."""
    version = str(statement.get("fhirVersion", ""))
    if statement.get("resourceType") != "CapabilityStatement":
        raise ValueError("its answer is no CapabilityStatement")
    if not version.startswith("4.0"):
        raise ValueError(f"it speaks FHIR {version or 'of no version'}, and irctl R4 (4.0.1)")
    found: dict[str, Ability] = {}
    system: set[str] = set()
    for rest in statement.get("rest", ()):
        if rest.get("mode") == "server":
            system |= _codes(rest)
            found |= {one["type"]: _ability(one) for one in rest.get("resource", ())}
    return Abilities(version, found, "transaction" in system)


def _ability(one: Mapping[str, Any]) -> Ability:
    said = (("create", one.get("conditionalCreate")), ("update", one.get("conditionalUpdate")))
    return Ability(frozenset(_codes(one)), frozenset(name for name, can in said if can is True))


def _codes(one: Mapping[str, Any]) -> set[str]:
    return {interaction["code"] for interaction in one.get("interaction", ())}
