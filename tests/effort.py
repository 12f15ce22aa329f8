"""How hard the tests try: enough to catch a mistake in an ordinary run, deep with LEDGER_LONG=1.

The first is `make test` with `make test-slow`, the other `make test-long`.
"""

import os

LONG = os.environ.get("LEDGER_LONG") == "1"
