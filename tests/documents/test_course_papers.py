"""The papers of a course: what a payer's reviewer finds on them, and what a template may not leave out."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irctl.cli import exits
from irctl.cli.app import run
from irctl.documents.attachment import attached
from irctl.documents.course import PAPERS, Kind, allowed, check, evidence, render_pdf, render_png, template_of
from irctl.documents.course.chart import course_svg
from irctl.documents.course.pdf import view_of
from irctl.documents.dossier import Amended, Dossier, Overridden, Visit
from irctl.documents.printed import NOT_CERTIFIED
from irctl.documents.sample import sample_dossier
from irctl.documents.session_note import session_note
from irctl.domain.problems import Refused
from tests.documents import worlds
from tests.documents.dossiers import ASSISTANT, CLINICIAN, a_dossier, a_visit
from tests.documents.test_session_note import needs_poppler, said, text_of

NOTE = Kind.TREATMENT_NOTE
WHOLE = PAPERS[NOTE]
OF_COURSE = [kind for kind in Kind if PAPERS[kind].of_course]
MARK = re.compile(r"(?<=[^\s:])E\d+")


def words_of(dossier: Dossier, kind: Kind, visit: str | None = None, **options: Any) -> str:
    """What is printed, cell by cell, without the marks of the evidence."""
    text = text_of(render_pdf(dossier, visit, kind=kind, **options), "-raw")
    return " ".join(MARK.sub("", re.sub("[\u200b\u2060]", "", text)).split())


def of_one(visit: Visit, **changes: Any) -> Dossier:
    return a_dossier(0, **changes).model_copy(update={"visits": (visit,)})


def facts(dossier: Dossier, visit: Visit | None = None, kind: Kind = NOTE) -> dict[str, Any]:
    return view_of(PAPERS[kind], dossier, visit)["facts"]


def with_light(events: list[worlds.Event]) -> Visit:
    return a_visit(1, note=session_note(events, worlds.SESSION), session=worlds.SESSION)


ON_THE_NOTE = {
    "the clinic": ("Lakeside Clinic", "1987654320"),
    "patient": ("Ada Example", "4 May 1961", "R-2071"),
    "diagnosis": ("Low back pain with morning stiffness", "M54.50"),
    "medical necessity": ("Pain limits walking to 10 minutes; heat eases guarding before exercise.",),
    "referrer": ("Dr. J. Lind, Lakeside Family Practice",),
    "certification": ("1 November 2026, until 29 January 2027", "scan 114"),
    "service": ("CPT 97026",),
    "date of service": ("2 November 2026",),
    "area": ("Lower back, lumbar, both sides",),
    "lamp": ("Left lamp, couch 2", "HL-500-22817"),
    "calibration": ("CAL-2026-0093", "14 September 2026", "Ophir 3A-P, no. 771204", "U = 6.2 % (k = 2)"),
    "parameters": ("50.0 mW/cm² at 50 cm",),
    "prescribed": ("6.00 J/cm²",),
    "delivered": ("5.65 J/cm² [5.43, 5.87] (k = 2)",),
    "times": ("09:35:11", "09:37:33", "2 min 02 s"),
    "pauses": ("Pauses none",),
    "total timed-code minutes": ("Total timed-code minutes", "24 min"),
    "total treatment minutes": ("Total treatment minutes", "36 min"),
    "positioning": ("50 cm, 0° from perpendicular",),
    "eyes": ("Eyes protected",),
    "screening": ("may treat with precautions", "Is there metal in the area?", "ask more often."),
    "thermal sensation": ("6 of 6 touches told right: hot, cold, hot, cold, hot, cold",),
    "override": ("Overridden nothing",),
    "pain and function": ("before 8 / 2", "after 7 / 3"),
    "skin": ("mild redness",),
    "reaction": ("pleasantly warm",),
    "adverse events": ("Adverse events none stated",),
    "supervision": ("Claire Moreau, PT, DPT; not given by an assistant", "09:36:00 Claire Moreau: comfortable"),
    "other services": ("97110",),
    "plan": ("go on as planned",),
    "signature": (
        "Signed electronically by Claire Moreau, PT, DPT (moreau), 2 November 2026, 09:42:00 UTC. Meaning: performed.",
    ),
    "not a certified device": (NOT_CERTIFIED,),
}  # fmt: skip
ON_THE_REPORT = {
    "patient": ("Ada Example", "4 May 1961", "R-2071"),
    "why": ("M54.50", "Pain limits walking", "Walk 30 minutes without stopping by week 4"),
    "who": ("Dr. J. Lind", "until 29 January 2027", "Claire Moreau, PT, DPT, NPI 1234567893"),
    "visits": ("12 of 12 planned", "Visits refused 0", "Visits missed"),
    "period": ("2 November 2026 to 27 November 2026",),
    "pain": ("8 before the course, 3 at the last rating (−5)",),
    "function": ("2 before the course, 7 at the last rating (+5)",),
    "stop rule": ("the change that matters is reached", "minimal clinically important difference of the NPRS"),
    "adverse events": ("Adverse events none recorded",),
    "plan": ("go on as planned",),
    "dose by visit": ("5.65 [5.43, 5.87]", "24 / 36"),
    "charts": ("Pain and function after each visit", "Delivered dose, J/cm²"),
    "signature": ("NOT SIGNED", "Meaning of the signature"),
}  # fmt: skip


@pytest.fixture(scope="module")
def note() -> str:
    return words_of(a_dossier(), NOTE, "V-00000001")


@pytest.fixture(scope="module")
def report() -> str:
    return words_of(a_dossier(), Kind.PROGRESS_REPORT)


@needs_poppler
class TestChecklist:
    """Each item that the payer's list asks for."""

    @pytest.mark.parametrize("item", ON_THE_NOTE)
    def test_the_note_has(self, note: str, item: str) -> None:
        for words in ON_THE_NOTE[item]:
            assert words in note, words

    @pytest.mark.parametrize("item", ON_THE_REPORT)
    def test_the_progress_report_has(self, report: str, item: str) -> None:
        for words in ON_THE_REPORT[item]:
            assert words in report, words

    def test_the_usual_note_is_two_pages_and_the_report_too(self, note: str, report: str) -> None:
        assert "page 2 of 2" in note
        assert "page 2 of 2" in report

    def test_the_plan_of_care_has_lines_to_certify_it_and_the_dose_by_visit(self) -> None:
        page = words_of(a_dossier(0), Kind.PLAN_OF_CARE)
        for words in ("certify the need for these services", "Signature of the certifying physician", "3 a week for 4 weeks: 12 visits",
                      "1 6.00 50.0 2 min", "8 of 10", "30 October 2026 by Claire Moreau"):  # fmt: skip
            assert words in page, words

    def test_the_discharge_says_who_ended_the_course_and_why(self) -> None:
        page = words_of(sample_dossier(), Kind.DISCHARGE_SUMMARY)
        for words in (
            "ended by Claire Moreau, PT, DPT, 22 November 2026",
            "the goal is reached",
            "light-headed for a minute",
        ):
            assert words in page, words

    def test_the_letter_is_addressed_to_the_referrer(self) -> None:
        page = words_of(a_dossier(), Kind.REFERRER_LETTER)
        assert "To: Dr. J. Lind, Lakeside Family Practice" in page
        assert "page 1 of 1" in page


