"""`python -m policies.signing --stack NAME --profile PROFILE`: has AWS Signer sign what the stack's functions run.

For a pipeline that has built and tested the revision, in a role that may sign and may not deploy. What is signed lies
where `signedPackages` says, under the name that the deployment looks for; what lies there is not signed again. In two
Regions the profile is one of that name in each.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from components import bundle
from local.deploy import ConfigError
from local.deploy import load_config as load

ROOT = Path(__file__).resolve().parents[1]
_NAMESPACE = "event-sourcing"
_LOOK_SECONDS, _LOOKS = 5, 60
"""How often a job is looked after, and for how long: five minutes."""


class SigningError(RuntimeError):
    """Something was not signed; says what and why."""


class Place(NamedTuple):
    """Where signed packages go."""

    region: str | None
    """None for that of the environment."""
    bucket: str
    prefix: str


def main(arguments: list[str] | None = None) -> int:
    """0 once all is signed; 1 where it is not; 2 where the stack's configuration says not what to sign."""
    parser = argparse.ArgumentParser(prog="python -m policies.signing", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--stack", required=True)
    parser.add_argument("--profile", required=True, help="the name of a signing profile of AWSLambda-SHA384-ECDSA")
    options = parser.parse_args(arguments)
    try:
        settings = load(ROOT, options.stack).values
        places = list(places_of(settings))
        packages = built(settings)
    except (ConfigError, ValueError, bundle.BundleError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        for place in places:
            session = boto3.Session(region_name=place.region)
            for line in sign(session.client("s3"), session.client("signer"), place, packages, options.profile):
                print(line)
    except (SigningError, ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def places_of(settings: dict[str, str]) -> Iterator[Place]:
    """One a Region. Raises: ValueError where the stack takes no signed packages."""
    regions = json.loads(settings.get(f"{_NAMESPACE}:regions") or "[]") or [settings.get("aws:region")]
    for region, key in zip(regions, ("signedPackages", "replicaSignedPackages"), strict=False):
        at = settings.get(f"{_NAMESPACE}:{key}")
        if not at:
            raise ValueError(f"{_NAMESPACE}:{key} is empty: the stack takes no signed packages")
        bucket, _, prefix = at.removeprefix("s3://").partition("/")
        yield Place(region, bucket, prefix)


def built(settings: dict[str, str]) -> list[Path]:
    """The zips of functions and layer, as a deployment would build them."""
    source, build = ROOT / "handlers", ROOT / ".build"
    of = {key: settings[f"{_NAMESPACE}:{key}"] for key in ("architecture", "runtime")}
    return [bundle.handlers_zip(source, build), bundle.layer_zip(source / "requirements.txt", build, **of)]


def sign(s3: Any, signer: Any, place: Place, packages: Sequence[Path], profile: str) -> Iterator[str]:
    """Sign what is not yet, and say so, a line for each. Three requests to S3 and three or more to Signer for each.

    A signed package gets its name last: under it lies the whole of it, or nothing. Raises: SigningError, ClientError.
    """
    for package in packages:
        key = place.prefix + package.name
        if _is_there(s3, place.bucket, key):
            yield f"s3://{place.bucket}/{key} is signed"
            continue
        signed = _signed(s3, signer, place, package, profile)
        s3.copy_object(Bucket=place.bucket, Key=key, CopySource={"Bucket": place.bucket, "Key": signed})
        yield f"s3://{place.bucket}/{key} was signed by {profile}"


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    """Raises ClientError where it cannot be told: S3 says 403 for what is not there to who may not list the bucket."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004 - as HTTP says it
            return False
        raise
    return True


def _signed(s3: Any, signer: Any, place: Place, package: Path, profile: str) -> str:
    """Have the package signed; the key of what Signer made of it."""
    source = {"bucketName": place.bucket, "key": f"{place.prefix}unsigned/{package.name}"}
    with package.open("rb") as body:
        version = s3.put_object(Bucket=place.bucket, Key=source["key"], Body=body).get("VersionId")
    if not version:
        raise SigningError(f"the bucket {place.bucket} is not versioned: Signer signs a version of an object")
    job = signer.start_signing_job(
        profileName=profile,
        source={"s3": {**source, "version": version}},
        destination={"s3": {"bucketName": place.bucket, "prefix": f"{place.prefix}jobs/"}},
        clientRequestToken=str(uuid.uuid4()),
    )["jobId"]
    try:
        signer.get_waiter("successful_signing_job").wait(
            jobId=job, WaiterConfig={"Delay": _LOOK_SECONDS, "MaxAttempts": _LOOKS}
        )
    except WaiterError as error:
        why = error.last_response.get("statusReason") or error
        raise SigningError(f"{package.name} was not signed by the job {job}: {why}") from error
    key: str = signer.describe_signing_job(jobId=job)["signedObject"]["s3"]["key"]
    return key


if __name__ == "__main__":
    sys.exit(main())
