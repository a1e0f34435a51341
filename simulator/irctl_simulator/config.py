"""The simulated station as it is written down: TOML in, checked values out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from irctl_simulator.twins.registry import twin_of

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Place = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\.[1-9][0-9]*$", description="device.channel, from 1")]


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt fault or limit must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LineConfig(Strict):
    protocol: Literal["rtu", "modbus-tcp", "text"] = "rtu"
    baud: int = Field(9600, gt=0)
    format: Annotated[str, Field(pattern=r"^[78][NEO][12]$")] = "8N1"
    port: int = Field(0, ge=0, le=65535, description="TCP port when served over TCP; 0 takes any")
    gap_chars_min: float = Field(1.5, ge=0)
    while_busy: Literal["ignore", "queue"] = "ignore"
    replay: str | None = Field(
        None, description="a recording (irctl serve --trace) that answers on this line, instead of twins"
    )
    recorded_as: Name | None = Field(None, description="the line's name in the recording; its own where not given")


def _known_twin(kind: str) -> str:
    twin_of(kind)
    return kind


class DeviceConfig(Strict):
    twin: Annotated[Name, AfterValidator(_known_twin)]
    line: Name
    unit: int = Field(1, ge=1, le=255)
    latency_s: float = Field(0.004, ge=0)
    jitter_s: float = Field(0.001, ge=0)
    tau_s: float | None = Field(None, ge=0, description="sensors only: response time")
    options: dict[str, int | float | str | bool] = Field(default_factory=dict[str, int | float | str | bool])


class LampConfig(Strict):
    serial: str
    kind: Literal["halogen", "ceramic", "led"] = "halogen"
    emitter: Place
    contactor: Place | None = None
    radiometer: Name | None = None
    skin: Name | None = None
    irradiance_mw_cm2: float = Field(gt=0, description="at full power, new, at `at_cm`")
    at_cm: float = Field(50.0, gt=0)
    distance_cm: float = Field(50.0, gt=0, description="where the treated skin really is")
    virtual_source_cm: float = Field(5.0, ge=0)
    radiant_w: float = Field(200.0, gt=0)
    ageing: float = Field(1.0, gt=0)
    loss_pct_per_h: float = Field(0.0, ge=0, lt=100, description="of the output, with every hour the lamp is lit")
    vasodilation: bool = True
    dilation_lag_s: float = Field(120.0, ge=0)
    filament_tau_s: float = Field(0.35, gt=0)
    envelope_fraction: float = Field(0.06, ge=0, le=1)
    envelope_tau_s: float = Field(25.0, gt=0)
    ceramic_tau_s: float = Field(240.0, gt=0)
    led_droop: float = Field(0.12, ge=0, lt=1)
    led_tau_s: float = Field(40.0, gt=0)


class InterlockConfig(Strict):
    input: Place
    closed: bool = True


class ControlConfig(Strict):
    port: int = Field(0, ge=0, le=65535)
    page: int = Field(0, ge=0, le=65535, description="TCP port of the page; 0 takes any")


class StationConfig(Strict):
    seed: int = 1
    control: ControlConfig = Field(default_factory=lambda: ControlConfig(port=0, page=0))
    lines: dict[Name, LineConfig]
    devices: dict[Name, DeviceConfig] = Field(default_factory=dict[str, DeviceConfig])
    lamps: dict[Name, LampConfig] = Field(default_factory=dict[str, LampConfig])
    interlocks: dict[Name, InterlockConfig] = Field(default_factory=dict[str, InterlockConfig])


def load_config(source: StationConfig | dict[str, object] | str | Path) -> StationConfig:
    """Parse a TOML file or a dict; raises pydantic.ValidationError or tomllib.TOMLDecodeError saying what is wrong."""
    if isinstance(source, StationConfig):
        return source
    if isinstance(source, dict):
        return StationConfig.model_validate(source)
    path = Path(source)
    found = StationConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    beside = {
        name: line.model_copy(update={"replay": str(path.parent / line.replay)}) if line.replay else line
        for name, line in found.lines.items()
    }
    return found.model_copy(update={"lines": beside})
