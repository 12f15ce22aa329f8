"""A stack's settings, read from its configuration and checked in one go. Pulumi.yaml documents and defaults them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

import pulumi
from pulumi.runtime import config as runtime_config

from components import limits
from schemas.compatibility import MODES

_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FOREVER_DAYS = 36_500


class SettingsError(ValueError):
    """The configuration cannot be used: every problem on a line, with its key, its value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """The settings of one stack; days, seconds and MB as the unit in Pulumi.yaml says."""

    archive_retention_days: int
    log_retention_days: int
    audit_log_retention_days: int
    billing_mode: str
    read_capacity: int
    write_capacity: int
    point_in_time_recovery: bool
    production: bool
    kms_key: str
    """"create" for a key of the stack's own; empty for none, or the one of `kms_key_arn`."""
    kms_key_arn: str | None
    alarm_emails: tuple[str, ...]
    type_buckets: int
    statement_entries: int
    snapshot_every: int
    snapshot_retention_days: int
    log_level: str
    architecture: str
    runtime: str
    memory_size: int
    function_timeout: int
    projection_timeout: int
    command_concurrency: int
    relay_concurrency: int
    projection_concurrency: int
    query_concurrency: int
    snapshot_concurrency: int
    validate_concurrency: int
    schema_compatibility: str
    schema_registry_compatibility: str
    """Empty for that of `schema_compatibility`."""
    relay_batch_size: int
    relay_parallelization: int
    relay_max_record_age: int
    relay_max_retries: int
    projection_batch_size: int
    projection_batch_window: int
    projection_max_concurrency: int
    projection_visibility_timeout: int
    projection_max_receives: int
    delivery_retry_attempts: int
    delivery_max_event_age: int
    tracing: bool

    @classmethod
    def load(cls, config: pulumi.Config) -> Settings:
        """Read and check every setting. Raises SettingsError with all that is wrong."""
        read = _Reader(config)
        settings = cls(
            archive_retention_days=read.integer("archiveRetentionDays", 0, _FOREVER_DAYS),
            log_retention_days=read.integer_of("logRetentionDays", limits.LOG_RETENTION_DAYS),
            audit_log_retention_days=read.integer_of("auditLogRetentionDays", limits.LOG_RETENTION_DAYS),
            billing_mode=read.choice("billingMode", limits.BILLING_MODES),
            read_capacity=read.integer("readCapacity", 0, 40_000),
            write_capacity=read.integer("writeCapacity", 0, 40_000),
            point_in_time_recovery=read.boolean("pointInTimeRecovery"),
            production=read.boolean("production"),
            kms_key=read.optional_choice("kmsKey", ("create",)),
            kms_key_arn=read.key_arn("kmsKeyArn"),
            alarm_emails=read.emails("alarmEmails"),
            type_buckets=read.integer("typeBuckets", 1, 100),
            statement_entries=read.integer("statementEntries", 1, limits.MAX_STATEMENT_ENTRIES),
            snapshot_every=read.integer_of("snapshotEvery", limits.SNAPSHOT_INTERVALS),
            snapshot_retention_days=read.integer("snapshotRetentionDays", 0, _FOREVER_DAYS),
            log_level=read.choice("logLevel", limits.LOG_LEVELS),
            architecture=read.choice("architecture", limits.ARCHITECTURES),
            runtime=read.choice("runtime", limits.RUNTIMES),
            memory_size=read.integer("memorySize", 128, 10_240),
            function_timeout=read.integer("functionTimeout", 1, 900),
            projection_timeout=read.integer("projectionTimeout", 1, 900),
            command_concurrency=read.concurrency("commandConcurrency"),
            relay_concurrency=read.concurrency("relayConcurrency"),
            projection_concurrency=read.concurrency("projectionConcurrency"),
            query_concurrency=read.concurrency("queryConcurrency"),
            snapshot_concurrency=read.concurrency("snapshotConcurrency"),
            validate_concurrency=read.concurrency("validateConcurrency"),
            schema_compatibility=read.choice("schemaCompatibility", MODES),
            schema_registry_compatibility=read.optional_choice("schemaRegistryCompatibility", MODES),
            relay_batch_size=read.integer("relayBatchSize", 1, 10_000),
            relay_parallelization=read.integer("relayParallelization", 1, 10),
            relay_max_record_age=read.integer("relayMaxRecordAge", 60, limits.STREAM_RETENTION_SECONDS),
            relay_max_retries=read.integer("relayMaxRetries", 0, 10_000),
            projection_batch_size=read.integer("projectionBatchSize", 1, 10_000),
            projection_batch_window=read.integer("projectionBatchWindow", 0, 300),
            projection_max_concurrency=read.integer("projectionMaxConcurrency", 2, 1000),
            projection_visibility_timeout=read.integer("projectionVisibilityTimeout", 1, 43_200),
            projection_max_receives=read.integer("projectionMaxReceives", 1, 1000),
            delivery_retry_attempts=read.integer("deliveryRetryAttempts", 0, 185),
            delivery_max_event_age=read.integer("deliveryMaxEventAge", 60, 86_400),
            tracing=read.boolean("tracing"),
        )
        _check_combinations(read, settings)
        read.refuse_what_was_not_read()
        if read.errors:
            raise SettingsError("\n".join(["the stack's configuration cannot be used:", *read.errors]))
        return settings


