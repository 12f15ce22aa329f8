"""Puts back an event that is missing, or was changed: who still has it, whether it fits, and how it gets there."""
