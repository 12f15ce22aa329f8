"""Dead letters: what lies in the three queues, why, and how it gets to where it was going."""
