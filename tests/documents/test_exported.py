"""One session as evidence in one file: what holds is said, and whatever is done to the file is found and named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from irctl.cli import app, exits
from irctl.cli.client import Controller
from irctl.documents.attachment import attached
from irctl.documents.exported import chains, made, read, render_pdf, verify
from irctl.documents.exported.form import Exported
from irctl.documents.reading import KINDS
from irctl.documents.verified import Verified
from irctl.domain import excerpt
from irctl.domain.chain import CHECKPOINT, link
from irctl.domain.problems import Refused
from tests.documents.calibrations import ANOTHER_KEY, NUMBER, public
from tests.documents.exports import (
    CLINIC_KEY,
    MADE_AT,
    OTHER,
    OTHERS_PATIENT,
    an_export,
    another_certificate,
    certificate,
    course,
    journal,
    paper,
    served,
    sign,
)
from tests.documents.worlds import SESSION

Told = dict[str, Any]
TRUSTED = [public(), public(CLINIC_KEY)]


@cache
def the_export() -> Exported:
    """With everything that a clinic can give."""
    return an_export(sign=sign)


@cache
def the_told() -> Told:
    """Not to be changed: copy it."""
    return json.loads(the_export().as_json())


@cache
def the_pages() -> bytes:
    return render_pdf(an_export())


@pytest.fixture
def whole() -> Exported:
    return the_export()


@pytest.fixture
def told() -> Told:
    return the_told()


@pytest.fixture
def pdf() -> bytes:
    return the_pages()


def as_file(told: Told) -> bytes:
    """As irctl writes it."""
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def with_its_hash(told: Told) -> bytes:
    """As somebody writes it who knows how the hash is made, and has no key."""
    found = read(as_file(told | {"clinic": None}))
    return found.model_copy(update={"sha256": found.digest}).as_json()


def after(told: Told, change: Callable[[Told], object]) -> Verified:
    """What is found after a forger's change."""
    changed = deepcopy(told)
    change(changed)
    return verify(with_its_hash(changed), [public()])


def number_of(told: Told, kind: str) -> int:
    """The place of the first such event of the excerpt."""
    return next(n for n, e in enumerate(told["excerpt"]["events"]) if e.get("event") == kind)


def names(found: Verified, *words: str) -> bool:
    """Whether one of the problems has all these words."""
    return any(all(word in text for word in words) for text in found.problems)


class TestWhatHolds:
    def test_everything_is_told_in_words_and_nothing_is_wrong(self, whole: Exported) -> None:
        found = verify(whole.as_json(), TRUSTED)
        assert found.ok
        assert found.number == SESSION
        for words in (
            "its content is what its hash says",
            "the clinic: signed by key",
            "without a gap",
            "13 of others as hashes only",
            "its 2 checkpoints are signed",
            "every figure follows from the events, read anew (142 readings)",
            f"the certificate is that of the calibration in force ({NUMBER})",
            "follows from the 48 readings inside",
            "was given to version 9 of visit/V-00000001",
            "the visit shows what version 9 of its paper says",
        ):
            assert any(words in text for text in found.holds), words
        assert len(found.unchecked) == 2
        assert "who made it" in found.unchecked[0]
        assert "by a checkpoint of their own time: another session's events" in found.unchecked[1]

    def test_without_keys_of_ones_own_it_is_said_whose_keys_are_not_known(self, whole: Exported) -> None:
        found = verify(whole.as_json())
        assert found.ok
        assert sum("anybody can make one" in text for text in found.unchecked) == 3

    def test_the_evidence_of_a_stop_written_after_the_end_is_in_it_and_a_checkpoint_after_that(self) -> None:
        exported = an_export(journal(stopped=True))
        shown = [e["event"] for e in exported.excerpt["events"] if not excerpt.is_stub(e)]
        assert shown[-4:] == ["session.ended", CHECKPOINT, "stop.evidence", CHECKPOINT]
        assert verify(exported.as_json(), TRUSTED).ok

    def test_the_pages_hold_all_of_it_and_say_the_same(self, pdf: bytes) -> None:
        assert attached(pdf) == an_export().as_json()
        found = verify(pdf, [public()])
        assert found.ok
        assert any("byte for byte" in text for text in found.holds)

    def test_pages_of_the_clinics_own_are_left_open(self) -> None:
        exported = an_export(template="our note version 3")
        found = verify(render_pdf(exported).replace(b"/Creator(Typst", b"/Creator(Tipst", 1), [public()])
        assert found.ok
        assert any("our note version 3" in text for text in found.unchecked)

    def test_of_a_controller_alone_it_says_what_is_not_in_it(self) -> None:
        found = verify(made(served(), by="okafor", at=MADE_AT, certificate=certificate()).as_json(), [public()])
        assert found.ok
        assert any("a controller knows none of it" in text for text in found.unchecked)
        assert any("completed, 5.6" in text for text in found.holds)

    def test_without_a_certificate_it_says_so(self) -> None:
        found = verify(an_export(certificate=None).as_json(), [public()])
        assert found.ok
        assert any(NUMBER in text and "not in this file" in text for text in found.unchecked)

    def test_an_end_that_no_checkpoint_has_signed_yet_is_left_to_the_seal(self) -> None:
        events = journal(stopped=True)
        ended = next(n for n, e in enumerate(events) if e["event"] == "stop.evidence")
        found = verify(an_export(events[: ended + 1]).as_json(), [public()])
        assert found.ok
        assert any("no checkpoint yet" in text for text in found.unchecked)


