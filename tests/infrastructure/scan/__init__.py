"""What the scanners that banks run say of the stack: the program's graph in the forms that they read."""
