"""Dead letters: what lies in the queues for them, why, and how it gets to where it was going."""
