"""What CMS's files say, as irctl keeps it: relative values of codes, and the indices of localities. Amounts are exact decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from irctl.domain.problems import Problem, Refused

CODES_USUAL = 10_000
"""CMS says that its file has more codes than this: with fewer it may be a part of one."""


@dataclass(frozen=True, slots=True)
class Values:
    """Of one code with its modifier (none, 26, TC, 53), in relative value units. The description of the code is the AMA's, and is not here."""

    code: str
    modifier: str
    status: str
    work: Decimal
    expense: Decimal
    """Practice expense outside a facility."""
    rare: bool
    """CMS marks it NA: rarely or never done outside a facility."""
    expense_in_facility: Decimal
    rare_in_facility: bool
    malpractice: Decimal
    components: str
    """PC/TC indicator; 7 is physical therapy."""
    multiple: str
    """Indicator of several procedures on one day; 5 is therapy."""


@dataclass(frozen=True, slots=True)
class RelativeValues:
    """One relative-value file (PPRRVU). `release`: the month of it, where the file says so. `factor`: the conversion factor that it prints beside every code."""

    year: int
    release: str
    factor: Decimal
    codes: tuple[Values, ...]

    def of(self, code: str, modifier: str) -> Values:
        """Raises Refused for what the file does not have."""
        known = [one for one in self.codes if one.code == code]
        found = next((one for one in known if one.modifier == modifier), None)
        if found is not None:
            return found
        if not known:
            limit = f"is not in the file of {self.year}"
            raise Refused([Problem("code", code, limit, "Check the code, and the year of the service")])
        having = ", ".join(one.modifier or "none" for one in known)
        limit = f"is not in the file with modifier {modifier or 'none'}"
        raise Refused([Problem("code", code, limit, f"The file has it with modifier {having}")])


@dataclass(frozen=True, slots=True)
class Locality:
    """Geographic indices (GPCI) of work, practice expense and malpractice. `state`: two letters; `number`: within its contractor (MAC)."""

    contractor: str
    state: str
    number: str
    name: str
    work: Decimal
    expense: Decimal
    malpractice: Decimal

    @property
    def label(self) -> str:
        return f"{self.name} ({self.state}-{self.number})" if self.state else self.name


@dataclass(frozen=True, slots=True)
class Localities:
    """One file of localities (GPCI)."""

    year: int
    places: tuple[Locality, ...]

    def find(self, asked: str) -> Locality:
        """By state and number (AL-00), contractor and number (10112-00), the state alone, or a part of the name. Raises Refused."""
        said = asked.strip().upper()
        hits = (
            [one for one in self.places if said in (f"{one.state}-{one.number}", f"{one.contractor}-{one.number}")]
            or [one for one in self.places if said == one.state]
            or [one for one in self.places if said and said in one.name.upper()]
        )
        if len(hits) == 1:
            return hits[0]
        several = ", ".join(f"{one.state}-{one.number} {one.name}" for one in hits[:8])
        limit = f"may be {len(hits)}: {several}" if hits else f"is none of {self.year}"
        raise Refused([Problem("locality", asked, limit, "Give state and number, such as AL-00")])


ONE = Decimal(1)
NATIONAL = Locality("", "", "", "national", ONE, ONE, ONE)
"""Without a locality every index is 1."""
