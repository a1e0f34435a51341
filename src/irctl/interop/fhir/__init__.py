"""FHIR R4 (4.0.1): a course of treatment as resources, checked and pushed to a server; a calibration; and what is taken from a server.

The mappings are tables (`course_tables`, `visit_tables`, `devices`) that `engine` reads; `r4` knows what R4 allows of them.
"""

from irctl.interop.fhir.bundle import bundle
from irctl.interop.fhir.calibration import device_metrics
from irctl.interop.fhir.check import check
from irctl.interop.fhir.codes import Codes, load_codes

__all__ = ["Codes", "bundle", "check", "device_metrics", "load_codes"]
