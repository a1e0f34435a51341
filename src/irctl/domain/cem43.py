"""Thermal dose as cumulative equivalent minutes at 43 °C (Sapareto and Dewey 1984)."""

CEILING_C = 100.0
"""Hotter is counted as this: far beyond every threshold already, and a broken sensor's thousands of degrees would overflow."""


def cem43_min(temperature_c: float, duration_s: float) -> float:
    """Equivalent minutes at 43 °C of `duration_s` seconds at `temperature_c`: Δt·R^(43−T), R = 0.5 from 43 °C up, else 0.25."""
    base = 0.5 if temperature_c >= 43.0 else 0.25
    return duration_s / 60.0 * base ** (43.0 - min(temperature_c, CEILING_C))
