"""What a session note says, and what it refuses to say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from irctl.documents import NoteError, SessionNote, note_json, render_pdf, session_note
from irctl.documents.record import Kind
from irctl.documents.wording import marks, view
from tests.documents import worlds
from tests.documents.worlds import SESSION, Event, rechained

MARGIN_PT = 16 / 25.4 * 72
needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")


def note_of(events: list[Event], **options: Any) -> SessionNote:
    return session_note(events, SESSION, **options)


def changed(events: list[Event], name: str, **fields: Any) -> list[Event]:
    """The same journal, honestly written, had its event said something else."""
    return rechained([e | fields if e["event"] == name else e for e in events])


def without(events: list[Event], *names: str) -> list[Event]:
    """The same journal as if these had never happened."""
    kept = [e for e in events if e["event"] not in names]
    return rechained([e | {"seq": number} for number, e in enumerate(kept, start=1)])


def text_of(pdf: bytes, *options: str) -> str:
    done = subprocess.run(["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode()


def said(pdf: bytes) -> str:
    """The printed words with every break taken for one space, and the invisible break marks gone."""
    return " ".join(text_of(pdf).replace("\u200b", "").split())


@pytest.fixture(scope="module")
def completed() -> list[Event]:
    return worlds.completed()


@pytest.fixture(scope="module")
def stopped() -> list[Event]:
    return worlds.stopped()


@pytest.fixture(scope="module")
def faulted() -> list[Event]:
    return worlds.faulted()


@pytest.fixture(scope="module")
def interrupted() -> list[Event]:
    return worlds.interrupted()


class TestReading:
    def test_the_json_tells_what_the_journal_says_and_rounds_nothing(self, completed: list[Event]) -> None:
        told = json.loads(note_json(note_of(completed)))
        ended = completed[-1]
        assert told["order"]["patient"] == "P-104882"
        assert told["ending"]["delivered"]["min_j_cm2"] == ended["delivered"]["min_j_cm2"]
        assert told["ending"]["delivered"]["contributions"][0]["name"] == "radiometer calibration"
        assert told["calibration"]["id"] == "CAL-2026-0093"
        assert len(told["samples"]) == sum(e["event"] == "session.sample" for e in completed)
        assert told["source"] == {
            "first_seq": 3,
            "last_seq": ended["seq"],
            "head": ended["hash"],
            "software": ["0.1.0"],
            "unbroken": True,
        }

    def test_a_session_that_has_not_ended_has_no_note(self, completed: list[Event]) -> None:
        with pytest.raises(NoteError, match=r"has not ended.*session\.ended.*its last is event 1246, session\.sample"):
            note_of(completed[:-1])

    def test_a_session_without_its_order_has_no_note(self, completed: list[Event]) -> None:
        with pytest.raises(NoteError, match=r"has no order"):
            note_of(completed[10:])

    def test_an_unknown_session_is_named(self, completed: list[Event]) -> None:
        with pytest.raises(NoteError, match="S-19990101-0001: the journal given holds no event of it"):
            session_note(completed, "S-19990101-0001")

    def test_a_missing_field_is_named_with_its_event(self, completed: list[Event]) -> None:
        ended = completed[-1]
        delivered = {k: v for k, v in ended["delivered"].items() if k != "min_j_cm2"}
        with pytest.raises(NoteError, match=r"event 1247 \(session\.ended\): delivered\.min_j_cm2: Field required"):
            note_of(changed(completed, "session.ended", delivered=delivered))

    def test_an_interval_in_disorder_is_refused(self, completed: list[Event]) -> None:
        delivered = {"min_j_cm2": 62.0, "best_j_cm2": 60.0, "max_j_cm2": 63.0, "contributions": []}
        with pytest.raises(NoteError, match="not in this order"):
            note_of(changed(completed, "session.ended", delivered=delivered))

    def test_an_edited_event_is_refused(self, completed: list[Event]) -> None:
        edited = [e | {"time_on_s": 1.0} if e["event"] == "session.ended" else e for e in completed]
        with pytest.raises(NoteError, match=r"event 1247 \(session\.ended\) does not match its hash"):
            note_of(edited)

    def test_an_event_slipped_in_with_a_good_hash_of_its_own_is_refused(self, completed: list[Event]) -> None:
        alone = worlds.link(forged := {k: v for k, v in completed[50].items() if k != "hash"} | {"skin_c": 36.0})
        with pytest.raises(NoteError, match="event 52 does not follow from event 51"):
            note_of([*completed[:50], forged | {"hash": alone}, *completed[51:]])

    def test_a_stretch_with_gaps_makes_a_note_that_says_so(self, completed: list[Event]) -> None:
        gaps = [
            e for e in worlds.with_station(completed, simulated=False) if e["event"] != "session.off" and e["seq"] > 2
        ]
        note = note_of(gaps)
        assert not note.source.unbroken
        assert "each checked by itself" in view(note)["record"]["range"]
        assert "version not in the journal given" in view(note)["record"]["software"]

    def test_whether_it_was_simulated_is_never_assumed(self, completed: list[Event]) -> None:
        with pytest.raises(NoteError, match="whether that was simulated"):
            note_of(completed[1:])

    @pytest.mark.parametrize("simulated", [True, False])
    def test_the_order_itself_may_say_whether_it_was_simulated(self, completed: list[Event], simulated: bool) -> None:
        note = note_of(worlds.with_station(completed, "Annexe", simulated=simulated)[1:])
        assert (note.station, note.simulated) == ("Annexe", simulated)

    def test_going_dark_is_read_by_either_name(self, completed: list[Event]) -> None:
        off = next(e for e in completed if e["event"] == "session.off")
        names = {"off_sent_s": "sent_s", "verified_dark_s": "verified_s"}
        renamed = [{names.get(k, k): v for k, v in e.items()} if e is off else e for e in completed]
        assert note_of(rechained(renamed)).happenings == note_of(completed).happenings

    def test_other_sessions_and_other_lamps_stay_out(self, stopped: list[Event]) -> None:
        strangers: list[Event] = [
            {
                "event": "session.warning",
                "session": "S-20261123-0002",
                "lamp": "right",
                "hazard": "H04",
                "text": "other",
            },
            {
                "event": "alarm",
                "lamp": "right",
                "hazard": "H09",
                "priority": "high",
                "text": "other",
                "remedy": "other",
            },
        ]
        frame = {"at": stopped[40]["at"], "mono_s": stopped[40]["mono_s"]}
        mixed = [*stopped[:40], *(frame | s for s in strangers), *stopped[40:]]
        note = note_of(rechained([e | {"seq": n} for n, e in enumerate(mixed, start=1)]))
        assert "other" not in {h.text for h in note.happenings}
        assert len(note.happenings) == len(note_of(stopped).happenings)

    def test_the_evidence_of_a_stop_counts_though_it_is_written_after_the_end(self, stopped: list[Event]) -> None:
        note = note_of(stopped)
        last = note.happenings[-1]
        assert last.kind is Kind.STOP_EVIDENCE
        assert last.off is not None
        assert (last.off.way, last.off.verified_s) == ("cutoff", 0.655)
        assert (note.source.last_seq, note.source.head) == (stopped[-1]["seq"], stopped[-1]["hash"])

    def test_the_evidence_of_a_later_stop_does_not(self, completed: list[Event], stopped: list[Event]) -> None:
        frame = {"at": completed[-1]["at"], "mono_s": completed[-1]["mono_s"] + 5}
        later = [stopped[-1] | frame | {"seq": completed[-1]["seq"] + 1}]
        assert note_of(rechained([*completed, *later])).happenings[-1].kind is Kind.ENDED

    def test_evidence_gathered_again_under_the_same_latch_does_not_either(self, stopped: list[Event]) -> None:
        again = [stopped[-1] | {"seq": stopped[-1]["seq"] + 1}]
        note = note_of(rechained([*stopped, *again]))
        assert sum(h.kind is Kind.STOP_EVIDENCE for h in note.happenings) == 1

    def test_pauses_are_told_once_whether_said_or_only_seen_as_a_state(self, stopped: list[Event]) -> None:
        note = note_of(stopped)
        assert [(p.from_s, p.to_s) for p in note.pauses] == [(200.0, 275.0), (524.0, 572.0)]
        told = [h for h in note.happenings if h.kind is Kind.PAUSED]
        assert [(h.by, h.text) for h in told] == [
            ("M. Keller, PT", ""),
            (None, "the operator did not confirm presence"),
        ]

    def test_a_pause_state_written_before_its_explanation_is_one_pause(self, stopped: list[Event]) -> None:
        names = [e["event"] for e in stopped]
        first = names.index("session.paused")
        events = stopped.copy()
        events[first], events[first + 1] = (
            stopped[first + 1] | {"seq": stopped[first]["seq"]},
            stopped[first] | {"seq": stopped[first + 1]["seq"]},
        )
        note = note_of(rechained(events))
        assert len(note.pauses) == 2
        assert [h.by for h in note.happenings if h.kind is Kind.PAUSED] == ["M. Keller, PT", None]

    def test_what_the_attendant_answered_is_told_with_who_and_when(self, completed: list[Event]) -> None:
        lit = next(n for n, e in enumerate(completed) if e["event"] == "session.first_light") + 200
        frame = {name: completed[lit][name] for name in ("at", "mono_s", "session", "lamp")}
        answer = frame | {"event": "session.attended", "by": "B. Okafor, PTA", "comfort": "too-hot"}
        mixed = [*completed[:lit], answer, *completed[lit:]]
        note = note_of(rechained([e | {"seq": n} for n, e in enumerate(mixed, start=1)]))
        (told,) = [h for h in note.happenings if h.kind is Kind.ATTENDED]
        assert (told.seq, told.by, told.text) == (lit + 1, "B. Okafor, PTA", "too-hot")
        (row,) = [r for r in view(note)["happenings"] if r["title"] == "Attendant’s answer"]
        assert row["text"] == "too hot; by B. Okafor, PTA"

    def test_after_a_restart_time_goes_on_by_the_wall_clock(self, interrupted: list[Event]) -> None:
        restarted = next(h for h in note_of(interrupted).happenings if h.kind is Kind.RESTARTED)
        assert restarted.t_s == pytest.approx(468.4)

    def test_times_carry_the_zone_asked_for(self, completed: list[Event]) -> None:
        note = note_of(completed, timezone="America/New_York")
        assert note.ending.ended_at.isoformat().endswith("-05:00")
        ended = view(note)["figures"][3]
        assert (ended["value"], ended["note"]) == ("14:51:06", "UTC−05:00")

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", ""])
    def test_an_unknown_zone_is_refused(self, completed: list[Event], zone: str) -> None:
        with pytest.raises(NoteError, match="IANA"):
            note_of(completed, timezone=zone)


class TestWording:
    def test_the_interval_is_rounded_outwards_and_the_order_not_at_all(self, completed: list[Event]) -> None:
        delivered = {"min_j_cm2": 57.69, "best_j_cm2": 60.04, "max_j_cm2": 62.31, "contributions": []}
        dose = view(note_of(changed(completed, "session.ended", delivered=delivered, prescribed_j_cm2=60.25)))["dose"]
        assert (dose["prescribed"], dose["min"], dose["best"], dose["max"]) == ("60.25", "57.6", "60.0", "62.4")

    def test_a_small_dose_gets_two_decimals(self, completed: list[Event]) -> None:
        delivered = {"min_j_cm2": 3.811, "best_j_cm2": 4.004, "max_j_cm2": 4.191, "contributions": []}
        dose = view(note_of(changed(completed, "session.ended", delivered=delivered, prescribed_j_cm2=4.0)))["dose"]
        assert (dose["prescribed"], dose["min"], dose["best"], dose["max"]) == ("4.00", "3.81", "4.00", "4.20")

    def test_the_hottest_skin_is_never_rounded_down_to_its_limit(self, completed: list[Event]) -> None:
        figures = view(note_of(changed(completed, "session.ended", skin_c_max=43.01)))["figures"]
        assert next(f for f in figures if f["label"] == "Highest skin")["value"] == "43.1"

    def test_each_outcome_is_told_in_plain_words(
        self, completed: list[Event], stopped: list[Event], faulted: list[Event], interrupted: list[Event]
    ) -> None:
        told = [view(note_of(e))["outcome"] for e in (completed, stopped, faulted, interrupted)]
        assert [t["word"] for t in told] == ["Completed", "Stopped", "Ended by a fault", "Interrupted"]
        assert told[0]["sentence"] == "Prescription reached. The prescribed dose lies within the interval delivered."
        assert told[1]["sentence"].startswith("By M. Keller, PT, 11 min 33 s after first light (H01): Patient reported")
        assert "Less than prescribed was delivered: at most" in told[2]["sentence"]
        assert "It was not resumed." in told[3]["sentence"]
        assert "may have been delivered; count the maximum." in told[3]["sentence"]

    def test_too_much_is_said(self, completed: list[Event]) -> None:
        delivered = {"min_j_cm2": 61.2, "best_j_cm2": 63.0, "max_j_cm2": 65.0, "contributions": []}
        outcome = view(note_of(changed(completed, "session.ended", delivered=delivered)))["outcome"]
        assert outcome["alerts"] == [
            "More than prescribed was delivered: at least 61.2 J/cm², where 60.0 J/cm² were prescribed."
        ]

    def test_a_lamp_nobody_saw_go_dark_is_pointed_out(
        self, completed: list[Event], stopped: list[Event], faulted: list[Event], interrupted: list[Event]
    ) -> None:
        (unseen,) = view(note_of(faulted))["outcome"]["alerts"]
        assert "Nothing on record shows that the lamp went dark" in unseen
        assert view(note_of(without(completed, "session.off")))["outcome"]["alerts"] == [unseen]
        assert [view(note_of(e))["outcome"]["alerts"] for e in (completed, stopped, interrupted)] == [[]] * 3

    def test_a_lamp_that_read_back_as_off_but_shines_on_is_pointed_out(self, completed: list[Event]) -> None:
        lit = [e | {"irradiance_mw_cm2": 50.2} if e.get("state") == "ending" and "t_s" in e else e for e in completed]
        (alert,) = view(note_of(rechained(lit)))["outcome"]["alerts"]
        assert alert == "The last reading on record, 50.2 mW/cm², still shows light."

    def test_what_was_not_measured_is_not_a_number(self, faulted: list[Event]) -> None:
        told = view(note_of(faulted))
        values = {f["label"]: f["value"] for f in told["figures"]}
        assert values["Highest skin"] is None
        assert values["CEM43"] is None
        assert "Mean, estimated" in values
        assert told["dose"]["source"] == "Estimated from the calibration"

    def test_the_numbers_in_the_list_are_the_numbers_in_the_graph(self, stopped: list[Event]) -> None:
        note = note_of(stopped)
        listed = [(str(r["number"]), r["tone"]) for r in view(note)["happenings"] if r["number"] is not None]
        assert listed == [(m.label, m.tone) for m in marks(note)]
        assert [r["title"] for r in view(note)["happenings"] if r["number"]] == [
            "Warning",
            "Alarm, medium",
            "Alarm, low",
            "Emergency stop",
            "Stopping",
            "Alarm, high",
        ]

    def test_only_a_real_treatment_carries_a_service_code(self, completed: list[Event], stopped: list[Event]) -> None:
        assert "CPT 97026" in json.dumps(view(note_of(completed)))
        assert "97026" not in json.dumps(view(note_of(stopped)))

    def test_characters_that_act_unseen_are_shown(self) -> None:
        told = view(note_of(worlds.completed(minutes=1, area="left\u202eknee\nright\x07")))
        assert told["columns"][0]["facts"][1] == ["Body area", "left\ufffdknee right\ufffd"]


@needs_poppler
class TestPage:
    def test_a_completed_treatment_is_one_page_with_everything_on_it(self, completed: list[Event]) -> None:
        pdf = render_pdf(note_of(completed))
        page = said(pdf)
        for words in (
            "Infrared session note", SESSION, "23 November 2026", "Treatment room 2", "P-104882", "M. Keller, PT",
            "Lower back, lumbar, both sides", "Left lamp, couch 2", "HL-500-22817", "dimmer.1 (wirenboard-mdm3)",
            "contactor.1 (waveshare-relay)", "comm-watchdog, lease 1 s", "50 cm", "CAL-2026-0093", "Ophir 3A-P",
            "14 September 2026", "14 September 2027", "U = 6.2 % (k = 2)", "7be1d04c7be1…", "57.6 to 62.3",
            "Measured by the lamp’s radiometer", "radiometer calibration", "49.4", "20 min 08 s", "19:30:33", "19:51:06",
            "39.8", "0.13", "0.412", "prescribed 50", "limit 43.0", completed[-1]["hash"], "Journal events 3 to 1247",
            "irctl 0.1.0", "irctl is not a certified medical device.", "Meaning of the signature", "page 1 of 1",
        ):  # fmt: skip
            assert words in page, words
        assert "SIMULATED" not in page

    def test_a_simulated_session_is_no_treatment_record(self, stopped: list[Event]) -> None:
        page = said(render_pdf(note_of(stopped)))
        assert "SIMULATED — not a treatment record" in page
        for words in ("Patient reported burning heat", "Skin is at 41.5 °C", "Confirm presence", "not seen", "0.655"):
            assert words in page, words

    @pytest.mark.parametrize(
        "text", ["#panic()", '*x* $y$ `z` _w_ #"', '#import "/etc/passwd"', "\\u{1F4A3} <label> @ref"]
    )
    def test_the_records_words_are_never_markup(self, text: str) -> None:
        page = said(render_pdf(note_of(worlds.completed(minutes=1, area=text, patient=text, by=text))))
        assert page.count(" ".join(text.split())) >= 3

    @pytest.mark.parametrize("text", ["lumbar and thoracic spine " * 40, "X" * 700, "Ünï-çødé/" * 80])
    def test_long_texts_stay_on_the_paper(self, text: str) -> None:
        events = worlds.completed(minutes=1, area=text, by=text[:300])
        lamp_info = events[2]["lamp_info"] | {"title": text[:200], "emitter": text[:200]}
        events = changed(changed(events, "session.ordered", lamp_info=lamp_info), "session.ended", reason=text)
        boxes = text_of(render_pdf(note_of(events)), "-bbox")
        words = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)"', boxes)
        pages = re.findall(r'<page width="([\d.]+)" height="([\d.]+)"', boxes)
        width, height = (float(v) for v in pages[0])
        assert len(words) > 100
        assert min(float(w[0]) for w in words) >= MARGIN_PT - 1
        assert max(float(w[2]) for w in words) <= width - MARGIN_PT + 1
        assert max(float(w[3]) for w in words) <= height
        assert said(render_pdf(note_of(events))).replace(" ", "").count(text.replace(" ", "")[:200]) >= 1

    def test_a_long_list_of_alarms_flows_onto_further_pages(self, faulted: list[Event]) -> None:
        alarm = next(e for e in faulted if e["event"] == "alarm")
        at = faulted.index(alarm)
        events = [*faulted[:at], *[alarm] * 60, *faulted[at:]]
        pdf = render_pdf(note_of(rechained([e | {"seq": n} for n, e in enumerate(events, start=1)])))
        assert "page 2 of " in said(pdf)
        assert said(pdf).count("Alarm, high") == 61
        assert said(pdf).count("irctl is not a certified medical device.") >= 2

    def test_every_page_of_a_simulated_session_says_so(self, stopped: list[Event]) -> None:
        alarm = next(e for e in stopped if e["event"] == "alarm")
        at = stopped.index(alarm)
        events = [*stopped[:at], *[alarm] * 60, *stopped[at:]]
        pdf = render_pdf(note_of(rechained([e | {"seq": n} for n, e in enumerate(events, start=1)])))
        pages = text_of(pdf).split("\f")[:-1]
        assert len(pages) > 1
        assert all("SIMULATED — not a treatment record" in page for page in pages)

    def test_a_session_that_never_lit_has_a_note_without_a_graph(self, completed: list[Event]) -> None:
        dark = without(completed, "session.sample", "session.first_light", "session.off")
        nothing = {"min_j_cm2": 0.0, "best_j_cm2": 0.0, "max_j_cm2": 0.0, "contributions": []}
        unlit: dict[str, Any] = {
            "outcome": "stopped", "reason": "door open", "started_at": None, "time_on_s": 0.0, "delivered": nothing,
            "irradiance_mean_mw_cm2": None, "skin_c_max": None, "cem43_min": None,
        }  # fmt: skip
        page = said(render_pdf(note_of(changed(dark, "session.ended", **unlit))))
        assert "No light was emitted." in page
        assert "Measured by" not in page
        assert "CPT" not in page


class TestBytes:
    def test_the_same_journal_gives_the_same_bytes_in_another_process(self, completed: list[Event]) -> None:
        program = (
            "import sys, hashlib; from tests.documents import worlds; from irctl.documents import *\n"
            "pdf = render_pdf(session_note(worlds.completed(), worlds.SESSION))\n"
            "sys.stdout.buffer.write(pdf)"
        )
        here = Path(__file__).parents[2]
        other = subprocess.run([sys.executable, "-c", program], cwd=here, capture_output=True, check=True).stdout
        assert render_pdf(note_of(completed)) == other

    def test_a_template_of_ones_own_reads_the_same_data(self, completed: list[Event], tmp_path: Path) -> None:
        template = tmp_path / "own.typ"
        template.write_text('#set document(title: "t", date: none)\n#json("note.json").session', encoding="utf-8")
        assert render_pdf(note_of(completed), template=template).startswith(b"%PDF")

    def test_a_broken_template_is_named(self, completed: list[Event], tmp_path: Path) -> None:
        template = tmp_path / "broken.typ"
        template.write_text("#nonsense()", encoding="utf-8")
        with pytest.raises(NoteError, match=r"broken\.typ: unknown variable: nonsense"):
            render_pdf(note_of(completed), template=template)

    def test_what_the_fonts_cannot_print_is_refused_rather_than_printed_as_boxes(self) -> None:
        with pytest.raises(NoteError, match="could not be displayed"):
            render_pdf(note_of(worlds.completed(minutes=1, area="腰")))

    def test_the_template_brings_no_package_and_no_text_of_the_record(self) -> None:
        source = (
            Path(sys.modules["irctl.documents"].__file__ or "").parent / "templates" / "session_note.typ"
        ).read_text()
        assert "@preview" not in source
        assert "eval(" not in source


class TestGraph:
    def svg(self, events: list[Event]) -> ElementTree.Element:
        from irctl.documents.session_note import graph

        return ElementTree.fromstring(graph(note_of(events)))

    def lines(self, events: list[Event], colour: str) -> list[ElementTree.Element]:
        return [e for e in self.svg(events) if e.tag.endswith("polyline") and e.get("stroke") == colour]

    def test_what_nobody_measured_is_a_gap_not_a_line(self, completed: list[Event], interrupted: list[Event]) -> None:
        from irctl.documents.plot import IRRADIANCE, SKIN

        assert [len(self.lines(completed, c)) for c in (IRRADIANCE, SKIN)] == [1, 1]
        assert [len(self.lines(interrupted, c)) for c in (IRRADIANCE, SKIN)] == [2, 2]

    def test_a_time_without_samples_is_a_gap_too(self, completed: list[Event]) -> None:
        from irctl.documents.plot import IRRADIANCE

        assert len(self.lines([*completed[:300], *completed[310:]], IRRADIANCE)) == 2

    def test_an_estimate_is_dashed_and_a_measurement_is_not(self, completed: list[Event], faulted: list[Event]) -> None:
        from irctl.documents.plot import IRRADIANCE, SKIN

        assert all(e.get("stroke-dasharray") for e in self.lines(faulted, IRRADIANCE))
        assert not any(e.get("stroke-dasharray") for e in self.lines(completed, IRRADIANCE))
        assert self.lines(faulted, SKIN) == []

    def test_lines_pauses_and_marks_are_there(self, stopped: list[Event]) -> None:
        words = [e.text for e in self.svg(stopped) if e.tag.endswith("text")]
        assert {"prescribed 50", "limit 43.0", "paused", "1–3", "4–6", "min since first light"} <= set(words)
        assert {"Irradiance, mW/cm²", "Skin temperature, °C"} <= set(words)
