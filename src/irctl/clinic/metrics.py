"""What GET /metrics of a clinic tells, each figure once: its name, kind, labels, unit and meaning. `scrape` reads the values.

Labels are names of the clinic's file and words of irctl: no patient, no login, nobody's name.
"""

from __future__ import annotations

from irctl.exposition import Metric

STATION, SYSTEM = ("station",), ("system",)
"""As the clinic's file calls them."""

BUILD = Metric("irctl_clinic_build_info", "gauge", "Always 1; which irctl on which Python.", ("version", "python"))
EVENTS_BEHIND = Metric("irctl_clinic_journal_behind_events", "gauge", "Events of the station's journal that the clinic has heard of and that are not in the records; up to four seconds of samples during a session.", STATION)  # fmt: skip
BEHIND = Metric("irctl_clinic_journal_behind_seconds", "gauge", "Since the records last held everything that the journal told then; without a station or a database it grows.", STATION, "seconds")  # fmt: skip
CONTACT = Metric("irctl_clinic_station_contact_age_seconds", "gauge", "Since the station answered last; +Inf where it never has.", STATION, "seconds")  # fmt: skip
PROJECTION_ERRORS = Metric("irctl_clinic_projection_errors_total", "counter", "Attempts to take over a journal that failed: nobody answers there (station), the records cannot be used (database), what is told does not fit what is known (journal).", ("station", "kind"))  # fmt: skip
DATABASE_UP = Metric("irctl_clinic_database_up", "gauge", "1: the records answered within three seconds. What is read from them is told only then.")  # fmt: skip
DATABASE_BYTES = Metric("irctl_clinic_database_bytes", "gauge", "Size of the records on their disk.", (), "bytes")
OUTBOX = Metric("irctl_clinic_outbox_parcels", "gauge", "What waits to be sent, and what its receiver refused until a person has decided.", ("system", "state"))  # fmt: skip
OUTBOX_OLDEST = Metric("irctl_clinic_outbox_oldest_age_seconds", "gauge", "How long the oldest of these has been there; 0 where there is none.", SYSTEM, "seconds")  # fmt: skip
INBOX = Metric("irctl_clinic_inbox_items", "gauge", "What other systems told and nobody has taken over or set aside.")
INBOX_OLDEST = Metric("irctl_clinic_inbox_oldest_age_seconds", "gauge", "How long the oldest of these has been there; 0 where there is none.", (), "seconds")  # fmt: skip
SIGN_INS_FAILED = Metric("irctl_clinic_sign_ins_failed_total", "counter", "In the audit since the clinic began: sign-in-failed (a wrong login or password, for a signature, too), sign-in-refused (after too many of them), pin-wrong.", ("kind",))  # fmt: skip
BACKUP_AT = Metric("irctl_clinic_backup_last_success_timestamp_seconds", "gauge", "When the last back-up was made and examined, since the epoch; 0: never.", (), "seconds")  # fmt: skip
BACKUP_FAILED = Metric("irctl_clinic_backup_failed", "gauge", "1: the last attempt at a back-up failed.")

METRICS = (
    BUILD, EVENTS_BEHIND, BEHIND, CONTACT, PROJECTION_ERRORS, DATABASE_UP, DATABASE_BYTES,
    OUTBOX, OUTBOX_OLDEST, INBOX, INBOX_OLDEST, SIGN_INS_FAILED, BACKUP_AT, BACKUP_FAILED,
)  # fmt: skip
"""Everything that is told, beside `irctl.exposition.PROCESS`."""
