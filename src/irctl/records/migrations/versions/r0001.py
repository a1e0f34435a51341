"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("alarm", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("hazard", sa.Text(), nullable=True),
        sa.Column("lamp", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("reminder", sa.Boolean(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("controller", "alarm", name="pk_alarms"),
    )
    op.create_index("ix_alarms_at", "alarms", ["at"], unique=False)
    op.create_table(
        "amendments",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("controller", "session", "version", name="pk_amendments"),
    )
    op.create_index("ix_amendments_key_id", "amendments", ["key_id"], unique=False)
    op.create_table(
        "calibrations",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("calibration", sa.Text(), nullable=False),
        sa.Column("lamp", sa.Text(), nullable=True),
        sa.Column("lamp_serial", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_by", sa.Text(), nullable=True),
        sa.Column("meter", sa.Text(), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("certificate", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("controller", "calibration", name="pk_calibrations"),
    )
    op.create_table(
        "checks",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lamp", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("calibration", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tolerance_pct", sa.Float(), nullable=True),
        sa.Column("levels", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("lamp_hours", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("controller", "seq", name="pk_checks"),
    )
    op.create_table(
        "commissioning",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lamp", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("aborted", sa.Text(), nullable=True),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("controller", "seq", name="pk_commissioning"),
    )
    op.create_table(
        "controllers",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("station_hash", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("controller", name="pk_controllers"),
    )
    op.create_table(
        "cursors",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("projection", sa.Integer(), nullable=False),
        sa.Column("latched", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("controller", name="pk_cursors"),
    )
    op.create_table(
        "entries",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("lamp", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("told", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("controller", "seq", name="pk_entries"),
    )
    op.create_index("ix_entries_controller_session", "entries", ["controller", "session"], unique=False)
    op.create_table(
        "gaps",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("controller", "seq", name="pk_gaps"),
    )
    op.create_table(
        "maintenance",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lamp", sa.Text(), nullable=False),
        sa.Column("lamp_serial", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("consequence", sa.Text(), nullable=False),
        sa.Column("lamp_hours", sa.Float(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("controller", "seq", name="pk_maintenance"),
    )
    op.create_table(
        "patients",
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("patient", name="pk_patients"),
    )
    op.create_table(
        "sessions",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("lamp", sa.Text(), nullable=True),
        sa.Column("lamp_serial", sa.Text(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=True),
        sa.Column("patient", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("protocol", sa.Text(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ordered_by", sa.Text(), nullable=True),
        sa.Column("prescribed_j_cm2", sa.Float(), nullable=True),
        sa.Column("irradiance_mw_cm2", sa.Float(), nullable=True),
        sa.Column("planned_s", sa.Float(), nullable=True),
        sa.Column("distance_cm", sa.Float(), nullable=True),
        sa.Column("calibration", sa.Text(), nullable=True),
        sa.Column("calibration_source", sa.Text(), nullable=True),
        sa.Column("lamp_hours", sa.Float(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("hazard", sa.Text(), nullable=True),
        sa.Column("time_on_s", sa.Float(), nullable=True),
        sa.Column("delivered_min_j_cm2", sa.Float(), nullable=True),
        sa.Column("delivered_j_cm2", sa.Float(), nullable=True),
        sa.Column("delivered_max_j_cm2", sa.Float(), nullable=True),
        sa.Column("contributions", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("dose_source", sa.Text(), nullable=True),
        sa.Column("irradiance_mean_mw_cm2", sa.Float(), nullable=True),
        sa.Column("skin_c_max", sa.Float(), nullable=True),
        sa.Column("cem43_min", sa.Float(), nullable=True),
        sa.Column("drift_ratio", sa.Float(), nullable=True),
        sa.Column("drift_expanded_pct", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("controller", "session", name="pk_sessions"),
    )
    op.create_index("ix_sessions_ordered_at", "sessions", ["ordered_at"], unique=False)
    op.create_index("ix_sessions_patient_ordered_at", "sessions", ["patient", "ordered_at"], unique=False)
    op.create_table(
        "stops",
        sa.Column("controller", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.Text(), nullable=True),
        sa.Column("cleared_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("controller", "seq", name="pk_stops"),
    )
    op.create_table(
        "views",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_views"),
    )
    op.create_index("ix_views_patient_at", "views", ["patient", "at"], unique=False)
    op.create_table(
        "patient_index",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.patient"], name="fk_patient_index_patient"),
        sa.PrimaryKeyConstraint("digest", "patient", name="pk_patient_index"),
    )
    op.create_index("ix_patient_index_patient", "patient_index", ["patient"], unique=False)
    op.create_table(
        "patient_versions",
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.patient"], name="fk_patient_versions_patient"),
        sa.PrimaryKeyConstraint("patient", "version", name="pk_patient_versions"),
    )
    op.create_index("ix_patient_versions_key_id", "patient_versions", ["key_id"], unique=False)
    _forbid("views", "UPDATE")
    _forbid("views", "DELETE")
    _forbid("amendments", "DELETE")
    _forbid("patient_versions", "DELETE")


def _forbid(table: str, verb: str) -> None:
    """What is kept is only added to; encrypting it anew is the one change of it."""
    name, text = f"{table}_{verb.lower()}", f"{table}: nothing is ever taken away here"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{text}'); END")
        return
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{text}'; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
