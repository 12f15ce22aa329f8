"""The Regions that a stack can be in."""

from functools import cache

import boto3
from botocore.exceptions import UnknownRegionError

from local.deploy.errors import DeployError


@cache
def in_aws(region: str) -> str:
    """The Region, if it is one of the partition that the embedded AWS stands for, or DeployError."""
    try:
        partition = boto3.Session().get_partition_for_region(region)
    except UnknownRegionError:
        partition = "no partition"
    if partition != "aws":
        raise DeployError(f"the embedded AWS has Regions of the partition aws alone, and {region} is of {partition}")
    return region
