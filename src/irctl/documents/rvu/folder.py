"""Where imported files are kept: one of each kind and year, without descriptions, in a folder that a person can look into.

A kept file has two lines of JSON: what it was made of, and what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from irctl.documents.rvu.factors import Factor, load_factors
from irctl.documents.rvu.reading import read_file
from irctl.documents.rvu.values import CODES_USUAL, Localities, RelativeValues
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples

FACTORS = "conversion-factors.toml"
REMEDY = "Take it out of CMS's archive RVUnnX.zip and import it: irctl rvu import FILE, or on the page Fees"
KEPT_READ = 4
"""Files that stay in memory once they were read: each takes about 15 MB there."""
Kind = Literal["values", "localities"]
T = TypeVar("T", RelativeValues, Localities)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a kept file was made of: the name that it came with, the SHA-256 of its bytes, when, and how many rows it has."""

    kind: Kind
    year: int
    release: str
    rows: int
    file: str
    sha256: str
    imported: datetime

    @property
    def warning(self) -> str:
        """What may be amiss, and is no reason to refuse it; empty for nothing."""
        if self.kind == "values" and self.rows < CODES_USUAL:
            return f"{self.rows} codes only: CMS's file has more than {CODES_USUAL}. Is it whole?"
        return ""


@dataclass(frozen=True, slots=True)
class Folder:
    """Every call raises Refused where the folder cannot be read or written."""

    path: Path

    def factors(self) -> tuple[Factor, ...]:
        """Those of the folder where it has a conversion-factors.toml, else those of irctl."""
        own = self.path / FACTORS
        return load_factors(own if own.exists() else examples() / "billing" / FACTORS)

    def bring(self, data: bytes, name: str, at: datetime) -> tuple[Origin, bool]:
        """Keep a file of CMS's, in the place of the one of the same kind and year; says whether there was one. Raises Refused for a file that is none."""
        file = PurePath(name.replace("\\", "/")).name
        told = read_file(data, file, self.factors())
        digest = sha256(data).hexdigest()
        if isinstance(told, RelativeValues):
            origin = Origin("values", told.year, told.release, len(told.codes), file, digest, at)
        else:
            origin = Origin("localities", told.year, "", len(told.places), file, digest, at)
        path = self._of(origin.kind, origin.year)
        replaced = path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".new")
            beside.write_bytes(TypeAdapter(Origin).dump_json(origin) + b"\n" + TypeAdapter(type(told)).dump_json(told))
            beside.replace(path)
        except OSError as error:
            raise Refused([_unusable(path, error)]) from None
        return origin, replaced

    def values(self, year: int) -> RelativeValues:
        """Raises Refused where none of the year were imported."""
        return self._read("values", RelativeValues, year)

    def localities(self, year: int) -> Localities:
        """Raises Refused where none of the year were imported."""
        return self._read("localities", Localities, year)

    def listed(self) -> list[Origin]:
        """Everything, the newest year first."""
        paths = sorted(self.path.glob("[0-9]*-*.jsonl")) if self.path.is_dir() else []
        return sorted((_origin(path) for path in paths), key=lambda one: -one.year)

    def _of(self, kind: Kind, year: int) -> Path:
        return self.path / f"{year}-{kind}.jsonl"

    def _read(self, kind: Kind, content: type[T], year: int) -> T:
        path = self._of(kind, year)
        try:
            stat = path.stat()
        except FileNotFoundError:
            what, file = _called(kind, year)
            raise Refused([Problem("year", year, f"has no {what} here: {file} is missing", REMEDY)]) from None
        except OSError as error:
            raise Refused([_unusable(path, error)]) from None
        return _content(content, path, stat.st_mtime_ns, stat.st_size)


def _called(kind: Kind, year: int) -> tuple[str, str]:
    return ("relative values", f"PPRRVU{year}….csv") if kind == "values" else ("localities", f"GPCI{year}.csv")


def _origin(path: Path) -> Origin:
    try:
        with path.open("rb") as file:
            return TypeAdapter(Origin).validate_json(file.readline())
    except OSError as error:
        raise Refused([_unusable(path, error)]) from None
    except ValidationError:
        raise Refused([_spoilt(path)]) from None


@lru_cache(maxsize=KEPT_READ)
def _content(content: type[T], path: Path, _changed_ns: int, _size: int) -> T:
    try:
        return TypeAdapter(content).validate_json(path.read_bytes().partition(b"\n")[2])
    except OSError as error:
        raise Refused([_unusable(path, error)]) from None
    except ValidationError:
        raise Refused([_spoilt(path)]) from None


def _spoilt(path: Path) -> Problem:
    return Problem("file", path.name, "was changed or cut off since it was imported", REMEDY)


def _unusable(path: Path, error: OSError) -> Problem:
    return Problem("folder", str(path), error.strerror or str(error), "Check the folder's rights and space")
