"""What people write down: papers, their versions, and who signed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "papers",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=True),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "paper", name="pk_papers"),
    )
    op.create_index("ix_papers_kind_moment", "papers", ["kind", "moment"], unique=False)
    op.create_index("ix_papers_kind_state_moment", "papers", ["kind", "state", "moment"], unique=False)
    op.create_index("ix_papers_kind_parent", "papers", ["kind", "parent"], unique=False)
    op.create_index("ix_papers_patient_kind_moment", "papers", ["patient", "kind", "moment"], unique=False)
    op.create_index("ix_papers_session", "papers", ["session"], unique=False)
    op.create_table(
        "paper_versions",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "paper", "version", name="pk_paper_versions"),
    )
    op.create_index("ix_paper_versions_key_id", "paper_versions", ["key_id"], unique=False)
    op.create_table(
        "signatures",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "paper", "version", "login", "at", name="pk_signatures"),
    )
    op.create_index("ix_signatures_key_id", "signatures", ["key_id"], unique=False)
