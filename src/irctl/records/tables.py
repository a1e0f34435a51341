"""The tables, the same on SQLite and PostgreSQL. Names carry their units; moments are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """A moment, always UTC. SQLite drops an offset silently, so none is given to it; a moment without one is an error here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
Json = JSON(none_as_null=True)


def _of_a_controller(name: str, key: Column[Any], *columns: Column[Any] | Index) -> Table:
    """Rows that one controller's journal told: known by the controller and a key of its own."""
    key.primary_key, key.nullable = True, False
    return Table(name, METADATA, Column("controller", String(16), primary_key=True), key, *columns)


def _seq() -> Column[int]:
    return Column("seq", BigInteger, autoincrement=False)


# --- projected: from the journals alone ------------------------------------------------------------------------------------

cursors = Table(
    "cursors",
    METADATA,
    Column("controller", String(16), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("projection", Integer, nullable=False),
    Column("latched", BigInteger),
)
"""How far each journal has been projected: the last event's number, hash and time, by which version of the projection; `latched` is the stop that is in force."""

gaps = _of_a_controller(
    "gaps", _seq(), Column("after", BigInteger, nullable=False), Column("why", Text, nullable=False)
)
"""Events that were never seen here: those between `after` and `seq`, both of which were."""

controllers = Table(
    "controllers",
    METADATA,
    Column("controller", String(16), primary_key=True),
    Column("station", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("version", Text, nullable=False),
    Column("station_hash", String(64), nullable=False),
    Column("started_at", Moment, nullable=False),
)

sessions = _of_a_controller(
    "sessions",
    Column("session", Text),
    Column("lamp", Text),
    Column("lamp_serial", Text),
    Column("simulated", Boolean),
    Column("patient", Text),
    Column("area", Text),
    Column("protocol", Text),
    Column("ordered_at", Moment),
    Column("ordered_by", Text),
    Column("prescribed_j_cm2", Float),
    Column("irradiance_mw_cm2", Float),
    Column("planned_s", Float),
    Column("distance_cm", Float),
    Column("calibration", Text),
    Column("calibration_source", Text),
    Column("lamp_hours", Float),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("ended_by", Text),
    Column("outcome", Text),
    Column("reason", Text),
    Column("hazard", Text),
    Column("time_on_s", Float),
    Column("delivered_min_j_cm2", Float),
    Column("delivered_j_cm2", Float),
    Column("delivered_max_j_cm2", Float),
    Column("contributions", Json),
    Column("dose_source", Text),
    Column("irradiance_mean_mw_cm2", Float),
    Column("skin_c_max", Float),
    Column("cem43_min", Float),
    Column("drift_ratio", Float),
    Column("drift_expanded_pct", Float),
    Index(None, "patient", "ordered_at"),
    Index(None, "ordered_at"),
    Index(None, "outcome", "ordered_at"),
    Index(None, "lamp", "ordered_at"),
    Index(None, "protocol", "ordered_at"),
)
"""A session is ordered in one event and ended in another (so no column is sure to be there first); until then `outcome` is empty. The readings of each second stay in the journal."""

alarms = _of_a_controller(
    "alarms",
    Column("alarm", Text),
    Column("at", Moment),
    Column("priority", Text),
    Column("hazard", Text),
    Column("lamp", Text),
    Column("session", Text),
    Column("text", Text),
    Column("remedy", Text),
    Column("reminder", Boolean),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", Text),
    Column("resolved_at", Moment),
    Column("resolved_because", Text),
    Index(None, "at"),
    Index(None, "controller", "session"),
)

stops = _of_a_controller(
    "stops",
    _seq(),
    Column("at", Moment),
    Column("by", Text),
    Column("reason", Text),
    Column("source", Text),
    Column("evidence", Json),
    Column("cleared_at", Moment),
    Column("cleared_by", Text),
    Column("cleared_reason", Text),
    Index(None, "at"),
)

calibrations = _of_a_controller(
    "calibrations",
    Column("calibration", Text),
    Column("lamp", Text),
    Column("lamp_serial", Text),
    Column("started_at", Moment),
    Column("started_by", Text),
    Column("meter", Text),
    Column("result", Json),
    Column("submitted_at", Moment),
    Column("submitted_by", Text),
    Column("outcome", Text),
    Column("closed_at", Moment),
    Column("closed_by", Text),
    Column("reason", Text),
    Column("record", Json),
    Column("certificate", Json),
)

checks = _of_a_controller(
    "checks",
    _seq(),
    Column("at", Moment, nullable=False),
    Column("lamp", Text, nullable=False),
    Column("by", Text),
    Column("reference", Text),
    Column("calibration", Text),
    Column("verdict", Text, nullable=False),
    Column("reason", Text),
    Column("tolerance_pct", Float),
    Column("levels", Json),
    Column("lamp_hours", Float),
    Index(None, "at"),
)
"""`verdict`: pass, warn, fail, or interrupted."""

maintenance = _of_a_controller(
    "maintenance",
    _seq(),
    Column("at", Moment, nullable=False),
    Column("lamp", Text, nullable=False),
    Column("lamp_serial", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("consequence", Text, nullable=False),
    Column("lamp_hours", Float, nullable=False),
    Column("starts", Integer, nullable=False),
)

commissioning = _of_a_controller(
    "commissioning",
    _seq(),
    Column("at", Moment, nullable=False),
    Column("lamp", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("aborted", Text),
    Column("configuration", String(64), nullable=False),
    Column("evidence", Json, nullable=False),
)

entries = _of_a_controller(
    "entries",
    _seq(),
    Column("at", Moment, nullable=False),
    Column("event", Text, nullable=False),
    Column("lamp", Text),
    Column("session", Text),
    Column("by", Text),
    Column("told", Json, nullable=False),
    Index(None, "controller", "session"),
)
"""Whatever else happened: pauses, answers, warnings, locks lifted, clocks, and events that a later controller may write."""

PROJECTED = (
    cursors, gaps, controllers, sessions, alarms, stops, calibrations, checks, maintenance, commissioning, entries,
)  # fmt: skip

# --- kept: here and nowhere else -------------------------------------------------------------------------------------------


def _sealed() -> tuple[Column[Any] | Index, ...]:
    """What is encrypted, and with which key: rows are found by it when the key is changed."""
    return (
        Column("key_id", String(16), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Index(None, "key_id"),
    )


patients = Table(
    "patients", METADATA, Column("patient", Text, primary_key=True), Column("version", Integer, nullable=False)
)
"""`patient` is the reference that orders and the journal know; `version` the one in force."""

patient_versions = Table(
    "patient_versions",
    METADATA,
    Column("patient", Text, ForeignKey("patients.patient"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    *_sealed(),
    Index(None, "at"),
)
"""Everything that identifies, and why it was changed, encrypted."""

patient_index = Table(
    "patient_index",
    METADATA,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("patient", Text, ForeignKey("patients.patient"), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Index(None, "patient"),
)
"""The version in force, blind: what is searched for is hashed with a key, and so is what is found."""

amendments = Table(
    "amendments",
    METADATA,
    Column("controller", String(16), primary_key=True),
    Column("session", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    *_sealed(),
)
"""What somebody corrected in a session's record, and why: beside the original, encrypted, for people write names into reasons."""

views = Table(
    "views",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "patient", "at"),
    Index(None, "at"),
    Index(None, "by", "at"),
)
"""Who has looked at whom. Only ever added to."""

papers = Table(
    "papers",
    METADATA,
    Column("kind", String(20), primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("patient", Text),
    Column("moment", Moment),
    Column("state", String(20), nullable=False),
    Column("parent", Text),
    Column("session", Text),
    Index(None, "kind", "moment"),
    Index(None, "kind", "state", "moment"),
    Index(None, "kind", "parent", "moment"),
    Index(None, "patient", "kind", "moment"),
    Index(None, "session", "kind", "moment"),
)
"""What people write down, of many kinds (course, appointment, visit …): the version in force, and by what it is found. `moment` is when it is for."""

paper_versions = Table(
    "paper_versions",
    METADATA,
    Column("kind", String(20), primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    *_sealed(),
)
"""Every version of each, encrypted; each holds the hash of the one before."""

signatures = Table(
    "signatures",
    METADATA,
    Column("kind", String(20), primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("login", Text, primary_key=True),
    Column("at", Moment, primary_key=True),
    *_sealed(),
)
"""Who signed which version, sealed with the clinic's key, so that none is cut out and pasted elsewhere (21 CFR 11.70)."""

accounts = Table(
    "accounts",
    METADATA,
    Column("login", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", Json, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("pin_hash", Text),
    Column("failures", Integer, nullable=False),
    Column("last_failure_at", Moment),
    Column("version", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", Text, nullable=False),
)
"""Who can sign in. Nobody is ever deleted: records name them. `failures`: wrong passwords in a row; `changed_by` is empty for the first of all."""

audit = Table(
    "audit",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("told", Json, nullable=False),
    Index(None, "at"),
    Index(None, "by", "at"),
    Index(None, "what", "at"),
)
"""What people did, beside looking at patients, which is in `views`. Only ever added to. `by` is empty where nobody is signed in."""

NUMBERED = (views, audit)
"""Those whose rows the database numbers."""
KEPT = (
    patients, patient_versions, patient_index, amendments, views, papers, paper_versions, signatures, accounts, audit,
)  # fmt: skip