def _check_combinations(read: _Reader, settings: Settings) -> None:
    """The rules that join several settings; one that leans on a key already found bad is left out."""
    read.expect(
        not (settings.kms_key and settings.kms_key_arn),
        "kmsKey",
        settings.kms_key,
        f"empty with a key given by kmsKeyArn ({settings.kms_key_arn})",
        "kmsKeyArn",
    )
    for key, capacity in (("readCapacity", settings.read_capacity), ("writeCapacity", settings.write_capacity)):
        if settings.billing_mode == "PROVISIONED":
            read.expect(capacity >= 1, key, capacity, "1 or more with billingMode PROVISIONED", "billingMode")
        else:
            read.expect(capacity == 0, key, capacity, "0 with billingMode PAY_PER_REQUEST", "billingMode")
    read.expect(
        settings.projection_visibility_timeout >= settings.projection_timeout,
        "projectionVisibilityTimeout",
        settings.projection_visibility_timeout,
        f"at least projectionTimeout ({settings.projection_timeout}): a message must stay hidden while it is worked on",
        "projectionTimeout",
    )
    read.expect(
        settings.projection_batch_size <= 10 or settings.projection_batch_window >= 1,  # noqa: PLR2004 - SQS's own limit
        "projectionBatchWindow",
        settings.projection_batch_window,
        "1 or more with a projectionBatchSize above 10",
        "projectionBatchSize",
    )
    read.expect(
        settings.projection_concurrency in (limits.UNRESERVED, *range(settings.projection_max_concurrency, 10_001)),
        "projectionConcurrency",
        settings.projection_concurrency,
        f"-1 or at least projectionMaxConcurrency ({settings.projection_max_concurrency}): a throttled poll counts as "
        "a receive, and receives lead to the dead letter queue",
        "projectionMaxConcurrency",
    )


class _Reader:
    """Reads typed values, remembering what is wrong instead of stopping at the first of it."""

    def __init__(self, config: pulumi.Config) -> None:
        self._config = config
        self._bad: set[str] = set()
        self._read: set[str] = set()
        self.errors: list[str] = []

    def integer(self, key: str, low: int, high: int) -> int:
        return self._integer(key, range(low, high + 1), f"an integer from {low} to {high}")

    def integer_of(self, key: str, allowed: Collection[int]) -> int:
        return self._integer(key, allowed, f"one of {', '.join(map(str, allowed))}")

    def concurrency(self, key: str) -> int:
        return self._integer(key, (limits.UNRESERVED, *range(1, 10_001)), "-1 (unreserved) or from 1 to 10000")

    def boolean(self, key: str) -> bool:
        return self.choice(key, ("true", "false")) == "true"

    def choice(self, key: str, allowed: Collection[str]) -> str:
        text = self._text(key)
        if text is not None and text not in allowed:
            self._reject(key, text, f"one of {', '.join(allowed)}")
        return text or ""

    def optional_choice(self, key: str, allowed: Collection[str]) -> str:
        text = self._text(key)
        if text and text not in allowed:
            self._reject(key, text, f"empty or one of {', '.join(allowed)}")
        return text or ""

    def key_arn(self, key: str) -> str | None:
        text = self._text(key)
        if text and not _KEY_ARN.fullmatch(text):
            self._reject(key, text, "empty or the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>")
        return text or None

    def emails(self, key: str) -> tuple[str, ...]:
        text = self._text(key)
        if text is None:
            return ()
        try:
            addresses = json.loads(text)
        except json.JSONDecodeError:
            addresses = None
        if not isinstance(addresses, list) or not all(isinstance(a, str) and _EMAIL.fullmatch(a) for a in addresses):
            self._reject(key, text, "a list of e-mail addresses")
            return ()
        if len(set(addresses)) < len(addresses):
            self._reject(key, text, "a list without repetition")
        return tuple(addresses)

    def refuse_what_was_not_read(self) -> None:
        """A key that nobody reads is a setting that somebody believes in: misspelled, or left behind by a rename."""
        own = self._config.name
        for full_key in sorted({*runtime_config.CONFIG.get(), *runtime_config.get_config_env()}):
            namespace, _, key = full_key.partition(":")
            if namespace == own and key not in self._read:
                self.errors.append(f"  {full_key} is no setting: Pulumi.yaml lists them")
            elif namespace != own and key in self._read:
                self.errors.append(f"  {full_key} is not read: the project is {own}, so write {own}:{key}")

    def expect(self, holds: bool, key: str, value: object, allowed: str, *leans_on: str) -> None:
        if not holds and self._bad.isdisjoint({key, *leans_on}):
            self._reject(key, str(value), allowed)

    def _integer(self, key: str, allowed: Collection[int], description: str) -> int:
        text = self._text(key)
        if text is None:
            return 0
        if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII) or int(text) not in allowed:
            self._reject(key, text, description)
            return 0
        return int(text)

    def _text(self, key: str) -> str | None:
        self._read.add(key)
        text = self._config.get(key)
        if text is None:
            self._bad.add(key)
            self.errors.append(f"  {self._config.full_key(key)} is missing: Pulumi.yaml gives it a default")
        return text

    def _reject(self, key: str, value: str, allowed: str) -> None:
        self._bad.add(key)
        self.errors.append(f"  {self._config.full_key(key)} is {value!r}; allowed: {allowed}")
