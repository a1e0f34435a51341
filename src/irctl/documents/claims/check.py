"""Judging the visits of a course by a payer's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor
from zoneinfo import ZoneInfo

from irctl.documents.claims.claim import Claim, Finding, Line, Verdict
from irctl.documents.claims.payer import PayerRules, Rule
from irctl.documents.dossier import HEAT_CODE, Dossier, Service, Visit

DISCIPLINES = {"PT": "GP", "OT": "GO", "SLP": "GN"}
ASSISTANTS = {"PT": "CQ", "OT": "CO"}
UNIT_MINUTES, FIRST_UNIT_MINUTES = 15, 8
"""Timed codes: 8 to 22 minutes are one unit, 23 to 37 two, and so on (CMS, the 8-minute rule)."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One visit, and everything that is asked about it."""

    dossier: Dossier
    visit: Visit
    day: date
    rules: PayerRules | None
    same_day: tuple[tuple[str, Visit], ...]
    """Other visits of that day with light, by their course, earlier ones and later ones."""

    def rule(self, key: str) -> Rule | None:
        return self.rules.of(key, self.day) if self.rules else None

    @property
    def paper(self) -> str:
        return f"visit {self.visit.id}, version {self.visit.version}"

    @property
    def journal(self) -> tuple[str, ...]:
        note = self.visit.note
        if note is None:
            return ()
        source = note.source
        return (
            f"journal of {self.visit.controller}, events {source.first_seq} to {source.last_seq}, head {source.head[:12]}",
        )

    @property
    def course(self) -> str:
        return f"course {self.dossier.course}"


def check(dossier: Dossier, rules: PayerRules | None, others: Sequence[Dossier] = ()) -> tuple[Claim, ...]:
    """One claim for each visit that gave light, or may have, in their order; `others`: further courses of the same patient.

    `rules` None: of a payer that nobody has named, or whose file is not here; everything is held then.
    """
    zone = ZoneInfo(dossier.timezone)
    every = [(one.course, visit) for one in (dossier, *others) for visit in one.visits if _billable(visit)]
    found: list[Claim] = []
    for visit in dossier.visits:
        if not _billable(visit):
            continue
        day = visit.at.astimezone(zone).date()
        same_day = tuple(
            (course, other)
            for course, other in every
            if other.id != visit.id and other.at.astimezone(zone).date() == day
        )
        found.append(_claim(_Case(dossier, visit, day, rules, same_day)))
    return tuple(found)


def _billable(visit: Visit) -> bool:
    """Whether there is anything to judge: a refused visit gave nothing."""
    return visit.state in ("given", "signed")


def _claim(case: _Case) -> Claim:
    findings = tuple(finding for look in LOOKS for finding in look(case))
    return Claim(
        case.visit.id,
        case.visit.number,
        case.day,
        _lines(case),
        findings,
        case.visit.timed_minutes,
        case.visit.total_minutes,
    )


# --- findings --------------------------------------------------------------------------------------------------------------


def _hold(key: str, text: str, remedy: str, *evidence: str, rule: Rule | None = None) -> Finding:
    return Finding(key, Verdict.HOLD, text, remedy, evidence, rule)


def _payer(case: _Case) -> Iterable[Finding]:
    payer = case.dossier.coverage.payer
    if not payer:
        yield _hold("payer", "nobody has said who is asked to pay", "Say so, on the course's page", case.course)
    elif case.rules is None:
        yield _hold("payer", f"there are no rules of {payer} here", "Add their file", case.course)
    elif case.rules.approval is None:
        text = f"the rules of {case.rules.title} are an example that no clinic has approved"
        yield _hold("payer", text, "A second person verifies and approves them in their file", case.rules.name)


def _simulated(case: _Case) -> Iterable[Finding]:
    if case.dossier.simulated or (case.visit.note and case.visit.note.simulated):
        yield _hold("simulated", "SIMULATED: nobody was treated", "Never bill it", *case.journal)


