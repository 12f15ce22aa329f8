"""Everything that crosses the bus, in files that nobody changes: a bucket with Object Lock, and what writes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components import bucket_guards
from components.dead_letter_queue import DeadLetterQueue
from components.event_bus import EventBus
from components.limits import AUDIT_LOCKS, MAX_AUDIT_FILES_DAYS, check_choice, check_range
from components.policies import Grant, assume_role_policy, locked_files_policy, role_policy
from components.rule_target import Delivery, target_in_a_role

EVENTS = "events/"
"""Below it, by the hour in which Firehose took them, lie the files: events, one a line, compressed by gzip."""
_BY_HOUR = "!{timestamp:yyyy/MM/dd/HH}/"
_FAILED = "failed/!{firehose:error-output-type}/"
_SECONDS, _MEGABYTES = 300, 64
"""For so long, or until it is so much, Firehose gathers what becomes one file."""
_ERRORS_DAYS = 30
_UPLOAD_DAYS = 7


@dataclass(frozen=True)
class AuditFilesArgs:
    event_bus: EventBus
    account_id: Input[str]
    """Events of this account are kept: all that the bus takes."""
    dead_letters: DeadLetterQueue
    """Takes what Firehose did not take; must admit the rules of the bus."""
    days: int
    """For so long a file is locked; then it is deleted."""
    lock: str = "governance"
    """Governance may be passed over by who has leave to; compliance by nobody."""
    but_from: Sequence[str] = ()
    """Sources whose events are not for it."""
    retry_attempts: Input[int] = 185
    max_event_age: Input[int] = 86_400
    """Seconds."""
    kms_key_arn: Input[str] | None = None
    """A customer key whose policy admits CloudWatch Logs. Without it S3 and Firehose use their own."""
    dns_suffix: Input[str] = ""
    """Of the partition's services. Given with a key."""


class AuditFiles(pulumi.ComponentResource):
    """A rule for everything, Firehose, and a bucket that stays in the account when stack or setting let it go."""

    rule_name: pulumi.Output[str]
    stream_name: pulumi.Output[str]
    bucket_name: pulumi.Output[str]
    writer_role_name: pulumi.Output[str]

    def __init__(self, name: str, args: AuditFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:AuditFiles", name, None, opts)
        check_range(name, "days", args.days, 1, MAX_AUDIT_FILES_DAYS)
        check_choice(name, "lock", args.lock, AUDIT_LOCKS)
        child = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            object_lock_enabled=True,
            # AWS deletes no bucket that holds a file, nor a file that is locked: a destroy would stop there.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        writer = _writer(name, args, child)
        settled = _bucket_settings(name, args, bucket, writer, pulumi.ResourceOptions(parent=self, deleted_with=bucket))
        stream = _stream(name, args, bucket, writer, pulumi.ResourceOptions(parent=self, depends_on=settled))
        rule = aws.cloudwatch.EventRule(
            f"{name}-rule",
            description="Everything that crosses the bus, to files that nobody can change",
            event_bus_name=args.event_bus.name,
            event_pattern=Output.json_dumps(
                {
                    "account": [args.account_id],
                    **({"source": [{"anything-but": list(args.but_from)}]} if args.but_from else {}),
                }
            ),
            state="ENABLED",
            opts=child,
        )
        target_in_a_role(
            name,
            rule,
            stream.arn,
            Delivery(args.event_bus, args.dead_letters, args.retry_attempts, args.max_event_age),
            role_name=f"{name}-rule",
            description="What the rule of the audit files may do",
            grant=Grant("PutRecords", ("firehose:PutRecord", "firehose:PutRecordBatch"), (stream.arn,)),
            owner=self,
        )
        self.rule_name = rule.name
        self.stream_name = stream.name
        self.bucket_name = bucket.bucket
        self.writer_role_name = writer.name
        self.register_outputs({"bucketName": self.bucket_name})


def _bucket_settings(
    name: str, args: AuditFilesArgs, bucket: aws.s3.Bucket, writer: aws.iam.Role, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """All that is to hold before the first file is written; it stays with the bucket that stays."""
    whole = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    return [
        bucket_guards.versioning(name, bucket, opts),
        aws.s3.BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=bucket.bucket,
            rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                    mode=args.lock.upper(), days=args.days
                )
            ),
            opts=opts,
        ),
        bucket_guards.encryption(name, bucket, opts, args.kms_key_arn),
        bucket_guards.privacy(name, bucket, opts),
        aws.s3.BucketPolicy(
            f"{name}-bucket-policy",
            bucket=bucket.bucket,
            policy=locked_files_policy(bucket.arn, writer.arn),
            opts=opts,
        ),
        # The lock ends with the day on which a file expires; the version behind the marker goes a day later.
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="end",
                    status="Enabled",
                    filter=whole,
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.days + 1),
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=1
                    ),
                    abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=_UPLOAD_DAYS
                    ),
                )
            ],
            opts=opts,
        ),
    ]


