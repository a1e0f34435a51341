"""What several papers of a course say in the same words: who, why, by which plan, and how it went."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date as Day

from irctl.documents.course.sources import paper, person, the_coverage, the_plan, the_record, the_visits
from irctl.documents.course.statements import Rows, Statement, said
from irctl.documents.dossier import ClinicInfo, Dossier, Ratings, Visit
from irctl.documents.figures import ceiled, date, dose_places, duration, exactly, floored, nearest
from irctl.documents.printed import NOT_CERTIFIED
from irctl.documents.record import SessionNote

SIMULATED = "SIMULATED — not a treatment record"
BLANK = "NOT SIGNED"


def of_every_paper(dossier: Dossier) -> Iterator[Statement]:
    """Whose paper it is, and what no reader may miss."""
    yield Statement("clinic", "Clinic", letterhead(dossier.clinic))
    yield Statement("notice", "Notice", NOT_CERTIFIED)
    if dossier.simulated:
        yield Statement("simulated", "Simulated", SIMULATED)


def letterhead(clinic: ClinicInfo) -> str:
    npi, tax = clinic.npi and f"NPI {clinic.npi}", clinic.tax_id and f"Tax ID {clinic.tax_id}"
    return " · ".join(part for part in (clinic.name, clinic.address, clinic.phone, npi, tax) if part)


def patient(dossier: Dossier) -> Iterator[Statement]:
    who, record = dossier.patient, the_record(dossier)
    yield said("patient-name", "Name", who.name, record)
    yield said("patient-born", "Born", date_of(who.born), record)
    yield said("patient-number", "Record no.", who.number or who.reference, record)
    cover, source = dossier.coverage, the_coverage(dossier)
    yield said("payer", "Payer", ", ".join(t for t in (cover.payer, cover.member) if t), source)
    if (held := cover.authorisation) is not None:
        visits = f"{held.visits} visits" if held.visits is not None else ""
        until = f"until {date_of(held.until)}" if held.until else ""
        words = ", ".join(t for t in (held.number, visits, until) if t)
        yield said("authorisation", "Authorisation", words, source)


def why(dossier: Dossier) -> Iterator[Statement]:
    """Diagnosis, necessity, goal, and who answers for the plan."""
    plan, source = dossier.plan, the_plan(dossier)
    yield said("diagnosis", "Diagnosis", plan.diagnosis, source)
    yield said("diagnosis-codes", "ICD-10-CM", ", ".join(plan.diagnosis_codes), source)
    yield said("necessity", "Medical necessity", plan.necessity, source)
    yield said("goal", "Goal", plan.goal, source)
    yield said("referrer", "Referred by", plan.referred_by, source)
    yield certification(dossier)


def certification(dossier: Dossier) -> Statement:
    held = dossier.plan.certification
    if held is None:
        return Statement(
            "certification", "Certification", "the clinic has none on file", (the_plan(dossier),), missing=True
        )
    until = f", until {date_of(held.until)}" if held.until else ", no end stated"
    filed = f", filed as {held.document}" if held.document else ""
    words = f"by {held.by}, {date_of(held.on)}{until}{filed}"
    return said("certification", "Certification", words, the_plan(dossier))


def planned(dossier: Dossier) -> Iterator[Statement]:
    """What was planned, by which protocol."""
    plan, source = dossier.plan, the_plan(dossier)
    yield said("area", "Body area", plan.area, source)
    protocol = plan.protocol
    if protocol is None:
        yield said("protocol", "Protocol", f"{plan.protocol_label}, not in force any more", source)
        return
    yield said("protocol", "Protocol", f"{protocol.title} ({protocol.label}); {protocol.standing}", source)
    weeks = f"{protocol.per_week} a week for {protocol.weeks} weeks: {protocol.visits} visits"
    yield said("frequency", "Frequency and duration", weeks, source)


def outcomes(dossier: Dossier) -> Iterator[Statement]:
    """Pain and function before the course and last; how many visits."""
    plan, source = dossier.plan, the_plan(dossier)
    given = dossier.given
    of = f" of {plan.protocol.visits} planned" if plan.protocol else ", plan not in force any more"
    first, last = (date(given[0].at), date(given[-1].at)) if given else ("", "")
    papers = the_visits(given)
    yield said("period", "Period", f"{first} to {last}" if given else "no visit yet", *papers)
    away = sum(map(out_of_reach, dossier.visits))
    also = f"; {away} more whose journal is out of reach" if away else ""
    yield said("visits-given", "Visits with light", f"{len(given)}{of}{also}", *papers)
    refused = [visit for visit in dossier.visits if visit.state == "refused"]
    yield said("visits-refused", "Visits refused", str(len(refused)), *the_visits(refused))
    missed = dossier.missed
    words = "" if missed is None else ", ".join(["none"] if not missed else [str(len(missed)), *map(date, missed)])
    yield said("visits-missed", "Visits missed", words, "the clinic’s calendar")
    latest = next((visit for visit in reversed(given) if visit.after), None)
    now = latest.after if latest else None
    then = paper(latest, "ratings afterwards", now.by, now.at) if latest and now else ""
    pain = change(plan.baseline_nprs, now.nprs if now else None)
    yield said("pain", "Pain, 0 to 10 (NPRS)", pain, *([then] if then else []), source)
    scale = plan.function_scale or "function scale"
    if plan.baseline_function is not None or (now and now.function is not None):
        words = change(plan.baseline_function, now.function if now else None)
        yield said("function", f"Function ({scale})", words, *([then] if then else []), source)
    else:
        yield said("function", "Function", "", source)
    events = [(v, v.response.adverse_event) for v in given if v.response and v.response.adverse_event]
    told = "; ".join(f"{date(v.at)}: {text}" for v, text in events)
    yield said("adverse", "Adverse events", told or "none recorded", *papers)


def proposal(dossier: Dossier) -> Iterator[Statement]:
    """What the outcome says of going on, on whose authority."""
    advice = dossier.advice
    if advice is None:
        yield Statement("advice", "Stop rule", "no stop rule is met; a clinician decides")
        yield Statement("advice-source", "Its source", "none applies")
        return
    yield said(
        "advice",
        "Stop rule",
        f"{advice.text[:1].upper()}{advice.text[1:]}. A clinician decides.",
        f"stop rule: {advice.source}",
    )
    yield said("advice-source", "Its source", advice.source)


def visits_table(dossier: Dossier) -> Statement:
    """Every visit, refused ones too."""
    return Statement("visits", "Visits", tuple(map(_row, dossier.visits)), the_visits(dossier.visits))


def _row(visit: Visit) -> dict[str, str]:
    response = visit.response
    skin = response.skin if response else "–"
    if response and response.adverse_event:
        skin += f"; {response.adverse_event}"
    return {
        "no": str(visit.number) if visit.number is not None else "–",
        "date": f"{visit.at:%Y-%m-%d}",
        "before": rating(visit.before),
        "after": rating(visit.after),
        "prescribed": exactly(visit.fluence_j_cm2, dose_places(visit.fluence_j_cm2)),
        "delivered": _dose(visit),
        "minutes": "–" if visit.total_minutes is None else f"{visit.timed_minutes:g} / {visit.total_minutes:g}",
        "skin": f"refused: {visit.refused_because or 'no reason recorded'}" if visit.state == "refused" else skin,
        "by": person(visit.started_by) if visit.started_by else "–",
        "signed": "signed" if visit.signed else BLANK,
        "journal": _journal(visit.note),
    }


def _dose(visit: Visit) -> str:
    if visit.note is None or visit.state == "refused":
        return "not told" if out_of_reach(visit) else "no light"
    return interval(visit.note).removesuffix(" (k = 2)").replace(" J/cm²", "")


def _journal(note: SessionNote | None) -> str:
    return "–" if note is None else f"{note.source.first_seq}–{note.source.last_seq}, {note.source.head[:8]}…"


def out_of_reach(visit: Visit) -> bool:
    """There was a treatment, and its journal is not at hand: whether there was light is not known here."""
    return visit.note is None and visit.state in ("given", "signed")


def interval(note: SessionNote) -> str:
    """The delivered dose, its bounds rounded outwards."""
    given, places = note.ending.delivered, dose_places(note.ending.prescribed_j_cm2)
    low, high = floored(given.min_j_cm2, places), ceiled(given.max_j_cm2, places)
    return f"{nearest(given.best_j_cm2, places)} J/cm² [{low}, {high}] (k = 2)"


def rating(one: Ratings | None) -> str:
    """Pain, and function where it was asked."""
    if one is None:
        return "–"
    return str(one.nprs) if one.function is None else f"{one.nprs} / {one.function}"


def change(before: int | None, after: int | None) -> str:
    if before is None and after is None:
        return ""
    left = f"{'not asked' if before is None else before} before the course"
    if after is None:
        return f"{left}, no rating since"
    by = "" if before is None else f" ({after - before:+d})".replace("-", "\N{MINUS SIGN}")
    return f"{left}, {after} at the last rating{by}"


def steps_table(dossier: Dossier) -> Statement:
    protocol = dossier.plan.protocol
    rows: Rows = tuple(
        {
            "from": str(step.from_visit),
            "fluence": exactly(step.fluence_j_cm2, dose_places(step.fluence_j_cm2)),
            "irradiance": exactly(step.irradiance_mw_cm2, 1),
            "time": duration(1000.0 * step.fluence_j_cm2 / step.irradiance_mw_cm2),
        }
        for step in (protocol.steps if protocol else ())
    )
    return Statement("steps", "Dose by visit", rows, (the_plan(dossier),))


def date_of(day: Day) -> str:
    """A calendar day in words."""
    return f"{day.day} {day:%B %Y}"
