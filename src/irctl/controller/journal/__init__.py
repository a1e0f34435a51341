"""The journal: one event a line, hash-chained and signed, on disk before the light it explains; its files, its end after a crash, and what is asked of it."""
