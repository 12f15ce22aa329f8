"""What is measured: each module does one task at a time in a process of its own; see `bench.subject`."""
