"""A note in words: every text and figure that is printed, decided here and only laid out by the template.

Rounding: a dose's minimum is floored, its maximum ceiled, the best estimate goes to the nearest; the highest skin
temperature and CEM43 are ceiled. Texts of the record are printed as they are, but for characters that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from irctl.documents.figures import (
    ceiled,
    clock,
    date,
    dose_places,
    duration,
    elapsed,
    exactly,
    floored,
    nearest,
    offset,
)
from irctl.documents.note_template import USUAL, NoteTemplate
from irctl.documents.plot import Mark
from irctl.documents.printed import NOT_CERTIFIED, View, visible
from irctl.documents.record import Contribution, Happening, Kind, Off, SessionNote

NOT_MEASURED = "not measured"
SERVICE_CODE = "CPT 97026"
"""The code number alone; its descriptor is the AMA's."""

TITLES: dict[Kind, str] = {
    Kind.ARMED: "Fail-safe armed and read back",
    Kind.DARK_READING: "Dark reading",
    Kind.STARTED: "Started",
    Kind.FIRST_LIGHT: "First light",
    Kind.ATTENDED: "Attendant’s answer",
    Kind.WARNING: "Warning",
    Kind.ALARM: "Alarm",
    Kind.PAUSED: "Paused",
    Kind.RESUMED: "Resumed",
    Kind.STOPPING: "Stopping",
    Kind.STOP_LATCHED: "Emergency stop",
    Kind.STOP_EVIDENCE: "Evidence of the stop",
    Kind.STOP_CLEARED: "Emergency stop cleared",
    Kind.OFF: "Off",
    Kind.RESTARTED: "Controller started anew",
    Kind.DARK_VERIFIED: "Seen to be dark",
    Kind.UNVERIFIED: "Not seen to be dark",
    Kind.ENDED: "Ended",
}
MARKED = {Kind.WARNING, Kind.ALARM, Kind.STOPPING, Kind.STOP_LATCHED, Kind.RESTARTED, Kind.UNVERIFIED}
COMFORT = {"too-hot": "too hot"}
"""The answers that are written otherwise than they are said."""
WAYS = {"emitter": "by the emitter", "cutoff": "by the cut-off", "broadcast": "by broadcast on the line"}


SOURCES = {
    "measured": (
        "Measured by the lamp’s radiometer",
        "The integral of what the radiometer read, less its dark reading.",
    ),
    "calibrated": (
        "Estimated from the calibration",
        "No radiometer watched this treatment, so the interval is wider.",
    ),
    "none": ("No light, no dose", "The session ended before its first light."),
}
"""How the dose was determined, by the journal's `dose_source`."""


def view(note: SessionNote, chosen: NoteTemplate = USUAL) -> View:
    """What the template prints, as plain JSON values."""
    return visible(
        {
            "title": chosen.title,
            "introduction": chosen.introduction,
            "closing": chosen.closing,
            "template": chosen.label,
            "uncertainty": chosen.uncertainty,
            "list": chosen.happenings,
            "signature": chosen.signature,
            "session": note.session,
            "date": date(note.ordered_at),
            "station": note.station,
            "simulated": note.simulated,
            "outcome": _outcome(note),
            "columns": [_treatment(note), _lamp(note), _calibration(note)],
            "dose": _dose(note),
            "figures": _figures(note),
            "graph": bool(note.samples) and chosen.graph,
            "lit": bool(note.samples),
            "graph_alt": _graph_alt(note),
            "timezone": f"{note.timezone}, {offset(note.ordered_at)}" if note.timezone != "UTC" else "UTC",
            "happenings": [_row(h, number) for h, number in _numbered(note)],
            "record": _record(note),
            "notice": NOT_CERTIFIED,
        }
    )


def marks(note: SessionNote) -> list[Mark]:
    """The warnings, alarms and stops to show in the graph, under their numbers in the list."""
    return [
        Mark(h.t_s, str(number), _tone(h)) for h, number in _numbered(note) if number is not None and h.t_s is not None
    ]


