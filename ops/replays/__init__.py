"""Replays: what is selected of the store, and where its copies go."""
