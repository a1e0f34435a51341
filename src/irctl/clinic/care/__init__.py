"""Patients, their courses and visits, and what was treated."""