@needs_poppler
class TestWhatHappened:
    def test_simulated_is_on_every_page_and_bills_nothing(self) -> None:
        pdf = render_pdf(sample_dossier(), "V-00000001")
        pages = text_of(pdf).split("\f")[:-1]
        assert all("SIMULATED — not a treatment record" in page for page in pages)
        assert "CPT" not in said(pdf)

    @pytest.mark.parametrize("kind", OF_COURSE)
    def test_simulated_is_on_every_report(self, kind: Kind) -> None:
        assert "SIMULATED — not a treatment record" in words_of(sample_dossier(), kind)

    @pytest.mark.parametrize("kind", OF_COURSE)
    def test_a_course_without_a_visit_has_its_papers_all_the_same(self, kind: Kind) -> None:
        assert "Ada Example" in words_of(a_dossier(0), kind)

    def test_a_refused_visit_says_why_and_claims_nothing(self) -> None:
        page = words_of(sample_dossier(), NOTE, "V-00000003")
        for words in ("Refused: a fever since yesterday", "none: no light", "not counted", "NOT SIGNED"):
            assert words in page, words
        assert "CPT" not in page

    def test_an_unsigned_visit_says_so(self) -> None:
        page = words_of(of_one(a_visit(1, signatures=(), state="given")), NOTE, "V-00000001")
        assert "NOT SIGNED: no signature is on record" in page
        assert "Signed electronically" not in page

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"version": 8}, "version 9 has no signature of its own"),
            ({"sound": False}, "the signature on record does not hold"),
        ],
    )
    def test_a_signature_that_does_not_stand_is_no_signature(self, changes: dict[str, Any], why: str) -> None:
        visit = a_visit(1)
        page = words_of(
            of_one(a_visit(1, signatures=(visit.signatures[0].model_copy(update=changes),))), NOTE, "V-00000001"
        )
        assert f"NOT SIGNED: {why}" in page
        assert "Other signatures on record" in page
        assert "BROKEN" in page or "sound" not in changes

    def test_what_was_amended_stands_beside_what_was_written(self) -> None:
        amended = Amended(version=1, at=a_visit(1).at + timedelta(days=1), by=ASSISTANT, reason="the ruler was read wrong",
                          changes={"distance_cm": "52.0"})  # fmt: skip
        page = words_of(of_one(a_visit(1, amendments=(amended,))), NOTE, "V-00000001")
        assert "distance_cm 50.0 52.0 the ruler was read wrong Ben Okafor, PTA, 3 November 2026" in page

    def test_an_override_names_both_people_and_the_reason(self) -> None:
        held = Overridden(
            what=("metal in the area",), by=CLINICIAN, second=ASSISTANT, reason="outside the field", at=a_visit(1).at
        )
        page = words_of(of_one(a_visit(1, override=held)), NOTE, "V-00000001")
        assert "metal in the area — because: outside the field — by Claire Moreau, PT, DPT and Ben Okafor, PTA" in page

    def test_what_nobody_said_is_not_invented(self) -> None:
        bare = a_visit(
            1, treatment_minutes=None, response=None, position=None, after=None, supervised_by=None, attended=()
        )
        page = words_of(of_one(bare), NOTE, "V-00000001")
        for name in ("Total treatment minutes", "Skin", "Positioning", "Supervised by"):
            assert re.search(rf"{name}.{{0,60}}not recorded", page), name
        assert "Answers during the light none on record" in page

    def test_an_order_that_differs_from_the_visits_paper_is_shown_beside_it(self) -> None:
        page = words_of(of_one(a_visit(1, fluence_j_cm2=5.0)), NOTE, "V-00000001")
        assert "The visit’s paper prescribes 5.00 J/cm², the order in the journal 6.00 J/cm²." in page

    def test_a_journal_out_of_reach_is_said_and_not_taken_for_no_light(self) -> None:
        page = words_of(of_one(a_visit(1, note=None)), NOTE, "V-00000001")
        assert "the journal of this session is out of reach" in page
        assert "none: no light" not in page
        assert "0 of 12 planned; 1 more whose journal is out of reach" in words_of(
            of_one(a_visit(1, note=None)), Kind.PROGRESS_REPORT
        )

    @pytest.mark.parametrize(
        ("events", "words"),
        [
            (worlds.stopped, ("Stopped.", "Patient reported burning heat", "Emergency stop", "2, 2 min")),
            (
                worlds.faulted,
                ("Ended by a fault.", "The dimmer does not answer", "Nothing on record shows that the lamp went dark"),
            ),
            (worlds.interrupted, ("Interrupted.", "count the maximum")),
        ],
    )
    def test_a_session_that_went_wrong_says_how(self, events: Any, words: tuple[str, ...]) -> None:
        page = words_of(of_one(with_light(events())), NOTE, "V-00000001")
        for one in words:
            assert one in page, one

    @pytest.mark.parametrize("text", ["lumbar and thoracic spine " * 40, "X" * 700, "Ünï-çødé/" * 80])
    def test_long_texts_stay_on_the_paper(self, text: str) -> None:
        dossier = a_dossier(1)
        plan = dossier.plan.model_copy(
            update={"necessity": text, "diagnosis": text, "area": text[:200], "referred_by": text[:200]}
        )
        held = dossier.model_copy(update={"plan": plan})
        for kind in Kind:
            pdf = render_pdf(held, "V-00000001", kind=kind)
            boxes = text_of(pdf, "-bbox")
            words = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)"', boxes)
            width, height = map(float, re.findall(r'<page width="([\d.]+)" height="([\d.]+)"', boxes)[0])
            assert max(float(word[2]) for word in words) <= width - 44, kind
            assert max(float(word[3]) for word in words) <= height
            assert text.replace(" ", "")[:200] in said(pdf).replace(" ", "")

    @pytest.mark.parametrize(
        "text", ["#panic()", '*x* $y$ `z` _w_ #"', '#import "/etc/passwd"', "\\u{1F4A3} <label> @ref"]
    )
    def test_the_records_words_are_never_markup(self, text: str) -> None:
        dossier = a_dossier(1)
        held = dossier.model_copy(
            update={"plan": dossier.plan.model_copy(update={"diagnosis": text, "referred_by": text})}
        )
        for kind in Kind:
            assert " ".join(text.split()) in words_of(held, kind, "V-00000001")


