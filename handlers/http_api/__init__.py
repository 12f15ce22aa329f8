"""The HTTP API: its requests as the entry points take them, and their answers as HTTP has them."""
