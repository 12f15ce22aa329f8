"""How hard the tests try: enough to catch a mistake in an ordinary run (`make test`, `make test-slow`), deep with LEDGER_LONG=1
(`make test-long`)."""

import os

LONG = os.environ.get("LEDGER_LONG") == "1"
