"""What a calibration certificate says to people and machines, and that whatever is changed in one is named."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irctl.cli import app, exits
from irctl.cli.client import Controller
from irctl.documents.certificate import CertificateError, Sealed, attached, render_pdf, verify
from irctl.documents.certificate.wording import view
from irctl.domain import certificate
from irctl.interop.fhir import device_metrics, load_codes
from irctl.interop.fhir.codes import Code
from tests.documents.calibrations import (
    ANOTHER_KEY,
    ENGINEER,
    KEY,
    NUMBER,
    STATION,
    TECHNICIAN,
    a_calibration,
    public,
    sealed,
)

MARGIN_PT = 16 / 25.4 * 72
needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
WRONG: list[Any] = [None, 0, -1, 1e308, 7, "", "x", [], {}, [1], True, "9999-12-31T23:59:59+00:00"]
PLACES = st.integers(0, 10**6)
SIMULATED = dict(STATION) | {"simulated": True}


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    return sealed()


@pytest.fixture(scope="module")
def pdf(served: dict[str, Any]) -> bytes:
    return render_pdf(Sealed.of(served))


@pytest.fixture(scope="module")
def first() -> dict[str, Any]:
    """The first calibration of a lamp at a simulated station: nothing before it, nothing adjusted, one distance, no radiometer."""
    events = a_calibration(adjusted=None, compared=False, redone=False, distances_cm=(50.0,), with_monitor=False)
    return sealed(events, station=SIMULATED)


def changed(served: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """One value of it changed by somebody who cannot sign."""
    told = copy.deepcopy(served)
    *way, last = [int(name) if name.isdigit() else name for name in path.split("/")]
    place: Any = told
    for name in way:
        place = place[name]
    place[last] = value(place[last]) if callable(value) else value
    return told


def resealed(told: dict[str, Any]) -> dict[str, Any]:
    try:
        signature = KEY.sign(certificate.message(told["certificate"])).hex()
    except KeyError:
        return told["seal"]
    return told["seal"] | {"sha256": certificate.digest(told["certificate"]), "signature": signature}


def _paths(part: Any, path: str) -> list[str]:
    inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(deeper for name, value in inside for deeper in _paths(value, f"{path}/{name}"))]


def _path(served: dict[str, Any], place: int) -> str:
    """Some place in it."""
    paths = _paths(served["certificate"], "certificate")
    return paths[place % len(paths)]


def as_file(served: dict[str, Any]) -> bytes:
    return json.dumps(served).encode()


def pages_of(pdf: bytes) -> list[str]:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode().replace("\u200b", "").split("\f")[:-1]


def said(pdf: bytes) -> str:
    """The printed words in reading order, every break taken for one space."""
    done = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(done.stdout.decode().replace("\u200b", "").split())


def with_attachment(pdf: bytes, data: bytes) -> bytes:
    """The same PDF with another file attached, as a forger with an editor would make it."""
    found = re.search(rb"<</Length (\d+)/Type/EmbeddedFile.*?stream\n", pdf, re.DOTALL)
    assert found is not None
    packed = zlib.compress(data)
    head = found[0].replace(b"/Length " + found[1], b"/Length %d" % len(packed))
    return pdf[: found.start()] + head + packed + pdf[found.end() + int(found[1]) :]


@needs_poppler
class TestPages:
    def test_number_and_count_stand_on_every_page(self, pdf: bytes) -> None:
        pages = pages_of(pdf)
        assert len(pages) >= 2
        for number, page in enumerate(pages, start=1):
            assert f"certificate {NUMBER}" in page
            assert f"page {number} of {len(pages)}" in page

    @pytest.mark.parametrize(
        "words",
        [
            "Calibration certificate",
            "Physiotherapy Weststadt, technical service · Rheinstraße 12, 76185 Karlsruhe",
            "Physiotherapy Weststadt GmbH",
            "IR-2214-L",
            "MDM3 17, firmware 2.7",
            "Reflector clean, no damage to cable or plug",
            "K-2026-0118",
            "Landesamt für Messwesen, Karlsruhe",
            "1.02, U 3.2 % (k = 2)",
            "0.97, U 4 % (k = 2)",
            "21.5 °C",
            "blinds closed, ventilation off",
            "Issued 23 November 2026",
            "C-20251120-0002",
            "Reflector cleaned with isopropanol; bulb seated anew",
            "pass if |error| + U ≤ tolerance",
            "guard band",
            "E = k / (d + d₀)²",
            "Uncertainty budget",
            "rectangular",
            "relate only to the item calibrated",
            "reproduced only in full",
            "claims an accreditation",
            "irctl is not a certified medical device.",
            "somebody leaned against the stand",
            "It counts no more and stays on record.",
            "irctl certificate verify FILE --key journal.pub",
            TECHNICIAN,
            ENGINEER,
        ],
    )
    def test_it_says_what_the_standard_asks_for(self, pdf: bytes, words: str) -> None:
        assert words in said(pdf)

    def test_results_stand_with_their_uncertainty_and_as_many_digits_as_it_leaves(
        self, pdf: bytes, served: dict[str, Any]
    ) -> None:
        text = "\n".join(pages_of(pdf))
        stages = served["certificate"]["stages"]
        for point in (p for stage in stages.values() for p in stage["findings"]["points"]):
            u = point["irradiance_mw_cm2"] * point["expanded_pct"] / 100
            row = re.search(
                rf"^ *{point['level_pct']:g} +3 +([\d.]+) +([\d.]+) +([\d.]+) .*\b{point['seqs'][-1]}\b", text, re.M
            )
            assert row is not None
            assert float(row[1]) == pytest.approx(point["irradiance_mw_cm2"], abs=0.5 * 10 ** -_places(row[1]) + 1e-9)
            assert _places(row[1]) == _places(row[2])
            assert len(row[2].replace(".", "").lstrip("0")) == 2
            assert u <= float(row[2]) < 1.13 * u + 1e-9

    def test_every_error_has_its_decision(self, pdf: bytes, served: dict[str, Any]) -> None:
        text = "\n".join(pages_of(pdf))
        for error in served["certificate"]["stages"]["as-found"]["findings"]["errors"]:
            shown = f"{abs(error['error_pct']):.1f}"
            assert re.search(rf"^ *{error['level_pct']:g} +3 .*−{shown} +{error['decision']}", text, re.M)

    def test_the_shares_of_the_budget_are_printed_and_add_up(self, pdf: bytes) -> None:
        text = "\n".join(pages_of(pdf))
        table = text[text.index("Uncertainty budget of the irradiance") :]
        rows = re.findall(
            r" (?:[AB]) +(?:normal|rectangular|t) +(?:∞|\d+) +([\d.]+) +([\d.]+)$", table.split("Combined")[0], re.M
        )
        assert len(rows) >= 10
        assert sum(float(share) for _, share in rows) == pytest.approx(100.0, abs=0.6)
        assert re.search(r"Expanded uncertainty U, k = 2 +\d\.\d", table)

    def test_a_simulated_station_is_said_on_every_page(self, first: dict[str, Any]) -> None:
        pages = pages_of(render_pdf(Sealed.of(first)))
        assert "no lamp was measured, nothing is calibrated" in pages[0]
        assert all("SIMULATED" in page for page in pages)

    def test_a_real_one_is_not_called_simulated(self, pdf: bytes) -> None:
        assert "SIMULATED" not in said(pdf).upper()

    def test_a_first_calibration_claims_no_decision(self, first: dict[str, Any]) -> None:
        text = said(render_pdf(Sealed.of(first)))
        assert "No decision" in text
        assert "No calibration was in force" in text
        assert "Nothing was adjusted: as found is as left." in text
        assert "Nothing: no step was done again" in text

    def test_a_lamp_far_off_fails_in_plain_sight(self) -> None:
        text = said(render_pdf(Sealed.of(sealed(a_calibration(output=0.86)))))
        assert "FAIL" in text
        assert re.search(r"Error −14\.\d %, U [\d.]+ % \(k = 2\)", text)

    @pytest.mark.parametrize("repeats", [3, 12])
    def test_nothing_leaves_the_page(self, repeats: int) -> None:
        long = "Reflektorbeschichtungsabnutzungsbeurteilung_" * 9 + " and so on, " * 30
        events = a_calibration(repeats=repeats, condition=long, serial="IR-" + "0123456789" * 6)
        data = render_pdf(Sealed.of(sealed(events, station=dict(STATION) | {"owner": "O" * 200})))
        done = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=data, capture_output=True, check=True)
        root = ElementTree.fromstring(done.stdout)
        pages = root.findall(".//{*}page")
        assert pages
        for page in pages:
            width, height = float(page.get("width", "0")), float(page.get("height", "0"))
            words = page.findall("{*}word")
            assert len(words) > 40
            for word in words:
                box = [float(word.get(side, "nan")) for side in ("xMin", "xMax", "yMin", "yMax")]
                assert box[0] >= MARGIN_PT - 2, word.text
                assert box[1] <= width - MARGIN_PT + 2, word.text
                assert 0 < box[2] < box[3] < height, word.text

    def test_every_reading_is_printed(self, pdf: bytes, served: dict[str, Any]) -> None:
        text = "\n".join(pages_of(pdf))
        for stage in served["certificate"]["stages"].values():
            for reading in stage["readings"]:
                assert re.search(rf"{reading['reading_mw_cm2']:.3f} .*\b{reading['seq']}\b", text)


def _places(figure: str) -> int:
    return len(figure.partition(".")[2])


class TestFile:
    def test_the_same_payload_gives_the_same_bytes(self, served: dict[str, Any], pdf: bytes) -> None:
        assert render_pdf(Sealed.of(json.loads(as_file(served)))) == pdf

    def test_the_attachment_is_the_json_file_and_holds_every_reading(self, served: dict[str, Any], pdf: bytes) -> None:
        assert attached(pdf) == Sealed.of(served).as_json()
        assert json.loads(attached(pdf)) == served

    @pytest.mark.skipif(shutil.which("pdfdetach") is None, reason="pdfdetach is not installed")
    def test_others_find_the_attachment_too(self, pdf: bytes, served: dict[str, Any], tmp_path: Path) -> None:
        path = tmp_path / "certificate.pdf"
        path.write_bytes(pdf)
        subprocess.run(
            ["pdfdetach", "-save", "1", "-o", str(tmp_path / "out.json"), str(path)], check=True, capture_output=True
        )
        assert json.loads((tmp_path / "out.json").read_bytes()) == served

    def test_text_of_the_record_is_never_markup(self) -> None:
        events = a_calibration(adjusted='#panic("x") *bold* $1/0$ \u202e\x07', condition='#read("view.json")')
        told = view(Sealed.of(sealed(events)))
        assert '#panic("x") *bold* $1/0$' in told["results"][1]["text"]
        assert "\u202e" not in json.dumps(told, ensure_ascii=False)
        assert render_pdf(Sealed.of(sealed(events)))

    @pytest.mark.parametrize("number", ["../../etc/x", "", "-rf", "a b"])
    def test_a_number_that_is_no_file_name_is_refused(self, served: dict[str, Any], number: str) -> None:
        with pytest.raises(CertificateError, match=r"seal\.number"):
            Sealed.of(changed(served, "seal/number", number))

    def test_a_payload_without_its_parts_is_refused(self, served: dict[str, Any]) -> None:
        with pytest.raises(CertificateError, match=r"damaged.*stages"):
            render_pdf(
                Sealed.of(served | {"certificate": {k: v for k, v in served["certificate"].items() if k != "stages"}})
            )

    @settings(max_examples=25, deadline=None)
    @given(place=PLACES, value=st.sampled_from(WRONG))
    def test_whatever_stands_in_it_is_printed_or_refused(self, served: dict[str, Any], place: int, value: Any) -> None:
        path = _path(served, place)
        # Refused in words; anything else that is raised fails this test.
        with suppress(CertificateError):
            told = Sealed.of(changed(served, path, value))
            assert render_pdf(told).startswith(b"%PDF-")
            assert device_metrics(told)["resourceType"] == "Bundle"

    def test_whether_it_was_simulated_is_never_assumed(self) -> None:
        with pytest.raises(CertificateError, match="simulated"):
            render_pdf(Sealed.of(sealed(station={"name": "Bench"})))


class TestVerify:
    def test_an_honest_pdf_holds_with_the_stations_key(self, pdf: bytes) -> None:
        found = verify(pdf, [public()])
        assert found.ok
        assert found.number == NUMBER
        assert found.unchecked == ()
        assert any("which you trust" in text for text in found.holds)
        assert any("48 readings" in text for text in found.holds)
        assert any("byte for byte" in text for text in found.holds)

    def test_so_does_the_json(self, served: dict[str, Any]) -> None:
        assert verify(as_file(served), [public()]).ok

    def test_without_a_key_it_says_what_that_leaves_open(self, pdf: bytes, served: dict[str, Any]) -> None:
        found = verify(pdf)
        assert found.ok
        assert any("anybody can make one" in text for text in found.unchecked)
        bare = verify(as_file(changed(served, "seal/public_key", None)))
        assert any("none is in the file" in text for text in bare.unchecked)
        assert not any("signed by" in text for text in bare.holds)

    def test_simulated_is_said(self, first: dict[str, Any]) -> None:
        assert any("simulated" in text for text in verify(as_file(first), [public()]).unchecked)

    @pytest.mark.parametrize(
        ("path", "value", "says"),
        [
            (
                "certificate/stages/as-left/readings/3/reading_mw_cm2",
                lambda v: v + 0.4,
                "does not follow from the readings",
            ),
            ("certificate/stages/as-found/findings/points/2/budget/0/standard_uncertainty_pct", 0.4, "budget[0]"),
            ("certificate/stages/as-found/findings/verdict/decision", "pass", "verdict.decision"),
            ("certificate/record/expanded_uncertainty_pct", 2.0, "record.expanded_uncertainty_pct"),
            ("certificate/approved_by", TECHNICIAN, "took part"),
            ("certificate/lamp/condition", "as new", "its hash is another one"),
            ("certificate/number", "C-20261123-0002", "its hash is another one"),
            ("seal/number", "C-20261123-0002", "seal is that of certificate C-20261123-0002"),
            ("seal/signature", "0" * 128, "its signature does not match"),
            ("seal/key", "0" * 16, "not known here"),
            ("seal/signature", "zz", "seal.signature"),
            ("certificate/stages", {}, "damaged"),
            ("certificate", {}, "another one"),
        ],
    )
    def test_what_was_changed_is_named(
        self, served: dict[str, Any], path: str, value: Any | Callable[[Any], Any], says: str
    ) -> None:
        found = verify(as_file(changed(served, path, value)), [public()])
        assert not found.ok
        assert any(says in text for text in found.problems), found.problems

    @settings(max_examples=60, deadline=None)
    @given(place=PLACES, value=st.sampled_from(WRONG))
    def test_any_value_put_anywhere_is_found_and_nothing_breaks(
        self, served: dict[str, Any], place: int, value: Any
    ) -> None:
        path = _path(served, place)
        forged = changed(served, path, value)
        if forged != served:
            assert not verify(as_file(forged), [public()]).ok
        # And by somebody who can sign it: then it may hold, or not, but there is an answer.
        if isinstance(forged["certificate"], dict):
            assert verify(as_file(forged | {"seal": resealed(forged)}), [public()]) is not None

    def test_a_hash_made_to_fit_leaves_the_signature_behind(self, served: dict[str, Any]) -> None:
        forged = changed(served, "certificate/lamp/serial", "IR-2214-R")
        forged["seal"]["sha256"] = certificate.digest(forged["certificate"])
        assert any("signature does not match" in text for text in verify(as_file(forged)).problems)

    def test_the_signature_of_another_certificate_does_not_fit(
        self, served: dict[str, Any], first: dict[str, Any]
    ) -> None:
        assert not verify(as_file(served | {"seal": first["seal"]})).ok

    def test_another_keys_signature_passes_only_for_whom_trusts_it(self) -> None:
        other = as_file(sealed(key=ANOTHER_KEY))
        assert not verify(other, [public()]).ok
        assert verify(other, [public(), public(ANOTHER_KEY)]).ok

    def test_figures_are_checked_even_where_the_signer_changed_them(self) -> None:
        def flatter(payload: dict[str, Any]) -> None:
            payload["stages"]["as-left"]["findings"]["curve"]["expanded_pct"] = 2.0
            payload["record"]["expanded_uncertainty_pct"] = 2.0

        found = verify(as_file(sealed(edit=flatter)), [public()])
        assert any("signed by key" in text for text in found.holds)
        assert any("curve.expanded_pct: says 2.0" in text for text in found.problems)

    @pytest.mark.parametrize("left", [0, 3, 40, 5000, -2000, -300, -7])
    def test_a_file_cut_short_is_named(self, pdf: bytes, left: int) -> None:
        found = verify(pdf[:left], [public()])
        assert not found.ok
        assert "cannot be read as a certificate" in found.problems[0]

    def test_a_json_cut_short_is_named(self, served: dict[str, Any]) -> None:
        assert "only a part of it" in verify(as_file(served)[:-100]).problems[0]

    def test_pages_that_say_something_else_than_the_data_are_named(self, pdf: bytes) -> None:
        touched = pdf.replace(b"/Creator(Typst", b"/Creator(Tipst", 1)
        assert touched != pdf
        assert any("the pages are not those" in text for text in verify(touched, [public()]).problems)

    def test_pages_of_another_calibration_around_honest_data_are_named(self, pdf: bytes, first: dict[str, Any]) -> None:
        mixed = with_attachment(pdf, Sealed.of(first).as_json())
        assert json.loads(attached(mixed)) == first
        assert any("the pages are not those" in text for text in verify(mixed, [public()]).problems)

    def test_pages_by_another_version_are_left_open_not_accused(self) -> None:
        def older(payload: dict[str, Any]) -> None:
            payload["software"] = "irctl 0.0.9"

        data = sealed(edit=older)
        touched = render_pdf(Sealed.of(data)).replace(b"/Creator(Typst", b"/Creator(Tipst", 1)
        found = verify(touched, [public()])
        assert found.ok
        assert any("set by another version (irctl 0.0.9" in text for text in found.unchecked)

    def test_a_second_attachment_is_not_taken_for_the_first(self, pdf: bytes) -> None:
        extra = (
            b"9 0 obj\n<</Length 8/Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n12345678\nendstream\nendobj\n%%EOF"
        )
        assert "2 attachments" in verify(pdf + extra).problems[0]

    def test_an_attachment_that_would_fill_a_disk_is_not_unpacked(self, pdf: bytes) -> None:
        bomb = with_attachment(pdf, b" " * (40 * 2**20))
        assert "does not end where it should" in verify(bomb).problems[0]


class TestFhir:
    def metrics(self, served: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        bundle = device_metrics(Sealed.of(served), **options)
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
        resources = [entry["resource"] for entry in bundle["entry"]]
        urls = {entry["fullUrl"] for entry in bundle["entry"]}
        metrics = [r for r in resources if r["resourceType"] == "DeviceMetric"]
        assert all(m["source"]["reference"] in urls for m in metrics)
        return metrics

    def test_each_metric_has_what_r4_demands_and_its_calibration(self, served: dict[str, Any]) -> None:
        output, radiometer = self.metrics(served)
        for metric in (output, radiometer):
            assert metric["type"]["text"]
            assert metric["identifier"][0]["value"].startswith(NUMBER)
            assert metric["unit"]["coding"][0]["code"] == "mW/cm2"
        assert (output["category"], radiometer["category"]) == ("setting", "measurement")
        at = served["certificate"]["performed_at"]
        assert output["calibration"] == [{"type": "unspecified", "state": "calibrated", "time": at}]
        assert radiometer["calibration"] == [{"type": "gain", "state": "calibrated", "time": at}]

    def test_a_lamp_without_radiometer_has_one_metric_and_a_simulated_one_is_not_calibrated(
        self, first: dict[str, Any]
    ) -> None:
        (output,) = self.metrics(first)
        assert output["calibration"][0]["state"] == "not-calibrated"

    def test_what_lapsed_by_date_or_hours_must_be_calibrated(self, served: dict[str, Any]) -> None:
        later = datetime(2027, 11, 23, 10, tzinfo=UTC) + timedelta(days=1)
        assert self.metrics(served, at=later)[0]["calibration"][0]["state"] == "calibration-required"
        assert self.metrics(served, lamp_hours=913.0)[0]["calibration"][0]["state"] == "calibration-required"
        assert self.metrics(served, lamp_hours=911.0)[0]["calibration"][0]["state"] == "calibrated"

    def test_a_site_brings_its_own_codes(self, served: dict[str, Any]) -> None:
        coding = {"system": "urn:iso:std:iso:11073:10101", "code": "1"}
        example = load_codes()
        own = Code(text="output", mark="F", source="the site", **coding)
        codes = replace(example, codes={**example.codes, "metric-output": own})
        output, _ = self.metrics(served, codes=codes)
        assert output["type"]["coding"] == [coding]


class TestCommand:
    def test_verify_tells_in_words_and_by_its_exit_code(
        self, served: dict[str, Any], pdf: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good, bad, key = tmp_path / "good.pdf", tmp_path / "bad.json", tmp_path / "journal.pub"
        good.write_bytes(pdf)
        bad.write_bytes(as_file(changed(served, "certificate/approved_by", "A. N. Other")))
        key.write_text(public(ANOTHER_KEY).hex() + "\n" + public().hex() + "\n")
        assert app.run(["certificate", "verify", str(good), "--key", str(key)]) == exits.OK
        assert f"Certificate {NUMBER} holds." in capsys.readouterr().out
        assert app.run(["certificate", "verify", str(bad), "--key", str(key), "--json"]) == exits.DOES_NOT_HOLD
        assert json.loads(capsys.readouterr().out)["ok"] is False

    @pytest.mark.parametrize("content", ["", "not hexadecimal", None])
    def test_a_key_file_without_a_key_is_refused_not_ignored(
        self, pdf: bytes, tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file, key = tmp_path / "c.pdf", tmp_path / "journal.pub"
        file.write_bytes(pdf)
        if content is not None:
            key.write_text(content)
        assert app.run(["certificate", "verify", str(file), "--key", str(key)]) == exits.REFUSED
        assert "journal.pub" in capsys.readouterr().err

    def test_a_received_pdf_is_printed_anew_and_in_other_forms(
        self, pdf: bytes, served: dict[str, Any], tmp_path: Path
    ) -> None:
        received = tmp_path / "received.pdf"
        received.write_bytes(pdf)
        for name in ("again.pdf", "data.json", "ehr.fhir.json"):
            assert app.run(["certificate", "print", str(received), "--output", str(tmp_path / name)]) == exits.OK
        assert (tmp_path / "again.pdf").read_bytes() == pdf
        assert json.loads((tmp_path / "data.json").read_bytes()) == served
        assert json.loads((tmp_path / "ehr.fhir.json").read_bytes())["resourceType"] == "Bundle"

    def test_the_certificate_of_a_calibration_comes_from_the_controller(
        self, served: dict[str, Any], pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        monkeypatch.setattr(Controller, "get", lambda _, path: asked.append(path) or served)
        out = tmp_path / "out.pdf"
        assert app.run(["calibrations", "certificate", NUMBER, "--output", str(out)]) == exits.OK
        assert asked == [f"/v1/calibrations/{NUMBER}/certificate"]
        assert out.read_bytes() == pdf

    def test_verifying_loads_nothing_of_a_server(self, pdf: bytes, tmp_path: Path) -> None:
        file = tmp_path / "c.pdf"
        file.write_bytes(pdf)
        code = (
            "import sys; from irctl.cli import app; code = app.run(['certificate', 'verify', sys.argv[1]]); "
            "print(sorted(m for m in ('fastapi', 'uvicorn', 'irctl.bus') if m in sys.modules), code)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[] 0"
