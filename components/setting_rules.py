"""Which settings go together, with each other and with what the handlers and AWS do.

A rule that leans on a setting that was found bad already is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components import limits
from components.names import Names

if TYPE_CHECKING:
    from components.config_reader import Reader
    from components.settings import Settings

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def check(read: Reader, settings: Settings) -> None:
    """Have the reader note every combination that cannot work."""
    _check_capacity(read, settings)
    _check_time(read, settings)
    _check_stream(read, settings)
    _check_queue(read, settings)
    _check_transfers(read, settings)
    _check_alarms(read, settings)
    _check_starts(read, settings)
    _check_backups(read, settings)
    read.expect(
        settings.point_in_time_recovery or settings.recovery_days == limits.MAX_RECOVERY_DAYS,
        "recoveryDays",
        settings.recovery_days,
        f"{limits.MAX_RECOVERY_DAYS}, as it is by itself, without pointInTimeRecovery: nothing is kept",
        "pointInTimeRecovery",
    )
    read.expect(
        settings.guard_bus or not settings.bus_writer_arns,
        "busWriterArns",
        json.dumps(list(settings.bus_writer_arns)),
        "[] without guardBus: whoever's role allows it may put events",
        "guardBus",
    )
    read.expect(
        bool(settings.audit_files_days) or settings.audit_files_lock == limits.GOVERNANCE,
        "auditFilesLock",
        settings.audit_files_lock,
        f"{limits.GOVERNANCE} with auditFilesDays 0: there are no files",
        "auditFilesDays",
    )
    read.expect(
        settings.audit_files_lock != limits.COMPLIANCE or limits.IRREVERSIBLE_AUDIT_LOCK in settings.accepted_risks,
        "auditFilesLock",
        settings.audit_files_lock,
        f"governance, unless acceptedRisks has {limits.IRREVERSIBLE_AUDIT_LOCK}: nobody can delete a file for "
        f"auditFilesDays ({settings.audit_files_days}), AWS included",
        "acceptedRisks",
    )
    read.expect(
        bool(settings.break_glass_arns) or not settings.break_glass_until,
        "breakGlassUntil",
        settings.break_glass_until,
        "empty without breakGlassArns, which it is the end of",
        "breakGlassArns",
    )
    if settings.production:
        _check_production(read, settings)


def check_keys(read: Reader, settings: Settings, region: str | None) -> None:
    """`region` is None where it is not configured: then the provider has it from elsewhere, and is asked later."""
    read.expect(
        not (settings.kms_key and settings.kms_key_arn),
        "kmsKey",
        settings.kms_key,
        f"empty with a key given by kmsKeyArn ({settings.kms_key_arn})",
        "kmsKeyArn",
    )
    read.expect(
        settings.kms_key_arn not in settings.previous_kms_key_arns,
        "previousKmsKeyArns",
        list(settings.previous_kms_key_arns),
        "the keys of before, without that of kmsKeyArn",
        "kmsKeyArn",
    )
    for setting, arns in settings.given_keys().items():
        for arn in arns:
            read.expect(
                region is None or region in arn.split(":")[3:4],
                setting,
                arn,
                f"a key of {region} (aws:region): the services use no key of another Region",
            )


def check_drafts(read: Reader, settings: Settings, endpoints: str | None) -> None:
    """Events of a draft are lost once it changes: nothing may be stored in AWS itself, or be meant to stay.

    `endpoints` is the stack's `aws:endpoints`, as JSON: where it calls another AWS than AWS.
    """
    read.expect(
        not settings.draft_events or (_is_here(endpoints) and not settings.production),
        "draftEvents",
        "true",
        "false, except where every one of aws:endpoints is on this machine and production is false",
        "production",
    )


def check_regions(read: Reader, settings: Settings, region: str | None) -> None:
    """As `check_keys`."""
    if not settings.regions:
        read.expect(
            settings.region_mode == "standby", "regionMode", settings.region_mode, "standby with one Region", "regions"
        )
        read.expect(
            settings.replica_kms_key_arn is None,
            "replicaKmsKeyArn",
            settings.replica_kms_key_arn,
            "empty with one Region",
            "regions",
        )
        return
    first, second = settings.regions
    read.expect(
        region in (None, first),
        "regions",
        json.dumps(settings.regions),
        f"{region} (aws:region) first: it is where the stack is",
    )
    read.expect(
        settings.billing_mode == "PAY_PER_REQUEST",
        "billingMode",
        settings.billing_mode,
        "PAY_PER_REQUEST with two Regions: a replica must be able to write what the other one writes",
        "regions",
    )
    given = settings.replica_kms_key_arn
    read.expect(
        (given is None) == (settings.kms_key_arn is None),
        "replicaKmsKeyArn",
        given,
        f"a key of {second} with kmsKeyArn, and empty without: either Region has a key of its own, or none",
        "kmsKeyArn",
        "regions",
    )
    read.expect(
        given is None or second in given.split(":")[3:4],
        "replicaKmsKeyArn",
        given,
        f"a key of {second}: the services use no key of another Region",
        "regions",
    )


def check_topics(read: Reader, settings: Settings, region: str | None) -> None:
    """As `check_keys`: an alarm calls topics of its own Region alone, and each Region has its own alarms."""
    of = Counter(arn.split(":")[3] for arn in settings.alarm_topics)
    shown = json.dumps(list(settings.alarm_topics))
    read.expect(
        max(of.values(), default=0) <= limits.MAX_ALARM_TOPICS,
        "alarmTopics",
        shown,
        f"at most {limits.MAX_ALARM_TOPICS} of a Region: CloudWatch tells five, and the stack's own topic is one",
    )
    places = settings.regions or ((region,) if region else ())
    read.expect(
        not (of and places) or of.keys() == set(places),
        "alarmTopics",
        shown,
        f"[], or topics of {' and of '.join(places)}: alarms report to topics of their own Region",
        "regions",
    )


def check_network(read: Reader, settings: Settings) -> None:
    """What belongs to a VPC is all there, or nothing of it is."""
    inside, made = bool(settings.subnet_ids), bool(settings.vpc_endpoints)
    read.expect(
        not inside or not settings.regions,
        "subnetIds",
        json.dumps(list(settings.subnet_ids)),
        "[] with two Regions: a subnet is of one",
        "regions",
    )
    read.expect(
        len(settings.subnet_ids) != 1,
        "subnetIds",
        json.dumps(list(settings.subnet_ids)),
        "[], or two at least, of two Availability Zones: with one the ledger stands still when the zone does",
    )
    groups = settings.security_group_ids
    read.expect(
        bool(groups) == inside,
        "securityGroupIds",
        json.dumps(list(groups)),
        "one at least with subnetIds, and [] without",
        "subnetIds",
    )
    read.expect(
        inside or not made,
        "vpcEndpoints",
        settings.vpc_endpoints,
        "empty without subnetIds: functions in no VPC need none",
        "subnetIds",
    )
    with_them = "with vpcEndpoints create, and empty without"
    read.expect(bool(settings.vpc_id) == made, "vpcId", settings.vpc_id, f"said {with_them}", "vpcEndpoints")
    tables = settings.route_table_ids
    read.expect(
        bool(tables) == made,
        "routeTableIds",
        json.dumps(list(tables)),
        f"those of the subnets {with_them}",
        "vpcEndpoints",
    )


def check_signing(read: Reader, settings: Settings, region: str | None, endpoints: str | None) -> None:
    """Whose signatures are taken, and where what is signed lies, in each Region: both are said, or neither.

    `region` as in `check_keys`, `endpoints` as in `check_drafts`.
    """
    wanted, second = bool(settings.code_signing_config_arn), settings.regions[1] if settings.regions else None
    read.expect(
        not (wanted and _is_here(endpoints)),
        "codeSigningConfigArn",
        settings.code_signing_config_arn,
        "empty where every one of aws:endpoints is on this machine: the embedded AWS checks no signatures",
    )
    there = ("replicaCodeSigningConfigArn", "replicaSignedPackages")
    for is_first, keys, here in (
        (True, ("codeSigningConfigArn", "signedPackages"), region),
        (False, there, second),
    ):
        config_arn, place = settings.signing(is_first=is_first)
        for key, value in zip(keys, (config_arn, place), strict=True):
            read.expect(
                bool(value) == (wanted and (is_first or second is not None)),
                key,
                value,
                "said with codeSigningConfigArn, and empty without"
                if is_first
                else f"said with codeSigningConfigArn and regions ({second} has its own), and empty without",
                "codeSigningConfigArn",
                "regions",
            )
        read.expect(
            not config_arn or here is None or here in config_arn.split(":")[3:4],
            keys[0],
            config_arn,
            f"a code signing configuration of {here}: Lambda takes none of another Region",
            "regions",
        )
    places = (settings.signed_packages, settings.replica_signed_packages)
    buckets = [place.split("/")[2] for place in places if place]
    read.expect(
        len(buckets) == len(set(buckets)),
        there[1],
        places[1],
        f"another bucket than that of signedPackages ({places[0]}): Lambda takes code of its own Region",
        "signedPackages",
    )


def check_names(read: Reader, project: str, stack: str) -> None:
    """Dashboard and layer are called after project and stack, and AWS takes no `prod.eu` there."""
    for what, name in (("project", project), ("stack", stack)):
        if not _NAME.fullmatch(name):
            read.errors.append(
                f"  the {what} is called {name!r}; allowed: letters, digits, - and _, "
                "as dashboard and layer are called after it"
            )
    read.errors += [f"  {complaint}: shorten project or stack" for complaint in Names.of(project, stack).too_long()]


def _is_here(endpoints: str | None) -> bool:
    """Whether all of AWS that is called is on this machine."""
    urls = [url for services in json.loads(endpoints or "[]") for url in services.values()]
    return bool(urls) and all(urlsplit(url).hostname in _THIS_MACHINE for url in urls)


def _check_alarms(read: Reader, settings: Settings) -> None:
    """Whether there are alarms of these names, is known where they are declared (`components/alarms.py`)."""
    names = [each.partition("=")[0] for each in settings.alarm_thresholds]
    read.expect(
        len(set(names)) == len(names) and not {*names} & {*settings.alarms_off},
        "alarmThresholds",
        json.dumps(list(settings.alarm_thresholds)),
        "each alarm once, and none of alarmsOff",
        "alarmsOff",
    )


def _check_capacity(read: Reader, settings: Settings) -> None:
    for key, capacity in (("readCapacity", settings.read_capacity), ("writeCapacity", settings.write_capacity)):
        if settings.billing_mode == "PROVISIONED":
            read.expect(capacity >= 1, key, capacity, "1 or more with billingMode PROVISIONED", "billingMode")
        else:
            read.expect(capacity == 0, key, capacity, "0 with billingMode PAY_PER_REQUEST", "billingMode")
    for key, most, least in (
        ("maxReadCapacity", settings.max_read_capacity, settings.read_capacity),
        ("maxWriteCapacity", settings.max_write_capacity, settings.write_capacity),
    ):
        fits = not most or (settings.billing_mode == "PROVISIONED" and most > least)
        read.expect(fits, key, most, "0, or with billingMode PROVISIONED more than is provisioned", "billingMode")
    for key, units in (
        ("maxReadUnits", settings.max_read_units),
        ("maxWriteUnits", settings.max_write_units),
        ("warmReadUnits", settings.warm_read_units),
        ("warmWriteUnits", settings.warm_write_units),
    ):
        fits = not units or settings.billing_mode == "PAY_PER_REQUEST"
        read.expect(fits, key, units, "0 with billingMode PROVISIONED", "billingMode")
    together = bool(settings.warm_read_units) == bool(settings.warm_write_units)
    read.expect(together, "warmWriteUnits", settings.warm_write_units, "0 exactly if warmReadUnits is", "warmReadUnits")


def _check_time(read: Reader, settings: Settings) -> None:
    """The handlers keep some seconds of their time in reserve: with less they would never begin."""
    read.expect(
        settings.function_timeout > max(limits.COMMAND_RESERVE_SECONDS, limits.SWEEP_RESERVE_SECONDS),
        "functionTimeout",
        settings.function_timeout,
        f"above {limits.SWEEP_RESERVE_SECONDS}: with less time left no process is carried on by the sweep, and with "
        f"{limits.COMMAND_RESERVE_SECONDS} or less no refusal is published",
    )
    read.expect(
        settings.projection_timeout > limits.PROJECTION_RESERVE_SECONDS,
        "projectionTimeout",
        settings.projection_timeout,
        f"above {limits.PROJECTION_RESERVE_SECONDS}: with less time left nothing is projected from the store",
    )


def _check_stream(read: Reader, settings: Settings) -> None:
    most = settings.function_timeout * limits.RELAYED_PER_SECOND
    read.expect(
        settings.relay_batch_size <= most,
        "relayBatchSize",
        settings.relay_batch_size,
        f"at most {most}, what relay can publish in functionTimeout ({settings.function_timeout} s)",
        "functionTimeout",
    )
    read.expect(
        settings.relay_max_record_age > settings.function_timeout,
        "relayMaxRecordAge",
        settings.relay_max_record_age,
        f"above functionTimeout ({settings.function_timeout}): a record would be given up after one attempt that hangs",
        "functionTimeout",
    )
    for key, concurrency, needed, why in (
        ("relayConcurrency", settings.relay_concurrency, settings.relay_parallelization, "relayParallelization"),
        (
            "snapshotConcurrency",
            settings.snapshot_concurrency,
            limits.SNAPSHOT_PARALLELIZATION,
            "the batches of a shard that snapshot takes at once",
        ),
    ):
        read.expect(
            concurrency == limits.UNRESERVED or concurrency >= needed,
            key,
            concurrency,
            f"-1 or at least {why} ({needed}): one shard alone would be throttled",
            why,
        )


def _check_queue(read: Reader, settings: Settings) -> None:
    timeout, window = settings.projection_timeout, settings.projection_batch_window
    visibility, receives = settings.projection_visibility_timeout, settings.projection_max_receives
    read.expect(
        visibility >= timeout + window,
        "projectionVisibilityTimeout",
        visibility,
        f"at least projectionTimeout ({timeout}) and projectionBatchWindow ({window}) together: a message must stay "
        "hidden while it waits for its batch and is worked on",
        "projectionTimeout",
        "projectionBatchWindow",
    )
    read.expect(
        visibility * receives < limits.QUEUE_RETENTION_SECONDS,
        "projectionMaxReceives",
        receives,
        f"fewer than {-(-limits.QUEUE_RETENTION_SECONDS // max(visibility, 1))} with projectionVisibilityTimeout "
        f"{visibility}: the queue would drop a message before it is set aside",
        "projectionVisibilityTimeout",
    )
    read.expect(
        settings.projection_batch_size <= limits.UNWINDOWED_BATCH or window >= 1,
        "projectionBatchWindow",
        window,
        f"1 or more with a projectionBatchSize above {limits.UNWINDOWED_BATCH}",
        "projectionBatchSize",
    )
    most = (timeout - limits.PROJECTION_RESERVE_SECONDS) * limits.PROJECTED_PER_SECOND
    read.expect(
        settings.projection_batch_size <= most,
        "projectionBatchSize",
        settings.projection_batch_size,
        f"at most {most}, what projection can do in projectionTimeout ({timeout} s) without its reserve",
        "projectionTimeout",
    )
    read.expect(
        settings.projection_concurrency in (limits.UNRESERVED, *range(settings.projection_max_concurrency, 10_001)),
        "projectionConcurrency",
        settings.projection_concurrency,
        f"-1 or at least projectionMaxConcurrency ({settings.projection_max_concurrency}): a throttled poll counts as "
        "a receive, and receives lead to the dead letter queue",
        "projectionMaxConcurrency",
    )


def _check_transfers(read: Reader, settings: Settings) -> None:
    read.expect(
        settings.sweep_minutes * 60 <= settings.transfer_timeout_seconds,
        "sweepMinutes",
        settings.sweep_minutes,
        f"at most {settings.transfer_timeout_seconds // 60} with transferTimeoutSeconds "
        f"{settings.transfer_timeout_seconds}: a transfer would be found late by more than the time that it has",
        "transferTimeoutSeconds",
    )


def _check_starts(read: Reader, settings: Settings) -> None:
    """What AWS has together of published versions."""
    read.expect(
        not settings.snap_start or settings.runtime not in limits.WITHOUT_SNAP_START,
        "snapStart",
        "true",
        f"false with runtime {settings.runtime}: Lambda takes snapshots from python3.12 on",
        "runtime",
    )
    for key, provisioned, reserved, concurrency in (
        (
            "commandProvisionedConcurrency",
            settings.command_provisioned_concurrency,
            "commandConcurrency",
            settings.command_concurrency,
        ),
        (
            "queryProvisionedConcurrency",
            settings.query_provisioned_concurrency,
            "queryConcurrency",
            settings.query_concurrency,
        ),
    ):
        read.expect(
            not (provisioned and settings.snap_start),
            key,
            provisioned,
            "0 with snapStart: Lambda has one or the other",
            "snapStart",
        )
        read.expect(
            concurrency == limits.UNRESERVED or provisioned <= concurrency,
            key,
            provisioned,
            f"at most {reserved} ({concurrency}), of which it is a part",
            reserved,
        )


def _check_backups(read: Reader, settings: Settings) -> None:
    days, cold, lock = settings.backup_days, settings.backup_cold_after_days, settings.backup_lock
    for key, value in (
        ("backupColdAfterDays", cold),
        ("backupVault", settings.backup_vault),
        ("backupCopyTo", settings.backup_copy_to),
        ("backupLock", lock),
    ):
        shown = json.dumps(value) if isinstance(value, tuple) else value
        read.expect(bool(days) or not value, key, shown, "nothing with backupDays 0: no backup is made", "backupDays")
    read.expect(
        not days or bool(settings.backup_schedule),
        "backupSchedule",
        settings.backup_schedule,
        "a cron expression with backupDays",
        "backupDays",
    )
    read.expect(
        not (days and cold) or cold + limits.COLD_STORAGE_DAYS <= days,
        "backupColdAfterDays",
        cold,
        f"0, or at least {limits.COLD_STORAGE_DAYS} days less than backupDays ({days}): AWS Backup keeps and charges a "
        "backup in cold storage for so long",
        "backupDays",
    )
    read.expect(
        not (lock and settings.backup_vault),
        "backupLock",
        lock,
        f"empty with backupVault ({settings.backup_vault}), which is its owner's to lock",
        "backupVault",
    )
    read.expect(
        (1 <= settings.backup_lock_days <= days) if lock else settings.backup_lock_days == 0,
        "backupLockDays",
        settings.backup_lock_days,
        f"from 1 to backupDays ({days}) with backupLock: the vault would refuse what is to be kept for less"
        if lock
        else "0 without backupLock",
        "backupLock",
        "backupDays",
    )
    read.expect(
        lock != limits.COMPLIANCE or limits.IRREVERSIBLE_BACKUP_LOCK in settings.accepted_risks,
        "backupLock",
        lock,
        f"governance, unless acceptedRisks has {limits.IRREVERSIBLE_BACKUP_LOCK}: backupLockGraceDays "
        f"({settings.backup_lock_grace_days}) after it is made nobody can take it back, AWS included",
        "acceptedRisks",
    )


def _check_production(read: Reader, settings: Settings) -> None:
    """What nobody means who says production, unless the risk is accepted by its name."""
    days = limits.PRODUCTION_RETENTION_DAYS
    for risk, holds, key, value, allowed in (
        (
            limits.NO_POINT_IN_TIME_RECOVERY,
            settings.point_in_time_recovery,
            "pointInTimeRecovery",
            "false",
            "true",
        ),
        (
            limits.SHORT_ARCHIVE,
            settings.archive_retention_days == 0 or settings.archive_retention_days >= days,
            "archiveRetentionDays",
            settings.archive_retention_days,
            f"0 (for ever) or at least {days}",
        ),
        (
            limits.SHORT_AUDIT_LOG,
            not settings.audit_log or settings.audit_log_retention_days >= days,
            "auditLogRetentionDays",
            settings.audit_log_retention_days,
            f"at least {days}",
        ),
        (
            limits.NO_AUDIT_LOG,
            settings.audit_log,
            "auditLog",
            "false",
            "true",
        ),
        (
            limits.NO_ALARM_RECIPIENT,
            bool(settings.alarm_emails or settings.alarm_webhooks or settings.alarm_topics),
            "alarmEmails",
            "[]",
            "at least one address",
        ),
        (
            limits.SIGN_IN_IN_ONE_REGION,
            not (settings.regions and settings.has_user_pool),
            "regions",
            json.dumps(list(settings.regions)),
            "[], or with oidcIssuer, as nobody signs in any more once the Region of a user pool is lost,",
        ),
        (
            limits.ENDLESS_BREAK_GLASS,
            not settings.break_glass_arns or bool(settings.break_glass_until),
            "breakGlassArns",
            json.dumps(list(settings.break_glass_arns)),
            "[], or with breakGlassUntil",
        ),
    ):
        read.expect(
            holds or risk in settings.accepted_risks,
            key,
            value,
            f"{allowed} in production, unless acceptedRisks has {risk}",
            "production",
            "acceptedRisks",
        )
