"""Descriptions of AWS's APIs are held once, and none is shared that somebody edits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import botocore
import moto

from local.descriptions import EXTENDED


def _holds(program: str) -> None:
    """In a process of its own, since other tests have descriptions read in ways of their own."""
    begin = """
import boto3
from botocore.loaders import JSONFileLoader, Loader
from local import descriptions
botocores = JSONFileLoader.load_file
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


def test_a_description_is_botocores_but_for_its_prose() -> None:
    _holds("""
from tests.local.test_engine_descriptions import without_prose
lean = {service: loaded(service) for service in ("lambda", "dynamodb", "glue")}
JSONFileLoader.load_file = botocores
assert all(lean[service] == without_prose(loaded(service)) != loaded(service) for service in lean)
""")


def test_what_is_said_over_and_over_is_held_once_and_cannot_be_edited() -> None:
    _holds("""
shapes = loaded("lambda")["shapes"]
for name in ("CreateEventSourceMappingRequest", "UpdateEventSourceMappingRequest"):
    one, other = shapes[name]["members"]["FunctionName"], shapes["FunctionConfiguration"]["members"]["FunctionName"]
    assert one == {"shape": "NamespacedFunctionName", "documentation": ""} and one is other
one = shapes["Tags"]["key"]
assert one == {"shape": "TagKey"} and one is shapes["TagKeyList"]["member"]
assert one.copy() == dict(one) and type(one.copy()) is dict
try:
    one["locationName"] = "name"
except TypeError as refused:
    assert str(refused) == "the reference to the shape TagKey is shared"
else:
    raise AssertionError("edited")
""")


def test_nothing_is_held_once_of_what_botocore_or_moto_extend() -> None:
    roots = (Path(botocore.__file__).parent / "data", Path(moto.__file__).parent)
    extended = {path.parts[-3] for root in roots for path in root.glob("*/*/service-2.*-extras.json*")}

    assert "sqs" in extended
    assert extended == EXTENDED


def without_prose(description: object) -> object:
    if isinstance(description, list):
        return [without_prose(each) for each in description]
    if not isinstance(description, dict):
        return description
    return {
        name: "" if name == "documentation" and isinstance(value, str) else without_prose(value)
        for name, value in description.items()
    }
