"""One session as evidence in one file: made for somebody outside, and checked by them from nothing but the file.

`made` puts together what is known of the session, `render_pdf` sets its treatment note with all of it attached, `verify` needs no server, `chains` leads from
each statement to the events, the calibration and the meter's certificate behind it.
"""

from irctl.documents.exported.form import Exported, read
from irctl.documents.exported.making import Sign, calibration_of, made, render_pdf
from irctl.documents.exported.tracing import Chain, chains
from irctl.documents.exported.verification import verify

__all__ = ["Chain", "Exported", "Sign", "calibration_of", "chains", "made", "read", "render_pdf", "verify"]
