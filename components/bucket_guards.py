"""What holds for every bucket of the stack: versions are kept, files are encrypted, and nobody makes them public."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from pulumi import Input


def versioning(name: str, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions) -> aws.s3.BucketVersioning:
    """Keep what was replaced or deleted."""
    return aws.s3.BucketVersioning(
        f"{name}-versioning",
        bucket=bucket.bucket,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=opts,
    )


def encryption(
    name: str, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions, kms_key_arn: Input[str] | None = None
) -> aws.s3.BucketServerSideEncryptionConfiguration:
    """With that key; with S3's own where there is none."""
    by_default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256" if kms_key_arn is None else "aws:kms", kms_master_key_id=kms_key_arn
    )
    return aws.s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.bucket,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=by_default,
                bucket_key_enabled=None if kms_key_arn is None else True,
            )
        ],
        opts=opts,
    )


def privacy(name: str, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions) -> aws.s3.BucketPublicAccessBlock:
    """Refuse whatever would make it public."""
    return aws.s3.BucketPublicAccessBlock(
        f"{name}-privacy",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
