"""What GET /metrics of a controller tells, each figure once: its name, kind, labels, unit and meaning. `scrape` reads the values.

Labels are names of the station file and words of irctl: no patient, no session, nobody's name.
"""

from __future__ import annotations

from irctl.exposition import Metric

STATION = "station"
"""A label of every figure but those of the process: the station's name."""
LAMP, LINE = ("lamp",), ("line",)

BUILD = Metric("irctl_build_info", "gauge", "Always 1; which irctl on which Python.", ("version", "python"))
SIMULATED = Metric("irctl_simulated", "gauge", "1: the station is simulated.")

LEASE = Metric("irctl_lamp_lease_seconds", "gauge", "How long light lasts that nobody renews, by what ends it.", ("lamp", "kind"), "seconds")  # fmt: skip
MARGIN = Metric("irctl_lease_margin_seconds", "histogram", "What was left of the emitter's lease when it had been renewed; 0: it had run out.", LAMP, "seconds")  # fmt: skip
MARGIN_LOWEST = Metric("irctl_lease_margin_lowest_seconds", "gauge", "The least of these since the controller's start; not there before the first.", LAMP, "seconds")  # fmt: skip
TICK_LATE = Metric("irctl_tick_lateness_seconds", "histogram", "How long after its moment each tick of a lit session began.", LAMP, "seconds")  # fmt: skip
STATUS = Metric("irctl_lamp_status", "gauge", "1 for what the lamp is: dark (and read back so), busy (a session), bench (lit with nobody under it), unverified (not known to be dark).", ("lamp", "status"))  # fmt: skip
READING_AGE = Metric("irctl_reading_age_seconds", "gauge", "Since the last good reading was asked for, by what is read; +Inf where there is none.", ("lamp", "kind"), "seconds")  # fmt: skip
INTERLOCK_AGE = Metric("irctl_interlock_age_seconds", "gauge", "The same of an interlock's contact.", ("interlock",), "seconds")  # fmt: skip

DARK = Metric("irctl_time_to_dark_seconds", "histogram", "From the decision (a stop, an end, a pause) until a lamp that had been lit read back dark.", LAMP, "seconds")  # fmt: skip
DARK_UNVERIFIED = Metric("irctl_dark_unverified_total", "counter", "Attempts at dark that nothing confirmed within the lease and a second.", LAMP)  # fmt: skip
DARK_BUDGET = Metric("irctl_line_time_to_dark_budget_seconds", "gauge", "The longest that the line may need to darken everything on it, computed from its baud rate, devices and time-outs.", LINE, "seconds")  # fmt: skip
LATCHED = Metric("irctl_stop_latched", "gauge", "1: a stop is in force, until a named person clears it.")

LINE_UP = Metric("irctl_line_up", "gauge", "1: the line can be used.", LINE)
LINE_CONNECTS = Metric("irctl_line_connects_total", "counter", "How often its port was opened.", LINE)
LINE_REQUESTS = Metric("irctl_line_requests_total", "counter", "Questions and commands that were sent and settled, well or not.", LINE)  # fmt: skip
LINE_ERRORS = Metric("irctl_line_errors_total", "counter", "Those that failed, by why (irctl.bus.errors); Preempted: given up for a stop.", ("line", "kind"))  # fmt: skip
LINE_REFUSED = Metric("irctl_line_refused_total", "counter", "Questions that the line did not take, by why.", ("line", "kind"))  # fmt: skip
LINE_BUSY = Metric("irctl_line_busy_seconds_total", "counter", "With a question under way; its rate is the share of the line's time, without the silences that a serial line keeps between frames.", LINE, "seconds")  # fmt: skip
LINE_ANSWER = Metric("irctl_line_answer_seconds", "summary", "From asking to the answer, waiting for its turn included; of those that were answered.", LINE, "seconds")  # fmt: skip
LINE_STRAY = Metric("irctl_line_stray_bytes_total", "counter", "Received when nothing was asked, or too late.", LINE, "bytes")  # fmt: skip
DEVICE_REQUESTS = Metric("irctl_device_requests_total", "counter", "Questions and commands to one device, settled well or not.", ("line", "device"))  # fmt: skip
DEVICE_ERRORS = Metric("irctl_device_errors_total", "counter", "Those that failed, by why; a kind is there from its first time on.", ("line", "device", "kind"))  # fmt: skip

SESSIONS = Metric("irctl_sessions_ended_total", "counter", "Sessions that ended since the controller's start, by how; interrupted: cut off by the end of the controller before.", ("lamp", "outcome"))  # fmt: skip
DOSE = Metric("irctl_dose_delivered_ratio", "histogram", "Their dose, best estimate, as a share of what was prescribed, by how they ended.", ("outcome",), "ratio")  # fmt: skip
DOSE_WIDTH = Metric("irctl_dose_half_width_ratio", "histogram", "Half the width of their dose's interval, as a share of what was prescribed.", ("outcome",), "ratio")  # fmt: skip
ALARMS = Metric("irctl_alarms_open", "gauge", "Alarms that nobody has acknowledged.", ("priority",))

JOURNAL_SEQ = Metric("irctl_journal_seq", "gauge", "Number of the journal's last event.")
JOURNAL_SYNC = Metric("irctl_journal_sync_seconds", "histogram", "How long an event took to be written and on the disk. Everything waits for it.", (), "seconds")  # fmt: skip
JOURNAL_FAILED = Metric("irctl_journal_failed", "gauge", "1: the journal cannot be written, so there is no light.")
ANCHOR_FAILED = Metric("irctl_journal_anchor_failed", "gauge", "1: the last signed head could not be kept outside the journal.")  # fmt: skip
JOURNAL_BYTES = Metric("irctl_journal_bytes", "gauge", "Size of the journal's current file.", (), "bytes")
DISK_FREE = Metric("irctl_journal_disk_free_bytes", "gauge", "Free on the disk that it lies on.", (), "bytes")

STREAMS = Metric("irctl_streams_open", "gauge", "Screens and programs that follow the station.")
STALL = Metric("irctl_loop_stall_seconds", "histogram", "How much later than every 0.1 s the controller's loop came round, as the watchdog sees it.", (), "seconds")  # fmt: skip

METRICS = (
    BUILD, SIMULATED,
    LEASE, MARGIN, MARGIN_LOWEST, TICK_LATE, STATUS, READING_AGE, INTERLOCK_AGE,
    DARK, DARK_UNVERIFIED, DARK_BUDGET, LATCHED,
    LINE_UP, LINE_CONNECTS, LINE_REQUESTS, LINE_ERRORS, LINE_REFUSED, LINE_BUSY, LINE_ANSWER, LINE_STRAY, DEVICE_REQUESTS, DEVICE_ERRORS,
    SESSIONS, DOSE, DOSE_WIDTH, ALARMS,
    JOURNAL_SEQ, JOURNAL_SYNC, JOURNAL_FAILED, ANCHOR_FAILED, JOURNAL_BYTES, DISK_FREE,
    STREAMS, STALL,
)  # fmt: skip
"""Everything that is told, in this order, beside `irctl.exposition.PROCESS`."""
