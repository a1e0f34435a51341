"""Hypothesis for everybody here: enough examples to mean something, few enough to be quick, no deadline on a busy machine."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=60)
settings.load_profile("unit")
