"""A real mail server on this machine, and a clinic that sends to it."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from irctl.clinic.acting import Acting
from irctl.clinic.mailing.mail import Mail
from irctl.clinic.mailing.post import Post
from irctl.clinic.settings import MailSection
from irctl.records.papers import Index, Paper
from tests.clinic.nights import NOON, NURSE, Log, a_desk
from tests.hands import Hands

USER, PASSWORD = "clinic", "quiet harbour 17"


class Letterbox:
    """What arrived, and how it answers: each of `answers` once, to the recipient or to the text."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.in_clear: list[bool] = []
        self.at_rcpt: list[str] = []
        self.at_data: list[str | None] = []
        self.signed_in: list[str] = []

    @property
    def messages(self) -> list[Message]:
        return [message_from_bytes(one.content or b"", policy=default) for one in self.envelopes]  # type: ignore[arg-type]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_rcpt:
            return self.at_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer: str | None = self.at_data.pop(0) if self.at_data else "250 OK"
        if answer is None or answer.startswith("250"):
            self.envelopes.append(envelope)
            self.in_clear.append(session.ssl is None)
        if answer is None:
            assert server.transport is not None
            server.transport.abort()  # it has it, and nobody hears that it has
            return "250 OK"
        return answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        if good:
            self.signed_in.append(data.login.decode())
        return AuthResult(success=good, handled=good)


@contextmanager
def a_server(box: Letterbox, context: ssl.SSLContext | None, **options: Any) -> Iterator[int]:
    """Its port. With `context` it offers STARTTLS, and takes nothing before it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=context is not None,
        authenticator=box.authenticate,
        **options,
    )
    server.start()
    try:
        yield port
    finally:
        server.stop()


def a_certificate(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server, and what a client trusts it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, private)
    return server, ssl.create_default_context(cafile=str(certificate))


class Office:
    """The clinic's post at work, on clocks that are moved by hand."""

    def __init__(self, state: Path, port: int, context: ssl.SSLContext | None = None, **mail: Any) -> None:
        self.state, self.hands, self.log, self._context = state, Hands(NOON), Log(), context
        told = {"host": "localhost", "port": port, "sender": "Lakeside Clinic <office@clinic.example>", **mail}
        self.desk = a_desk(state, self.hands, mail=told)
        self.begin()

    def begin(self) -> None:
        section = self.desk.file.mail
        assert isinstance(section, MailSection)
        self.post = Post(self.desk, Mail(section, self.state, self._context), self.hands.clocks(), self.log)

    def work(self, seconds: float = 0.0, step: float = 60.0) -> None:
        """As time goes by."""
        self.hands.go_on(dt.timedelta(seconds=11))
        self.post.tick()
        while seconds > 0:
            self.hands.go_on(dt.timedelta(seconds=min(step, seconds)))
            self.post.tick()
            seconds -= step

    @property
    def nurse(self) -> Acting:
        return self.desk.acting(NURSE)

    def an_appointment(self, at: dt.datetime, name: str = "A-1", patient: str = "P-1") -> Paper:
        index = Index(patient, at, "planned", "C-1")
        return self.desk.papers.new("appointment", name, {"at": at.isoformat()}, NURSE, self.desk.now(), index)

    def moved(self, paper: Paper, at: dt.datetime) -> Paper:
        found = self.desk.papers.get("appointment", paper.id)
        body = {"at": at.isoformat(), "from": found.number}
        now = self.desk.now()
        return self.desk.papers.amend("appointment", paper.id, found.number, body, NURSE, "moved", now, moment=at)

    def cancelled(self, paper: Paper) -> None:
        found = self.desk.papers.get("appointment", paper.id)
        body = {**found.body, "state": "cancelled"}
        now = self.desk.now()
        self.desk.papers.amend("appointment", paper.id, found.number, body, NURSE, "ill", now, state="cancelled")

    def a_visit(self, name: str = "V-1", patient: str = "P-1", state: str = "given") -> Paper:
        now = self.desk.now()
        after = {"by": NURSE.login, "at": now.isoformat(), "nprs": 3, "skin": "as before"}
        body = {"area": "lower back", "lamp": "left", "diagnosis": "lumbago", "after": after}
        return self.desk.papers.new("visit", name, body, NURSE, now, Index(patient, now, state, "C-1"))
