"""Descriptions of AWS's APIs are held once, and none is shared that somebody edits."""

from __future__ import annotations

import boto3
from botocore.loaders import Loader

from local.engine import descriptions


def _loaded(service: str) -> object:
    return Loader(include_default_search_paths=True).load_service_model(service, "service-2")


def test_a_description_is_held_once() -> None:
    descriptions.install()

    assert _loaded("sqs") is _loaded("sqs")


def test_the_description_that_botocore_edits_is_everybodys_own() -> None:
    descriptions.install()
    boto3.Session("a", "b", region_name="us-east-1").client("s3")

    assert _loaded("s3") is not _loaded("s3")