def _writer(name: str, args: AuditFilesArgs, opts: pulumi.ResourceOptions) -> aws.iam.Role:
    """The role in which Firehose writes files, and nobody else does."""
    return aws.iam.Role(
        f"{name}-writer-role",
        description="What writes the audit files may do",
        assume_role_policy=assume_role_policy(
            "firehose.amazonaws.com", {"StringEquals": {"sts:ExternalId": args.account_id}}
        ),
        opts=opts,
    )


def _stream(
    name: str, args: AuditFilesArgs, bucket: aws.s3.Bucket, writer: aws.iam.Role, opts: pulumi.ResourceOptions
) -> aws.kinesis.FirehoseDeliveryStream:
    child = pulumi.ResourceOptions(parent=opts.parent)
    errors = aws.cloudwatch.LogGroup(
        f"{name}-errors",
        name_prefix=f"/aws/kinesisfirehose/{name}-",
        retention_in_days=_ERRORS_DAYS,
        kms_key_id=args.kms_key_arn,
        opts=child,
    )
    lines = aws.cloudwatch.LogStream(f"{name}-errors-stream", log_group_name=errors.name, name="s3", opts=child)
    of_the_bucket = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
    policy = aws.iam.RolePolicy(
        f"{name}-writer-policy",
        role=writer.name,
        policy=role_policy(
            [
                Grant("SeeBucket", of_the_bucket, (bucket.arn,)),
                Grant(
                    "WriteFiles",
                    ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
                    (Output.concat(bucket.arn, "/*"),),
                ),
                Grant("LogErrors", ("logs:PutLogEvents",), (Output.concat(errors.arn, ":*"),)),
            ],
            kms_key_arn=args.kms_key_arn,
            dns_suffix=args.dns_suffix,
        ),
        opts=child,
    )
    encryption = aws.kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs(
        enabled=True,
        key_type="AWS_OWNED_CMK" if args.kms_key_arn is None else "CUSTOMER_MANAGED_CMK",
        key_arn=args.kms_key_arn,
    )
    newline = aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgs(
        type="AppendDelimiterToRecord",
        parameters=[
            aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorParameterArgs(
                parameter_name="Delimiter", parameter_value="\\n"
            )
        ],
    )
    return aws.kinesis.FirehoseDeliveryStream(
        f"{name}-stream",
        destination="extended_s3",
        server_side_encryption=encryption,
        extended_s3_configuration=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
            bucket_arn=bucket.arn,
            role_arn=writer.arn,
            prefix=EVENTS + _BY_HOUR,
            error_output_prefix=_FAILED + _BY_HOUR,
            buffering_interval=_SECONDS,
            buffering_size=_MEGABYTES,
            compression_format="GZIP",
            kms_key_arn=args.kms_key_arn,
            processing_configuration=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationArgs(
                enabled=True, processors=[newline]
            ),
            cloudwatch_logging_options=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptionsArgs(
                enabled=True, log_group_name=errors.name, log_stream_name=lines.name
            ),
        ),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )
