"""The embedded AWS: the real program and the real function packages, on a laptop, with nothing but Python."""
