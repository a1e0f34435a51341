"""Thousands of simulated treatments in virtual time, under faults drawn from one seed: the safety kernel's own examination.

The one package that knows both sides: irctl's controller, and the simulator that tells it what really happened.
"""