def _numbered(note: SessionNote) -> Iterator[tuple[Happening, int | None]]:
    number = 0
    for happening in note.happenings:
        if happening.kind in MARKED:
            number += 1
        yield happening, number if happening.kind in MARKED else None


def _outcome(note: SessionNote) -> View:
    end = note.ending
    decided_s = _decided_s(note)
    who_when = [
        f"by {end.by}" if end.by else "",
        "" if decided_s is None else f"{duration(decided_s)} after first light",
    ]
    circumstances = ", ".join(t for t in who_when if t) + (f" ({end.hazard})" if end.hazard else "")
    reason = _sentence(end.reason)
    told = f"{_capital(circumstances.strip())}: {reason}" if circumstances.strip() else reason
    word, tone, sentence = {
        "completed": ("Completed", "good", reason),
        "stopped": ("Stopped", "attention", told),
        "faulted": ("Ended by a fault", "alarm", told),
        "interrupted": ("Interrupted", "alarm", f"{reason} It was not resumed."),
    }[end.outcome]
    return {
        "word": word,
        "tone": tone,
        "sentence": f"{sentence} {_against_prescription(note)}".strip(),
        "alerts": list(_alerts(note)),
    }


def _decided_s(note: SessionNote) -> float | None:
    """When it was decided to stop: the first word of the last stop, else the end itself."""
    stops = [h.t_s for h in note.happenings if h.kind in (Kind.STOPPING, Kind.STOP_LATCHED) and h.t_s is not None]
    ends = [h.t_s for h in note.happenings if h.kind is Kind.ENDED]
    return next(iter(stops or ends), None)


def _sentence(text: str) -> str:
    """A reason as a sentence: capital first, one full stop."""
    text = text.strip() or "no reason is on record"
    return _capital(text) + ("" if text[-1] in ".!?" else ".")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _against_prescription(note: SessionNote) -> str:
    end = note.ending
    places = dose_places(end.prescribed_j_cm2)
    low, high = floored(end.delivered.min_j_cm2, places), ceiled(end.delivered.max_j_cm2, places)
    prescribed = exactly(end.prescribed_j_cm2, places)
    if not _lit(note):
        return "No light was emitted."
    if end.outcome == "interrupted":
        return f"Between {low} and {high} J/cm² may have been delivered; count the maximum."
    if end.delivered.max_j_cm2 < end.prescribed_j_cm2:
        return f"Less than prescribed was delivered: at most {high} of {prescribed} J/cm²."
    if end.delivered.min_j_cm2 > end.prescribed_j_cm2:
        return ""
    return "The prescribed dose lies within the interval delivered."


def _lit(note: SessionNote) -> bool:
    """Whether any light may have been emitted."""
    return note.ending.started_at is not None or note.ending.delivered.max_j_cm2 > 0


STILL_LIT = 0.1
"""Of the prescribed irradiance: a session waits for its afterglow, so a last reading above this is light, not afterglow.
Our own choice, not a standard's."""


def _alerts(note: SessionNote) -> Iterator[str]:
    """What a reader must not miss: too high a dose, and a lamp that nothing saw go dark, or that something saw lit."""
    end, places = note.ending, dose_places(note.ending.prescribed_j_cm2)
    if end.delivered.min_j_cm2 > end.prescribed_j_cm2:
        low, prescribed = floored(end.delivered.min_j_cm2, places), exactly(end.prescribed_j_cm2, places)
        yield f"More than prescribed was delivered: at least {low} J/cm², where {prescribed} J/cm² were prescribed."
    if _lit(note) and not _verified_dark(note):
        yield "Nothing on record shows that the lamp went dark at the end of this session."
    if (last := _last_seen_mw_cm2(note)) > STILL_LIT * note.order.irradiance_mw_cm2:
        yield f"The last reading on record, {nearest(last, 1)} mW/cm², still shows light."


def _verified_dark(note: SessionNote) -> bool:
    """Whether going dark was verified, by the last word on it."""
    verified = False
    for happening in note.happenings:
        match happening.kind:
            case Kind.OFF | Kind.STOP_EVIDENCE:
                verified = happening.off is not None and happening.off.verified_s is not None
            case Kind.DARK_VERIFIED:
                verified = True
            case Kind.UNVERIFIED | Kind.FIRST_LIGHT | Kind.RESUMED:
                verified = False
            case _:
                pass
    return verified


