"""Protocol files: TOML into strict models, then what the domain asks of a protocol, its own tests included. The file's hash is its version's name."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from irctl.domain import protocols
from irctl.domain.course import CourseRule, StopRule
from irctl.domain.history import INTERVAL_MAX_S
from irctl.domain.limits import Bounds
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Approval, Dose, Expect, Protocol, Setback, Source, Step
from irctl.toml_file import Name, Positive, Strict, parse, read

Words = Annotated[str, Field(min_length=1, max_length=400)]
Visit = Annotated[int, Field(ge=1, le=200)]


class ApprovalSection(Strict):
    """Whoever answers for it in this clinic; never who wrote it."""

    by: Words
    on: date


class SourceSection(Strict):
    mark: Literal["F", "W", "C", "M"]
    """Found, weak, computed, memory or project choice."""
    of: Words
    """What comes from there."""
    text: Words


class _StepSection(Strict):
    from_visit: Visit
    fluence_j_cm2: Positive
    irradiance_mw_cm2: Positive

    def as_step(self) -> Step:
        return Step(self.from_visit, Dose(self.fluence_j_cm2, self.irradiance_mw_cm2))


class _MissedSection(Strict):
    after_days: Positive
    visits_back: Annotated[int, Field(ge=1)] | None = None
    begin_again: bool = False

    @model_validator(mode="after")
    def one_of_both(self) -> _MissedSection:
        if (self.visits_back is None) != self.begin_again:
            raise ValueError("give visits_back, or begin_again = true")
        return self


class _ExpectSection(Strict):
    visit: Visit
    after_days: Positive | None = None
    fluence_j_cm2: Positive | None = None
    irradiance_mw_cm2: Positive | None = None
    refused: bool = False

    @model_validator(mode="after")
    def one_of_both(self) -> _ExpectSection:
        given = (self.fluence_j_cm2 is not None) + (self.irradiance_mw_cm2 is not None)
        if given != (0 if self.refused else 2):
            raise ValueError("give fluence_j_cm2 and irradiance_mw_cm2, or refused = true")
        return self

    def as_expect(self) -> Expect:
        fluence, irradiance = self.fluence_j_cm2, self.irradiance_mw_cm2
        dose = None if fluence is None or irradiance is None else Dose(fluence, irradiance)
        return Expect(self.visit, dose, self.after_days)


class _CourseSection(Strict):
    per_week: Annotated[int, Field(ge=1, le=7)]
    weeks: Annotated[int, Field(ge=1, le=26)]
    fluence_j_cm2_max: Positive


_USUAL = StopRule()


class _StopSection(Strict):
    nprs_mcid: Annotated[float, Field(gt=0, le=10)] = _USUAL.nprs_mcid
    unchanged_after_visits: Annotated[int, Field(ge=1)] = _USUAL.unchanged_after_visits
    source: Words = _USUAL.source


class _LimitsSection(Strict):
    irradiance_mw_cm2_max: Positive | None = None
    fluence_j_cm2_max: Positive | None = None
    duration_s_max: Positive | None = None
    skin_c_max: Positive | None = None
    day_fluence_j_cm2_max: Positive | None = None
    interval_s_min: Annotated[float, Field(ge=0, le=INTERVAL_MAX_S)] | None = None
    """A controller looks back no further: a longer one would not be kept."""


class ProtocolFile(Strict):
    name: Name
    version: Annotated[int, Field(ge=1)]
    title: Words
    written_by: Words
    approval: ApprovalSection | None = None
    lamp_types: tuple[Words, ...] = Field(strict=False, min_length=1)
    distance_cm: tuple[Positive, Positive] = Field(strict=False)
    areas: tuple[Words, ...] = Field(default=(), strict=False)
    needs_skin_thermometer: bool = False
    course: _CourseSection
    stop: _StopSection = _StopSection()
    limits: _LimitsSection
    steps: tuple[_StepSection, ...] = Field(strict=False, min_length=1)
    missed: tuple[_MissedSection, ...] = Field(strict=False)
    sources: tuple[SourceSection, ...] = Field(strict=False, min_length=1)
    expect: tuple[_ExpectSection, ...] = Field(strict=False)

    def as_protocol(self, digest: str) -> Protocol:
        return Protocol(
            self.name,
            self.version,
            self.title,
            self.written_by,
            None if self.approval is None else Approval(self.approval.by, self.approval.on),
            self.lamp_types,
            self.distance_cm,
            self.areas,
            self.needs_skin_thermometer,
            tuple(step.as_step() for step in self.steps),
            tuple(Setback(one.after_days, one.visits_back) for one in self.missed),
            CourseRule(**self.course.model_dump()),
            Bounds(**self.limits.model_dump()),
            StopRule(**self.stop.model_dump()),
            tuple(Source(one.mark, one.of, one.text) for one in self.sources),
            tuple(one.as_expect() for one in self.expect),
            digest,
        )


def load_protocol(path: Path) -> Protocol:
    """Read one protocol and run its own tests. Raises Refused with everything that is wrong."""
    return read_protocol(read(path, "protocol"), path.stem)


def read_protocol(text: bytes, name: str) -> Protocol:
    """From its text, wherever that is kept, under this name. Raises Refused with everything that is wrong, its own tests included."""
    protocol = parse_protocol(text, name)
    problems = protocols.problems_with_protocol(protocol)
    if protocol.name != name:
        problems.append(Problem("name", protocol.name, f"is kept under {name}", "Give both the same name"))
    if problems:
        raise Refused(problems)
    return protocol


def parse_protocol(text: bytes, name: str) -> Protocol:
    """Its form alone, for a look at what is being written. Raises Refused."""
    return parse(text, ProtocolFile, f"{name}.toml").as_protocol(sha256(text).hexdigest())
