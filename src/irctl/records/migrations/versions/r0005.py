"""The newest of ten years, without looking at all of them: stops and checks by when they were, patients by when they were written down."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = ("stops", "checks", "patient_versions")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(f"ix_{table}_at", table, ["at"], unique=False)
