"""The parts of the stack, in the order in which `__main__.py` wires them: a function each, and what it hands on."""