def _last_seen_mw_cm2(note: SessionNote) -> float:
    """The last measured irradiance, 0 where a later verified dark outdates it (an interrupted session's last sample was lit)."""
    if note.ending.outcome == "interrupted":
        return 0.0
    seen = (s.irradiance_mw_cm2 for s in reversed(note.samples) if s.irradiance_source == "measured")
    return next((value for value in seen if value is not None), 0.0)


def _treatment(note: SessionNote) -> View:
    limits = note.limits
    facts = [
        ("Patient", note.order.patient),
        ("Body area", note.order.area),
        ("Ordered by", note.order.by),
        ("Ordered at", f"{clock(note.ordered_at)} {offset(note.ordered_at)}"),
        ("Limits", f"{limits.irradiance_mw_cm2_max:g} mW/cm², {limits.fluence_j_cm2_max:g} J/cm²"),
        ("", f"{duration(limits.duration_s_max)}, skin {limits.skin_c_max:.1f} °C"),
    ]
    if not note.simulated and note.ending.time_on_s > 0:
        facts.append(("Service code", SERVICE_CODE))
    return {"title": "Treatment", "facts": facts}


def _lamp(note: SessionNote) -> View:
    lamp, identity = note.lamp_info, note.identity
    said = [t for t in (identity.model, identity.serial, identity.firmware) if t] if identity else []
    named = [("Identity", ", ".join(said))] if said else []
    return {
        "title": "Lamp",
        "facts": [
            ("Lamp", f"{lamp.title} ({note.lamp})"),
            ("Serial", lamp.serial),
            ("Emitter", lamp.emitter),
            *named,
            ("Cut-off", lamp.cutoff or "none"),
            ("Fail-safe", f"{lamp.fail_safe}, lease {lamp.lease_s:g} s"),
            ("Distance", f"{lamp.distance_cm:g} cm"),
        ],
    }


def _calibration(note: SessionNote) -> View:
    held = note.calibration
    return {
        "title": "Calibration in force",
        "facts": [
            ("Record", f"{held.id}, at {held.distance_cm:g} cm"),
            ("Meter", held.meter),
            ("Performed", date(held.performed_at)),
            ("By", held.performed_by),
            ("Valid until", date(held.valid_until)),
            ("Uncertainty", f"U = {ceiled(held.expanded_uncertainty_pct, 1)} % (k = 2)"),
            ("Hash", f"{held.hash[:12]}…"),
        ],
    }


def _dose(note: SessionNote) -> View:
    end, given = note.ending, note.ending.delivered
    places = dose_places(end.prescribed_j_cm2)
    scale = 1.08 * max(end.prescribed_j_cm2, given.max_j_cm2)
    source, explained = SOURCES[end.dose_source if _lit(note) else "none"]
    return {
        "prescribed": exactly(end.prescribed_j_cm2, places),
        "best": nearest(given.best_j_cm2, places),
        "min": floored(given.min_j_cm2, places),
        "max": ceiled(given.max_j_cm2, places),
        "at": {
            "prescribed": end.prescribed_j_cm2 / scale,
            "min": given.min_j_cm2 / scale,
            "best": given.best_j_cm2 / scale,
            "max": given.max_j_cm2 / scale,
        },
        "source": source,
        "explained": explained,
        "contributions": [_contribution(c, places) for c in given.contributions],
    }


def _contribution(part: Contribution, places: int) -> View:
    relative = None if part.relative_pct is None else f"{ceiled(part.relative_pct, 1)} %"
    absolute = None if part.absolute_j_cm2 is None else f"{ceiled(part.absolute_j_cm2, places + 1)}"
    return {"name": part.name, "relative": relative, "absolute": absolute}


def _figures(note: SessionNote) -> list[View]:
    missing = NOT_MEASURED if _lit(note) else "no light"
    return [figure | {"missing": missing} for figure in _figures_known(note)]


