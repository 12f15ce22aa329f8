"""Settings of the test tools that hold for every layer."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("ledger", deadline=None)
settings.load_profile("ledger")
