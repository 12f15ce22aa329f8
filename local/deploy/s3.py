"""S3 buckets with their settings, policies and objects."""

import base64
from pathlib import Path
from typing import Any

from pulumi import FileAsset, StringAsset

from local.deploy.errors import DeployError
from local.deploy.registry import Created, Inputs, NewResource, Registry, fields

TYPES = Registry()

_BLOCK = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}
_OBJECT = {
    "bucket": "Bucket",
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "key": "Key",
    "metadata": "Metadata",
    "serverSideEncryption": "ServerSideEncryption",
}


@TYPES.creates("aws:s3/bucket:Bucket", fields("bucket", "bucketPrefix", "forceDestroy", "objectLockEnabled", "tags"))
def bucket(new: NewResource) -> Created:
    """A bucket; its id is its name."""
    s3 = new.client("s3")
    name = new.physical_name(63, "bucket").lower()
    elsewhere = {"LocationConstraint": new.region}
    s3.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=bool(new.inputs.get("objectLockEnabled")),
        **({} if new.region == "us-east-1" else {"CreateBucketConfiguration": elsewhere}),
    )
    if new.tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": new.tag_list})

    def delete() -> None:
        if new.inputs.get("forceDestroy"):
            _empty(s3, name)
        s3.delete_bucket(Bucket=name)

    outputs = {
        "arn": f"arn:aws:s3:::{name}",
        "bucket": name,
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegion": new.region,
        "bucketRegionalDomainName": f"{name}.s3.{new.region}.amazonaws.com",
        "tagsAll": new.tags,
    }
    return Created(name, outputs, delete)


@TYPES.creates("aws:s3/bucketPolicy:BucketPolicy", fields("bucket", "policy"))
def bucket_policy(new: NewResource) -> Created:
    """The policy of a bucket; its id is the bucket's."""
    s3, of = new.client("s3"), {"Bucket": new.inputs["bucket"]}
    s3.put_bucket_policy(Policy=new.inputs["policy"], **of)
    return Created(of["Bucket"], {}, delete=lambda: s3.delete_bucket_policy(**of))


@TYPES.creates("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", fields("bucket", *_BLOCK))
def bucket_public_access_block(new: NewResource) -> Created:
    """What of a bucket can never be public; its id is the bucket's."""
    s3, of = new.client("s3"), {"Bucket": new.inputs["bucket"]}
    s3.put_public_access_block(PublicAccessBlockConfiguration=new.pick(_BLOCK), **of)
    return Created(of["Bucket"], {}, delete=lambda: s3.delete_public_access_block(**of))


@TYPES.creates(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls", fields("bucket", rule=fields("objectOwnership"))
)
def bucket_ownership_controls(new: NewResource) -> Created:
    """Whose the objects of a bucket are; its id is the bucket's."""
    s3, of = new.client("s3"), {"Bucket": new.inputs["bucket"]}
    rules = [{"ObjectOwnership": new.inputs["rule"]["objectOwnership"]}]
    s3.put_bucket_ownership_controls(OwnershipControls={"Rules": rules}, **of)
    return Created(of["Bucket"], {}, delete=lambda: s3.delete_bucket_ownership_controls(**of))


@TYPES.creates(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    fields(
        "bucket",
        rules=fields("bucketKeyEnabled", applyServerSideEncryptionByDefault=fields("kmsMasterKeyId", "sseAlgorithm")),
    ),
)
def bucket_encryption(new: NewResource) -> Created:
    """How the objects of a bucket are encrypted; its id is the bucket's."""
    s3, of = new.client("s3"), {"Bucket": new.inputs["bucket"]}
    rules = [_encryption(rule) for rule in new.inputs["rules"]]
    s3.put_bucket_encryption(ServerSideEncryptionConfiguration={"Rules": rules}, **of)
    return Created(of["Bucket"], {}, delete=lambda: s3.delete_bucket_encryption(**of))


@TYPES.creates("aws:s3/bucketVersioning:BucketVersioning", fields("bucket", versioningConfiguration=fields("status")))
def bucket_versioning(new: NewResource) -> Created:
    """Whether a bucket keeps earlier versions; its id is the bucket's."""
    s3, of = new.client("s3"), {"Bucket": new.inputs["bucket"]}
    status = new.inputs["versioningConfiguration"]["status"]
    if status != "Disabled":  # as it is before anybody says otherwise
        s3.put_bucket_versioning(VersioningConfiguration={"Status": status}, **of)
    # It ends with its bucket: moto cannot delete the markers of one whose versioning is suspended.
    return Created(of["Bucket"], {}, delete=lambda: None)


