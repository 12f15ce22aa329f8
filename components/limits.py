"""What AWS accepts, and checks that hold an input to it: a plain one, since an Output is not known yet."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

ARCHITECTURES = ("arm64", "x86_64")
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
BILLING_MODES = ("PAY_PER_REQUEST", "PROVISIONED")

# Metrics leave a function as log lines without a level, and Lambda files such lines (and the runtime's own report of an
# uncaught exception, aws/aws-lambda-python-runtime-interface-client#202) under INFO. A filter above INFO would silence
# them, and with them the alarms.
LOG_LEVELS = ("TRACE", "DEBUG", "INFO")

SYSTEM_LOG_LEVELS = ("DEBUG", "INFO", "WARN")
"""Of Lambda's own lines. WARN leaves out those of invocations that went well."""

# PutRetentionPolicy takes these and no other.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

MAX_RECOVERY_DAYS = 35
MAX_TABLE_UNITS = 40_000
"""Of reads or writes a second of a table, and of an index, before AWS is asked for more."""
LEAST_WARM_READ_UNITS, LEAST_WARM_WRITE_UNITS = 12_000, 4000
"""What a table that is billed on demand takes from the start."""
MAX_STATEMENT_ENTRIES = 500
"""On a page of a statement where the request says no limit."""

# What the handlers keep of their time; a test holds these to the handlers' own constants.
COMMAND_RESERVE_SECONDS = 6
"""Command publishes a refusal only with so much time left."""
REMEMBERED_SECONDS = 5
"""So long a function remembers whether its Region decides."""
ON_ITS_WAY_SECONDS = 5
"""So long what was sent by a function that has ended may still take effect."""
PROJECTION_RESERVE_SECONDS = 3
"""Projection leaves so much to the rest of its batch, and begins nothing with less."""
SWEEP_RESERVE_SECONDS = 10
"""The sweep carries on no further process with less."""
MAX_TRANSFER_SECONDS = 30 * 24 * 3600
"""So far ahead a transfer's deadline may lie."""

# Cautious estimates, not limits of AWS: ten events in one call of 0.1 s; 50 ms for the rows of an event.
RELAYED_PER_SECOND = 100
PROJECTED_PER_SECOND = 20

LEAST_RECEIVES = 2
"""A long account is projected over several deliveries; with one receive it would be set aside after the first."""
UNWINDOWED_BATCH = 10
"""Messages that SQS hands out at once; more have to be waited for."""
SNAPSHOT_PARALLELIZATION = 10
"""Batches of one shard that go to snapshot at once."""

MAX_REPLAY_RATE = 10_000
"""Copies a second that a replay may be asked for."""
LEAST_TRANSFER_SECONDS = 60
MAX_APPROVAL_ABOVE = 999_999_999
MAX_SWEEP_MINUTES = 60
"""Three sweeps that are missed raise an alarm; beyond an hour for each that is no alarm any more."""

MAX_ALARM_TOPICS = 4
"""Beside the stack's own: an alarm has five actions for each state."""
MAX_HEARTBEAT_MINUTES = 5
"""With a beat every five minutes a stop is noticed within ten."""

PRODUCTION_RETENTION_DAYS = 365
NO_POINT_IN_TIME_RECOVERY = "no-point-in-time-recovery"
SHORT_ARCHIVE = "short-archive"
SHORT_AUDIT_LOG = "short-audit-log"
NO_AUDIT_LOG = "no-audit-log"
NO_ALARM_RECIPIENT = "no-alarm-recipient"
ENDLESS_BREAK_GLASS = "endless-break-glass"
SIGN_IN_IN_ONE_REGION = "sign-in-in-one-region"
FEW_UNRESERVED = "few-unreserved"
IRREVERSIBLE_BACKUP_LOCK = "irreversible-backup-lock"
IRREVERSIBLE_AUDIT_LOCK = "irreversible-audit-lock"
RISKS = (
    *(NO_POINT_IN_TIME_RECOVERY, SHORT_ARCHIVE, SHORT_AUDIT_LOG, NO_AUDIT_LOG, NO_ALARM_RECIPIENT),
    *(ENDLESS_BREAK_GLASS, SIGN_IN_IN_ONE_REGION, FEW_UNRESERVED, IRREVERSIBLE_BACKUP_LOCK, IRREVERSIBLE_AUDIT_LOCK),
)
"""What production refuses, and of the last three every stack, unless it is accepted by its name."""

MAX_BACKUP_DAYS = 36_500
COLD_STORAGE_DAYS = 90
"""For so long at least AWS Backup keeps in cold storage what it has moved there."""
GOVERNANCE, COMPLIANCE = "governance", "compliance"
BACKUP_LOCKS = AUDIT_LOCKS = (GOVERNANCE, COMPLIANCE)
MAX_AUDIT_FILES_DAYS = 36_500
LEAST_GRACE_DAYS = 3
"""AWS takes no shorter time in which a lock for compliance can be taken back."""

MAX_BRANCH_DAYS = 365
"""A branch is there to try something, not to stay."""

SNAPSHOT_INTERVALS = (10, 100, 1000)
"""Powers of ten: which events are due for a snapshot shows in the last digits of their sequences."""

API_TIMEOUT_SECONDS = 30
"""API Gateway waits for an answer for no longer; what a function does after it, nobody hears of."""

DIRECT = "direct"
"""The deployment that has every caller answered by the new code at once."""
DEPLOYMENTS = (
    DIRECT,
    "AllAtOnce",
    *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
    "Linear10PercentEvery1Minute",
    *(f"Linear10PercentEvery{minutes}Minutes" for minutes in (2, 3, 10)),
)
"""And those that CodeDeploy has for Lambda, as it calls them behind `CodeDeployDefault.Lambda`."""
WITHOUT_SNAP_START = ("python3.11",)

SIGN_IN_MFA = ("OPTIONAL", "ON")
PRICE_CLASSES = ("PriceClass_100", "PriceClass_200", "PriceClass_All")

CONFLICT_VISIBILITY = 1
"""Timeouts of reconcile for which a stream that was not settled stays hidden: what is missing comes within seconds."""
VPC_ENDPOINTS = ("create",)
REGIONS = 2
"""So many, if more than one: of three, two that are cut apart from each other could both ask the third."""
REGION_MODES = ("standby", "home")

UNRESERVED = -1
"""The concurrency of a function that draws on the account's common pool."""

STREAM_RETENTION_SECONDS = 24 * 3600
"""How long DynamoDB keeps a stream record."""

QUEUE_RETENTION_SECONDS = 4 * 24 * 3600
MAX_MESSAGE_BYTES = 1024 * 1024
"""All that SQS takes: an event may be larger than the provider's default of 256 KB."""
DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 3600
"""A dead letter keeps the age that it had in its source queue, so its queue must keep messages for longer."""


def check_range(owner: str, field: str, value: Any, low: int, high: int) -> None:
    """Raise ValueError, naming `owner` and `field`, unless low <= value <= high."""
    if isinstance(value, int) and not low <= value <= high:
        raise ValueError(f"{owner}: {field} must be from {low} to {high}, not {value}")


def check_choice(owner: str, field: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise ValueError, naming `owner` and `field`, unless the value is one of those allowed."""
    if isinstance(value, (str, int)) and value not in allowed:
        raise ValueError(f"{owner}: {field} must be one of {', '.join(map(str, allowed))}, not {value!r}")


def check_concurrency(owner: str, field: str, value: Any) -> None:
    """Raise ValueError unless the value is UNRESERVED or a number of concurrent executions."""
    if value != UNRESERVED:
        check_range(owner, field, value, 1, 10_000)
