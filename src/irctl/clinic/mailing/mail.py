"""Handing messages in at a mail server: encrypted unless the file says otherwise, and with an answer that says whether one was taken, was not, or may have been."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from pathlib import Path

from irctl.clinic.mailing.letters import Letter
from irctl.clinic.settings import MailSection

ANSWER_MAX_S = 30.0
REPLY_MAX = 300


class Unreachable(Exception):
    """Nothing was handed in, and nothing else would be: the server, its certificate or its password. `remedy` says what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


class NotTaken(Exception):
    """This message certainly was not taken. `for_good`: trying again would not help."""

    def __init__(self, text: str, *, for_good: bool) -> None:
        super().__init__(text)
        self.for_good = for_good


class Unsure(Exception):
    """The line broke after the text had left and before the server said that it has it."""


class Mail:
    """One mail server. `context`: what its certificate is checked with; the computer's own authorities where not given."""

    def __init__(self, section: MailSection, state: Path, context: ssl.SSLContext | None = None) -> None:
        self._section, self._state = section, state
        self._context = context

    @contextmanager
    def line(self) -> Generator[Line]:
        """A line to the server, encrypted and signed in as its section says. Raises Unreachable, before anything was sent."""
        smtp = self._opened()
        try:
            yield Line(smtp, self._section.sender)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _opened(self) -> smtplib.SMTP:
        section = self._section
        remedy = "Check [mail] host, port and security, and the network"
        smtp: smtplib.SMTP | None = None
        try:
            password = self._password()
            context = self._context or ssl.create_default_context()
            if section.security == "tls":
                smtp = smtplib.SMTP_SSL(section.host, section.port, timeout=ANSWER_MAX_S, context=context)
            else:
                smtp = smtplib.SMTP(section.host, section.port, timeout=ANSWER_MAX_S)
            smtp.ehlo_or_helo_if_needed()
            if section.security == "starttls":
                smtp.starttls(context=context)
                smtp.ehlo()
            if section.user is not None:
                remedy = "Check [mail] user and password_file"
                smtp.login(section.user, password)
        except (OSError, smtplib.SMTPException) as error:  # ssl.SSLError is an OSError
            if smtp is not None:
                smtp.close()
            raise Unreachable(f"{section.host}: {_said(error)}", remedy) from None
        return smtp

    def _password(self) -> str:
        """Raises Unreachable."""
        section = self._section
        if section.user is None:
            return ""
        if section.security == "none" and not _here(section.host):
            raise Unreachable(
                f"{section.host}: its password would be sent in clear", 'Set [mail] security = "starttls" or "tls"'
            )
        if section.password_file is None:
            raise Unreachable("there is a user without a password", "Name the file: [mail] password_file")
        path = self._state / section.password_file
        try:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise Unreachable(f"{path.name} can be read by others", f"chmod 600 {path}")
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise Unreachable(
                f"{path.name}: {reason or error}", "Check its name and rights: [mail] password_file"
            ) from None


class Line:
    """One connection, on which messages go one after the other."""

    def __init__(self, smtp: smtplib.SMTP, sender: str) -> None:
        self._smtp, self._sender = smtp, sender

    def send(self, id: str, to: str, letter: Letter, at: datetime) -> None:
        """Returns once the server has taken it. Raises NotTaken, Unsure."""
        address = parseaddr(self._sender)[1]
        message = EmailMessage(policy=LINES)
        message["From"], message["To"], message["Subject"] = self._sender, to, letter.subject
        message["Date"] = format_datetime(at)
        # The same whenever it is sent, so that whoever gets it twice sees it once.
        message["Message-ID"] = f"<{id}@{address.partition('@')[2] or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text, cte="quoted-printable")
        try:
            self._smtp.rset()
            _expect(250, self._smtp.mail(address), to)
            _expect(250, self._smtp.rcpt(to), to)
            _expect(354, self._smtp.docmd("DATA"), to)
        except (OSError, smtplib.SMTPException) as error:
            raise NotTaken(_said(error), for_good=False) from None
        try:
            self._smtp.send(f"{smtplib.quotedata(message.as_string())}.\r\n")
            answer = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unsure(_said(error)) from None
        _expect(250, answer, to)


def _expect(code: int, answer: tuple[int, bytes], to: str) -> None:
    found, said = answer
    if found == code or (code == 250 and found == 251):
        return
    text = said.decode("utf-8", "replace")[:REPLY_MAX].replace(to, "the address")
    raise NotTaken(f"{found} {text}", for_good=500 <= found < 600)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"[:REPLY_MAX]
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _here(host: str) -> bool:
    """Whether the server is this computer itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
