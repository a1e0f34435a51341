"""What keeps lamps true: light on the bench, calibrations, checks, burning in, maintenance, and what falls due."""
