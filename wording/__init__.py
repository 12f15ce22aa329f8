"""How the tools say things: numbers in words, and lines that fit a terminal. By the standard library and rich alone."""
