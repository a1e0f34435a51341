"""What a course says as FHIR, and that nothing which is not R4 leaves."""

from __future__ import annotations

import copy
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import app, exits
from irctl.documents.claims import Claim
from irctl.documents.claims import check as judged
from irctl.documents.printed import NOT_CERTIFIED
from irctl.domain.problems import Refused
from irctl.interop.fhir import check, load_codes
from irctl.interop.fhir.codes import CODES_FILE
from irctl.interop.fhir.engine import SIMULATED
from tests.documents.dossiers import a_dossier
from tests.interop.courses import Bundle, a_bundle, every_case, refused, scant, troubled

EXAMPLE = Path(__file__).parents[2] / "configs" / CODES_FILE


def every(bundle: Bundle, kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def one(bundle: Bundle, kind: str, ending: str = "") -> dict[str, Any]:
    (found,) = [each for each in every(bundle, kind) if str(each.get("identifier")).count(ending + "'") or not ending]
    return found


@pytest.fixture(scope="module")
def visit() -> Bundle:
    return a_bundle(a_dossier(1))


class TestVisit:
    def test_a_dose_is_an_interval_in_ucum(self, visit: Bundle) -> None:
        note = a_dossier(1).visits[0].note
        assert note is not None
        given = note.ending.delivered
        dose = one(visit, "Observation", "/dose")
        unit = {"unit": "J/cm²", "system": "http://unitsofmeasure.org", "code": "J/cm2"}
        assert dose["valueQuantity"] == {"value": given.best_j_cm2} | unit
        parts = {part["code"]["text"]: part["valueQuantity"] for part in dose["component"]}
        assert parts["At least, at k = 2"] == {"value": given.min_j_cm2} | unit
        assert parts["At most, at k = 2"] == {"value": given.max_j_cm2} | unit
        assert parts["Prescribed"] == {"value": 6.0} | unit

    @pytest.mark.parametrize(
        ("name", "unit", "value"),
        [("irradiance", "mW/cm2", None), ("skin", "Cel", None), ("cem43", "min", None), ("pain-before", "{score}", 8),
         ("pain-after", "{score}", 7), ("function-before", "{score}", 2), ("function-after", "{score}", 3)],
    )  # fmt: skip
    def test_each_figure_has_its_unit(self, visit: Bundle, name: str, unit: str, value: int | None) -> None:
        quantity = one(visit, "Observation", f"/{name}")["valueQuantity"]
        assert quantity["code"] == unit
        assert value is None or quantity["value"] == value

    def test_pain_is_loincs_and_a_number(self, visit: Bundle) -> None:
        pain = one(visit, "Observation", "/pain-after")
        assert pain["code"]["coding"] == [{"system": "http://loinc.org", "code": "72514-3"}]

    def test_the_procedure_says_when_where_with_what_and_points_to_the_note(self, visit: Bundle) -> None:
        procedure = one(visit, "Procedure")
        note = a_dossier(1).visits[0].note
        assert note is not None
        assert note.ending.started_at is not None
        assert procedure["status"] == "completed"
        assert procedure["performedPeriod"] == {
            "start": note.ending.started_at.isoformat(),
            "end": note.ending.ended_at.isoformat(),
        }
        assert procedure["bodySite"] == [{"text": "Lower back, lumbar, both sides"}]
        urls = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in visit["entry"]}
        assert urls[procedure["usedReference"][0]["reference"]] == "Device"
        assert urls[procedure["report"][0]["reference"]] == "DocumentReference"
        assert [urls[each["reference"]] for each in procedure["basedOn"]] == ["ServiceRequest", "CarePlan"]

    def test_the_printed_note_is_inside(self) -> None:
        bundle = a_bundle(a_dossier(1), notes={"V-00000001": b"%PDF-1.7 note"})
        (content,) = one(bundle, "DocumentReference")["content"]
        assert b64decode(content["attachment"]["data"]) == b"%PDF-1.7 note"

    def test_a_calibration_is_told_with_its_state(self, visit: Bundle) -> None:
        (calibration,) = one(visit, "DeviceMetric")["calibration"]
        assert calibration["state"] == "calibrated"

    def test_claim_lines_carry_number_units_and_modifiers_and_no_descriptor(self, visit: Bundle) -> None:
        heat, exercise = every(visit, "ChargeItem")
        assert [item["code"]["coding"][0]["code"] for item in (heat, exercise)] == ["97026", "97110"]
        assert all("display" not in item["code"]["coding"][0] for item in (heat, exercise))
        assert heat["quantity"]["value"] == 1
        assert heat["status"] == "planned"  # the example rules are approved by nobody: held
        assert any("Modifiers: GP" in note["text"] for note in heat["note"])

    def test_a_signature_says_who_when_and_what_was_signed(self, visit: Bundle) -> None:
        provenance = one(visit, "Provenance")
        (signature,) = provenance["signature"]
        assert signature["who"]["display"] == "Claire Moreau, PT, DPT"
        assert signature["type"][0]["code"] == "1.2.840.10065.1.12.1.1"
        kept = json.loads(b64decode(signature["data"]))
        assert (kept["meaning"], kept["record_sha256"]) == ("performed", "5e" * 32)
        assert len(provenance["target"]) == 3

    def test_the_patient_is_a_number_unless_more_is_asked_for(self, visit: Bundle) -> None:
        assert one(visit, "Procedure")["subject"] == {
            "type": "Patient",
            "identifier": {"system": "urn:irctl:patient-number", "value": "R-2071"},
        }
        assert "Ada Example" not in json.dumps(visit)
        full = a_bundle(a_dossier(1), full_patient=True)
        patient = one(full, "Patient")
        assert (patient["name"], patient["birthDate"]) == ([{"text": "Ada Example"}], "1961-05-04")
        assert one(full, "Procedure")["subject"]["reference"] == full["entry"][0]["fullUrl"]

    def test_every_resource_says_that_irctl_is_not_certified(self, visit: Bundle) -> None:
        assert all(NOT_CERTIFIED in entry["resource"]["text"]["div"] for entry in visit["entry"])

    def test_what_is_simulated_says_so_everywhere_and_bills_nothing(self) -> None:
        bundle = a_bundle(a_dossier(1, simulated=True))
        for entry in bundle["entry"]:
            resource = entry["resource"]
            assert SIMULATED in resource["text"]["div"]
            assert any(tag["code"] == "simulated" for tag in resource["meta"]["tag"])
            assert resource["meta"]["security"][0]["code"] == "HTEST"
        assert {item["status"] for item in every(bundle, "ChargeItem")} == {"not-billable"}
        assert one(bundle, "DeviceMetric")["calibration"][0]["state"] == "not-calibrated"

    def test_a_refused_visit_was_not_done_and_says_why(self) -> None:
        bundle = a_bundle(refused())
        procedure = one(bundle, "Procedure")
        assert (procedure["status"], procedure["statusReason"]) == ("not-done", {"text": "open wound"})
        assert "performedPeriod" not in procedure
        assert not [each for each in every(bundle, "Observation") if "after" in each["identifier"][0]["value"]]

    def test_what_went_wrong_is_told(self) -> None:
        bundle = a_bundle(troubled())
        procedure = one(bundle, "Procedure")
        assert (procedure["status"], procedure["statusReason"]["text"]) == ("stopped", "the skin was too warm")
        assert procedure["complication"] == [{"text": "blister of 1 cm"}]
        notes = " ".join(note["text"] for note in procedure["note"])
        assert "Given against a warning, by two people: far from the lamp" in notes
        assert "Amended: mistyped" in notes
        assert {each["status"] for each in every(bundle, "Observation")} == {"amended"}
        asked, sensation, _ = one(bundle, "QuestionnaireResponse")["item"]
        assert asked["answer"] == [{"valueString": "unknown"}]
        assert [each["answer"] for each in sensation["item"]] == [
            [{"valueString": "felt nothing"}],
            [{"valueString": "felt hot"}],
        ]

    def test_what_nobody_has_said_is_not_there(self) -> None:
        bundle = a_bundle(scant(), notes={})
        procedure = one(bundle, "Procedure")
        assert procedure["status"] == "unknown"
        assert not procedure.keys() & {"performedPeriod", "performer", "report", "followUp", "complication"}
        assert not every(bundle, "Observation")
        assert not every(bundle, "Provenance")
        assert procedure["subject"]["identifier"] == {"system": "urn:irctl:patient", "value": "P-104882"}
        assert [each["status"] for each in every(bundle, "Appointment")] == ["noshow", "fulfilled"]

    def test_a_new_version_of_a_visit_is_the_same_resource(self, visit: Bundle) -> None:
        later = a_bundle(troubled())
        known = {entry["fullUrl"]: entry["request"] for entry in visit["entry"]}
        (procedure,) = [each for each in later["entry"] if each["resource"]["resourceType"] == "Procedure"]
        assert known[procedure["fullUrl"]] == procedure["request"]

    def test_one_visit_can_be_sent_of_many(self) -> None:
        bundle = a_bundle(a_dossier(3), visits={"V-00000002"})
        assert len(every(bundle, "Procedure")) == 1


