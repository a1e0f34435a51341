"""Where imported files are kept: one of each kind and year, without descriptions, in a folder that a person can look into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePath
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from irctl.documents.rvu.factors import Factor, load_factors
from irctl.documents.rvu.reading import read_file
from irctl.documents.rvu.values import CODES_USUAL, Localities, RelativeValues
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples

FACTORS = "conversion-factors.toml"
IMPORT = "Take it out of CMS's archive RVUnnX.zip and import it: irctl rvu import FILE, or on the page of fees"


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that was brought: its name, the SHA-256 of its bytes, and when."""

    file: str
    sha256: str
    imported: datetime


@dataclass(frozen=True, slots=True)
class KeptValues:
    origin: Origin
    values: RelativeValues


@dataclass(frozen=True, slots=True)
class KeptLocalities:
    origin: Origin
    localities: Localities


Kept = KeptValues | KeptLocalities
K = TypeVar("K", KeptValues, KeptLocalities)


@dataclass(frozen=True, slots=True)
class Folder:
    """Every call raises Refused where the folder cannot be read or written."""

    path: Path

    def factors(self) -> tuple[Factor, ...]:
        """Those of the folder where it has a conversion-factors.toml, else those of irctl."""
        own = self.path / FACTORS
        return load_factors(own if own.exists() else examples() / "billing" / FACTORS)

    def bring(self, data: bytes, name: str, at: datetime) -> tuple[Kept, bool]:
        """Keep a file of CMS's, in the place of the one of the same kind and year; says whether there was one."""
        file = PurePath(name.replace("\\", "/")).name
        origin = Origin(file, sha256(data).hexdigest(), at)
        read = read_file(data, file, self.factors())
        kept = KeptValues(origin, read) if isinstance(read, RelativeValues) else KeptLocalities(origin, read)
        path = self.path / _name(type(kept), read.year)
        replaced = path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".new")
            beside.write_bytes(TypeAdapter(type(kept)).dump_json(kept))
            beside.replace(path)
        except OSError as error:
            raise Refused([_unusable(path, error)]) from None
        return kept, replaced

    def values(self, year: int) -> KeptValues:
        """Raises Refused where none of the year were imported."""
        return self._read(KeptValues, year, f"PPRRVU{year % 100:02d}….csv")

    def localities(self, year: int) -> KeptLocalities:
        """Raises Refused where none of the year were imported."""
        return self._read(KeptLocalities, year, f"GPCI{year}.csv")

    def years(self, kind: type[Kept]) -> list[int]:
        """Of which something was imported, the newest first."""
        found = (path.name.partition("-") for path in self.path.glob("*.json")) if self.path.is_dir() else ()
        return sorted((int(y) for y, _, rest in found if y.isdecimal() and rest == _ending(kind)), reverse=True)

    def listed(self) -> list[Kept]:
        """Everything, the newest year first."""
        found: list[Kept] = [self.values(year) for year in self.years(KeptValues)]
        found += [self.localities(year) for year in self.years(KeptLocalities)]
        return sorted(found, key=lambda kept: -year_of(kept))

    def _read(self, kind: type[K], year: int, cms_name: str) -> K:
        path = self.path / _name(kind, year)
        try:
            stat = path.stat()
        except FileNotFoundError:
            what = "relative values" if kind is KeptValues else "localities"
            raise Refused([Problem("year", year, f"has no {what} here: {cms_name} is missing", IMPORT)]) from None
        except OSError as error:
            raise Refused([_unusable(path, error)]) from None
        return _load(kind, path, stat.st_mtime_ns, stat.st_size)


def year_of(kept: Kept) -> int:
    """That the file is for."""
    return kept.values.year if isinstance(kept, KeptValues) else kept.localities.year


def warnings_of(kept: Kept) -> list[str]:
    """What may be amiss with what was read, and is no reason to refuse it."""
    if isinstance(kept, KeptValues) and len(kept.values.codes) < CODES_USUAL:
        return [f"{len(kept.values.codes)} codes only: CMS's file has more than {CODES_USUAL}. Is it whole?"]
    return []


@lru_cache(maxsize=32)
def _load(kind: type[K], path: Path, _changed_ns: int, _size: int) -> K:
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except OSError as error:
        raise Refused([_unusable(path, error)]) from None
    except ValidationError:
        raise Refused([Problem("file", path.name, "was changed or cut off since it was imported", IMPORT)]) from None


def _ending(kind: type[Kept]) -> str:
    return "values.json" if kind is KeptValues else "localities.json"


def _name(kind: type[Kept], year: int) -> str:
    return f"{year}-{_ending(kind)}"


def _unusable(path: Path, error: OSError) -> Problem:
    return Problem("folder", str(path), error.strerror or str(error), "Check the folder's rights and space")
