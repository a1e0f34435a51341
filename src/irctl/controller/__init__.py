"""The safety kernel: lamps, leases, sessions, stop, journal, control API. Owns every port; writes only its journal."""