def _light(case: _Case) -> Iterable[Finding]:
    note = case.visit.note
    if note is None:
        yield _hold(
            "journal", "the journal of the light is out of reach", "Try again when the station answers", case.paper
        )
        return
    outcome = note.ending.outcome
    if note.ending.delivered.min_j_cm2 <= 0:
        text = f"it may be that no light was given: at least {note.ending.delivered.min_j_cm2:g} J/cm²"
        yield _hold("no-light", text, "A person decides whether there was a treatment", *case.journal)
    if outcome != "completed":
        text = f"the treatment ended {outcome}: {note.ending.reason}"
        yield _hold("outcome", text, "A person decides whether it was a treatment", *case.journal)


def _signature(case: _Case) -> Iterable[Finding]:
    visit = case.visit
    if any(not one.sound for one in visit.signatures):
        yield _hold("signature", "a signature does not fit what it was given to", "Restore the record", case.paper)
    elif not visit.signed:
        text = "is not signed" if not visit.signatures else "was changed after it was signed"
        yield _hold("signature", f"the visit {text}", "Sign it", case.paper)
    last = max((one.at for one in visit.signatures), default=None)
    for one in visit.amendments:
        if last is None or one.at > last:
            text = f"amended after the signature: {', '.join(one.changes)} ({one.reason})"
            yield _hold(
                "amendment", text, "Read it once more; a person decides", f"amendment {one.version} of {visit.session}"
            )


def _plan(case: _Case) -> Iterable[Finding]:
    plan = case.dossier.plan
    lacking = [
        (not plan.diagnosis_codes, "diagnosis", "there is no diagnosis code"),
        (not plan.necessity.strip(), "necessity", "nobody has said why the treatment is needed"),
        (not plan.goal.strip(), "goal", "the plan of care has no goal"),
    ]
    for missing, key, text in lacking:
        if missing:
            yield _hold(key, text, "Write it down in the course", case.course)
    if (rule := case.rule("needs_certification")) is None:
        return
    certification = plan.certification
    if certification is None:
        yield _hold("certification", "the plan of care is not certified", "Have it certified", case.course, rule=rule)
    elif certification.on > case.day:
        text = f"the plan of care was certified on {certification.on}, after the visit"
        yield _hold("certification", text, "A person decides whether it covers the visit", case.course, rule=rule)
    elif certification.until and certification.until < case.day:
        text = f"the plan of care was certified until {certification.until}"
        yield _hold("certification", text, "Have it certified anew", case.course, rule=rule)


def _minutes(case: _Case) -> Iterable[Finding]:
    if case.visit.total_minutes is None:
        yield _hold("minutes", "the minutes of treatment are not stated", "State them in the visit", case.paper)
    if (rule := case.rule("needs_supervision")) and case.visit.supervised_by is None:
        yield _hold(
            "supervision", "nobody is named who supervised it", "Say who did, in the visit", case.paper, rule=rule
        )


def _one_unit(case: _Case) -> Iterable[Finding]:
    """Untimed and supervised: one unit a day, whatever the minutes, areas and visits."""
    earlier = [(course, one) for course, one in case.same_day if (one.at, one.id) < (case.visit.at, case.visit.id)]
    for course, one in earlier:
        text = f"{HEAT_CODE} is one unit a day, and visit {one.id} of {course} was the same day"
        yield _hold("one-unit", text, "Bill the other services of this visit without it", case.paper, f"visit {one.id}")


