"""Commands for whoever operates the ledger: `python -m ops --help`."""
