"""The treatment note in statements: what a payer asks of a visit with CPT 97026, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from irctl.documents.course.common import BLANK, interval, of_every_paper, out_of_reach, patient, rating, why
from irctl.documents.course.sources import (
    calibration,
    events,
    light_events,
    moment,
    paper,
    person,
    single_events,
    the_plan,
)
from irctl.documents.course.statements import Rows, Statement, said
from irctl.documents.dossier import HEAT_CODE, Amended, Dossier, ScreeningInfo, Signed, Visit
from irctl.documents.figures import ceiled, clock, date, dose_places, duration, elapsed, exactly, nearest, offset
from irctl.documents.record import SessionNote
from irctl.documents.wording import COMFORT, NOT_MEASURED, view

NEEDS_TREATMENT = frozenset(
    (
        "position",
        "eyes",
        "before",
        "after",
        "skin",
        "reaction",
        "adverse",
        "plan",
        "supervision",
        "started-by",
        "total-minutes",
    )
)
"""What is said of a treatment only."""


def statements(dossier: Dossier, visit: Visit) -> Iterator[Statement]:
    """All of them, in the order of the page."""
    told = _told(dossier, visit)
    yield from map(_refused, told) if visit.state == "refused" else told


def _refused(one: Statement) -> Statement:
    """What a refused visit cannot have is not missing in it."""
    gone = one.missing and one.key in NEEDS_TREATMENT
    return replace(one, value="none: refused", missing=False) if gone else one


def _told(dossier: Dossier, visit: Visit) -> Iterator[Statement]:
    yield from of_every_paper(dossier)
    yield from _head(dossier, visit)
    yield from patient(dossier)
    yield from why(dossier)
    yield from _what(dossier, visit)
    if visit.note is not None:
        yield from _light(visit, visit.note)
        yield from _lamp(visit, visit.note)
    else:
        yield from _no_light(visit)
    yield from _minutes(visit)
    yield from _prepared(visit)
    yield from _response(dossier, visit)
    yield from _supervision(visit)
    yield from _signature(visit)


def _head(dossier: Dossier, visit: Visit) -> Iterator[Statement]:
    steps = dossier.plan.protocol.visits if dossier.plan.protocol else None
    of = f" of {steps}" if steps else ""
    own = paper(visit, "opened", visit.identified_by, visit.identified_at)
    yield said("visit", "Visit", f"{visit.number}{of}" if visit.number else "not counted: no treatment", own)
    yield said("visit-date", "Date of service", date(visit.at), own)
    yield said("identified", "Identified by", person(visit.identified_by) if visit.identified_by else "", own)
    if visit.state == "refused":
        yield said("refused", "Refused", visit.refused_because, paper(visit, "refused"))


def _what(dossier: Dossier, visit: Visit) -> Iterator[Statement]:
    source = the_plan(dossier)
    yield said("area", "Body area", dossier.plan.area, source)
    held = dossier.plan.protocol
    standing = f"; {held.standing}" if held else "; not in force any more"
    yield said("protocol", "Protocol", dossier.plan.protocol_label + standing, source)
    yield Statement("service-code", "Service", _billed(dossier, visit), (source,), missing=out_of_reach(visit))
    places = dose_places(visit.fluence_j_cm2)
    ordered = paper(visit, "prescription of the visit")
    yield said("prescribed", "Prescribed", f"{exactly(visit.fluence_j_cm2, places)} J/cm²", source, ordered)
    words = f"{exactly(visit.irradiance_mw_cm2, 1)} mW/cm² at {visit.distance_cm:g} cm"
    yield said("parameters", "Parameters", words, source, ordered)


def _billed(dossier: Dossier, visit: Visit) -> str:
    if dossier.simulated:
        return "none: simulated"
    if out_of_reach(visit):
        return f"CPT {HEAT_CODE} if there was light: the journal is out of reach"
    return f"CPT {HEAT_CODE}, untimed, supervised" if visit.lit else "none: no light"


def _light(visit: Visit, note: SessionNote) -> Iterator[Statement]:
    told, end = view(note), note.ending
    journal, lit, chain = events(visit, note), light_events(visit, note), calibration(note)
    outcome = told["outcome"]
    yield said("delivered", "Delivered", interval(note) if visit.lit else "none: no light", lit, *chain)
    yield said("dose-source", "How the dose is known", told["dose"]["source"], lit, *chain)
    yield said("outcome", "How it ended", f"{outcome['word']}. {outcome['sentence']}", lit)
    if alerts := [*outcome["alerts"], *_order_differs(visit, note)]:
        yield said("alerts", "Look at this", " ".join(alerts), lit)
    started = f"{clock(end.started_at)} {offset(end.started_at)}" if end.started_at else "no light"
    yield said("started", "Start of light", started, lit)
    yield said("ended", "End", f"{clock(end.ended_at)} {offset(end.ended_at)}", lit)
    yield said("time-on", "Time on", f"{duration(end.time_on_s)}, planned {duration(end.planned_s)}", lit)
    pauses = ", ".join(f"{elapsed(one.from_s)} to {elapsed(one.to_s)}" for one in note.pauses)
    paused = f"{len(note.pauses)}, {duration(sum(one.to_s - one.from_s for one in note.pauses))}: {pauses}"
    yield said("pauses", "Pauses", paused if note.pauses else "none", lit)
    mean = end.irradiance_mean_mw_cm2
    yield said(
        "irradiance", "Mean irradiance", NOT_MEASURED if mean is None else f"{nearest(mean, 1)} mW/cm²", lit, *chain
    )
    skin = end.skin_c_max
    words = NOT_MEASURED if skin is None else f"{ceiled(skin, 1)} °C"
    yield said("skin-temperature", "Highest skin", f"{words}, limit {note.limits.skin_c_max:.1f} °C", lit)
    yield said("journal", "Journal", told["record"]["range"], journal)


def _order_differs(visit: Visit, note: SessionNote) -> Iterator[str]:
    on_paper, ordered = visit.fluence_j_cm2, note.order.fluence_j_cm2
    if on_paper != ordered:
        places = dose_places(ordered)
        both = f"{exactly(on_paper, places)} J/cm², the order in the journal {exactly(ordered, places)} J/cm²"
        yield f"The visit’s paper prescribes {both}."


def _lamp(visit: Visit, note: SessionNote) -> Iterator[Statement]:
    lamp, held, journal = note.lamp_info, note.calibration, events(visit, note)
    yield said("lamp", "Lamp", f"{lamp.title} ({note.lamp}), {note.station}", journal)
    yield said("lamp-serial", "Serial", lamp.serial, journal)
    words = f"{held.id}, {date(held.performed_at)}, by {held.performed_by}, valid until {date(held.valid_until)}"
    yield said("calibration", "Calibration", words, *calibration(note))
    yield said("meter", "Meter", held.meter, *calibration(note))
    percent = ceiled(held.expanded_uncertainty_pct, 1)
    yield said("uncertainty", "Uncertainty", f"U = {percent} % (k = 2) at {held.distance_cm:g} cm", *calibration(note))


def _no_light(visit: Visit) -> Iterator[Statement]:
    own = paper(visit, visit.state)
    away = out_of_reach(visit)
    why_not = "not told here: the journal of this session is out of reach" if away else "none: no light"
    yield Statement("delivered", "Delivered", why_not, (own,), missing=away)
    yield said("lamp", "Lamp", f"{visit.lamp}, {visit.station}", own)
    yield said("lamp-serial", "Serial", visit.lamp_serial, own)
    yield said("calibration", "Calibration", visit.calibration, own)


def _minutes(visit: Visit) -> Iterator[Statement]:
    own = paper(visit, "minutes and services")
    yield said("timed-minutes", "Total timed-code minutes", f"{visit.timed_minutes:g} min", own)
    total = visit.total_minutes
    yield said("total-minutes", "Total treatment minutes", "" if total is None else f"{total:g} min", own)
    rows: list[dict[str, str]] = [
        {
            "code": one.code,
            "minutes": f"{one.minutes:g}",
            "timed": "timed" if one.timed else "untimed",
            "distinct": one.distinct or "–",
        }
        for one in visit.services
    ]
    stated = visit.treatment_minutes
    if visit.lit or out_of_reach(visit):
        minutes = "not stated" if stated is None else f"{stated:g}"
        rows.insert(0, {"code": HEAT_CODE, "minutes": minutes, "timed": "untimed", "distinct": "this treatment"})
    yield Statement("services", "Services of this visit", tuple(rows), (own,))


def _prepared(visit: Visit) -> Iterator[Statement]:
    stood = visit.position
    own = paper(visit, "positioned", stood.by, stood.at) if stood else paper(visit, "not positioned")
    if stood is None:
        yield said("position", "Positioning", "", own)
        yield said("eyes", "Eyes", "", own)
    else:
        yield said("position", "Positioning", f"{stood.distance_cm:g} cm, {stood.angle_deg:g}° from perpendicular", own)
        yield said("eyes", "Eyes", "protected" if stood.eyes_protected else "NOT PROTECTED", own)
    yield from _screening(visit, visit.screening)
    if (held := visit.override) is not None:
        own = paper(visit, "override", held.by, held.at)
        both = f"{person(held.by)} and {person(held.second)}, {moment(held.at)}"
        yield said("override", "Overridden", f"{'; '.join(held.what)} — because: {held.reason} — by {both}", own)
    else:
        yield said("override", "Overridden", "nothing", paper(visit, "no override"))


def _screening(visit: Visit, held: ScreeningInfo | None) -> Iterator[Statement]:
    if held is None:
        own = paper(visit, "no screening")
        for key, label in (("screening", "Screening"), ("sensation", "Thermal sensation")):
            yield said(key, label, "", own)
        yield Statement("answers", "Screening answers", (), (own,))
        return
    own = paper(visit, "screening", held.by, held.at)
    yield said("screening", "Screening", f"{held.result} ({held.label}; {held.standing})", own)
    yield said("sensation", "Thermal sensation", sensation(held), own)
    rows: Rows = tuple(
        {
            "asks": one.asks,
            "answer": one.answer,
            "advice": f"{'forbids' if one.forbids else 'asks for care'}: {one.advice}" if one.dangerous else "–",
        }
        for one in held.asked
    )
    yield Statement("answers", "Screening answers", rows, (own,))


def sensation(held: ScreeningInfo) -> str:
    """How many touches were told right, of each kind, and in which order they were."""
    if not held.touches:
        return "not tested"
    right = sum(hot is said_hot for hot, said_hot in held.touches)
    order = ", ".join(
        ("hot" if hot else "cold") + ("" if hot is told else " (felt nothing)" if told is None else " (told wrong)")
        for hot, told in held.touches
    )
    return f"{right} of {len(held.touches)} touches told right: {order}"


def _response(dossier: Dossier, visit: Visit) -> Iterator[Statement]:
    scale = dossier.plan.function_scale
    with_scale = f"Pain (0–10) / function ({scale})" if scale else "Pain (0–10) / function"
    for key, when, held in (("before", "before", visit.before), ("after", "after", visit.after)):
        own = paper(visit, f"ratings {when}", held.by, held.at) if held else paper(visit, f"no ratings {when}")
        yield said(key, f"{with_scale}, {when}", rating(held) if held else "", own)
    told, own = visit.response, paper(visit, "response")
    yield said("skin", "Skin", told.skin if told else "", own)
    yield said("reaction", "Reaction", (told.reaction or "none stated") if told else "", own)
    yield said("adverse", "Adverse events", (told.adverse_event or "none stated") if told else "", own)
    yield said("plan", "Plan", told.plan if told else "", own)


def _supervision(visit: Visit) -> Iterator[Statement]:
    own = paper(visit, "supervision")
    by = visit.supervised_by
    assistant = "given in whole or in part by an assistant" if visit.given_by_assistant else "not given by an assistant"
    yield said("supervision", "Supervised by", f"{person(by)}; {assistant}" if by else "", own)
    started = visit.started_by
    yield said("started-by", "Started by", person(started) if started else "", paper(visit, "started"))
    seqs = [one.seq for one in visit.attended]
    yield Statement(
        "attended",
        "Answers during the light",
        "; ".join(f"{clock(one.at)} {one.by}: {COMFORT.get(one.comfort, one.comfort)}" for one in visit.attended)
        or "none on record",
        (single_events(visit, seqs),) if seqs else (own,),
        missing=not seqs and visit.lit,
    )


def _signature(visit: Visit) -> Iterator[Statement]:
    own = f"visit {visit.id} version {visit.version}"
    in_force = next((one for one in reversed(visit.signatures) if one.sound and one.version == visit.version), None)
    if in_force is None:
        words = f"{BLANK}: {_not_in_force(visit)}"
        yield Statement("signature", "Electronic signature", words, (own,), missing=True)
    else:
        yield said(
            "signature",
            "Electronic signature",
            _signed(visit, in_force),
            own,
            f"record SHA-256 {in_force.record_sha256}",
        )
    rows: Rows = tuple(
        {
            "name": _signer(visit, one),
            "meaning": one.meaning,
            "at": moment(one.at),
            "version": str(one.version),
            "state": "not of the version in force" if one.sound else "BROKEN: the record is not what was signed",
        }
        for one in visit.signatures
        if one is not in_force
    )
    if rows:
        yield Statement("signatures", "Other signatures on record", rows, (own,))
    changes = tuple(row for one in visit.amendments for row in _amended(visit, one))
    if changes:
        yield Statement("amendments", "Amendments", changes, (own,))


def _not_in_force(visit: Visit) -> str:
    if not visit.signatures:
        return "no signature is on record"
    if not any(one.sound for one in visit.signatures):
        return "the signature on record does not hold"
    return f"version {visit.version} has no signature of its own"


def _signed(visit: Visit, one: Signed) -> str:
    who = _signer(visit, one)
    return f"Signed electronically by {who}, {moment(one.at)}. Meaning: {one.meaning}. Version {one.version}."


def _signer(visit: Visit, one: Signed) -> str:
    """The printed name, with the credentials that the visit's people are known by."""
    present = (visit.identified_by, visit.started_by, visit.supervised_by)
    credentials = next((who.credentials for who in present if who and who.login == one.login and who.credentials), "")
    return f"{one.name}{credentials and ', '}{credentials} ({one.login})"


def _amended(visit: Visit, one: Amended) -> Iterator[dict[str, str]]:
    for field, right in one.changes.items():
        yield {
            "field": field,
            "stands": _stands(visit.note, field),
            "right": right,
            "reason": one.reason,
            "by": f"{person(one.by)}, {moment(one.at)}",
        }


def _stands(note: SessionNote | None, field: str) -> str:
    """What the journal says of this field, which stays."""
    for part in (note.order, note.lamp_info, note.ending) if note else ():
        if field in type(part).model_fields:
            return str(getattr(part, field))
    return "not in the journal"