class TestCheck:
    @pytest.mark.parametrize("name", every_case())
    def test_what_irctl_makes_passes(self, name: str) -> None:
        assert check(every_case()[name]()) == ()

    @pytest.mark.parametrize(
        ("kind", "edit", "why"),
        [
            ("Procedure", lambda r: r.update(status="done"), "is not in the value set event-status"),
            ("Procedure", lambda r: r.update(performedAt="2026"), "is no element that irctl knows"),
            ("Procedure", lambda r: r.pop("status"), "is missing, and R4 demands it"),
            ("Procedure", lambda r: r["performer"][0].pop("actor"), "is missing, and R4 demands it"),
            ("Procedure", lambda r: r.update(bodySite={"text": "back"}), "is not a list"),
            ("Procedure", lambda r: r["subject"].update(type="Device"), "may not be referred to here"),
            ("Procedure", lambda r: r["performedPeriod"].update(start="2 November"), "has not the form of dateTime"),
            ("Procedure", lambda r: r["usedReference"][0].update(reference="urn:uuid:0"), "refers to what is not sent before it"),
            ("Procedure", lambda r: r.pop("identifier"), "has no name of its own"),
            ("Observation", lambda r: r["valueQuantity"].update(code="J/cm²"), "is no unit"),
            ("Observation", lambda r: r["valueQuantity"].update(value="6"), "is not of the type decimal"),
            ("Observation", lambda r: r.update(code={}), "is not a structure"),
            ("DeviceMetric", lambda r: r["calibration"][0].update(state="ok"), "value set metric-calibration-state"),
            ("Appointment", lambda r: r.update(start="2026-11-02T09:30:00"), "has not the form of instant"),
            ("AuditEvent", lambda r: r["agent"][0].update(requestor="no"), "is not of the type boolean"),
            ("Provenance", lambda r: r["target"].clear(), "is not a list with something in it"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(
        self, visit: Bundle, kind: str, edit: Callable[[dict[str, Any]], Any], why: str
    ) -> None:
        broken = copy.deepcopy(visit)
        edit(every(broken, kind)[0])
        assert any(why in str(problem) for problem in check(broken)), check(broken)

    @pytest.mark.parametrize(
        "told", [None, [], {}, {"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": [7]}]
    )
    def test_what_is_no_bundle_is_said_to_be_none(self, told: object) -> None:
        assert check(told)

    def test_a_value_that_r4_has_no_place_for_is_refused_when_it_is_made(self) -> None:
        with pytest.raises(Refused, match="has not the form of code"):
            a_bundle(a_dossier(1), claims=_with_a_slip())


def _with_a_slip() -> list[Claim]:
    (claim,) = judged(a_dossier(1), None)
    return [replace(claim, lines=(replace(claim.lines[0], code=" 97026"),))]


class TestCodes:
    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (('mark = "F"', 'mark = "X"'), "mark"),
            (('system = "http://snomed.info/sct"\ncode = "277132007"', 'code = "277132007"'), "needs its system"),
            (('record = "urn:irctl:record"', 'record = "record"'), "record"),
            (("[codes.pain]", "[codes.pain]\ncolour = 1"), "colour"),
        ],
    )
    def test_what_is_wrong_in_a_file_is_named(self, tmp_path: Path, change: tuple[str, str], why: str) -> None:
        file = tmp_path / "codes.toml"
        file.write_text(EXAMPLE.read_text("utf-8").replace(*change, 1), "utf-8")
        with pytest.raises(Refused, match=why):
            load_codes(file)

    def test_a_code_that_a_site_has_verified_is_sent(self, tmp_path: Path) -> None:
        text = EXAMPLE.read_text("utf-8")
        begin = text.index("[sites.lumbar]")
        file = tmp_path / "codes.toml"
        file.write_text(text[:begin] + text[begin:].replace('mark = "M"', 'mark = "F"', 1), "utf-8")
        site = load_codes(file).site("Lower back, lumbar, both sides")
        assert site["coding"] == [{"system": "http://snomed.info/sct", "code": "52612000"}]
        assert site["text"] == "Lower back, lumbar, both sides"

    def test_a_missing_code_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "codes.toml"
        file.write_text(EXAMPLE.read_text("utf-8").replace("[codes.dose]", "[codes.dosis]"), "utf-8")
        with pytest.raises(Refused, match=r"codes\.dose"):
            _ = load_codes(file).concept("dose")


class TestCommand:
    @pytest.fixture
    def course(self, tmp_path: Path) -> Path:
        file = tmp_path / "course.json"
        file.write_text(a_dossier(2).model_dump_json(), "utf-8")
        return file

    def test_a_course_becomes_a_bundle_with_its_notes_and_passes(
        self, course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "bundle.json"
        assert app.run(["fhir", "bundle", str(course), "-o", str(out), "--visit", "V-00000002"]) == exits.OK
        assert "lumbar" in capsys.readouterr().out  # whose code nobody has verified
        document = one(json.loads(out.read_bytes()), "DocumentReference")
        assert b64decode(document["content"][0]["attachment"]["data"]).startswith(b"%PDF-")
        assert app.run(["fhir", "check", str(out), "--json"]) == exits.OK
        assert json.loads(capsys.readouterr().out) == {"ok": True, "problems": []}

    def test_the_same_course_gives_the_same_bytes(self, course: Path, tmp_path: Path) -> None:
        files = [tmp_path / name for name in ("one.json", "two.json")]
        for file in files:
            assert app.run(["fhir", "bundle", str(course), "-o", str(file), "--no-notes", "--json"]) == exits.OK
        assert files[0].read_bytes() == files[1].read_bytes()

    def test_what_is_wrong_is_told_by_exit_code_and_words(
        self, course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "bundle.json"
        app.run(["fhir", "bundle", str(course), "-o", str(out), "--no-notes"])
        out.write_text(out.read_text("utf-8").replace('"completed"', '"complete"'), "utf-8")
        capsys.readouterr()
        assert app.run(["fhir", "check", str(out)]) == exits.REFUSED
        assert "value set event-status" in capsys.readouterr().out
        assert app.run(["fhir", "push", str(out), "--server", "https://ehr.example"]) == exits.REFUSED

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["fhir", "bundle", "COURSE", "--visit", "V-9"], "is none of this course"),
            (["fhir", "check", "nothing.json"], "No such file"),
            (["fhir", "check", "COURSE"], "is no Bundle"),
        ],
    )
    def test_mistakes_are_told(
        self, course: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert app.run([str(course) if word == "COURSE" else word for word in words]) == exits.REFUSED
        told = capsys.readouterr()
        assert why in told.out + told.err
