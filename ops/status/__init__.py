"""How a deployed stack is, point by point, and what needs a person."""
