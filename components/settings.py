"""A stack's settings, read from its configuration and checked in one go. Pulumi.yaml documents and defaults them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components import config_reader, front_door_rules, limits, setting_rules
from components.config_reader import Reader
from schemas.compatibility import MODES

_FOREVER_DAYS = 36_500
_A_URL = "an address, https://<host>/..."
_A_HOST = "the name of a host"
_A_CERTIFICATE = "the ARN of a certificate, arn:aws:acm:<region>:<account>:certificate/<id>"
_A_POLICY = "the ARN of an IAM policy, arn:aws:iam::<account>:policy/<name>"
_A_PATH = "a path, beginning and ending with /, up to 512 characters"
_A_TAG = "the value of a tag: letters, digits, spaces and _.:/=+-@, up to 256"
_A_SIGNING_CONFIG = (
    "the ARN of a code signing configuration, arn:aws:lambda:<region>:<account>:code-signing-config:csc-<17 letters>"
)
_A_FOLDER = "a place in S3, s3://<bucket>/ or s3://<bucket>/<prefix>/"
_A_FUNCTION = "a function of a module, <module>:<function>"
_GROUPS = "a list of ids of security groups, sg-<id>"
_ROUTE_TABLES = "a list of ids of route tables, rtb-<id>"
_TOPICS = "a list of ARNs of SNS topics, arn:aws:sns:<region>:<account>:<name>"
_A_CRON = (
    "a cron expression of AWS Backup in UTC, cron(<minutes> <hours> <day> <month> <weekday> <year>), one of day and "
    "weekday being ?"
)
_VAULTS = "a list of ARNs of vaults, arn:aws:backup:<region>:<account>:backup-vault:<name>"
_THRESHOLDS = "a list of <alarm>=<number>, such as projection-queue-age=600"
_A_WEB_ACL = "the ARN of a web ACL for CloudFront, arn:aws:wafv2:us-east-1:<account>:global/webacl/<name>/<id>"
_A_PREFIX = "a name of small letters, digits and -, up to 63, in which neither aws, amazon nor cognito occurs"


_UNUSABLE = "the stack's configuration cannot be used:"


class SettingsError(pulumi.RunError, ValueError):
    """The configuration cannot be used: every problem on a line, with its key, its value and what is allowed.

    Pulumi tells a RunError without the program's traceback.
    """


def refused(key: str, value: str, allowed: str) -> SettingsError:
    """Of what shows only where resources are declared; told as everything else that is wrong."""
    return SettingsError(f"{_UNUSABLE}\n  event-sourcing:{key} is {value!r}; allowed: {allowed}")


@dataclass(frozen=True)
class Settings:
    """The settings of one stack; days, seconds and MB as the unit in Pulumi.yaml says."""

    archive_retention_days: int
    log_retention_days: int
    audit_log: bool
    audit_log_retention_days: int
    audit_files_days: int
    """0 for no files."""
    audit_files_lock: str
    billing_mode: str
    read_capacity: int
    write_capacity: int
    max_read_capacity: int
    """0 where nothing scales by itself."""
    max_write_capacity: int
    max_read_units: int
    """0 for no limit."""
    max_write_units: int
    warm_read_units: int
    """0 for what DynamoDB begins with."""
    warm_write_units: int
    recovery_days: int
    point_in_time_recovery: bool
    backup_days: int
    """0 for no backups by AWS Backup."""
    backup_schedule: str
    backup_cold_after_days: int
    """0 for never."""
    backup_vault: str
    """The name of a vault that is there; empty for one of the stack's own."""
    backup_copy_to: tuple[str, ...]
    backup_lock: str
    """Empty for none."""
    backup_lock_days: int
    backup_lock_grace_days: int
    production: bool
    break_glass_arns: tuple[str, ...]
    """Who may put events besides the ledger's own functions."""
    break_glass_until: str
    """From when on they may not any more; empty for as long as they are named."""
    guard_bus: bool
    bus_writer_arns: tuple[str, ...]
    """Who may put events on the bus besides, where it is guarded."""
    permissions_boundary: str
    role_path: str
    data_class: str
    transformation: str
    """`module:function` of the owner's own; empty for none."""
    watch_guards: bool
    kms_key: str
    """"create" for a key of the stack's own; empty for none, or the one of `kms_key_arn`."""
    accepted_risks: tuple[str, ...]
    """What production would otherwise refuse, by the names in `limits.RISKS`."""
    kms_key_arn: str | None
    previous_kms_key_arns: tuple[str, ...]
    """Keys that were left, under which something may still lie."""
    alarm_emails: tuple[str, ...]
    alarm_webhooks: tuple[str, ...]
    alarm_topics: tuple[str, ...]
    alarms_off: tuple[str, ...]
    """By name, as `Monitoring` has them."""
    alarm_thresholds: tuple[str, ...]
    """`name=number` each."""
    contributor_insights: bool
    concurrency_alarm_percent: int
    """0 for no such alarm."""
    type_index: bool
    correlation_index: bool
    type_buckets: int
    statement: bool
    statement_entries: int
    snapshot_every: int
    snapshot_retention_days: int
    log_level: str
    system_log_level: str
    architecture: str
    runtime: str
    memory_size: int
    function_timeout: int
    projection_timeout: int
    code_signing_config_arn: str
    """Of the functions; empty to take code that is not signed."""
    signed_packages: str
    """`s3://bucket/prefix/`, where signed code is."""
    replica_code_signing_config_arn: str
    """As `code_signing_config_arn`, in the Region beside, with the next one."""
    replica_signed_packages: str
    deployment: str
    snap_start: bool
    command_provisioned_concurrency: int
    """0 for none."""
    query_provisioned_concurrency: int
    command_concurrency: int
    relay_concurrency: int
    projection_concurrency: int
    query_concurrency: int
    snapshot_concurrency: int
    validate_concurrency: int
    token_scopes_concurrency: int
    operations_concurrency: int
    schema_compatibility: str
    schema_registry_compatibility: str
    """Empty for that of `schema_compatibility`."""
    draft_events: bool
    relay_batch_size: int
    relay_parallelization: int
    relay_max_record_age: int
    relay_max_retries: int
    projection_batch_size: int
    projection_batch_window: int
    projection_max_concurrency: int
    projection_visibility_timeout: int
    projection_max_receives: int
    transfer_timeout_seconds: int
    transfer_approval_above: int
    """0 for never."""
    process_max_concurrency: int
    sweep_minutes: int
    heartbeat_minutes: int
    """0 for no heartbeat."""
    branch_days: int
    replay_rate: int
    """Copies a second, of a replay that says nothing of it."""
    replay_concurrency: int
    delivery_retry_attempts: int
    delivery_max_event_age: int
    tracing: bool
    http_api: bool
    console: bool
    cors_origins: tuple[str, ...]
    oidc_issuer: str
    """Who says who somebody is instead of a user pool of the stack's own; empty for the pool."""
    oidc_client_id: str
    oidc_audience: str
    oidc_authorize_url: str
    oidc_token_url: str
    oidc_logout_url: str
    sign_in_mfa: str
    sign_in_prefix: str
    """Empty for one made of the pool's id."""
    api_throttle_rate: int
    api_throttle_burst: int
    access_log_retention_days: int
    api_domain: str
    machine_api_domain: str
    api_certificate_arn: str
    console_domain: str
    console_certificate_arn: str
    console_price_class: str
    console_log_bucket: str
    web_acl_arn: str
    regions: tuple[str, ...]
    """The Region of the stack and the one beside it; empty for one Region."""
    region_mode: str
    replica_kms_key_arn: str | None
    """As `kms_key_arn`, in the Region beside."""
    replica_api_certificate_arn: str
    replica_console_domain: str
    subnet_ids: tuple[str, ...]
    """Of the functions; empty for no VPC."""
    security_group_ids: tuple[str, ...]
    vpc_endpoints: str
    """"create" for the stack's own; empty for those that the VPC has."""
    vpc_id: str
    """Of the endpoints, with the next one."""
    route_table_ids: tuple[str, ...]

    def reserved_concurrency(self) -> dict[str, int]:
        """The reservations of all functions, by setting."""
        return {
            "commandConcurrency": self.command_concurrency,
            "relayConcurrency": self.relay_concurrency,
            "projectionConcurrency": self.projection_concurrency,
            "queryConcurrency": self.query_concurrency,
            "snapshotConcurrency": self.snapshot_concurrency,
            "validateConcurrency": self.validate_concurrency,
            # Where nothing is reserved, they come out of the account's common pool.
            **(
                {"commandProvisionedConcurrency": self.command_provisioned_concurrency}
                if self.command_provisioned_concurrency and self.command_concurrency == limits.UNRESERVED
                else {}
            ),
            **(
                {"queryProvisionedConcurrency": self.query_provisioned_concurrency}
                if self.query_provisioned_concurrency and self.query_concurrency == limits.UNRESERVED
                else {}
            ),
            # Without the API, or the pool, there is no such function.
            **({"operationsConcurrency": self.operations_concurrency} if self.http_api else {}),
            **({"tokenScopesConcurrency": self.token_scopes_concurrency} if self.has_user_pool else {}),
        }

    def signing(self, *, is_first: bool) -> tuple[str, str]:
        """The code signing configuration of a Region, and where its packages are; empty texts for none."""
        if is_first:
            return self.code_signing_config_arn, self.signed_packages
        return self.replica_code_signing_config_arn, self.replica_signed_packages

    @property
    def is_shifted(self) -> bool:
        """Whether callers are moved to new code by CodeDeploy."""
        return self.deployment != limits.DIRECT

    @property
    def has_user_pool(self) -> bool:
        """Whether people are of a pool of the stack's own."""
        return self.http_api and not self.oidc_issuer

    def given_keys(self) -> dict[str, tuple[str, ...]]:
        """The ARNs of all keys that were made elsewhere, by setting."""
        return {
            "kmsKeyArn": (self.kms_key_arn,) if self.kms_key_arn else (),
            "previousKmsKeyArns": self.previous_kms_key_arns,
        }

    @classmethod
    def load(cls, config: pulumi.Config) -> Settings:
        """Read and check every setting. Raises SettingsError with all that is wrong."""
        read = Reader(config)
        settings = cls(
            archive_retention_days=read.integer("archiveRetentionDays", 0, _FOREVER_DAYS),
            log_retention_days=read.integer_of("logRetentionDays", limits.LOG_RETENTION_DAYS),
            audit_log=read.boolean("auditLog"),
            audit_log_retention_days=read.integer_of("auditLogRetentionDays", limits.LOG_RETENTION_DAYS),
            audit_files_days=read.integer("auditFilesDays", 0, limits.MAX_AUDIT_FILES_DAYS),
            audit_files_lock=read.choice("auditFilesLock", limits.AUDIT_LOCKS),
            billing_mode=read.choice("billingMode", limits.BILLING_MODES),
            read_capacity=read.integer("readCapacity", 0, limits.MAX_TABLE_UNITS),
            write_capacity=read.integer("writeCapacity", 0, limits.MAX_TABLE_UNITS),
            max_read_capacity=read.integer("maxReadCapacity", 0, limits.MAX_TABLE_UNITS),
            max_write_capacity=read.integer("maxWriteCapacity", 0, limits.MAX_TABLE_UNITS),
            max_read_units=read.integer("maxReadUnits", 0, limits.MAX_TABLE_UNITS),
            max_write_units=read.integer("maxWriteUnits", 0, limits.MAX_TABLE_UNITS),
            warm_read_units=read.nothing_or("warmReadUnits", limits.LEAST_WARM_READ_UNITS, limits.MAX_TABLE_UNITS),
            warm_write_units=read.nothing_or("warmWriteUnits", limits.LEAST_WARM_WRITE_UNITS, limits.MAX_TABLE_UNITS),
            recovery_days=read.integer("recoveryDays", 1, limits.MAX_RECOVERY_DAYS),
            point_in_time_recovery=read.boolean("pointInTimeRecovery"),
            backup_days=read.integer("backupDays", 0, limits.MAX_BACKUP_DAYS),
            backup_schedule=read.cron("backupSchedule", _A_CRON),
            backup_cold_after_days=read.integer("backupColdAfterDays", 0, limits.MAX_BACKUP_DAYS),
            backup_vault=read.matching("backupVault", config_reader.BACKUP_VAULT, "the name of a vault of AWS Backup"),
            backup_copy_to=read.all_matching("backupCopyTo", config_reader.BACKUP_VAULT_ARN, _VAULTS),
            backup_lock=read.optional_choice("backupLock", limits.BACKUP_LOCKS),
            backup_lock_days=read.integer("backupLockDays", 0, limits.MAX_BACKUP_DAYS),
            backup_lock_grace_days=read.integer("backupLockGraceDays", limits.LEAST_GRACE_DAYS, limits.MAX_BACKUP_DAYS),
            production=read.boolean("production"),
            break_glass_arns=read.identities("breakGlassArns"),
            break_glass_until=read.moment("breakGlassUntil"),
            guard_bus=read.boolean("guardBus"),
            bus_writer_arns=read.identities("busWriterArns"),
            permissions_boundary=read.matching("permissionsBoundary", config_reader.POLICY_ARN, _A_POLICY),
            role_path=read.matching("rolePath", config_reader.ROLE_PATH, _A_PATH) or "/",
            data_class=read.matching("dataClass", config_reader.TAG_VALUE, _A_TAG),
            transformation=read.matching("transformation", config_reader.FUNCTION, _A_FUNCTION),
            watch_guards=read.boolean("watchGuards"),
            kms_key=read.optional_choice("kmsKey", ("create",)),
            accepted_risks=read.choices("acceptedRisks", limits.RISKS),
            kms_key_arn=read.key_arn("kmsKeyArn"),
            previous_kms_key_arns=read.key_arns("previousKmsKeyArns"),
            alarm_emails=read.emails("alarmEmails"),
            alarm_webhooks=read.all_matching("alarmWebhooks", config_reader.HTTPS_URL, "a list of https addresses"),
            alarm_topics=read.all_matching("alarmTopics", config_reader.TOPIC_ARN, _TOPICS),
            alarms_off=read.all_matching("alarmsOff", config_reader.ALARM, "a list of names of alarms"),
            alarm_thresholds=read.all_matching("alarmThresholds", config_reader.ALARM_THRESHOLD, _THRESHOLDS),
            contributor_insights=read.boolean("contributorInsights"),
            concurrency_alarm_percent=read.integer("concurrencyAlarmPercent", 0, 100),
            type_index=read.boolean("typeIndex"),
            correlation_index=read.boolean("correlationIndex"),
            type_buckets=read.integer("typeBuckets", 1, 100),
            statement=read.boolean("statement"),
            statement_entries=read.integer("statementEntries", 1, limits.MAX_STATEMENT_ENTRIES),
            snapshot_every=read.integer_of("snapshotEvery", limits.SNAPSHOT_INTERVALS),
            snapshot_retention_days=read.integer("snapshotRetentionDays", 0, _FOREVER_DAYS),
            log_level=read.choice("logLevel", limits.LOG_LEVELS),
            system_log_level=read.choice("systemLogLevel", limits.SYSTEM_LOG_LEVELS),
            architecture=read.choice("architecture", limits.ARCHITECTURES),
            runtime=read.choice("runtime", limits.RUNTIMES),
            memory_size=read.integer("memorySize", 128, 10_240),
            function_timeout=read.integer("functionTimeout", 1, 900),
            projection_timeout=read.integer("projectionTimeout", 1, 900),
            code_signing_config_arn=read.matching(
                "codeSigningConfigArn", config_reader.CODE_SIGNING_CONFIG_ARN, _A_SIGNING_CONFIG
            ),
            signed_packages=read.matching("signedPackages", config_reader.S3_FOLDER, _A_FOLDER),
            replica_code_signing_config_arn=read.matching(
                "replicaCodeSigningConfigArn", config_reader.CODE_SIGNING_CONFIG_ARN, _A_SIGNING_CONFIG
            ),
            replica_signed_packages=read.matching("replicaSignedPackages", config_reader.S3_FOLDER, _A_FOLDER),
            deployment=read.choice("deployment", limits.DEPLOYMENTS),
            snap_start=read.boolean("snapStart"),
            command_provisioned_concurrency=read.integer("commandProvisionedConcurrency", 0, 10_000),
            query_provisioned_concurrency=read.integer("queryProvisionedConcurrency", 0, 10_000),
            command_concurrency=read.concurrency("commandConcurrency"),
            relay_concurrency=read.concurrency("relayConcurrency"),
            projection_concurrency=read.concurrency("projectionConcurrency"),
            query_concurrency=read.concurrency("queryConcurrency"),
            snapshot_concurrency=read.concurrency("snapshotConcurrency"),
            validate_concurrency=read.concurrency("validateConcurrency"),
            token_scopes_concurrency=read.concurrency("tokenScopesConcurrency"),
            operations_concurrency=read.concurrency("operationsConcurrency"),
            schema_compatibility=read.choice("schemaCompatibility", MODES),
            schema_registry_compatibility=read.optional_choice("schemaRegistryCompatibility", MODES),
            draft_events=read.boolean("draftEvents"),
            relay_batch_size=read.integer("relayBatchSize", 1, 10_000),
            relay_parallelization=read.integer("relayParallelization", 1, 10),
            relay_max_record_age=read.integer("relayMaxRecordAge", 60, limits.STREAM_RETENTION_SECONDS),
            relay_max_retries=read.integer("relayMaxRetries", 0, 10_000),
            projection_batch_size=read.integer("projectionBatchSize", 1, 10_000),
            projection_batch_window=read.integer("projectionBatchWindow", 0, 300),
            projection_max_concurrency=read.integer("projectionMaxConcurrency", 2, 1000),
            projection_visibility_timeout=read.integer("projectionVisibilityTimeout", 1, 43_200),
            projection_max_receives=read.integer("projectionMaxReceives", limits.LEAST_RECEIVES, 1000),
            transfer_timeout_seconds=read.integer(
                "transferTimeoutSeconds", limits.LEAST_TRANSFER_SECONDS, limits.MAX_TRANSFER_SECONDS
            ),
            transfer_approval_above=read.integer("transferApprovalAbove", 0, limits.MAX_APPROVAL_ABOVE),
            process_max_concurrency=read.integer("processMaxConcurrency", 2, 1000),
            replay_rate=read.integer("replayRate", 1, limits.MAX_REPLAY_RATE),
            replay_concurrency=read.integer("replayConcurrency", 2, 1000),
            sweep_minutes=read.integer("sweepMinutes", 1, limits.MAX_SWEEP_MINUTES),
            heartbeat_minutes=read.integer("heartbeatMinutes", 0, limits.MAX_HEARTBEAT_MINUTES),
            branch_days=read.integer("branchDays", 1, limits.MAX_BRANCH_DAYS),
            delivery_retry_attempts=read.integer("deliveryRetryAttempts", 0, 185),
            delivery_max_event_age=read.integer("deliveryMaxEventAge", 60, 86_400),
            tracing=read.boolean("tracing"),
            http_api=read.boolean("httpApi"),
            console=read.boolean("console"),
            cors_origins=read.origins("corsOrigins"),
            oidc_issuer=read.matching("oidcIssuer", config_reader.HTTPS_URL, _A_URL),
            oidc_client_id=read.matching("oidcClientId", config_reader.WORD, "a client's id"),
            oidc_audience=read.matching("oidcAudience", config_reader.WORD, "what the issuer's tokens have as aud"),
            oidc_authorize_url=read.matching("oidcAuthorizeUrl", config_reader.HTTPS_URL, _A_URL),
            oidc_token_url=read.matching("oidcTokenUrl", config_reader.HTTPS_URL, _A_URL),
            oidc_logout_url=read.matching("oidcLogoutUrl", config_reader.HTTPS_URL, _A_URL),
            sign_in_mfa=read.choice("signInMfa", limits.SIGN_IN_MFA),
            sign_in_prefix=read.matching("signInPrefix", config_reader.SIGN_IN_PREFIX, _A_PREFIX),
            api_throttle_rate=read.integer("apiThrottleRate", 1, 10_000),
            api_throttle_burst=read.integer("apiThrottleBurst", 1, 5000),
            access_log_retention_days=read.integer_of("accessLogRetentionDays", limits.LOG_RETENTION_DAYS),
            api_domain=read.matching("apiDomain", config_reader.HOST, _A_HOST),
            machine_api_domain=read.matching("machineApiDomain", config_reader.HOST, _A_HOST),
            api_certificate_arn=read.matching("apiCertificateArn", config_reader.CERTIFICATE_ARN, _A_CERTIFICATE),
            console_domain=read.matching("consoleDomain", config_reader.HOST, _A_HOST),
            console_certificate_arn=read.matching(
                "consoleCertificateArn", config_reader.CERTIFICATE_ARN, _A_CERTIFICATE
            ),
            console_price_class=read.choice("consolePriceClass", limits.PRICE_CLASSES),
            console_log_bucket=read.matching("consoleLogBucket", config_reader.BUCKET, "the name of a bucket"),
            web_acl_arn=read.matching("webAclArn", config_reader.WEB_ACL_ARN, _A_WEB_ACL),
            regions=read.regions("regions"),
            region_mode=read.choice("regionMode", limits.REGION_MODES),
            replica_kms_key_arn=read.key_arn("replicaKmsKeyArn"),
            replica_api_certificate_arn=read.matching(
                "replicaApiCertificateArn", config_reader.CERTIFICATE_ARN, _A_CERTIFICATE
            ),
            replica_console_domain=read.matching("replicaConsoleDomain", config_reader.HOST, _A_HOST),
            subnet_ids=read.all_matching("subnetIds", config_reader.SUBNET, "a list of ids of subnets, subnet-<id>"),
            security_group_ids=read.all_matching("securityGroupIds", config_reader.SECURITY_GROUP, _GROUPS),
            vpc_endpoints=read.optional_choice("vpcEndpoints", limits.VPC_ENDPOINTS),
            vpc_id=read.matching("vpcId", config_reader.VPC, "the id of a VPC, vpc-<id>"),
            route_table_ids=read.all_matching("routeTableIds", config_reader.ROUTE_TABLE, _ROUTE_TABLES),
        )
        region, endpoints = pulumi.Config("aws").get("region"), pulumi.Config("aws").get("endpoints")
        setting_rules.check_names(read, pulumi.get_project(), pulumi.get_stack())
        setting_rules.check(read, settings)
        front_door_rules.check(read, settings, region)
        setting_rules.check_keys(read, settings, region)
        setting_rules.check_drafts(read, settings, endpoints)
        setting_rules.check_regions(read, settings, region)
        setting_rules.check_topics(read, settings, region)
        setting_rules.check_network(read, settings)
        setting_rules.check_signing(read, settings, region, endpoints)
        read.refuse_what_was_not_read()
        if read.errors:
            raise SettingsError("\n".join([_UNUSABLE, *read.errors]))
        return settings
