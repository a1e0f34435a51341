"""Deliberate defects, each of which some test or the campaign must catch: `make mutants`."""
