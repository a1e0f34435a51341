"""Journals of made-up sessions, written as a controller would write them: in order, chained, one second a sample."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, sin
from typing import Any

from irctl.domain.chain import GENESIS, link

Event = dict[str, Any]
SESSION = "S-20261123-0001"
BEGAN = datetime(2026, 11, 23, 19, 29, 41, 120_000, tzinfo=UTC)


class Journal:
    """A journal being written; `pass_s` lets time go by."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.mono_s = 5021.25
        self.at = BEGAN

    def pass_s(self, seconds: float) -> None:
        self.mono_s += seconds
        self.at += timedelta(seconds=seconds)

    def write(self, event: str, **fields: Any) -> None:
        prev = self.events[-1]["hash"] if self.events else GENESIS
        record: Event = {
            "seq": len(self.events) + 1,
            "at": self.stamp(),
            "mono_s": round(self.mono_s, 4),
            "event": event,
        }
        record |= fields | {"prev": prev}
        self.events.append(record | {"hash": link(record)})

    def stamp(self) -> str:
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def session(self, event: str, **fields: Any) -> None:
        self.write(f"session.{event}", session=SESSION, lamp="left", **fields)

    def state(self, state: str, **fields: Any) -> None:
        self.session("state", state=state, **fields)

    def alarm(self, hazard: str, priority: str, text: str, remedy: str) -> None:
        self.write("alarm", lamp="left", hazard=hazard, priority=priority, text=text, remedy=remedy)


def with_station(events: list[Event], station: str = "Treatment room 2", *, simulated: bool) -> list[Event]:
    """The same journal by a controller that also says with each order where it was and whether it was simulated."""
    place = {"station": station, "simulated": simulated}
    return rechained([e | place if e["event"] == "session.ordered" else e for e in events])


def rechained(events: list[Event]) -> list[Event]:
    """The same events with fresh hashes, after a test has changed some on purpose."""
    out: list[Event] = []
    for event in events:
        body = {k: v for k, v in event.items() if k != "hash"} | {"prev": out[-1]["hash"] if out else GENESIS}
        out.append(body | {"hash": link(body)})
    return out


def started(journal: Journal, *, simulated: bool, version: str = "0.1.0") -> None:
    journal.write(
        "controller.started", version=version, station="Treatment room 2", station_hash="9c1f" * 16, simulated=simulated
    )
    journal.pass_s(0.8)
    journal.write(
        "lamp.dark_verified", lamp="left", off_sent_s=0.003, acknowledged_s=0.02, verified_dark_s=0.31, by="emitter"
    )
    journal.pass_s(40)


def ordered(
    journal: Journal,
    *,
    fluence: float = 60.0,
    irradiance: float = 50.0,
    planned_s: float = 1215.0,
    sensors: bool = True,
    **order: str,
) -> None:
    journal.session(
        "ordered",
        order={
            "lamp": "left",
            "fluence_j_cm2": fluence,
            "irradiance_mw_cm2": irradiance,
            "patient": "P-104882",
            "area": "Lower back, lumbar, both sides",
            "by": "M. Keller, PT",
        }
        | order,
        planned_s=planned_s,
        limits={
            "irradiance_mw_cm2_max": 100.0,
            "fluence_j_cm2_max": 90.0,
            "duration_s_max": 1800.0,
            "skin_c_max": 43.0 if sensors else 41.0,
        },
        lamp_info={
            "title": "Left lamp, couch 2",
            "serial": "HL-500-22817",
            "emitter": "dimmer.1 (wirenboard-mdm3)",
            "cutoff": "contactor.1 (waveshare-relay)" if sensors else None,
            "radiometer": "radiometer (apogee-sp)" if sensors else None,
            "skin": "skin-thermometer (melexis)" if sensors else None,
            "distance_cm": 50.0,
            "fail_safe": "comm-watchdog",
            "lease_s": 1.0,
        },
        calibration={
            "id": "CAL-2026-0093",
            "lamp_serial": "HL-500-22817",
            "distance_cm": 50.0,
            "performed_at": "2026-09-14T08:12:00Z",
            "performed_by": "R. Okafor",
            "meter": "Ophir 3A-P, no. 771204",
            "valid_until": "2027-09-14T08:12:00Z",
            "expanded_uncertainty_pct": 6.2,
            "hash": "7be1d04c" * 8,
        },
    )
    journal.state("checking")
    journal.pass_s(2.1)
    journal.session(
        "armed",
        fail_safe="comm-watchdog",
        lease_s=1.0,
        identity={"model": "WB-MDM3", "serial": "4211875", "firmware": "2.9.0"},
    )
    if sensors:
        journal.session("dark_reading", radiometer_offset_mw_cm2=0.11, readings=20)
    journal.state("ready")
    journal.pass_s(9.4)


