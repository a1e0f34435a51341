"""Appointments: when they may be, when they are, and for which the lamps should be ready."""
