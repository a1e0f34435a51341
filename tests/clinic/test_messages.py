"""Messages to patients go out once, encrypted, to those who said yes, and say nothing in their subject that others should not read."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from irctl.clinic.care.consent import consent_of, consented, set_consent
from irctl.clinic.mailing import messages, post
from irctl.clinic.mailing.letters import Sort, letter
from irctl.clinic.mailing.mail import Line
from irctl.clinic.mailing.messages import KIND, MessageBody, State, listed, send_now, shown, withdraw, write
from irctl.clinic.office.notices import open_notices
from irctl.clinic.settings import AboutSection
from irctl.domain.problems import Refused
from irctl.records.papers import Paper, Wanted
from irctl.records.people import Person as Patient
from tests.clinic.letterbox import PASSWORD, USER, Letterbox, Office, a_certificate, a_server
from tests.clinic.nights import AUDITOR, DAY, HOUR, NOON, NURSE, a_patient


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return a_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def box() -> Letterbox:
    return Letterbox()


@pytest.fixture
def office(tmp_path: Path, box: Letterbox, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Office]:
    """With STARTTLS and one patient who said yes."""
    with a_server(box, contexts[0]) as port:
        one = Office(tmp_path, port, contexts[1])
        a_patient(one.desk, contact="+49 30 5550199, iris@example.org (evenings)")
        set_consent(one.desk, one.nurse, "P-1", True)
        yield one
        one.desk.database.close()


def states(office: Office) -> dict[str, str]:
    return {paper.id: paper.index.state for paper in office.desk.papers.find(KIND, Wanted())}


def only(office: Office) -> Paper:
    (paper,) = office.desk.papers.find(KIND, Wanted())
    return paper


def text(box: Letterbox, number: int = -1) -> str:
    return box.messages[number].get_content()  # type: ignore[no-any-return,attr-defined]


# --- what is said -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("sort", list(Sort))
def test_no_subject_names_an_illness_a_lamp_or_a_treatment_and_every_letter_says_how_to_answer(
    sort: Sort, language: str
) -> None:
    clinic = AboutSection(name="Lakeside {Clinic}", phone="+49 30 5550100")
    said = letter(sort, language, clinic, at=NOON, text="Bring {your} card")  # type: ignore[arg-type]
    forbidden = (
        "lamp",
        "light",
        "infrared",
        "infrarot",
        "pain",
        "schmerz",
        "treat",
        "behandl",
        "skin",
        "haut",
        "therap",
    )
    assert not any(word in said.subject.lower() for word in forbidden)
    assert "+49 30 5550100" in said.text
    assert "{call}" not in said.text
    assert "\n" not in said.subject


def test_a_reminder_says_when_in_the_patients_language_and_the_clinics_zone(office: Office, box: Letterbox) -> None:
    set_consent(office.desk, office.nurse, "P-1", True, "de")
    office.an_appointment(NOON + 25 * HOUR)
    office.work(1.2 * 3600)
    (message,) = box.messages
    assert message["Subject"] == "Ihr Termin am 6.3.2040"
    assert "um 13:00 Uhr" in text(box)
    assert message["To"] == "iris@example.org"
    assert "Novak" not in message.as_string()


# --- when -------------------------------------------------------------------------------------------------------------------


def test_a_reminder_waits_until_a_day_before_and_goes_once(office: Office, box: Letterbox) -> None:
    office.an_appointment(NOON + 3 * DAY)
    office.work(3600)
    assert list(states(office).values()) == ["waiting"]
    assert not box.envelopes
    office.work(2 * 86400, step=600)
    assert len(box.envelopes) == 1
    assert only(office).index.state == "sent"
    office.begin()
    office.work(86400, step=600)
    assert len(box.envelopes) == 1, "after a restart it does not go again"


def test_a_reminder_that_was_missed_goes_late_but_not_after_the_appointment(office: Office, box: Letterbox) -> None:
    office.an_appointment(NOON + 3 * DAY)
    office.an_appointment(NOON + 2 * DAY, "A-2")
    office.work(120)
    office.hands.go_on(2 * DAY + HOUR)
    office.begin()
    office.work(120)
    assert len(box.envelopes) == 1
    assert sorted(states(office).values()) == ["sent", "withdrawn"]


def test_who_booked_it_just_now_is_not_reminded_of_it(office: Office, box: Letterbox) -> None:
    office.an_appointment(NOON + 5 * HOUR)
    office.work(4 * 3600)
    assert not states(office)


def test_a_moved_appointment_moves_its_reminder(office: Office, box: Letterbox) -> None:
    one = office.an_appointment(NOON + 3 * DAY)
    office.work(120)
    office.moved(one, NOON + 5 * DAY)
    office.work(120)
    assert sorted(states(office).values()) == ["waiting", "withdrawn"]
    office.work(5 * 86400, step=1200)
    assert len(box.envelopes) == 1
    assert box.messages[0]["Subject"] == "Your appointment on 10 March 2040"


def test_who_was_reminded_of_the_old_time_is_told_the_new_one(office: Office, box: Letterbox) -> None:
    one = office.an_appointment(NOON + 30 * HOUR)
    office.work(7 * 3600, step=600)
    assert len(box.envelopes) == 1
    office.moved(one, NOON + 28 * HOUR)
    office.work(120)
    assert len(box.envelopes) == 2
    assert "at 16:00" in text(box)


def test_moved_there_and_back_it_goes_once(office: Office, box: Letterbox) -> None:
    one = office.an_appointment(NOON + 3 * DAY)
    office.work(120)
    office.moved(one, NOON + 5 * DAY)
    office.work(120)
    office.moved(one, NOON + 3 * DAY)
    office.work(3 * 86400, step=1200)
    assert len(box.envelopes) == 1
    assert box.messages[0]["Subject"] == "Your appointment on 8 March 2040"


def test_a_cancelled_appointment_is_not_reminded_of_even_when_nobody_has_looked_since(
    office: Office, box: Letterbox
) -> None:
    one = office.an_appointment(NOON + 25 * HOUR)
    office.work(120)
    office.hands.go_on(2 * HOUR)
    office.cancelled(one)
    office.post._plan_at_s = float("inf")  # type: ignore[reportPrivateUsage]
    office.work(120)
    assert not box.envelopes
    assert messages.body_of(only(office)).why == "the appointment is cancelled"


def test_after_a_visit_comes_what_to_watch_for_and_a_day_later_how_it_went(office: Office, box: Letterbox) -> None:
    office.a_visit()
    office.work(120)
    assert [message["Subject"] for message in box.messages] == ["After your visit"]
    for private in ("lumbago", "lower back", "left"):
        assert private not in text(box)
    office.work(86400, step=600)
    assert [message["Subject"] for message in box.messages][1:] == ["How are you after your visit?"]


@pytest.mark.parametrize("state", ["refused", "open", "armed"])
def test_without_light_nothing_is_to_watch_for(office: Office, state: str) -> None:
    office.a_visit(state=state)
    office.work(120)
    assert not states(office)


# --- who wants it -----------------------------------------------------------------------------------------------------------


def test_nobody_gets_a_message_who_was_not_asked_or_said_no(office: Office, box: Letterbox) -> None:
    a_patient(office.desk, "P-2")
    a_patient(office.desk, "P-3")
    set_consent(office.desk, office.nurse, "P-3", False)
    office.an_appointment(NOON + 25 * HOUR, "A-2", "P-2")
    office.an_appointment(NOON + 25 * HOUR, "A-3", "P-3")
    office.work(7200)
    assert not states(office)
    for patient in ("P-2", "P-3"):
        with pytest.raises(Refused, match="has not said yes"):
            write(office.desk, office.nurse, patient, "Hello")


def test_who_takes_the_yes_back_gets_nothing_that_waits(office: Office, box: Letterbox) -> None:
    office.an_appointment(NOON + 25 * HOUR)
    office.work(120)
    set_consent(office.desk, office.nurse, "P-1", False)
    assert not consented(office.desk, "P-1")
    office.work(7200)
    assert not box.envelopes
    assert only(office).index.state == "withdrawn"
    set_consent(office.desk, office.nurse, "P-1", True)
    office.work(120)
    assert len(box.envelopes) == 1, "and does again after another yes"


def test_a_consent_says_who_asked_and_keeps_its_history(office: Office) -> None:
    set_consent(office.desk, office.nurse, "P-1", True)
    set_consent(office.desk, office.nurse, "P-1", False)
    found = consent_of(office.desk, "P-1")
    assert found is not None
    assert (found.yes, found.by) == (False, NURSE.login)
    assert [version.body["yes"] for version in office.desk.papers.versions("consent", "P-1")] == [True, False]
    with pytest.raises(Refused, match="is nobody here"):
        set_consent(office.desk, office.nurse, "P-99", True)
    with pytest.raises(Refused, match="edit-patient"):
        set_consent(office.desk, office.desk.acting(AUDITOR), "P-1", True)


def test_without_an_address_it_is_shown_as_failed_and_can_be_sent_once_there_is_one(
    office: Office, box: Letterbox
) -> None:
    a_patient(office.desk, "P-2", contact="+49 30 5550198 @home")
    set_consent(office.desk, office.nurse, "P-2", True)
    office.an_appointment(NOON + 30 * HOUR, "A-2", "P-2")
    office.work(600)
    assert only(office).index.state == "failed"
    person = office.desk.patients.show("P-2", NURSE.login, "contact", office.desk.now()).person
    better = Patient(person.name, person.born, person.number, "p2@example.org")
    office.desk.patients.amend("P-2", 1, better, NURSE.login, "asked", office.desk.now())
    send_now(office.desk, office.nurse, only(office).id)
    office.work(120)
    assert box.messages[0]["To"] == "p2@example.org"


def test_the_address_is_the_one_of_the_moment_it_leaves(office: Office, box: Letterbox) -> None:
    office.an_appointment(NOON + 25 * HOUR)
    office.work(120)
    person = office.desk.patients.show("P-1", NURSE.login, "contact", office.desk.now()).person
    moved = Patient(person.name, person.born, person.number, "new@example.org")
    office.desk.patients.amend("P-1", 1, moved, NURSE.login, "moved", office.desk.now())
    office.work(7200)
    assert [envelope.rcpt_tos for envelope in box.envelopes] == [["new@example.org"]]


# --- one's own --------------------------------------------------------------------------------------------------------------


def test_ones_own_message_goes_at_the_next_round_under_the_clinics_subject(office: Office, box: Letterbox) -> None:
    write(
        office.desk, office.nurse, "P-1", "Please bring your referral.\nBcc: everybody@example.org\n.\nThank you. Grüße"
    )
    office.work(60)
    (message,) = box.messages
    assert message["Subject"] == "A message from Lakeside Clinic"
    assert message["Bcc"] is None
    assert "Bcc: everybody@example.org\n.\nThank you. Grüße" in text(box).replace("\r\n", "\n")
    assert box.envelopes[0].rcpt_tos == ["iris@example.org"]


def test_what_waits_can_be_withdrawn_and_then_never_goes(office: Office, box: Letterbox) -> None:
    office.an_appointment(NOON + 25 * HOUR)
    office.work(120)
    withdraw(office.desk, office.nurse, only(office).id)
    office.work(7200)
    assert not box.envelopes
    with pytest.raises(Refused, match="is withdrawn already"):
        send_now(office.desk, office.nurse, only(office).id)


def test_a_look_at_a_text_is_a_look_at_the_patient(office: Office) -> None:
    paper = write(office.desk, office.nurse, "P-1", "Please bring your referral.")
    assert "referral" in shown(office.desk, office.nurse, paper.id).text
    (seen,) = [view for view in office.desk.patients.views("P-1") if view["why"] == f"message {paper.id}"]
    assert seen["by"] == NURSE.login
    for deny in (
        lambda acting: shown(office.desk, acting, paper.id),
        lambda acting: listed(office.desk, acting, ["waiting"]),
    ):
        with pytest.raises(Refused, match="schedule is for"):
            deny(office.desk.acting(AUDITOR))


def test_neither_text_nor_address_lies_readable_in_the_database(office: Office) -> None:
    write(office.desk, office.nurse, "P-1", "Please bring your referral.")
    office.work(60)
    office.desk.database.close()
    kept = b"".join(path.read_bytes() for path in office.state.glob("records.sqlite*"))
    assert b"referral" not in kept
    assert b"iris@example.org" not in kept
    assert not any("iris" in str(line) for line in office.log.lines)


# --- at most once -----------------------------------------------------------------------------------------------------------


def test_a_crash_while_it_is_handed_in_sends_nothing_twice_and_is_told(
    office: Office, box: Letterbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    real = Line.send

    def cut(*args: object, **given: object) -> None:
        real(*args, **given)  # type: ignore[arg-type]
        raise PowerCut

    write(office.desk, office.nurse, "P-1", "Hello")
    with monkeypatch.context() as patch:
        patch.setattr(Line, "send", cut)
        with pytest.raises(PowerCut):
            office.work(60)
    assert only(office).index.state == "sending"
    office.begin()
    office.work(600)
    assert len(box.envelopes) == 1
    assert only(office).index.state == "unsure"
    (notice,) = open_notices(office.desk)
    assert "may have been sent" in notice.text
    assert "P-1" in notice.text
    assert "Novak" not in notice.text


def test_a_line_that_breaks_after_the_text_leaves_it_unsure_and_it_is_not_sent_again(
    office: Office, box: Letterbox
) -> None:
    box.at_data = [None]
    write(office.desk, office.nurse, "P-1", "Hello")
    office.work(7200)
    assert len(box.envelopes) == 1
    assert only(office).index.state == "unsure"
    send_now(office.desk, office.nurse, only(office).id)
    office.work(60)
    assert [message["Message-ID"] for message in box.messages] == [box.messages[0]["Message-ID"]] * 2, "a person may"


def test_a_server_that_asks_for_patience_gets_it_again_later(office: Office, box: Letterbox) -> None:
    box.at_rcpt = ["451 4.7.1 try again later"]
    box.at_data = ["452 4.3.1 no space"]
    write(office.desk, office.nurse, "P-1", "Hello")
    office.work(30, step=10)
    assert only(office).index.state == "waiting"
    assert not open_notices(office.desk)
    office.work(60, step=10)
    assert not box.envelopes
    office.work(400)
    assert len(box.envelopes) == 1
    assert messages.body_of(only(office)).attempts == 3


def test_after_a_day_of_asking_for_patience_it_has_failed(office: Office, box: Letterbox) -> None:
    box.at_rcpt = ["451 4.7.1 try again later"] * 50
    write(office.desk, office.nurse, "P-1", "Hello")
    office.work(2 * 86400, step=600)
    assert only(office).index.state == "failed"
    assert len(box.at_rcpt) == 50 - post.ATTEMPTS_MAX
    assert len(open_notices(office.desk)) == 1


def test_an_address_that_is_refused_fails_at_once_and_is_told_without_the_address(
    office: Office, box: Letterbox
) -> None:
    box.at_rcpt = ["550 5.1.1 <iris@example.org>: no such mailbox"]
    write(office.desk, office.nurse, "P-1", "Hello")
    office.work(7200)
    assert only(office).index.state == "failed"
    (notice,) = open_notices(office.desk)
    assert "no such mailbox" in notice.text
    assert "iris@" not in notice.text
    assert not box.at_rcpt


# --- in clear, or not at all ------------------------------------------------------------------------------------------------


def test_what_leaves_is_encrypted_and_signed_in_with_the_password_of_its_file(
    tmp_path: Path, box: Letterbox, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with a_server(box, contexts[0], auth_required=True) as port:
        office = Office(tmp_path, port, contexts[1], user=USER, password_file="mail.password")
        a_patient(office.desk)
        set_consent(office.desk, office.nurse, "P-1", True)
        write(office.desk, office.nurse, "P-1", "Hello")
        secret = tmp_path / "mail.password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        office.work(60)
        assert "can be read by others" in open_notices(office.desk)[0].text
        secret.write_text("wrong")
        secret.chmod(0o600)
        office.work(600)
        assert "535" in open_notices(office.desk)[0].text
        assert PASSWORD not in open_notices(office.desk)[0].text
        assert not box.envelopes
        secret.write_text(PASSWORD + "\n")
        office.work(1800)
        assert box.signed_in == [USER]
        assert box.in_clear == [False]
        assert not open_notices(office.desk), "it settles itself"


def test_a_server_without_starttls_gets_nothing_unless_the_file_says_none(tmp_path: Path, box: Letterbox) -> None:
    with a_server(box, None) as port:
        office = Office(tmp_path, port)
        a_patient(office.desk)
        set_consent(office.desk, office.nurse, "P-1", True)
        write(office.desk, office.nurse, "P-1", "Hello")
        office.work(3600)
        assert not box.envelopes
        assert only(office).index.state == "waiting"
        (notice,) = open_notices(office.desk)
        assert "STARTTLS" in notice.text
        section = office.desk.file.mail
        assert section is not None
        office.desk.file = office.desk.file.model_copy(update={"mail": section.model_copy(update={"security": "none"})})
        office.begin()
        office.work(60)
        assert box.in_clear == [True]


def test_a_server_with_another_certificate_gets_nothing(
    tmp_path: Path, box: Letterbox, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with a_server(box, contexts[0]) as port:
        office = Office(tmp_path, port)  # trusts this computer's authorities, not this one
        a_patient(office.desk)
        set_consent(office.desk, office.nurse, "P-1", True)
        write(office.desk, office.nurse, "P-1", "Hello")
        office.work(60)
        assert not box.envelopes
        assert "certificate" in open_notices(office.desk)[0].text.lower()


def test_a_password_is_never_sent_in_clear_to_another_computer(tmp_path: Path) -> None:
    office = Office(tmp_path, 1, host="mail.example", security="none", user=USER, password_file="mail.password")
    a_patient(office.desk)
    set_consent(office.desk, office.nurse, "P-1", True)
    write(office.desk, office.nurse, "P-1", "Hello")
    office.work(60)
    assert "would be sent in clear" in open_notices(office.desk)[0].text


def test_a_server_that_is_away_is_told_once_and_everything_waits(
    tmp_path: Path, box: Letterbox, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with a_server(box, contexts[0]) as port:
        pass
    office = Office(tmp_path, port, contexts[1])
    a_patient(office.desk)
    set_consent(office.desk, office.nurse, "P-1", True)
    write(office.desk, office.nurse, "P-1", "Hello")
    office.work(3600, step=10)
    tries = office.log.named("mail.unreachable")
    assert len(tries) == 1
    assert [notice.about for notice in open_notices(office.desk)] == ["mail"]
    assert MessageBody.model_validate(only(office).body).attempts == 0
    assert State(only(office).index.state) is State.WAITING


def test_without_a_mail_server_everything_waits_until_it_is_of_no_use(office: Office) -> None:
    office.post = post.Post(office.desk, None, office.hands.clocks(), office.log)
    office.an_appointment(NOON + 30 * HOUR)
    office.work(7 * 3600)
    assert only(office).index.state == "waiting"
    office.work(24 * 3600, step=600)
    assert only(office).index.state == "withdrawn"
