"""What a session note holds, in the journal's own names and units; what it does not say is null, never guessed."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class NoteError(ValueError):
    """No honest note can be made; the text says what is missing or wrong, and where in the journal."""


class Part(BaseModel):
    """A piece of the record. Unknown fields are a newer journal's and are left alone; NaN is refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Order(Part):
    """What was prescribed, for whom (a reference, never a name), where, and by whom."""

    lamp: str
    fluence_j_cm2: float = Field(gt=0)
    irradiance_mw_cm2: float = Field(gt=0)
    patient: str
    area: str
    by: str


class Limits(Part):
    """The limits the session ran under."""

    irradiance_mw_cm2_max: float
    fluence_j_cm2_max: float
    duration_s_max: float
    skin_c_max: float


class LampInfo(Part):
    """The lamp as it was configured for this session."""

    title: str
    serial: str
    emitter: str
    cutoff: str | None = None
    radiometer: str | None = None
    skin: str | None = None
    distance_cm: float
    fail_safe: str
    lease_s: float


class CalibrationInForce(Part):
    """The calibration the session relied on; `expanded_uncertainty_pct` is at k=2."""

    id: str
    lamp_serial: str
    distance_cm: float
    performed_at: AwareDatetime
    performed_by: str
    meter: str
    valid_until: AwareDatetime
    expanded_uncertainty_pct: float
    hash: str


class Contribution(Part):
    """One reason why the dose is not known better: a half-width at k=2, as a share or in J/cm²."""

    name: str
    relative_pct: float | None = None
    absolute_j_cm2: float | None = None


class Delivered(Part):
    """The delivered dose in J/cm²: the truth lies between min and max."""

    min_j_cm2: float = Field(ge=0)
    best_j_cm2: float
    max_j_cm2: float
    contributions: tuple[Contribution, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_j_cm2 <= self.best_j_cm2 <= self.max_j_cm2:
            raise ValueError("min, best and max are not in this order")
        return self


class Identity(Part):
    """What the emitter said it is, when it was armed."""

    model: str | None = None
    serial: str | None = None
    firmware: str | None = None


class Sample(Part):
    """One reading; `t_s` counts from first light. A null was not known at that moment."""

    t_s: float
    state: str
    irradiance_mw_cm2: float | None = None
    irradiance_source: Literal["measured", "calibrated"] = "measured"
    skin_c: float | None = None


class Off(Part):
    """What is known about going dark, each in seconds since the decision; null means it was not seen to happen."""

    way: str | None = Field(default=None, validation_alias=AliasChoices("way", "by"))
    sent_s: float | None = Field(default=None, validation_alias=AliasChoices("sent_s", "off_sent_s"))
    acknowledged_s: float | None = None
    verified_s: float | None = Field(default=None, validation_alias=AliasChoices("verified_s", "verified_dark_s"))


class Kind(StrEnum):
    """The happenings a note tells."""

    ARMED = "armed"
    DARK_READING = "dark reading"
    STARTED = "started"
    FIRST_LIGHT = "first light"
    ATTENDED = "attended"
    WARNING = "warning"
    ALARM = "alarm"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPING = "stopping"
    STOP_LATCHED = "stop latched"
    STOP_EVIDENCE = "stop evidence"
    STOP_CLEARED = "stop cleared"
    OFF = "off"
    RESTARTED = "restarted"
    DARK_VERIFIED = "dark verified"
    UNVERIFIED = "unverified"
    ENDED = "ended"


class Happening(Part):
    """One thing that happened, with its evidence. `t_s` counts from first light; null before it or without it."""

    seq: int
    at: AwareDatetime
    t_s: float | None = None
    kind: Kind
    text: str = ""
    hazard: str | None = None
    priority: Literal["high", "medium", "low"] | None = None
    remedy: str | None = None
    by: str | None = None
    off: Off | None = None


class Pause(Part):
    """A pause in seconds since first light."""

    from_s: float
    to_s: float


Outcome = Literal["completed", "stopped", "faulted", "interrupted"]


class Ending(Part):
    """How the session ended, as the journal closed it."""

    outcome: Outcome
    reason: str
    hazard: str | None = None
    by: str | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime
    time_on_s: float = Field(ge=0)
    planned_s: float
    prescribed_j_cm2: float = Field(gt=0)
    delivered: Delivered
    irradiance_mean_mw_cm2: float | None = None
    skin_c_max: float | None = None
    cem43_min: float | None = None
    dose_source: Literal["measured", "calibrated"]


class Source(Part):
    """Where in the journal all this stands, and the hash that seals it up to `last_seq`."""

    first_seq: int
    last_seq: int
    head: str
    software: tuple[str, ...]
    """The versions that wrote it, in order; empty when no controller.started was given."""
    unbroken: bool
    """Every event from first to last was given and each follows from the one before; else each was checked alone."""


class SessionNote(Part):
    """Everything a reader of one session's note needs. All times carry the offset of `timezone`."""

    session: str
    lamp: str
    station: str
    simulated: bool
    timezone: str
    ordered_at: AwareDatetime
    order: Order
    limits: Limits
    lamp_info: LampInfo
    calibration: CalibrationInForce
    identity: Identity | None
    ending: Ending
    happenings: tuple[Happening, ...]
    pauses: tuple[Pause, ...]
    samples: tuple[Sample, ...]
    source: Source
