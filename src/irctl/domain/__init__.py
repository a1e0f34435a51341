"""What irctl knows without touching anything: units, orders, dose, calibration, limits, rules, the record's chain. Pure."""
