"""A visit's paper as people read it: screening, position, pain, skin, overrides, signatures, and how it came to be."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from datetime import datetime
from html import escape

from nicegui import ui

from irctl.clinic.care.sessions import Record
from irctl.clinic.care.visits import ScreeningPart, VisitBody
from irctl.clinic.drawing.markup import facts, tag
from irctl.clinic.drawing.moments import minute, moment
from irctl.clinic.pages.visit_claim import services_told
from irctl.clinic.screens.screen import Here, card
from irctl.clinic.words import tr
from irctl.domain.screening import Answer


def show(here: Here, found: Record) -> None:
    """All of it. `found` has a visit."""
    body = found.body
    assert body is not None
    with ui.element("div").classes("columns"):
        with card(tr("Before the light")):
            ui.html(facts(_before(here, body)), sanitize=False)
        with card(tr("After the light")):
            ui.html(facts(_after(here, body)), sanitize=False)
    if body.screening is not None:
        with card(tr("Screening")):
            _screening(here, body.screening)
    with card(tr("Signatures")):
        _signatures(here, found)
    with card(tr("How this record came to be")):
        _versions(here, found)


def _who(here: Here, by: str, at: datetime) -> str:
    return f"{escape(by)}, {minute(at, here.desk.zone)}"


def _before(here: Here, body: VisitBody) -> list[tuple[str, str]]:
    told = [(tr("Visit"), f"{body.visit}")]
    if body.identified:
        told.append((tr("Identified by"), _who(here, body.identified.by, body.identified.at)))
    if (position := body.position) is not None:
        told += [
            (tr("Distance"), f"{position.distance_cm:g} cm"),
            (tr("Angle"), f"{position.angle_deg:g}°"),
            (tr("Eyes protected"), escape(tr("yes") if position.eyes_protected else tr("no"))),
            (tr("Positioned by"), _who(here, position.by, position.at)),
        ]
        if position.picture:
            picture = (
                f'<img class="position" src="{escape(position.picture)}" alt="{escape(tr("How the patient lies"))}">'
            )
            told.append((tr("Picture"), picture))
    if (pain := body.before) is not None:
        told += [(tr("Pain (NPRS)"), f"{pain.nprs}/10"), (tr("Function"), _rated(pain.function))]
    if body.confirmed:
        told.append((tr("Changes confirmed"), escape(", ".join(body.confirmed))))
    if (override := body.override) is not None:
        what = tag("warn", "warn", ", ".join(override.what))
        told.append((tr("Overridden"), f"{what} {escape(override.reason)} · {_who(here, override.by, override.at)}, {escape(override.second)}"))  # fmt: skip
    if body.started_by:
        told.append((tr("Started by"), escape(body.started_by)))
    if body.dropped:
        told.append((tr("Given up"), escape(body.dropped)))
    return told


def _after(here: Here, body: VisitBody) -> list[tuple[str, str]]:
    part = body.after
    if part is None:
        return [(tr("Skin and pain"), tag("warn", "warn", tr("not asked yet")))]
    skins = {
        "as before": tr("as before"),
        "mild redness": tr("mild redness"),
        "marked redness": tr("marked redness"),
        "blister or burn": tr("blister or burn"),
    }
    tone = {"as before": ("good", "check"), "mild redness": ("good", "check"), "marked redness": ("warn", "warn")}
    return [
        (tr("Pain (NPRS)"), f"{part.nprs}/10"),
        (tr("Function"), _rated(part.function)),
        (tr("Skin"), tag(*tone.get(part.skin, ("bad", "no")), skins[part.skin])),
        (tr("Reaction"), escape(part.reaction)),
        (tr("Adverse event"), tag("bad", "no", part.adverse_event) if part.adverse_event else ""),
        (tr("Plan"), escape(part.plan)),
        (tr("Minutes in all"), "" if part.minutes is None else f"{part.minutes:g}"),
        (tr("Supervised by"), escape(part.supervised_by)),
        (tr("Other services"), escape(services_told(part.services) or "")),
        (tr("Looked at by"), _who(here, part.by, part.at)),
    ]


def _rated(value: int | None) -> str:
    return "" if value is None else f"{value}/10"


def _screening(here: Here, part: ScreeningPart) -> None:
    asked = here.desk.library.screening_of(part.screening)
    questions = {item.key: item.asks for item in asked.items} if asked else {}
    dangerous = {item.key: item.dangerous for item in asked.items} if asked else {}
    words = {Answer.YES: tr("Yes"), Answer.NO: tr("No"), Answer.UNKNOWN: tr("Not known")}
    rows = ""
    for key, answer in part.answers.items():
        bad = answer is Answer.UNKNOWN or answer is dangerous.get(key)
        told = tag("warn", "warn", words[answer]) if bad else escape(words[answer])
        rows += f"<tr><td>{escape(questions.get(key, key))}</td><td>{told}</td></tr>"
    right = sum(1 for hot, said in part.trials if said is hot)
    felt = tr("Told hot from cold in {right} of {all} touches", right=right, all=len(part.trials))
    ui.html(
        f'<p class="soft">{escape(part.screening)} · {_who(here, part.by, part.at)}</p><p>{escape(felt)}</p>'
        f"<details><summary>{escape(tr('{number} questions', number=len(part.answers)))}</summary>"
        f'<table class="plain">{rows}</table></details>',
        sanitize=False,
    )


def _signatures(here: Here, found: Record) -> None:
    if not found.signatures:
        ui.html(f"<p>{tag('warn', 'pen', tr('Signature missing'))}</p>", sanitize=False)
        return
    meanings = {
        "authored": tr("authored"),
        "performed": tr("performed"),
        "reviewed": tr("reviewed"),
        "approved": tr("approved"),
        "amended": tr("amended"),
    }
    rows = "".join(
        f"<tr><td><b>{escape(one.printed_name)}</b> ({escape(one.login)})</td>"
        f"<td>{moment(one.at, here.desk.zone)} {one.at.astimezone(here.desk.zone):%Z}</td>"
        f"<td>{escape(meanings[one.meaning])}</td><td>{escape(tr('version'))} {one.version}</td></tr>"
        for one in found.signatures
    )
    whole = tag("good", "check", tr("on what is shown here")) if not found.problems else ""
    ui.html(f'<table class="plain">{rows}</table><p>{whole}</p>', sanitize=False)


def _versions(here: Here, found: Record) -> None:
    rows = "".join(
        f"<tr><td>{one.number}</td><td>{escape(one.reason or tr('begun'))}</td><td>{_who(here, one.by, one.made_at)}</td>"
        f'<td class="soft small">{one.sha256[:12]}</td></tr>'
        for one in found.versions
    )
    told = escape(tr("{number} versions", number=len(found.versions)))
    ui.html(f'<details><summary>{told}</summary><table class="plain">{rows}</table></details>', sanitize=False)
