"""`python -m release.sbom`: what a workstation runs once irctl is installed on it, as CycloneDX 1.6 in JSON. `make dist` writes it.

Read from the packages installed here: those that the wheel's own requirements lead to, on this platform. An installed version that is not
the one in constraints.txt is an error, since it is not what anybody else would get.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from zipfile import Path as ZipPath

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

NOT_RUN = frozenset({"dev"})
"""irctl's extras that only developers install. The others are components that may be absent (scope: optional)."""

Needed = dict[NormalizedName, set[str]]
"""Each package with the extras that somebody wants of it."""


def sbom(wheel: Path, constraints: Path) -> str:
    """The document, the same for the same wheel, constraints and platform. Raises ValueError, and PackageNotFoundError for what is not installed here."""
    irctl = _of_wheel(wheel)
    pinned = _pinned(constraints)
    always = _closure(_requirements(irctl, set()))
    extras = set(irctl.metadata.get_all("Provides-Extra", [])) - NOT_RUN
    every = _closure(_requirements(irctl, extras))
    components = {name: _component(distribution(name), optional=name not in always) for name in every}
    for name, component in components.items():
        if pinned.get(name) != component.version:
            raise ValueError(f"{name} {component.version} is installed, and {pinned.get(name)} in {constraints}")
    root = _component(irctl, optional=False)
    root.type = ComponentType.APPLICATION
    bom = Bom(
        components=components.values(), serial_number=uuid5(NAMESPACE_URL, f"{root.purl} {sorted(pinned.items())}")
    )
    bom.metadata = BomMetaData(component=root)
    bom.metadata.timestamp = None  # or no two would be equal
    bom.register_dependency(root, [components[name] for name in _names(_requirements(irctl, extras))])
    for name, component in components.items():
        bom.register_dependency(
            component, [components[one] for one in _names(_requirements(distribution(name), every[name]))]
        )
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _of_wheel(wheel: Path) -> Distribution:
    inside = ZipPath(wheel)
    return PathDistribution(next(folder for folder in inside.iterdir() if folder.name.endswith(".dist-info")))


def _pinned(constraints: Path) -> dict[NormalizedName, str]:
    lines = (line.partition("#")[0].strip() for line in constraints.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): version for name, version in pairs}


def _requirements(of: Distribution, extras: set[str]) -> list[Requirement]:
    """Those that count on this platform."""
    every = [Requirement(line) for line in of.requires or ()]
    return [one for one in every if not one.marker or any(one.marker.evaluate({"extra": e}) for e in extras | {""})]


def _closure(first: Iterable[Requirement]) -> Needed:
    needed: Needed = {}
    left = list(first)
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        known = needed.get(name)
        if known is not None and known >= one.extras:
            continue
        needed[name] = (known or set()) | one.extras
        left += _requirements(distribution(name), needed[name])
    return needed


def _names(requirements: Iterable[Requirement]) -> set[NormalizedName]:
    return {canonicalize_name(one.name) for one in requirements}


def _component(of: Distribution, *, optional: bool) -> Component:
    told, purl = of.metadata, PackageURL("pypi", name=canonicalize_name(of.name), version=of.version)
    licence = told["License-Expression"] or _by_classifier(told.get_all("Classifier", [])) or told["License"]
    return Component(
        name=of.name,
        version=of.version,
        description=told["Summary"],
        scope=ComponentScope.OPTIONAL if optional else ComponentScope.REQUIRED,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        purl=purl,
        bom_ref=str(purl),
    )


def _by_classifier(classifiers: Iterable[str]) -> str | None:
    """Packages without a licence expression often have their licence's whole text, and its name here."""
    return next(
        (one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License :: OSI Approved :: ")), None
    )


if __name__ == "__main__":
    sys.stdout.write(sbom(Path(sys.argv[1]), Path(sys.argv[2])))
