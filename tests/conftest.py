"""Settings of the test tools that hold for every layer."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("ledger", deadline=None)
settings.load_profile("ledger")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases a test went through, where it counts them: `record_property("cases", text)`."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == "cases":
                terminalreporter.write_line(str(text))
