"""What alembic runs: on the connection that it is given, within that one's transaction."""

from __future__ import annotations

from alembic import context

from irctl.records.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
