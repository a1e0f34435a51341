"""Screening before each treatment: contraindications, precautions and the thermal sensation test, from a list that is data.

What was not asked, is not known or was not asked today is no answer: unknown is unsafe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import comb

from irctl.domain.history import plain
from irctl.domain.override import Override, covered_by, of_today
from irctl.domain.problems import Problem
from irctl.domain.protocols import Approval, Source, standing

GUESSED_MAX = 0.05
"""How often somebody who feels nothing may pass the test by guessing (project choice)."""


class Kind(StrEnum):
    CONTRAINDICATION = "contraindication"
    PRECAUTION = "precaution"


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Result(StrEnum):
    MAY = "may treat"
    PRECAUTION = "may treat with precautions"
    MUST_NOT = "must not treat"


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `advice` is what to do when the answer is the dangerous one."""

    key: str
    asks: str
    kind: Kind
    advice: str
    source: Source
    dangerous: Answer = Answer.YES
    absolute: bool = False
    """No two people may override it."""


@dataclass(frozen=True, slots=True)
class SensationTest:
    """Hot and cold at random over the area, eyes closed. Who cannot tell them apart does not feel a burn."""

    trials_min: int
    errors_max: int
    advice: str
    source: Source


@dataclass(frozen=True, slots=True)
class Example:
    """A test that the list carries: these answers, everything else harmless."""

    answers: Mapping[str, Answer]
    result: Result
    errors: int = 0
    """Of the sensation test."""


@dataclass(frozen=True, slots=True)
class ScreeningList:
    """One version of a clinic's list. `sha256` is its file's."""

    name: str
    version: int
    title: str
    written_by: str
    approval: Approval | None
    items: tuple[Item, ...]
    sensation: SensationTest
    expects: tuple[Example, ...]
    sha256: str

    @property
    def label(self) -> str:
        """As the record carries it."""
        return f"{self.name} version {self.version}, {self.sha256[:12]}"

    @property
    def standing(self) -> str:
        """Whose it is, for everybody who sees it."""
        return standing(self.approval)

    @property
    def absolute(self) -> frozenset[str]:
        """What nobody may override."""
        return frozenset({SENSATION, *(item.key for item in self.items if item.absolute)})


SENSATION = "thermal-sensation"
"""The key of the test among the findings."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One touch: what it was, and what the patient said it was; None for nothing felt."""

    hot: bool
    said_hot: bool | None


@dataclass(frozen=True, slots=True)
class Screened:
    """What was asked and answered, for one patient and area. `screening`: the list's label. `at` with its offset."""

    screening: str
    patient: str
    area: str
    by: str
    at: datetime
    answers: Mapping[str, Answer]
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One dangerous answer, and what to do."""

    key: str
    text: str
    forbids: bool
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What a screening says. `problems`: why it is no screening at all; no override mends those."""

    found: tuple[Finding, ...]
    problems: tuple[Problem, ...]

    @property
    def result(self) -> Result:
        if self.problems or any(finding.forbids and not finding.overridden for finding in self.found):
            return Result.MUST_NOT
        return Result.PRECAUTION if self.found else Result.MAY

    @property
    def reasons(self) -> list[Problem]:
        """Everything that forbids the treatment."""
        forbidding = [
            Problem(finding.key, "found", "forbids this treatment", finding.text)
            for finding in self.found
            if finding.forbids and not finding.overridden
        ]
        return [*self.problems, *forbidding]


def findings(
    screening: ScreeningList,
    screened: Screened,
    patient: str,
    area: str,
    now: datetime,
    override: Override | None = None,
) -> Findings:
    """What the answers say for this patient and area at this moment. `now` is in the clinic's time zone: its day is today."""
    problems = _not_a_screening(screening, screened, patient, area, now)
    found: list[Finding] = []
    for item in screening.items:
        answer = screened.answers.get(item.key)
        if answer is None or answer is Answer.UNKNOWN:
            limit = "was not answered" if answer is None else "is not known"
            problems.append(
                Problem(item.key, answer and str(answer), limit, f"Find out before the treatment: {item.asks}")
            )
        elif answer is item.dangerous:
            found.append(Finding(item.key, item.advice, item.kind is Kind.CONTRAINDICATION))
    test, trials = screening.sensation, screened.trials
    if (wrong := sum(trial.said_hot is not trial.hot for trial in trials)) > test.errors_max:
        found.append(Finding(SENSATION, f"{wrong} of {len(trials)} not told apart. {test.advice}", forbids=True))
    elif len(trials) < test.trials_min or len({trial.hot for trial in trials}) < 2:
        limit = f"needs at least {test.trials_min} touches, hot and cold"
        problems.append(Problem(SENSATION, len(trials), limit, "Finish the test"))
    covered = covered_by(override, now, never=screening.absolute)
    judged = (Finding(f.key, f.text, f.forbids, f.forbids and f.key in covered) for f in found)
    return Findings(tuple(judged), tuple(problems))