class Treatment:
    """A lamp that glows up and cools down, and a skin that follows it."""

    def __init__(
        self, journal: Journal, *, sensors: bool = True, irradiance: float = 50.0, skin_gain: float = 0.125
    ) -> None:
        self.journal, self.sensors, self.target, self.skin_gain = journal, sensors, irradiance, skin_gain
        self.t_s = self.time_on_s = self.dose = self.irradiance = self.cem43 = 0.0
        self.skin = self.skin_max = 33.4
        self.readings: list[float] = []

    def light(self) -> None:
        self.journal.session("starting", by="M. Keller, PT")
        self.journal.state("warming")
        self.journal.session("first_light", level_pct=62.0, by="M. Keller, PT")

    def run(self, seconds: int, state: str, *, blind: range = range(0)) -> None:
        """Samples each second; within `blind` (seconds since first light) the sensors say nothing."""
        lit = state in ("warming", "emitting")
        for _ in range(seconds):
            goal = self.target if lit else 0.0
            self.irradiance += (goal - self.irradiance) * (1 - exp(-1 / (14.0 if lit else 5.0)))
            shown = self.irradiance + (
                0.35 * sin(self.t_s * 1.7) + 0.3 * sin(self.t_s * 0.23) if self.sensors and lit else 0
            )
            shown = max(0.0, shown)
            self.skin += (33.4 + self.irradiance * self.skin_gain - self.skin) / 150
            skin = self.skin + 0.06 * sin(self.t_s * 0.9)
            self.skin_max = max(self.skin_max, skin)
            self.cem43 += 0.25 ** (43 - skin) / 60
            self.dose += shown / 1000
            self.readings += [shown] if lit else []
            self.time_on_s += lit
            self.t_s += 1
            self.journal.pass_s(1.0)
            dark = int(self.t_s) in blind
            low, high = self.interval()
            self.journal.session(
                "sample",
                t_s=self.t_s,
                state=state,
                level_pct=62.0 if lit else 0.0,
                irradiance_mw_cm2=None if dark else round(shown, 2),
                irradiance_source="measured" if self.sensors else "calibrated",
                skin_c=round(skin, 2) if self.sensors and not dark else None,
                fluence_j_cm2=round(self.dose, 4),
                fluence_min_j_cm2=round(low, 4),
                fluence_max_j_cm2=round(high, 4),
                cem43_min=round(self.cem43, 4) if self.sensors else None,
            )

    def interval(self, widen: float = 0.0) -> tuple[float, float]:
        half = self.dose * (0.038 if self.sensors else 0.13)
        return max(0.0, self.dose - half), self.dose + half + widen

    def end(self, outcome: str, reason: str, *, widen: float = 0.0, why_wider: str = "", **fields: Any) -> None:
        journal = self.journal
        low, high = self.interval(widen)
        contributions: list[dict[str, Any]] = [
            {"name": "radiometer calibration", "relative_pct": 3.2, "absolute_j_cm2": self.dose * 0.032},
            {"name": "distance", "relative_pct": 2.0, "absolute_j_cm2": self.dose * 0.02},
            {"name": "timing", "relative_pct": None, "absolute_j_cm2": 0.0025},
            {"name": "dark reading", "relative_pct": None, "absolute_j_cm2": 0.02},
        ]
        if not self.sensors:
            contributions = [
                {"name": "lamp calibration", "relative_pct": 6.2, "absolute_j_cm2": self.dose * 0.062},
                {"name": "distance", "relative_pct": 2.0, "absolute_j_cm2": self.dose * 0.02},
                {"name": "lamp ageing and mains since calibration", "relative_pct": 11.0, "absolute_j_cm2": None},
                {"name": "timing", "relative_pct": None, "absolute_j_cm2": 0.0025},
            ]
        if widen:
            contributions.append({"name": why_wider, "absolute_j_cm2": widen})
        lit_at = next(e["at"] for e in journal.events if e["event"] == "session.first_light")
        order = next(e for e in journal.events if e["event"] == "session.ordered")
        body: dict[str, Any] = {
            "outcome": outcome,
            "reason": reason,
            "hazard": None,
            "by": None,
            "started_at": lit_at,
            "ended_at": journal.stamp(),
            "time_on_s": self.time_on_s,
            "planned_s": order["planned_s"],
            "prescribed_j_cm2": order["order"]["fluence_j_cm2"],
            "delivered": {
                "min_j_cm2": low,
                "best_j_cm2": self.dose,
                "max_j_cm2": high,
                "contributions": contributions,
            },
            "irradiance_mean_mw_cm2": sum(self.readings) / len(self.readings) if self.readings else None,
            "skin_c_max": self.skin_max if self.sensors else None,
            "cem43_min": self.cem43 if self.sensors else None,
            "dose_source": "measured" if self.sensors else "calibrated",
        }
        journal.session("ended", **(body | fields))


def completed(*, simulated: bool = False, minutes: int = 20, **order: Any) -> list[Event]:
    """Twenty minutes at 50 mW/cm² with every sensor, ended on the prescription."""
    journal = Journal()
    started(journal, simulated=simulated)
    ordered(journal, fluence=minutes * 3.0, planned_s=minutes * 60.0 + 15, **order)
    treatment = Treatment(journal)
    treatment.light()
    treatment.run(30, "warming")
    journal.state("emitting")
    treatment.run(minutes * 60 - 22, "emitting")
    journal.state("ending", reason="prescription reached")
    journal.session("off", off_sent_s=0.004, acknowledged_s=0.021, verified_dark_s=0.412, by="emitter")
    treatment.run(25, "ending")
    treatment.end("completed", "prescription reached")
    return journal.events


