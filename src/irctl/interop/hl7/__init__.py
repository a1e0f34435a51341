"""HL7 v2.5.1: charges (DFT^P03) and results (ORU^R01) of a visit, appointments (SIU) and patients (ADT) from other systems, over MLLP."""

from irctl.interop.hl7.mllp import Mllp, Receiver, serve
from irctl.interop.hl7.outgoing import Naming, charges, load_naming, results
from irctl.interop.hl7.reading import Appointment, Event, HlError, PatientNews, read_message

__all__ = [
    "Appointment",
    "Event",
    "HlError",
    "Mllp",
    "Naming",
    "PatientNews",
    "Receiver",
    "charges",
    "load_naming",
    "read_message",
    "results",
    "serve",
]
