"""The calibration certificate: made from the signed payload alone, and checked again from nothing but the file.

`Sealed` is the payload with its signature, `render_pdf` sets it for people with its JSON attached, `verify` needs no server.
"""

from irctl.documents.attachment import attached, is_pdf
from irctl.documents.certificate.pdf import render_pdf
from irctl.documents.certificate.sealed import CertificateError, Sealed
from irctl.documents.certificate.verification import verify
from irctl.documents.verified import Verified

__all__ = [
    "CertificateError",
    "Sealed",
    "Verified",
    "attached",
    "is_pdf",
    "render_pdf",
    "verify",
]