@TYPES.creates(
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    fields("bucket", rule=fields(defaultRetention=fields("days", "mode", "years"))),
)
def bucket_object_lock(new: NewResource) -> Created:
    """For how long what comes into a bucket is locked; its id is the bucket's. It ends with its bucket."""
    s3, bucket = new.client("s3"), new.inputs["bucket"]
    names = {"days": "Days", "mode": "Mode", "years": "Years"}
    given = new.inputs["rule"]["defaultRetention"]
    retention = {api: given[ours] for ours, api in names.items() if ours in given}
    locked = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=locked)
    return Created(bucket, {}, delete=lambda: None)


@TYPES.creates(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    fields(
        "bucket",
        rules=fields(
            "id",
            "status",
            abortIncompleteMultipartUpload=fields("daysAfterInitiation"),
            expiration=fields("days"),
            filter=fields("prefix"),
            noncurrentVersionExpiration=fields("noncurrentDays"),
        ),
    ),
)
def bucket_lifecycle(new: NewResource) -> Created:
    """When what is in a bucket goes, which the embedded AWS keeps and does not do; its id is the bucket's."""
    s3, of = new.client("s3"), {"Bucket": new.inputs["bucket"]}
    rules = [_lifecycle(rule) for rule in new.inputs["rules"]]
    s3.put_bucket_lifecycle_configuration(LifecycleConfiguration={"Rules": rules}, **of)
    return Created(of["Bucket"], {}, delete=lambda: s3.delete_bucket_lifecycle(**of))


@TYPES.creates(
    "aws:s3/bucketObjectv2:BucketObjectv2",
    fields("content", "contentBase64", "forceDestroy", "source", "sourceHash", "tags", *_OBJECT),
)
def bucket_object(new: NewResource) -> Created:
    """An object of a bucket; its id is `bucket/key`."""
    s3, request = new.client("s3"), new.pick(_OBJECT)
    made = s3.put_object(Body=_content(new.inputs), **request)
    name, key = request["Bucket"], request["Key"]
    outputs = {
        "arn": f"arn:aws:s3:::{name}/{key}",
        "etag": made["ETag"].strip('"'),
        "versionId": made.get("VersionId", ""),
        "tagsAll": new.tags,
    }
    return Created(f"{name}/{key}", outputs, delete=lambda: s3.delete_object(Bucket=name, Key=key))


def _content(inputs: Inputs) -> bytes:
    match inputs.get("source"):
        case FileAsset() as asset:
            return Path(asset.path).read_bytes()
        case StringAsset() as asset:
            return asset.text.encode()
        case None if "contentBase64" in inputs:
            return base64.b64decode(inputs["contentBase64"])
        case None if "content" in inputs:
            return str(inputs["content"]).encode()
    raise DeployError("source: an object has content, or comes from a file or a text")


def _encryption(rule: Inputs) -> dict[str, Any]:
    default = rule["applyServerSideEncryptionByDefault"]
    names = {"kmsMasterKeyId": "KMSMasterKeyID", "sseAlgorithm": "SSEAlgorithm"}
    made: dict[str, Any] = {
        "ApplyServerSideEncryptionByDefault": {api: default[name] for name, api in names.items() if name in default}
    }
    if "bucketKeyEnabled" in rule:
        made["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
    return made


def _lifecycle(rule: Inputs) -> dict[str, Any]:
    made: dict[str, Any] = {"ID": rule["id"], "Status": rule["status"], "Filter": {"Prefix": ""}}
    if prefix := rule.get("filter", {}).get("prefix"):
        made["Filter"] = {"Prefix": prefix}
    for block, api, inner, name in (
        ("expiration", "Expiration", "days", "Days"),
        ("noncurrentVersionExpiration", "NoncurrentVersionExpiration", "noncurrentDays", "NoncurrentDays"),
        (
            "abortIncompleteMultipartUpload",
            "AbortIncompleteMultipartUpload",
            "daysAfterInitiation",
            "DaysAfterInitiation",
        ),
    ):
        if block in rule:
            made[api] = {name: rule[block][inner]}
    return made


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def _empty(s3: Any, name: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            s3.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
