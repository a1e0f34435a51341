"""What a clinic may choose of its note, and what stays whatever it chooses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from irctl.documents import NoteTemplate, SessionNote, render_pdf, render_png, session_note
from irctl.documents.sample import sample_note
from tests.documents import worlds
from tests.documents.test_session_note import needs_poppler, said

OWN = NoteTemplate(
    "Our note #panic()", "Example clinic, 1 Invented Street.", "Call us when the skin is red.", label="session-note version 2, 0123456789ab"
)  # fmt: skip
BARE = replace(OWN, graph=False, uncertainty=False, happenings=False, signature=False)


@pytest.fixture(scope="module")
def note() -> SessionNote:
    return session_note(worlds.with_station(worlds.stopped(), simulated=True), worlds.SESSION)


@needs_poppler
def test_the_clinics_own_words_are_printed_as_they_are_with_the_version_they_come_from(note: SessionNote) -> None:
    told = said(render_pdf(note, chosen=OWN))
    for words in (OWN.title, OWN.introduction, OWN.closing, OWN.label, "What happened", "Signature"):
        assert words in told


@needs_poppler
def test_optional_parts_are_left_out_and_what_must_not_be_missed_stays(note: SessionNote) -> None:
    whole, told = said(render_pdf(note)), said(render_pdf(note, chosen=BARE))
    for optional in ("What happened", "Meaning of the signature", "radiometer calibration", "min since first light"):
        assert optional in whole
        assert optional not in told
    for kept in ("Stopped", "at least", "at most", "SIMULATED", "not a certified medical device", "Head"):
        assert kept in told
    assert "No light was emitted" not in told


def test_the_sample_is_simulated_and_fits_one_page_with_every_optional_part() -> None:
    assert sample_note().simulated
    (page,) = render_png(sample_note(), OWN)
    assert page.startswith(b"\x89PNG")
