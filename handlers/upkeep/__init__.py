"""What operators and the function `operations` look at and put right: dead letters, and whether copies are true."""