class TestStrangeWords:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.text(st.characters(codec="latin-1"), max_size=60), st.sampled_from(list(Kind)))
    def test_any_words_make_a_paper_and_change_nothing_else(self, text: str, kind: Kind) -> None:
        dossier = a_dossier(1)
        plan = dossier.plan.model_copy(update={"necessity": text, "area": text, "goal": text})
        assert render_pdf(dossier.model_copy(update={"plan": plan}), "V-00000001", kind=kind).startswith(b"%PDF")

    def test_what_the_fonts_cannot_print_is_refused_with_the_remedy(self) -> None:
        dossier = a_dossier(1, clinic=a_dossier(0).clinic.model_copy(update={"name": "診療所"}))
        with pytest.raises(Refused, match="characters that its fonts lack"):
            render_pdf(dossier, "V-00000001")


class TestEvidence:
    def test_the_delivered_dose_leads_to_events_calibration_and_meter(self) -> None:
        dossier = a_dossier(1)
        told = {one.statement: one for one in evidence(dossier, dossier.visits[0])}
        note = dossier.visits[0].note
        assert note is not None
        head = note.source.head[:12]
        assert str(told["Delivered"]) == (
            f"Delivered 5.65 J/cm² [5.43, 5.87] (k = 2) ← events 10–153 of controller ab12cd34ef56ab12 (hash {head}…)"
            f" ← calibration CAL-2026-0093 (hash {note.calibration.hash[:12]}…) ← meter Ophir 3A-P, no. 771204"
        )
        assert told["Answers during the light"].sources == ("event 77 of controller ab12cd34ef56ab12",)
        assert told["Screening"].sources == (
            "visit V-00000001 version 9, screening by Claire Moreau, PT, DPT, 2 November 2026, 09:31:00 UTC",
        )

    def test_every_statement_of_the_note_has_evidence_but_those_about_the_paper_itself(self) -> None:
        dossier = a_dossier(1)
        bare = {key for key, fact in facts(dossier, dossier.visits[0]).items() if not fact["mark"]}
        assert bare == {"clinic", "notice", "evidence"}

    def test_the_note_lists_every_mark_it_prints(self) -> None:
        dossier = a_dossier(1)
        told = facts(dossier, dossier.visits[0])
        marks = {fact["mark"] for fact in told.values()} - {""}
        assert marks == {row["mark"] for row in told["evidence"]["rows"]}


