"""Searching ten years: sessions by lamp, outcome and protocol, alarms and papers by their session, looks and deeds by who and when."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

INDICES = (
    ("ix_sessions_outcome_ordered_at", "sessions", ["outcome", "ordered_at"]),
    ("ix_sessions_lamp_ordered_at", "sessions", ["lamp", "ordered_at"]),
    ("ix_sessions_protocol_ordered_at", "sessions", ["protocol", "ordered_at"]),
    ("ix_alarms_controller_session", "alarms", ["controller", "session"]),
    ("ix_views_at", "views", ["at"]),
    ("ix_views_by_at", "views", ["by", "at"]),
    ("ix_audit_by_at", "audit", ["by", "at"]),
    ("ix_audit_what_at", "audit", ["what", "at"]),
    # Without the moment, SQLite would rather look through every paper of the kind, which it has in order.
    ("ix_papers_session_kind_moment", "papers", ["session", "kind", "moment"]),
    ("ix_papers_kind_parent_moment", "papers", ["kind", "parent", "moment"]),
)


def upgrade() -> None:
    for name, table, columns in INDICES:
        op.create_index(name, table, columns, unique=False)
    for name in ("ix_papers_session", "ix_papers_kind_parent"):
        op.drop_index(name, "papers")
