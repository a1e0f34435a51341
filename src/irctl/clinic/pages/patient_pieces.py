"""Pieces of the patients' pages as HTML: pure functions of what is known. Everything that somebody typed is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from html import escape
from urllib.parse import quote

from irctl.clinic.care.outlook import Delivered, Outlook, VisitRow
from irctl.clinic.care.patients import age_on
from irctl.clinic.care.timeline import Entry
from irctl.clinic.drawing import markup
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.drawing.chart import At, Before, course_chart
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import facts
from irctl.clinic.drawing.moments import day, minute
from irctl.clinic.words import dates, tr
from irctl.domain.course import Advice, Reason, StopRule
from irctl.records.people import Person, Version

OUTCOME_TONES = {
    "completed": "good", "stopped": "warn", "faulted": "bad", "interrupted": "bad", "refused": "warn", "running": "live",
}  # fmt: skip
SIGNS = {"good": "check", "warn": "warn", "bad": "no", "live": "treat"}
"""A state is a word with a sign; the colour only helps."""
ADVICE_TONES = {Reason.BETTER: "good", Reason.DONE: "good", Reason.UNCHANGED: "warn", Reason.WORSE: "bad"}


def tag(text: str, tone: str = "") -> str:
    return markup.tag(tone, SIGNS.get(tone, ""), text)


def born(person: Person, today: date) -> str:
    """Birthday and age."""
    return tr("born {day} ({age} years)", day=dates.compact(person.born), age=age_on(today, person.born))


def patient_row(version: Version, today: date, seen: datetime | None = None) -> str:
    """A large row to touch; the address holds the reference, never the name."""
    person = version.person
    number = f" · {escape(person.number)}" if person.number else ""
    lately = f"{escape(tr('last {day}', day=dates.compact(seen)))}<br>" if seen else ""
    return (
        f'<a class="item" href="/patients/{quote(version.patient, safe="")}"><span class="grow"><span class="title">{escape(person.name)}</span><br>'
        f'<span class="soft">{escape(born(person, today))}{number}</span></span>'
        f'<span class="aside soft small">{lately}{escape(version.patient)}</span>{icon("next")}</a>'
    )


# --- courses --------------------------------------------------------------------------------------------------------------


def progress_bar(found: Outlook) -> str:
    """Visits with light, of those planned, as a bar and in figures."""
    done, planned = found.done, found.planned
    if planned is None:
        return (
            f'<p class="soft">{escape(tr("{done} visits given; the protocol is not in force any more", done=done))}</p>'
        )
    words = tr("{done} of {planned} visits", done=done, planned=planned)
    share = min(1.0, done / planned)
    return (
        f'<div class="progress"><div class="progress-track" role="progressbar" aria-label="{escape(tr("Visits given"))}" aria-valuemin="0"'
        f' aria-valuemax="{planned}" aria-valuenow="{done}" aria-valuetext="{escape(words)}"><div class="progress-done" style="width:{share:.1%}">'
        f'</div></div><span class="progress-said">{escape(words)}</span></div>'
    )


def state_tag(found: Outlook) -> str:
    """Of a course."""
    if found.active:
        return tag(tr("active"), "live")
    return tag(tr(found.course.index.state), "good" if found.course.index.state == "ended" else "warn")


def standing(found: Outlook) -> str:
    """The protocol, and whose it is."""
    protocol = found.protocol
    if protocol is None:
        return f"{escape(found.body.protocol)} {tag(tr('not in force any more'), 'warn')}"
    approved = protocol.approval is not None
    said = protocol.standing if approved else tr("EXAMPLE, to be approved by your clinic")
    return f'{escape(tr(protocol.title))} <span class="soft">({escape(protocol.label)})</span><br>{tag(said, "good" if approved else "warn")}'


def advice_box(found: Outlook) -> str:
    """What the stop rule says, once it is reached: nobody has to look for it."""
    if (advice := found.advice) is None:
        return ""
    tone = ADVICE_TONES[advice.reason]
    titles = {
        Reason.BETTER: tr("Stop rule reached: better"),
        Reason.UNCHANGED: tr("Stop rule reached: unchanged"),
        Reason.WORSE: tr("Stop rule reached: worse"),
        Reason.DONE: tr("Stop rule reached: all visits given"),
    }
    return (
        f'<div class="stop-advice {tone}" role="status">{icon(SIGNS[tone], "2em")}<div><strong>{escape(titles[advice.reason])}</strong>'
        f"<p>{escape(advised(found, advice))}.</p>"
        f'<p class="small">{escape(tr("A person decides. Rule: {source}", source=advice.source))}</p></div></div>'
    )


def advised(found: Outlook, advice: Advice) -> str:
    """`advice.text` in the language of whoever looks."""
    latest = [row for row in found.rows if row.number and row.nprs_after is not None][-1]
    told = tr("pain {before} before the course, {after} after visit {visit}",
              before=found.body.baseline_nprs, after=latest.nprs_after, visit=latest.number)  # fmt: skip
    match advice.reason:
        case Reason.BETTER:
            so = tr("the change that matters is reached. Review whether to go on")
        case Reason.WORSE:
            so = tr("worse. Stop and examine the patient")
        case Reason.DONE:
            so = tr("all {visits} visits were given. Review", visits=found.planned)
        case Reason.UNCHANGED:
            so = tr("no change that matters in {visits} visits. Review the diagnosis and the treatment",
                    visits=latest.number)  # fmt: skip
    return f"{told}: {so}"


def chart_of(found: Outlook) -> str:
    """Pain and function against delivered dose."""
    visits = [
        At(row.number, _interval(row.delivered), row.nprs_after, row.function_after) for row in found.rows if row.number
    ]
    rule = found.protocol.stop if found.protocol else StopRule()
    body = found.body
    before = Before(body.baseline_nprs, body.baseline_function, body.function_scale, rule.nprs_mcid)
    return course_chart(before, visits, found.planned)


def _interval(delivered: Delivered | None) -> tuple[float, float, float] | None:
    return None if delivered is None else (delivered.min_j_cm2, delivered.best_j_cm2, delivered.max_j_cm2)


def visits_table(found: Outlook, zone: tzinfo) -> str:
    """Every visit, the newest last, as on the chart."""
    names = (
        tr("Visit"),
        tr("When"),
        tr("Prescribed"),
        tr("Delivered"),
        tr("Pain"),
        tr("Function"),
        tr("Skin"),
        tr("Outcome"),
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_visit_row(row, zone) for row in found.rows)
    caption = escape(tr("Visits of this course"))
    return (
        f'<div class="sideways"><table class="plain visits"><caption class="visually-hidden">{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _visit_row(row: VisitRow, zone: tzinfo) -> str:
    number = f"{row.number}" if row.number else "–"
    why = (
        f'<br><span class="soft small">{escape(row.reason)}</span>' if row.reason and row.outcome != "completed" else ""
    )
    signed = (
        "" if row.state in ("signed", "refused") else f'<br><span class="soft small">{escape(tr("not signed"))}</span>'
    )
    cells = (
        f"{day(row.at, zone)}<br>{row.at.astimezone(zone):%H:%M}",
        f"{row.prescribed_j_cm2:g} J/cm²",
        _delivered(row.delivered),
        _change(row.nprs_before, row.nprs_after),
        _change(row.function_before, row.function_after),
        escape(tr(row.skin)) if row.skin else "–",
        tag(tr(row.outcome), OUTCOME_TONES.get(row.outcome, "")) + why + signed,
    )
    return f'<tr><th scope="row">{number}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _delivered(delivered: Delivered | None) -> str:
    if delivered is None:
        return "–"
    between = tr("{least} to {most}", least=f"{delivered.min_j_cm2:.1f}", most=f"{delivered.max_j_cm2:.1f}")
    return f'{delivered.best_j_cm2:.1f} J/cm²<br><span class="soft small">{escape(between)}</span>'


def _change(before: int | None, after: int | None) -> str:
    if before is None and after is None:
        return "–"
    return f"{'–' if before is None else before} → {'–' if after is None else after}"


def course_facts(found: Outlook, zone: tzinfo) -> str:
    """What was decided."""
    body = found.body
    function = "–"
    if body.function_scale:
        function = tr("{scale}: {rating} of 10", scale=body.function_scale, rating=body.baseline_function)
    told = [
        (tr("Area"), escape(label_of(body.area))),
        (tr("Protocol"), standing(found)),
        (tr("Diagnosis"), escape(" · ".join(filter(None, (body.diagnosis, ", ".join(body.diagnosis_codes)))) or "–")),
        (tr("Needed because"), escape(body.necessity or "–")),
        (tr("Goal"), escape(body.goal or "–")),
        (tr("Pain before"), escape(tr("{rating} of 10", rating=body.baseline_nprs))),
        (tr("Function before"), escape(function)),
        (tr("Referred by"), escape(body.referred_by or "–")),
    ]
    if found.course.index.moment:
        told.append((tr("Planned"), day(found.course.index.moment, zone)))
    if not found.active:
        told.append((tr("Ended because"), escape(found.closed_because or "–")))
    return facts(told)


# --- the story ------------------------------------------------------------------------------------------------------------


def timeline_list(entries: Sequence[Entry], zone: tzinfo, now: datetime) -> str:
    """Newest first; what is still to come is above and says so."""
    return f'<ol class="timeline">{"".join(_entry(entry, zone, now) for entry in entries)}</ol>'


def _entry(entry: Entry, zone: tzinfo, now: datetime) -> str:
    at = entry.at.astimezone(zone)
    ahead = f" {tag(tr('ahead'), 'live')}" if entry.at > now else ""
    title = escape(entry.title)
    if entry.course:
        title = f'<a href="/courses/{quote(entry.course, safe="")}">{title}</a>'
    detail = f'<p class="soft">{escape(entry.detail)}</p>' if entry.detail else ""
    by = f'<span class="soft small">{escape(entry.by)}</span>' if entry.by else ""
    return (
        f'<li class="{entry.tone}"><time datetime="{at.isoformat()}">{dates.compact(at)}<br><span class="soft">{at:%H:%M}</span></time>'
        f'<div class="grow"><div class="row">{tag(entry.kind, entry.tone)}<span class="title">{title}</span>{ahead}</div>{detail}</div>{by}</li>'
    )


def versions_table(versions: Sequence[Version], zone: tzinfo) -> str:
    """How somebody was written down, newest first."""
    names = (
        tr("Version"),
        tr("When"),
        tr("By"),
        tr("Why"),
        tr("Name"),
        tr("Birthday"),
        tr("Record number"),
        tr("Contact"),
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{one.version}</th><td>{minute(one.at, zone)}</td><td>{escape(one.by)}</td>'
        f"<td>{escape(one.reason or tr('written down'))}</td><td>{escape(one.person.name)}</td><td>{dates.compact(one.person.born)}</td>"
        f"<td>{escape(one.person.number or '–')}</td><td>{escape(one.person.contact or '–')}</td></tr>"
        for one in reversed(versions)
    )
    return (
        f'<div class="sideways"><table class="plain"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