class TestWhatStaysInside:
    def test_nobody_elses_treatment_leaves_with_it(self, whole: Exported, pdf: bytes) -> None:
        for data in (whole.as_json(), attached(pdf)):
            assert OTHER.encode() not in data
            assert OTHERS_PATIENT.encode() not in data
            assert b"too hot" not in data
        assert len(whole.dossier["visits"]) == 1 if whole.dossier else False

    def test_whatever_a_note_tells_without_a_session_is_shown(self) -> None:
        assert {name for name in KINDS if not name.startswith("session.")} <= excerpt.STATION

    def test_what_opens_a_file_of_the_journal_stays_a_stub(self) -> None:
        """It holds other patients' references."""
        assert not excerpt.shows({"seq": 1, "event": "journal.continued", "given": []}, SESSION, "left")
        assert not excerpt.shows({"seq": 1, "event": "alarm", "lamp": "right"}, SESSION, "left")


class TestTampering:
    def test_one_number_of_an_event_is_named_by_its_event(self, told: Told) -> None:
        place = number_of(told, "session.ended")
        seq = told["excerpt"]["events"][place]["seq"]

        def more(told: Told) -> None:
            told["excerpt"]["events"][place]["delivered"]["best_j_cm2"] = 5.7

        assert names(after(told, more), f"event {seq} (session.ended) was changed")

    @pytest.mark.parametrize(("kind", "by_checkpoint"), [("session.sample", False), ("session.ended", True)])
    def test_one_number_and_all_hashes_after_it_are_named_by_the_seal(
        self, told: Told, kind: str, by_checkpoint: bool
    ) -> None:
        """And by the next checkpoint, where no hash of another session lies before it."""

        def more(told: Told) -> None:
            events = told["excerpt"]["events"]
            place = number_of(told, kind)
            events[place]["mono_s"] += 1.0
            for before, event in zip(events[place - 1 :], events[place:], strict=False):
                event["prev"] = before["hash"]
                if not excerpt.is_stub(event):
                    event["hash"] = link(event)

        found = after(told, more)
        assert not names(found, "journal: event", "was changed")
        assert names(found, "(journal.checkpoint) is not valid") == by_checkpoint
        assert names(found, "not what the controller sealed")

    def test_one_number_of_the_note_is_named_by_its_place(self, told: Told) -> None:
        def less(told: Told) -> None:
            told["dossier"]["visits"][0]["note"]["ending"]["delivered"]["max_j_cm2"] = 5.7

        assert names(after(told, less), "note: ending.delivered.max_j_cm2 is 5.7, and 5.8")

    def test_a_dropped_event_is_named(self, told: Told) -> None:
        place = number_of(told, "session.sample")
        seq = told["excerpt"]["events"][place]["seq"]
        assert names(after(told, lambda told: told["excerpt"]["events"].pop(place)), f"event {seq} is missing")

    def test_an_own_event_hidden_as_anothers_is_named(self, told: Told) -> None:
        """The chain holds; the seal does not."""
        place = number_of(told, "session.attended")

        def hide(told: Told) -> None:
            event = told["excerpt"]["events"][place]
            told["excerpt"]["events"][place] = {name: event[name] for name in excerpt.STUB}

        found = after(told, hide)
        assert not names(found, "journal: event")
        assert names(found, "not what the controller sealed")

    def test_a_cut_tail_is_named(self, told: Told) -> None:
        def cut(told: Told) -> None:
            del told["excerpt"]["events"][-3:]

        last = told["excerpt"]["last"]
        assert names(after(told, cut), f"events {last - 2} to {last} are missing at its end")

    def test_a_cut_tail_that_says_it_is_none_is_named(self, told: Told) -> None:
        def cut(told: Told) -> None:
            del told["excerpt"]["events"][-1]
            told["excerpt"]["last"] -= 1

        assert names(after(told, cut), "not what the controller sealed")

    def test_a_swapped_certificate_is_named(self, told: Told) -> None:
        found = after(told, lambda told: told.update(certificate=another_certificate()))
        assert names(found, f"the certificate of {NUMBER} is not the one that was in force")

    def test_the_certificate_of_another_calibration_is_named(self, told: Told) -> None:
        other = deepcopy(certificate())
        other["certificate"]["number"] = other["seal"]["number"] = "C-20261101-0001"
        found = after(told, lambda told: told.update(certificate=other))
        assert names(found, "is that of C-20261101-0001", f"relied on {NUMBER}", "swapped")

    def test_a_signature_given_to_another_version_is_named(self, told: Told) -> None:
        versions, _ = paper()

        def exchange(told: Told) -> None:
            wrong = json.loads(told["versions"][-1])
            wrong["body"]["after"]["nprs"] = 1
            told["versions"][-1] = json.dumps(wrong, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

        found = after(told, exchange)
        assert names(found, "Claire Moreau", "what is shown is not what was signed")
        assert versions[-1].canonical().decode() == told["versions"][-1]

    def test_what_is_shown_otherwise_than_it_was_signed_is_named(self, told: Told) -> None:
        def better(told: Told) -> None:
            told["dossier"]["visits"][0]["after"]["nprs"] = 1

        assert names(after(told, better), "after.nprs is 7 on paper, and 1 is shown")

    def test_an_answer_that_nobody_gave_is_named(self, told: Told) -> None:
        def more(told: Told) -> None:
            answers = told["dossier"]["visits"][0]["attended"]
            answers.append(answers[0] | {"seq": 40})

        assert names(after(told, more), "the attendant's answers are not those")

    def test_another_patient_is_named(self, told: Told) -> None:
        def exchange(told: Told) -> None:
            told["dossier"]["patient"]["reference"] = "P-1"

        assert names(after(told, exchange), "patient's reference is P-104882 in the journal, and P-1 in the visit")

    def test_a_name_that_no_journal_knows_is_named_where_the_clinic_signed(self, told: Told) -> None:
        changed = deepcopy(told)
        changed["dossier"]["patient"]["name"] = "Somebody Else"
        found = read(as_file(changed))
        with_hash = found.model_copy(update={"sha256": found.digest})
        assert names(verify(with_hash.as_json(), TRUSTED), "the clinic", "signature does not match")
        unsigned = verify(with_its_hash(changed), TRUSTED)
        assert any("the patient's name" in text for text in unsigned.unchecked)

    def test_by_another_key_it_is_not_the_stations(self) -> None:
        forged = served(key=ANOTHER_KEY)
        found = verify(an_export(excerpt=forged).as_json(), [public()])
        assert names(found, "journal: the signature", "not known here")

    def test_the_excerpt_of_another_session_is_named(self, told: Told) -> None:
        def exchange(told: Told) -> None:
            told["session"] = OTHER

        assert names(after(told, exchange), f"the excerpt is of session {SESSION}")

    def test_simulated_light_is_no_treatment(self) -> None:
        def simulated(payload: Told) -> None:
            payload["started"]["simulated"] = True
            payload["started"]["hash"] = link(payload["started"])

        exported = an_export(excerpt=served(edit=simulated))
        assert names(verify(exported.as_json(), TRUSTED), "was simulated, and the course says that none was")

    def test_touched_pages_around_honest_data_are_named(self, pdf: bytes) -> None:
        touched = pdf.replace(b"/Creator(Typst", b"/Creator(Tipst", 1)
        assert names(verify(touched, [public()]), "the pages are not those")

    def test_honest_pages_around_touched_data_are_named(self, told: Told, pdf: bytes) -> None:
        changed = deepcopy(told)
        changed["dossier"]["plan"]["necessity"] = "Pain."
        found = re.search(rb"<</Length (\d+)/Type/EmbeddedFile.*?stream\n", pdf, re.DOTALL)
        assert found is not None
        packed = zlib.compress(with_its_hash(changed))
        head = found[0].replace(b"/Length " + found[1], b"/Length %d" % len(packed))
        mixed = pdf[: found.start()] + head + packed + pdf[found.end() + int(found[1]) :]
        assert names(verify(mixed, [public()]), "the pages are not those")


class TestWhateverIsDoneToIt:
    """By chance: any value, any event, any byte. (No fixtures: a failure could not be played again.)"""

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_any_value_that_is_changed_is_found(self, data: st.DataObject) -> None:
        changed = deepcopy(the_told())
        change_one(changed, data, tuple(changed))
        assume(changed["clinic"] is not None)  # then it is said that the clinic did not sign
        assert not verify(as_file(changed), TRUSTED).ok

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_any_evidence_that_is_changed_is_found_though_the_hash_is_made_anew(self, data: st.DataObject) -> None:
        changed = deepcopy(the_told())
        change_one(changed, data, ("excerpt", "seal", "certificate", "versions", "signatures"))
        assume(changed["certificate"]["seal"]["public_key"] is not None)  # a certificate may go without
        try:
            file = with_its_hash(changed)
        except ValueError:
            file = as_file(changed)
        assert not verify(file, [public()]).ok

    @settings(max_examples=40, deadline=None)
    @given(data=st.data())
    def test_any_figure_of_the_note_that_is_changed_is_found(self, data: st.DataObject) -> None:
        changed = deepcopy(the_told())
        change_one(changed["dossier"]["visits"][0], data, ("note",))
        assert not verify(with_its_hash(changed), [public()]).ok

    @settings(max_examples=40, deadline=None)
    @given(data=st.data())
    def test_any_event_that_is_taken_out_or_put_elsewhere_is_found(self, data: st.DataObject) -> None:
        changed = deepcopy(the_told())
        events = changed["excerpt"]["events"]
        event = events.pop(data.draw(st.integers(0, len(events) - 1)))
        if data.draw(st.booleans()):
            events.insert(data.draw(st.integers(0, len(events))), event)
        if events == the_told()["excerpt"]["events"]:
            return
        assert not verify(with_its_hash(changed), [public()]).ok

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_any_bytes_that_are_cut_or_changed_are_found(self, data: st.DataObject) -> None:
        file = as_file(the_told())
        place = data.draw(st.integers(0, len(file) - 1))
        cut = file[:place] + data.draw(st.sampled_from([b"", file[place + 1 :], b"0" + file[place + 1 :]]))
        assert cut == file or not verify(cut, TRUSTED).ok

    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def test_any_byte_of_the_pages_that_is_cut_or_changed_is_found(self, data: st.DataObject) -> None:
        pdf = the_pages()
        place = data.draw(st.integers(0, len(pdf) - 1))
        cut = pdf[:place] + data.draw(st.sampled_from([b"", pdf[place + 1 :], b"0" + pdf[place + 1 :]]))
        assert cut == pdf or not verify(cut, [public()]).ok


def change_one(told: Any, data: st.DataObject, within: tuple[str, ...]) -> None:
    """Another value in some place."""
    name: Any = data.draw(st.sampled_from(within))
    while isinstance(told[name], dict | list) and told[name]:
        told = told[name]
        name = data.draw(st.sampled_from(sorted(told) if isinstance(told, dict) else range(len(told))))
    was = told[name]
    told[name] = data.draw(st.sampled_from([None, 1.5, "otherwise", True, [], {"a": 1}]))
    if told[name] == was:
        told[name] = "changed"


class TestMaking:
    def test_a_session_that_is_in_no_visit_of_the_course_is_refused(self) -> None:
        dossier = course().model_copy(update={"visits": course().visits[1:]})
        with pytest.raises(Refused, match="is of 0 visits of course"):
            an_export(dossier=dossier)

    def test_pages_take_a_course(self) -> None:
        with pytest.raises(Refused, match="a controller knows no course"):
            render_pdf(an_export(dossier=None))

    def test_only_what_was_signed_or_is_shown_of_the_paper_leaves(self, whole: Exported) -> None:
        versions, _ = paper()
        assert whole.versions == (versions[-1].canonical().decode(),)


class TestEvidence:
    def test_the_dose_leads_to_its_events_its_calibration_and_the_meters_certificate(self, whole: Exported) -> None:
        (delivered,) = [str(one) for one in chains(whole) if one.statement == "Delivered"]
        steps = delivered.split(" → ")
        assert re.fullmatch(r"Delivered 5\.65 J/cm² \[5\.43, 5\.87\] \(k = 2\)", steps[0])
        assert re.match(r"events \d+–\d+ of controller ", steps[1])
        assert steps[2].startswith(f"calibration {NUMBER} (hash ")
        assert steps[3].startswith("its certificate, approved by Dr. J. Okafor")
        assert steps[4].startswith("meter SR05-D2A2 thermopile no. RM-0731, certificate K-2026-0118")

    def test_of_a_controller_alone_the_dose_has_its_chain_all_the_same(self) -> None:
        (delivered,) = chains(an_export(dossier=None, certificate=None))
        assert str(delivered).endswith("(its certificate is not in this file)")


class TestCommands:
    def test_verify_tells_in_words_and_by_its_exit_code(
        self, whole: Exported, told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good, bad, key, clinic = (tmp_path / name for name in ("good.json", "bad.json", "journal.pub", "people.pub"))
        good.write_bytes(whole.as_json())
        changed = deepcopy(told)
        changed["excerpt"]["events"].pop(9)
        bad.write_bytes(with_its_hash(changed))
        key.write_text(public().hex() + "\n")
        clinic.write_bytes(CLINIC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        assert app.run(["verify", str(good), "--key", str(key), str(clinic)]) == exits.OK
        said = capsys.readouterr().out
        assert f"Session {SESSION} holds." in said
        assert "anybody can make one" not in said
        assert app.run(["verify", str(bad), "--key", str(key), "--json"]) == exits.DOES_NOT_HOLD
        assert "is missing" in " ".join(json.loads(capsys.readouterr().out)["problems"])

    def test_evidence_of_a_file_that_does_not_hold_says_so(
        self, whole: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "x.irctl.json"
        file.write_bytes(whole.as_json())
        assert app.run(["evidence", str(file)]) == exits.OK
        assert "Delivered 5.65 J/cm²" in capsys.readouterr().out
        file.write_bytes(whole.as_json().replace(b"Ada Example", b"Eve Example"))
        assert app.run(["evidence", str(file), "--json"]) == exits.DOES_NOT_HOLD
        assert json.loads(capsys.readouterr().out)["ok"] is False
        told = json.loads(whole.as_json())
        del told["certificate"]["certificate"]["meter"]
        for damaged in (b"{}", as_file(told)):
            file.write_bytes(damaged)
            assert app.run(["evidence", str(file)]) == exits.REFUSED

    def test_export_asks_the_controller_for_the_excerpt_and_the_certificate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answers = {
            f"/v1/sessions/{SESSION}/excerpt": served(),
            f"/v1/calibrations/{NUMBER}/certificate": certificate(),
        }
        monkeypatch.setattr(Controller, "get", lambda _, path: answers[path])
        out = tmp_path / "out.irctl.json"
        assert app.run(["export", SESSION, "-o", str(out), "--by", "okafor"]) == exits.OK
        assert "a controller knows none of them" in capsys.readouterr().out
        found = verify(out.read_bytes(), [public()])
        assert found.ok
        assert any("it says okafor" in text for text in found.unchecked)

    def test_verifying_loads_nothing_of_a_server(self, whole: Exported, tmp_path: Path) -> None:
        file = tmp_path / "x.irctl.json"
        file.write_bytes(whole.as_json())
        code = (
            "import sys; from irctl.cli import app; code = app.run(['verify', sys.argv[1]]); "
            "print(sorted(m for m in ('fastapi', 'uvicorn', 'irctl.bus', 'sqlalchemy') if m in sys.modules), code)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[] 0"
