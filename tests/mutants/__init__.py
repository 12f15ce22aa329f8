"""Deliberate defects, each of which the tests must catch: `python -m tests.mutants`."""
