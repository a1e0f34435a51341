"""What gives light: a lamp and its task, a treatment, the fail-safe and how it was shown to act, stop, alarms, and what a session leaves behind."""