def _services(case: _Case) -> Iterable[Finding]:
    codes = [service.code for service in case.visit.services]
    on_the_day = [*codes, *(service.code for _, one in case.same_day for service in one.services)]
    if rule := case.rule("heat_codes"):
        for code in sorted(set(on_the_day) & set(rule.words)):
            text = f"{code} is superficial heat, too, and was given the same day"
            yield _hold("duplicate-heat", text, "Bill one of the two", case.paper, rule=rule)
    if (rule := case.rule("needs_other_procedure")) and not on_the_day:
        text = f"{HEAT_CODE} stands alone: the payer asks for another procedure the same day"
        yield _hold("stand-alone", text, "Write down what else was done, or do not bill it", case.paper, rule=rule)
    if rule := case.rule("distinct_codes"):
        for service in case.visit.services:
            if service.code in rule.words and not service.distinct:
                text = f"{service.code} beside {HEAT_CODE} needs a reason why it is a service of its own"
                yield _hold("distinct", text, "Say why, in the visit", case.paper, rule=rule)


def _coverage(case: _Case) -> Iterable[Finding]:
    plan, coverage = case.dossier.plan, case.dossier.coverage
    if (rule := case.rule("noncovered_diagnoses")) and (hit := _hit(plan.diagnosis_codes, rule.words)):
        if coverage.notice != "signed":
            text = f"{hit} is not covered for infrared treatment, and the patient has signed no notice of it"
            remedy = "Let the patient sign the notice before the treatment, or do not bill it"
            yield Finding("noncovered", Verdict.NOTICE, text, remedy, (case.course,), rule)
    elif (rule := case.rule("noncovered_words")) and (word := _said(plan.diagnosis, rule.words)):
        text = f"the diagnosis speaks of {word}, which is not covered for infrared treatment"
        yield _hold("noncovered-words", text, "A person compares the diagnosis with its code", case.course, rule=rule)
    if coverage.notice == "required-by-payer":
        text = "the payer asks for a notice that is not there yet"
        yield Finding("notice", Verdict.NOTICE, text, "Let the patient sign it", (case.course,))


def _authorised(case: _Case) -> Iterable[Finding]:
    authorisation, rule = case.dossier.coverage.authorisation, case.rule("needs_authorisation")
    given = [visit.id for visit in case.dossier.visits if _billable(visit)].index(case.visit.id) + 1
    if authorisation is None:
        if rule:
            yield _hold("authorisation", "the payer asks for an authorisation", "Ask for it", case.course, rule=rule)
    elif (authorisation.since and case.day < authorisation.since) or (
        authorisation.until and authorisation.until < case.day
    ):
        text = f"authorisation {authorisation.number} is not in force on {case.day}"
        yield _hold("authorisation", text, "Ask for another", case.course, rule=rule)
    elif authorisation.visits is not None and given > authorisation.visits:
        text = f"this is visit {given}, and authorisation {authorisation.number} is for {authorisation.visits}"
        yield _hold("authorisation", text, "Ask for another", case.course, rule=rule)
    if (cap := case.rule("visits_max")) and given > cap.number:
        yield _hold(
            "visits",
            f"this is visit {given}, and the payer pays for {cap.number:g}",
            "Ask the payer",
            case.course,
            rule=cap,
        )


def _thresholds(case: _Case) -> Iterable[Finding]:
    kx, paid = case.rule("kx_threshold_usd"), case.dossier.coverage.paid_this_year_usd
    if kx and paid is None:
        text = "nobody has said what was charged this year before: whether KX is due is not known"
        yield _hold("threshold", text, "Ask, and write it down in the course", case.course, rule=kx)
    if (review := case.rule("review_threshold_usd")) and paid is not None and paid >= review.number:
        text = f"{paid:.2f} USD were charged this year: from {review.number:g} on the payer may review"
        yield _hold("review", text, "A person looks at the record first", case.course, rule=review)


def _rests_on(case: _Case) -> Iterable[Finding]:
    """What stands in the lines, and on which rules that nobody has verified."""
    used = [
        case.rule(key) for key in ("assistant_modifier", "heat_codes", "needs_other_procedure", "noncovered_diagnoses")
    ]
    for rule in used:
        if rule and rule.unverified:
            text = f"relies on {rule.key.replace('_', ' ')}, which nobody has verified"
            yield Finding("unverified", Verdict.BILL, text, "Verify it, then mark it so in the payer's file", (), rule)


