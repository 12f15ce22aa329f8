"""The time for moto's queues, without a detour over dates.

With each call moto asks the time for every message of the queue, twice or more: at 300 messages that was most of a
SendMessage's 3 ms and a ReceiveMessage's 15.
"""

from __future__ import annotations

import time
from typing import Any

from local.engine.backends import sqs_models

_of_dates, _of_dates_in_milliseconds = sqs_models.unix_time, sqs_models.unix_time_millis


def install() -> None:
    """From here on moto's queues read the clock. Calling it again changes nothing."""
    sqs_models.unix_time = _seconds
    sqs_models.unix_time_millis = _milliseconds


def _seconds(moment: Any = None) -> float:
    return time.time() if moment is None else float(_of_dates(moment))


def _milliseconds(moment: Any = None) -> float:
    return time.time() * 1000 if moment is None else float(_of_dates_in_milliseconds(moment))