class TestBytes:
    @pytest.mark.parametrize("kind", Kind)
    def test_the_same_dossier_gives_the_same_bytes(self, kind: Kind) -> None:
        once, again = (render_pdf(a_dossier(2), "V-00000001", kind=kind) for _ in range(2))
        assert once == again
        assert b"pdfaid" in once

    def test_the_attachment_comes_out_again(self) -> None:
        data = json.dumps({"told": list(range(200))}).encode()
        assert attached(render_pdf(a_dossier(1), "V-00000001", attachment=data)) == data

    def test_an_unknown_visit_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(Refused, match=r"V-00000001, V-00000002"):
            render_pdf(a_dossier(2), "V-nowhere")

    def test_the_preview_is_the_same_pages_as_pictures(self) -> None:
        pages = render_png(sample_dossier(), "V-00000001")
        assert all(page.startswith(b"\x89PNG") for page in pages)

    def test_the_chart_shows_each_visit_with_light_and_its_interval(self) -> None:
        svg = course_svg(a_dossier(12))
        assert svg.count('stroke-width="9"') == 12
        assert "pain 3" in svg
        assert "function 7" in svg


class TestTemplates:
    @pytest.mark.parametrize("kind", Kind)
    def test_our_own_print_everything_and_everything_required_is_looked_for(self, kind: Kind) -> None:
        found = check(template_of(kind), kind)
        assert found.problems == ()
        assert set(found.looked_for) == set(PAPERS[kind].required)

    KEYS = sorted(
        set(re.findall(r'"([a-z-]+)"', template_of(NOTE).read_text())) & set(PAPERS[NOTE].required) - {"answers"}
    )

    @pytest.mark.slow
    def test_each_statement_that_is_dropped_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = template_of(NOTE).read_text()
        assert len(self.KEYS) > 30
        for key in self.KEYS if os.environ.get("IRCTL_LONG") else self.KEYS[::4]:
            template = tmp_path / "note.typ"
            template.write_text(re.sub(rf'(?<!fact\()"{key}"', '"gone"', source))
            monkeypatch.setitem(PAPERS, NOTE, _only(key))
            found = check(template, NOTE)
            assert {problem.field.split(".")[0] for problem in found.problems} == {key}

    @pytest.mark.parametrize(
        ("key", "own"),
        [
            ("necessity", '#text(fill: white, value("necessity"))'),
            ("necessity", '#place(dx: 400mm, text(value("necessity")))'),
            ("necessity", '#value("necessity").slice(0, 20)'),
            ("necessity", '#value("necessity").slice(10)'),
            ("necessity", '#if value("necessity") != "" [There is a medical necessity.]'),
            ("necessity", '#metadata(value("necessity"))'),
        ],
    )
    def test_a_value_that_is_there_and_cannot_be_read_is_not_printed(
        self, key: str, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(PAPERS, NOTE, _only(key, "patient-name"))
        template = tmp_path / "own.typ"
        template.write_text(f'#import "course.typ": *\n#show: paper\n#said("patient-name")\n{own}\n')
        assert [problem.field for problem in check(template, NOTE).problems] == [key]

    @pytest.mark.parametrize("column", ["asks", "answer", "advice"])
    def test_a_column_that_is_dropped_is_named(
        self, column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(PAPERS, NOTE, _only("answers"))
        template = tmp_path / "own.typ"
        template.write_text(template_of(NOTE).read_text().replace(f"soft(one.{column})", '"…"'))
        (problem,) = check(template, NOTE).problems
        assert problem.field == f"answers.{column}"
        assert "the screening’s answers" in problem.limit
        assert "treatment_note.typ" in problem.remedy

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("part", "missing"),
        [
            ("#who-and-why", {"patient-born", "patient-number", "diagnosis", "diagnosis-codes", "necessity",
                              "goal", "referrer", "certification"}),
            ("#results()", {"visits-given", "visits-refused", "visits-missed", "period", "pain", "function", "adverse",
                            "advice", "advice-source", "plan"}),
            ("#every-visit", {"visits"}),
            ("#author-signs", {"author", "signature"}),
            ("#evidence-list", {"evidence"}),
        ],
    )  # fmt: skip
    def test_a_part_of_the_progress_report_that_is_dropped_is_named(
        self, part: str, missing: set[str], tmp_path: Path
    ) -> None:
        template = tmp_path / "own.typ"
        source = template_of(Kind.PROGRESS_REPORT).read_text()
        template.write_text(source.replace(part, ""))
        found = check(template, Kind.PROGRESS_REPORT)
        assert {problem.field.split(".")[0] for problem in found.problems} == missing

    def test_a_template_that_leaves_something_out_is_not_used(self, tmp_path: Path) -> None:
        template = tmp_path / "own.typ"
        template.write_text(
            '#import "course.typ": *\n#show: paper\n#head([], [Course])\n#said("patient-name")\n#evidence-list'
        )
        with pytest.raises(Refused) as refused:
            allowed(template, Kind.REFERRER_LETTER)
        assert {"diagnosis", "pain", "plan", "signature"} <= {problem.field for problem in refused.value.problems}

    def test_a_template_that_does_not_compile_or_attach_is_told(self, tmp_path: Path) -> None:
        template = tmp_path / "own.typ"
        template.write_text("#nonsense()")
        (problem,) = check(template, NOTE).problems
        assert "unknown variable: nonsense" in problem.limit
        template.write_text('#set document(title: "x", date: datetime(year: 2026, month: 1, day: 1))\nHello')
        (problem,) = check(template, NOTE).problems
        assert "does not attach session.json" in problem.limit

    def test_no_template_reads_a_package_or_evaluates_text(self) -> None:
        for kind, word in product(Kind, ("@preview", "eval(")):
            assert word not in template_of(kind).read_text()


def _only(*keys: str) -> Any:
    return replace(WHOLE, required={key: WHOLE.required[key] for key in keys})


class TestCommands:
    def test_a_paper_is_made_and_a_bad_template_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("course.json").write_text(a_dossier(1).model_dump_json())
        make = ["document", "make", "course.json", "--kind"]
        assert run([*make, "treatment-note", "--visit", "V-00000001", "-o", "note.pdf", "--json"]) == exits.OK
        assert json.loads(capsys.readouterr().out)["bytes"] == len(Path("note.pdf").read_bytes())
        assert run([*make, "treatment-note"]) == exits.REFUSED
        assert "Name one of its visits: V-00000001" in capsys.readouterr().err
        Path("own.typ").write_text('#import "course.typ": *\n#show: paper\n#said("patient-name")')
        assert run([*make, "referrer-letter", "--template", "own.typ"]) == exits.REFUSED
        capsys.readouterr()
        assert run(["document", "check", "own.typ", "--kind", "referrer-letter", "--json"]) == exits.REFUSED
        told = json.loads(capsys.readouterr().out)
        assert "diagnosis" in {problem["field"] for problem in told["problems"]}
        assert run(["document", "preview", "own.typ", "--kind", "referrer-letter", "-o", "look.png"]) == exits.OK
        assert Path("look.png").read_bytes().startswith(b"\x89PNG")
        Path("course.json").write_text("{}")
        assert run([*make, "progress-report"]) == exits.REFUSED

    def test_the_kinds_are_listed_with_what_each_must_state(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["document", "kinds", "--json"]) == exits.OK
        told = json.loads(capsys.readouterr().out)
        assert set(told) == {str(kind) for kind in Kind}
        assert "timed-minutes" in told["treatment-note"]["required"]
