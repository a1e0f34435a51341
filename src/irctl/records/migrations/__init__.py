"""Each change of the tables, oldest first; alembic walks along them. Never changed once released."""
