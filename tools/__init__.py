"""What the command lines share: numbers in words, lines that fit a terminal, and the way to the embedded AWS."""
