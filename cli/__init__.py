"""`ledger`: the ledger from a terminal or a script, over its HTTP API or by direct invocation."""
