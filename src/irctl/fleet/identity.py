"""What a controller or a clinic shows to be itself: a key, and a certificate that it signed itself. The other side knows exactly that certificate; nobody stands above them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from irctl.domain.problems import Problem, Refused
from irctl.whole_file import EVERYBODY_READS, OWNER_ONLY, write_whole

FOLDER = "fleet"
"""In the state folder of either side."""
KEY, CERTIFICATE = "own.key", "own.crt"
LIFETIME = timedelta(days=3653)
"""Ten years. What ends a pairing is another pairing, not a date that finds a clinic unprepared; `irctl doctor` tells the last months."""
BEGINS_BEFORE = timedelta(days=1)
"""The other side's clock may be late."""
NAME_MAX = 64
"""Of a common name, in X.509."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and its certificate, both PEM."""

    key: bytes
    certificate: bytes

    @classmethod
    def new(cls, name: str, now: datetime | None = None) -> Identity:
        """`name`: for people who look at the certificate; nothing is decided by it."""
        at = now or datetime.now(UTC)
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:NAME_MAX])])
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - BEGINS_BEFORE)
            .not_valid_after(at + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .sign(key, SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(private, built.public_bytes(Encoding.PEM))

    def keep(self, state: Path) -> None:
        """Raises OSError."""
        folder = state / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        write_whole(folder / KEY, self.key, OWNER_ONLY)
        write_whole(folder / CERTIFICATE, self.certificate, EVERYBODY_READS)


def own(state: Path, name: str) -> Identity:
    """The state folder's, made where there is none. Raises Refused."""
    folder = state / FOLDER
    try:
        if not (folder / KEY).exists():
            Identity.new(name).keep(state)
        return Identity((folder / KEY).read_bytes(), (folder / CERTIFICATE).read_bytes())
    except OSError as error:
        remedy = "Check the state folder, its rights and space; run this as the user that the service runs as"
        raise Refused([Problem("state", str(folder), error.strerror or str(error), remedy)]) from None


def fingerprint(der: bytes) -> bytes:
    """SHA-256 of a certificate."""
    return hashlib.sha256(der).digest()


def expires(path: Path) -> datetime:
    """Until when a certificate's file holds. Raises OSError, ValueError."""
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