def stopped() -> list[Event]:
    """Two pauses, three alarms, and a stop at the emergency button."""
    journal = Journal()
    started(journal, simulated=True)
    ordered(journal)
    treatment = Treatment(journal, skin_gain=0.19)
    treatment.light()
    treatment.run(30, "warming")
    journal.state("emitting")
    treatment.run(170, "emitting")
    journal.session("paused", by="M. Keller, PT")
    journal.state("paused")
    journal.session("off", off_sent_s=0.003, acknowledged_s=0.018, verified_dark_s=0.377, by="emitter")
    treatment.run(75, "paused")
    journal.session("resumed", by="M. Keller, PT")
    journal.state("warming")
    treatment.run(25, "warming")
    journal.state("emitting")
    treatment.run(210, "emitting")
    journal.session("warning", hazard="H04", text="Skin is at 41.5 °C and rising")
    journal.alarm("H04", "medium", "Skin temperature is near its limit", "Ask the patient; move the lamp away or pause")
    treatment.run(14, "emitting")
    journal.state("paused", reason="the operator did not confirm presence", by=None)
    journal.alarm("H11", "low", "Presence was not confirmed", "Confirm presence and the patient's comfort, then resume")
    journal.session("off", off_sent_s=0.004, acknowledged_s=0.020, verified_dark_s=0.401, by="emitter")
    treatment.run(48, "paused")
    journal.session("resumed", by="M. Keller, PT")
    journal.state("warming")
    treatment.run(25, "warming")
    journal.state("emitting")
    treatment.run(96, "emitting")
    journal.write("stop.latched", by="M. Keller, PT", reason="Patient reported burning heat", source="button")
    journal.session(
        "stopping", hazard="H01", text="Emergency stop", remedy="See to the patient; clear the stop when safe"
    )
    journal.state("ending")
    journal.alarm("H01", "high", "Emergency stop", "See to the patient; clear the stop when safe")
    journal.session("off", off_sent_s=0.002, acknowledged_s=None, verified_dark_s=0.655, by="cutoff")
    treatment.run(20, "ending")
    treatment.end("stopped", "Patient reported burning heat", hazard="H01", by="M. Keller, PT")
    journal.pass_s(0.01)
    evidence = {"off_sent_s": 0.002, "acknowledged_s": None, "verified_dark_s": 0.655, "by": "cutoff"}
    journal.write("stop.evidence", lamps={"left": evidence, "right": evidence | {"by": "broadcast"}})
    return journal.events


def faulted() -> list[Event]:
    """No radiometer, no skin thermometer; the dimmer goes silent and the light is never seen to be out."""
    journal = Journal()
    started(journal, simulated=False)
    ordered(
        journal,
        sensors=False,
        fluence=24.0,
        irradiance=40.0,
        planned_s=612.0,
        area="Right shoulder",
        patient="P-100317",
    )
    treatment = Treatment(journal, sensors=False, irradiance=40.0)
    treatment.light()
    treatment.run(30, "warming")
    journal.state("emitting")
    treatment.run(263, "emitting")
    journal.session("stopping", hazard="H07", text="The dimmer does not answer", remedy="Check its cable and supply")
    journal.state("ending")
    journal.alarm(
        "H07", "high", "The dimmer does not answer", "Switch the lamp off at the wall; check its cable and supply"
    )
    journal.session("off", off_sent_s=0.004, acknowledged_s=None, verified_dark_s=None, by="emitter")
    treatment.run(12, "ending")
    journal.write("lamp.unverified", lamp="left", reason="no answer to OFF, and no sensor sees the lamp")
    treatment.end("faulted", "The dimmer does not answer", hazard="H07", widen=0.06, why_wider="afterglow not watched")
    return journal.events


def interrupted() -> list[Event]:
    """The controller is lost in mid-treatment; its next start closes the record."""
    journal = Journal()
    started(journal, simulated=False)
    ordered(journal)
    treatment = Treatment(journal)
    treatment.light()
    treatment.run(30, "warming")
    journal.state("emitting")
    treatment.run(431, "emitting", blind=range(290, 312))
    journal.pass_s(7.4)
    journal.mono_s = 11.02
    journal.write(
        "controller.started", version="0.1.0", station="Treatment room 2", station_hash="9c1f" * 16, simulated=False
    )
    journal.pass_s(0.9)
    journal.write(
        "lamp.dark_verified", lamp="left", off_sent_s=0.003, acknowledged_s=0.02, verified_dark_s=0.31, by="emitter"
    )
    treatment.end(
        "interrupted",
        "the controller was lost during the treatment",
        widen=1.31,
        why_wider="time without a controller",
        cem43_min=None,
    )
    return journal.events
