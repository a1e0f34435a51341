"""Quantities are plain floats in fields named with their unit: `irradiance_mw_cm2`, `fluence_j_cm2`, `lease_s`, `skin_c`."""


def fluence_j_cm2(irradiance_mw_cm2: float, duration_s: float) -> float:
    """H = E·t, J/cm², for a constant irradiance in mW/cm² over seconds: 50 mW/cm² for 20 min is 60 J/cm²."""
    return irradiance_mw_cm2 * duration_s / 1000.0


def mw_cm2_from_w_m2(irradiance_w_m2: float) -> float:
    """1 mW/cm² = 10 W/m²."""
    return irradiance_w_m2 / 10.0
