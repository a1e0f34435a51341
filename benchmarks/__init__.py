"""Figures against the wire's limit, and against what a user would pick instead: `make bench`, or `python -m benchmarks stop dose ...`."""
