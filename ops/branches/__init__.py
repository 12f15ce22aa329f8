"""Branches: what other rules would have decided."""
