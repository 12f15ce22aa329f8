"""The HTTP API: its document, its requests and its answers."""
