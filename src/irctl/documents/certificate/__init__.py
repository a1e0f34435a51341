"""The calibration certificate: made from the signed payload alone, and checked again from nothing but the file.

`Sealed` is the payload with its signature, `render_pdf` sets it for people with its JSON attached, `device_metrics` tells an EHR, `verify` needs no server.
"""

from irctl.documents.attachment import attached, is_pdf
from irctl.documents.certificate.fhir import Codes, device_metrics
from irctl.documents.certificate.pdf import render_pdf
from irctl.documents.certificate.sealed import CertificateError, Sealed
from irctl.documents.certificate.verification import verify
from irctl.documents.verified import Verified

__all__ = [
    "CertificateError",
    "Codes",
    "Sealed",
    "Verified",
    "attached",
    "device_metrics",
    "is_pdf",
    "render_pdf",
    "verify",
]
