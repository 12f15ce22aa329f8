"""A second kind of aggregate, sketched: what has to be written for one, and that everything works on it."""
