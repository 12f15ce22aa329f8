"""Descriptions of AWS's APIs are held once, and none is shared that somebody edits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def _holds(program: str) -> None:
    """In a process of its own, since other tests have descriptions read in ways of their own."""
    begin = """
import boto3
from botocore.loaders import Loader
from local import descriptions
descriptions.install()
def loaded(service):
    return Loader(include_default_search_paths=True).load_service_model(service, "service-2")
"""
    subprocess.run([sys.executable, "-c", begin + program], check=True, cwd=Path(__file__).parents[2])


def test_a_description_is_held_once() -> None:
    _holds('assert loaded("sqs") is loaded("sqs")')


def test_the_description_that_botocore_edits_is_everybodys_own() -> None:
    _holds("""
boto3.Session("a", "b", region_name="us-east-1").client("s3")
assert loaded("s3") is not loaded("s3")
""")
