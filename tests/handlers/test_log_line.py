"""The line that the command function logs of each command: what an operator looks for, in few bytes."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter

from .conftest import Invoke

ACCOUNT, COMMAND, REQUEST = (
    "account-123",
    "0d7c1b3e-5f0a-4c57-9a39-2f6d5c1e8b77",
    "8f507a1e-5b6c-4f0e-9b7a-0d6c8f0a1b2c",
)
MOST_BYTES = 290
"""Of a typical line. CloudWatch Logs charges for every byte."""


@pytest.fixture
def accepted(send: Invoke, caplog: pytest.LogCaptureFixture) -> Any:
    """`accepted(**members)` sends a deposit and returns its line, as Lambda writes it."""
    send("AccountCreated", {}, aggregateId=ACCOUNT)

    def deposit(**members: str) -> str:
        caplog.clear()
        caplog.set_level(logging.INFO, "ledger")
        send("TransactionProcessed", {"amount": 1}, aggregateId=ACCOUNT, **members)
        (record,) = (each for each in caplog.records if each.name == "ledger")
        record.aws_request_id = REQUEST  # by Lambda's filter
        return str(JsonFormatter().format(record))

    return deposit


def test_a_typical_line(accepted: Any) -> None:
    line = accepted(commandId=COMMAND)
    told = json.loads(line)

    assert len(line.encode()) <= MOST_BYTES
    assert told.pop("timestamp")
    assert told == {
        "level": "INFO",
        "message": "accepted",
        "logger": "ledger",
        "requestId": REQUEST,
        "aggregateId": ACCOUNT,
        "sequence": 2,
        "eventType": "TransactionProcessed",
        "commandId": COMMAND,
    }


def test_a_correlation_of_its_own_is_told(accepted: Any) -> None:
    assert json.loads(accepted(commandId=COMMAND, correlationId="order-7"))["correlationId"] == "order-7"