def _figures_known(note: SessionNote) -> list[View]:
    end = note.ending
    mean, skin, cem43 = end.irradiance_mean_mw_cm2, end.skin_c_max, end.cem43_min
    later = end.started_at is not None and end.started_at.date() != end.ended_at.date()
    return [
        {
            "label": "Mean irradiance" if end.dose_source == "measured" else "Mean, estimated",
            "value": nearest(mean, 1) if mean is not None else None,
            "unit": "mW/cm²",
            "note": f"prescribed {exactly(note.order.irradiance_mw_cm2, 1)}",
        },
        {
            "label": "Time on",
            "value": duration(end.time_on_s),
            "unit": "",
            "note": f"planned {duration(end.planned_s)}",
        },
        {
            "label": "First light",
            "value": clock(end.started_at) if end.started_at else None,
            "unit": "",
            "note": offset(end.started_at) if end.started_at else "",
        },
        {
            "label": "Ended",
            "value": clock(end.ended_at),
            "unit": "",
            "note": (f"{date(end.ended_at)}, " if later else "") + offset(end.ended_at),
        },
        {
            "label": "Highest skin",
            "value": ceiled(skin, 1) if skin is not None else None,
            "unit": "°C",
            "note": f"limit {note.limits.skin_c_max:.1f}" if note.lamp_info.skin else "no skin thermometer",
        },
        {
            "label": "CEM43",
            "value": ceiled(cem43, 2) if cem43 is not None else None,
            "unit": "min",
            "note": "thermal dose",
        },
    ]


def _graph_alt(note: SessionNote) -> str:
    end = note.ending
    skin = "not measured" if end.skin_c_max is None else f"at most {ceiled(end.skin_c_max, 1)} °C"
    return (
        f"Irradiance over {duration(note.samples[-1].t_s if note.samples else 0)} since first light, prescribed "
        f"{exactly(note.order.irradiance_mw_cm2, 1)} mW/cm²; skin temperature {skin}; {len(note.pauses)} pauses."
    )


def _row(happening: Happening, number: int | None) -> View:
    text = happening.text
    by = f"by {happening.by}" if happening.by else ""
    title = TITLES[happening.kind]
    if happening.kind is Kind.ALARM and happening.priority:
        title = f"Alarm, {happening.priority}"
    if happening.kind is Kind.ATTENDED:
        text = COMFORT.get(text, text)
    if happening.off is not None and happening.off.way:
        off = "" if happening.kind is Kind.OFF else "off "
        text = "; ".join(t for t in (text, off + WAYS.get(happening.off.way, happening.off.way)) if t)
    return {
        "number": number,
        "time": clock(happening.at),
        "elapsed": elapsed(happening.t_s),
        "title": title,
        "text": "; ".join(t for t in (text, by) if t),
        "hazard": happening.hazard,
        "remedy": happening.remedy,
        "off": _off(happening.off),
        "tone": _tone(happening),
    }


def _off(off: Off | None) -> list[str | None] | None:
    """Seconds since the decision, ceiled to the millisecond; null where it was not seen to happen."""
    if off is None or off == Off():
        return None
    return [None if s is None else ceiled(s, 3) for s in (off.sent_s, off.acknowledged_s, off.verified_s)]


def _tone(happening: Happening) -> str:
    match happening.kind, happening.priority:
        case (Kind.WARNING, _) | (Kind.ALARM, "medium"):
            return "attention"
        case (Kind.ALARM, "low"):
            return "quiet"
        case (Kind.ALARM | Kind.STOPPING | Kind.STOP_LATCHED | Kind.RESTARTED | Kind.UNVERIFIED, _):
            return "alarm"
        case _:
            return "plain"


def _record(note: SessionNote) -> View:
    source = note.source
    checked = "in one unbroken chain" if source.unbroken else "each checked by itself"
    return {
        "head": source.head,
        "range": f"Journal events {source.first_seq} to {source.last_seq}, {checked}",
        "software": f"irctl {', '.join(source.software)}"
        if source.software
        else "irctl, version not in the journal given",
    }