def _not_a_screening(
    screening: ScreeningList, screened: Screened, patient: str, area: str, now: datetime
) -> list[Problem]:
    problems: list[Problem] = []
    if screened.screening != screening.label:
        limit = f"was answered to another list than {screening.label}"
        problems.append(Problem("screening", screened.screening, limit, "Ask again by the list in force"))
    for name, was, wanted in (("patient", screened.patient, patient), ("area", screened.area, area)):
        if plain(was) != plain(wanted):
            problems.append(Problem(name, wanted, f"the screening is of {was!r}", "Screen this patient and area"))
    if not of_today(screened.at, now):
        problems.append(Problem("screening", screened.at.isoformat(), "is not of today", "Ask again: things change"))
    known = {item.key for item in screening.items}
    problems += [
        Problem(key, None, f"is no question of {screening.name}", "Ask again by the list in force")
        for key in screened.answers.keys() - known
    ]
    return problems


# --- what a list's own file must hold -------------------------------------------------------------------------------------


def problems_with_list(screening: ScreeningList) -> list[Problem]:
    """Everything about it that does not hold together, its own tests included."""
    problems: list[Problem] = []
    keys = [item.key for item in screening.items]
    for key in sorted({key for key in keys if keys.count(key) > 1 or key == SENSATION}):
        problems.append(Problem("items.key", key, "is taken", "Give every question a key of its own"))
    if not any(item.kind is Kind.CONTRAINDICATION for item in screening.items):
        problems.append(Problem("items", None, "has no contraindication", "A list that forbids nothing is none"))
    test = screening.sensation
    guessed = sum(comb(test.trials_min, wrong) for wrong in range(test.errors_max + 1)) / 2**test.trials_min
    if guessed > GUESSED_MAX:
        limit = f"whoever guesses passes {100 * guessed:.0f} times in a hundred"
        remedy = f"Ask for more touches or fewer errors: at most {100 * GUESSED_MAX:g} in a hundred"
        problems.append(Problem("sensation", f"{test.errors_max} of {test.trials_min} wrong", limit, remedy))
    if screening.approval is not None and plain(screening.approval.by) == plain(screening.written_by):
        problems.append(Problem("approval.by", screening.approval.by, "wrote it", "A second person approves it"))
    return problems or [*_expects(screening), *_untested(screening)]


def _expects(screening: ScreeningList) -> list[Problem]:
    problems: list[Problem] = []
    for number, example in enumerate(screening.expects):
        unknown = example.answers.keys() - {item.key for item in screening.items}
        result = findings(screening, _answered(screening, example), "P", "area", _MOMENT).result
        if unknown:
            problems.append(
                Problem(f"expect.{number}", ", ".join(sorted(unknown)), "is no question", "Correct the key")
            )
        elif result is not example.result:
            limit = f"these answers give: {result}"
            problems.append(Problem(f"expect.{number}", str(example.result), limit, "Correct the list, or the test"))
    return problems


def _untested(screening: ScreeningList) -> list[Problem]:
    """A contraindication that no test of the file finds by itself: its dangerous answer may be the wrong one."""
    alone = {
        key
        for example in screening.expects
        if len(example.answers) == 1 and example.result is Result.MUST_NOT
        for key in example.answers
    }
    return [
        Problem("expect", item.key, "is tested by nothing", "Add an [[expect]] with this answer alone")
        for item in screening.items
        if item.kind is Kind.CONTRAINDICATION and item.key not in alone
    ]


_MOMENT = datetime.fromisoformat("2000-01-01T12:00:00+00:00")


def _answered(screening: ScreeningList, example: Example) -> Screened:
    harmless = {item.key: Answer.NO if item.dangerous is Answer.YES else Answer.YES for item in screening.items}
    trials = trials_of(screening.sensation.trials_min, example.errors)
    return Screened(screening.label, "P", "area", "", _MOMENT, harmless | dict(example.answers), trials)


def trials_of(count: int, errors: int = 0) -> tuple[Trial, ...]:
    """So many touches, hot and cold in turn, the first so many told wrongly."""
    return tuple(Trial(n % 2 == 0, (n % 2 == 0) != (n < errors)) for n in range(count))
