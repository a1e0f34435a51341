"""A simulated lamp: its feed, what shines below it, and everything that can happen to it besides its devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from irctl_simulator import faults
from irctl_simulator.config import LampConfig
from irctl_simulator.device import Device
from irctl_simulator.physics.lamp import Ageing, Body, CeramicEmitter, Component, Field, LampBody, LedPanel
from irctl_simulator.physics.mains import Mains, ripple, wander
from irctl_simulator.physics.treatment import Treatment, a_skin
from irctl_simulator.twins.mdm3 import Mdm3


@dataclass(frozen=True, slots=True)
class Terminal:
    """An output channel (1-based) of a device."""

    device: Device
    channel: int

    def v2(self) -> float:
        return self.device.output(self.channel)


@dataclass(slots=True)
class SimLamp:
    """A lamp with its feed: it has power only while the dimmer passes some and the contactor, if any, is closed."""

    name: str
    config: LampConfig
    emitter: Terminal
    contactor: Terminal | None
    treatment: Treatment
    random: Random
    serial: str = field(init=False)
    clean: Field = field(init=False)
    """Its light with a clean reflector."""

    def __post_init__(self) -> None:
        self.mend(self.treatment.now)

    def feed(self, now: float) -> None:
        closed = self.contactor is None or self.contactor.v2() > 0.0
        self.treatment.power(self.emitter.v2() if closed else 0.0, now)

    def mend(self, now: float) -> None:
        """The lamp of the configuration, as old, as clean and as far away as it says, on quiet mains."""
        config, treatment = self.config, self.treatment
        self.serial, self.clean = config.serial, _light(config)
        treatment.set_light(self.clean, now)
        treatment.set_mains(Mains(), now)
        treatment.set_ageing(Ageing(config.ageing, config.loss_pct_per_h), now)
        treatment.set_distance(config.distance_cm, now)

    def fault(self, kind: str, params: dict[str, object], now: float) -> None:
        """Raises FaultError where a parameter is missing or wrong."""
        faults.check(kind, faults.LAMP_KINDS, self.name)
        treatment = self.treatment
        match kind:
            case "mains":
                factor = faults.number(kind, params, "factor", 0.0, 2.0)
                treatment.set_mains(replace(treatment.mains, factor=factor), now)
            case "unsteady":
                percent = faults.number(kind, params, "percent", 0.0, 20.0)
                period_s = faults.number(kind, params, "seconds", 10.0, 3600.0)
                shape = faults.choice(kind, params, "shape", ("ripple", "wander"))
                waves = ripple(percent, period_s) if shape == "ripple" else wander(percent, period_s, self.random)
                treatment.set_mains(replace(treatment.mains, waves=waves if percent else ()), now)
            case "ageing":
                factor = faults.number(kind, params, "factor", 0.0, 2.0)
                loss = faults.number(kind, params, "loss_pct_per_h", 0.0, 99.0, otherwise=self.config.loss_pct_per_h)
                treatment.set_ageing(Ageing(factor, loss), now)
            case "replaced":
                factor = faults.number(kind, params, "factor", 0.1, 2.0)
                self.serial = faults.text(kind, params, "serial")
                new = _light(self.config)
                self.clean = replace(new, irradiance_mw_cm2=new.irradiance_mw_cm2 * factor)
                treatment.set_light(self.clean, now)
                treatment.set_ageing(Ageing(1.0, self.config.loss_pct_per_h), now)
            case "dirty":
                factor = faults.number(kind, params, "factor", 0.0, 1.0)
                source_cm = self.clean.virtual_source_cm
                source_cm = faults.number(kind, params, "virtual_source_cm", 0.0, 100.0, otherwise=source_cm)
                dimmed = self.clean.irradiance_mw_cm2 * factor
                treatment.set_light(Field(dimmed, self.clean.at_cm, source_cm), now)
            case _:
                treatment.set_distance(faults.number(kind, params, "cm", 1.0, 1000.0), now)


def a_treatment(name: str, config: LampConfig, now: float) -> Treatment:
    """What shines below a lamp, cold and dark."""
    return Treatment(
        name=name,
        now=now,
        light=_light(config),
        distance_cm=config.distance_cm,
        radiant_w=config.radiant_w,
        body=_body(config),
        skin=a_skin(config.vasodilation, config.dilation_lag_s),
    )


def _body(config: LampConfig) -> Body:
    match config.kind:
        case "ceramic":
            return CeramicEmitter((Component(1.0, config.ceramic_tau_s),))
        case "led":
            return LedPanel(config.led_droop, config.led_tau_s)
        case _:
            filament, envelope = 1.0 - config.envelope_fraction, config.envelope_fraction
            return LampBody((Component(filament, config.filament_tau_s), Component(envelope, config.envelope_tau_s)))


def _light(config: LampConfig) -> Field:
    return Field(config.irradiance_mw_cm2, config.at_cm, config.virtual_source_cm)


def calibration_points(lamp: SimLamp, distance_cm: float, levels: Sequence[int]) -> list[tuple[int, float]]:
    """(level %, steady irradiance in mW/cm2) at a distance, free of noise; an on/off emitter has only full power."""
    twin = lamp.emitter.device.twin
    channel = lamp.emitter.channel

    def v2(level: int) -> float:
        return twin.steady_output(channel, level) if isinstance(twin, Mdm3) else float(level > 0)

    return [(level, lamp.treatment.steady_mw_cm2(v2(level), distance_cm)) for level in levels]