LOOKS: tuple[Callable[[_Case], Iterable[Finding]], ...] = (
    _simulated, _payer, _light, _signature, _plan, _minutes, _one_unit, _services, _coverage, _authorised, _thresholds, _rests_on,
)  # fmt: skip


def _hit(codes: Iterable[str], beginnings: Iterable[str]) -> str | None:
    return next((code for code in codes for begin in beginnings if code.startswith(begin)), None)


def _said(text: str, words: Iterable[str]) -> str | None:
    plain = text.lower()
    return next((word for word in words if word.lower() in plain), None)


# --- lines -----------------------------------------------------------------------------------------------------------------


def _lines(case: _Case) -> tuple[Line, ...]:
    visit, codes = case.visit, case.dossier.plan.diagnosis_codes
    lines: list[Line] = []
    if visit.lit and not any(_one_unit(case)):
        modifiers = _modifiers(case, None)
        lines.append(Line(HEAT_CODE, 1, visit.treatment_minutes, *_split(modifiers), codes))
    for service, units in zip(visit.services, units_of(visit.services), strict=True):
        if units:
            lines.append(Line(service.code, units, service.minutes, *_split(_modifiers(case, service)), codes))
    return tuple(lines)


def units_of(services: Sequence[Service]) -> tuple[int, ...]:
    """One of each untimed; of the timed ones as many in all as their minutes together make, the longest first."""
    minutes = [service.minutes if service.timed else 0.0 for service in services]
    total = sum(minutes)
    left = 0 if total < FIRST_UNIT_MINUTES else floor((total + UNIT_MINUTES - FIRST_UNIT_MINUTES) / UNIT_MINUTES)
    units = [floor(one / UNIT_MINUTES) for one in minutes]
    left -= sum(units)
    for place in sorted(range(len(minutes)), key=lambda place: -(minutes[place] % UNIT_MINUTES))[: max(0, left)]:
        units[place] += 1
    return tuple(count if service.timed else 1 for service, count in zip(services, units, strict=True))


def _split(modifiers: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(code for code, _ in modifiers), tuple(f"{code}: {why}" for code, why in modifiers)


def _modifiers(case: _Case, service: Service | None) -> list[tuple[str, str]]:
    """In the order in which they are written: what changes the payment first."""
    coverage, found = case.dossier.coverage, list[tuple[str, str]]()
    distinct = case.rule("distinct_codes")
    if service and distinct and service.code in distinct.words and service.distinct:
        found.append(("59", service.distinct))
    if case.rule("discipline_modifier") and coverage.discipline:
        found.append((DISCIPLINES[coverage.discipline], f"under a plan of care of {coverage.discipline}"))
    if case.rule("assistant_modifier") and case.visit.given_by_assistant and coverage.discipline in ASSISTANTS:
        found.append((ASSISTANTS[coverage.discipline], "given by an assistant, in whole or in part"))
    kx, paid = case.rule("kx_threshold_usd"), coverage.paid_this_year_usd
    if kx and paid is not None and paid >= kx.number:
        found.append(
            ("KX", f"{paid:.2f} USD were charged this year, the threshold is {kx.number:g}; needed, and it says why")
        )
    if service is None:
        found += _notices(case)
    return found


def _notices(case: _Case) -> list[tuple[str, str]]:
    """Of the lamp's own line: what was told the patient of a payer that may not pay."""
    if case.rule("excluded"):
        return [("GY", "excluded by the payer")]
    rule = case.rule("noncovered_diagnoses")
    if rule is None or not _hit(case.dossier.plan.diagnosis_codes, rule.words):
        return []
    if case.dossier.coverage.notice == "signed":
        return [("GA", "the patient's signed notice is on file")]
    return [("GZ", "no notice was signed")]
