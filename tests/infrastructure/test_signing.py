"""Signed code: every function takes it, from where it was put by the name of what is in it, or none does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from components import bundle
from components.limits import SIGN_IN_IN_ONE_REGION
from local.deploy.config import StackConfig
from policies import signing
from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.program import Graph, graph, run

CONFIG = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
ELSEWHERE = CONFIG.replace("us-east-1", "eu-west-1")
SIGNED = {"codeSigningConfigArn": CONFIG, "signedPackages": "s3://signed/ledger/"}
ROOT = Path(signing.__file__).parents[1]
JOB, PROFILE = "0f0e0d0c-1111-2222-3333-444455556666", "ledger"


def declared(stack: str, **settings: str) -> Graph:
    return run(stack, {f"event-sourcing:{key}": value for key, value in settings.items()})


def names(architecture: str = "arm64") -> tuple[str, str]:
    layer = bundle.layer_name(ROOT / "handlers" / "requirements.txt", architecture=architecture, runtime="python3.13")
    return bundle.handlers_name(ROOT / "handlers"), layer


def test_by_itself_no_code_is_signed_or_comes_from_s3() -> None:
    for each in (*graph("dev").of("Function"), *graph("dev").of("LayerVersion")):
        assert "code" in each.inputs
        assert each.inputs.keys().isdisjoint({"s3Bucket", "s3Key", "codeSigningConfigArn"})


def test_with_it_every_function_and_the_layer_are_signed_ones_by_the_name_of_what_is_in_them() -> None:
    stack = declared("prod", **SIGNED, heartbeatMinutes="5", architecture="x86_64")
    handlers, layer = names("x86_64")
    for each in stack.of("Function"):
        assert (each.inputs["s3Bucket"], each.inputs["s3Key"]) == ("signed", f"ledger/{handlers}"), each.name
        assert each.inputs["codeSigningConfigArn"] == CONFIG, each.name
        assert "code" not in each.inputs
    (of_layer,) = stack.of("LayerVersion")
    assert (of_layer.inputs["s3Bucket"], of_layer.inputs["s3Key"]) == ("signed", f"ledger/{layer}")
    assert "code" not in of_layer.inputs


def test_a_deployment_of_signed_packages_builds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for build in ("handlers_zip", "layer_zip"):
        monkeypatch.delattr(bundle, build)
    named = {f"event-sourcing:{key}": value for key, value in SIGNED.items()}
    assert run("dev", {**named, "event-sourcing:signedPackages": "s3://signed/"}, anew=True).of("LayerVersion")


def test_the_packages_are_built_under_the_names_that_a_deployment_looks_for(tmp_path: Path) -> None:
    assert bundle.handlers_zip(ROOT / "handlers", tmp_path).name == names()[0]
    lock = ROOT / "handlers" / "requirements.txt"
    there = tmp_path / names()[1]
    there.touch()
    assert bundle.layer_zip(lock, tmp_path, architecture="arm64", runtime="python3.13") == there


def test_of_two_regions_each_takes_its_own() -> None:
    there = {"replicaCodeSigningConfigArn": ELSEWHERE, "replicaSignedPackages": "s3://signed-elsewhere/"}
    two = {"regions": '["us-east-1", "eu-west-1"]', "acceptedRisks": json.dumps([SIGN_IN_IN_ONE_REGION])}
    taken = {
        (each.outputs["arn"].split(":")[3], each.inputs["codeSigningConfigArn"], each.inputs["s3Bucket"])
        for each in declared("prod", **SIGNED, **there, **two).of("Function")
    }
    assert taken == {("us-east-1", CONFIG, "signed"), ("eu-west-1", ELSEWHERE, "signed-elsewhere")}


def test_the_setting_changes_functions_where_they_are_and_goes_again_in_production_too() -> None:
    signed = declared("prod", **SIGNED, deployment="Canary10Percent5Minutes")
    plain = declared("prod", deployment="Canary10Percent5Minutes")
    there = up(up(State(), plain).after, signed)
    assert there.replaced == {"handlers-layer": {"code", "s3Bucket", "s3Key"}}
    of_functions = {"code", "s3Bucket", "s3Key", "codeSigningConfigArn", "layers"}
    assert there.updated == {each.name: of_functions for each in plain.of("Function")}
    assert (there.created, there.deleted, there.refused) == (set(), set(), set())

    back = up(there.after, plain)

    assert back.updated.keys() == there.updated.keys()
    assert (back.created, back.deleted, back.refused) == (set(), set(), set())


Stubbed = tuple[Any, Any, Stubber, Stubber]


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    """S3 and Signer, which answer what they are told to, in this order."""
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    s3, signer = session.client("s3"), session.client("signer")
    with Stubber(s3) as of_s3, Stubber(signer) as of_signer:
        yield s3, signer, of_s3, of_signer
        of_s3.assert_no_pending_responses()
        of_signer.assert_no_pending_responses()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    built = tmp_path / "handlers-1.zip"
    built.write_bytes(b"a zip")
    return built


def sign(stubbed: Stubbed, package: Path) -> list[str]:
    place = signing.Place("us-east-1", "signed", "ledger/")
    return list(signing.sign(stubbed[0], stubbed[1], place, [package], PROFILE))


def _asked_to_sign(of_s3: Stubber, of_signer: Stubber) -> None:
    of_s3.add_client_error("head_object", "404", http_status_code=404)
    source = {"bucketName": "signed", "key": "ledger/unsigned/handlers-1.zip"}
    of_s3.add_response(
        "put_object", {"VersionId": "v1"}, {"Bucket": "signed", "Key": "ledger/unsigned/handlers-1.zip", "Body": ANY}
    )
    of_signer.add_response(
        "start_signing_job",
        {"jobId": JOB},
        {
            "profileName": PROFILE,
            "source": {"s3": {**source, "version": "v1"}},
            "destination": {"s3": {"bucketName": "signed", "prefix": "ledger/jobs/"}},
            "clientRequestToken": ANY,
        },
    )


def test_a_package_is_signed_in_its_version_and_gets_its_name_once_it_is(stubbed: Stubbed, package: Path) -> None:
    _, _, of_s3, of_signer = stubbed
    _asked_to_sign(of_s3, of_signer)
    made = {"status": "Succeeded", "signedObject": {"s3": {"bucketName": "signed", "key": f"ledger/jobs/{JOB}.zip"}}}
    of_signer.add_response("describe_signing_job", made, {"jobId": JOB})
    of_signer.add_response("describe_signing_job", made, {"jobId": JOB})
    source = {"Bucket": "signed", "Key": f"ledger/jobs/{JOB}.zip"}
    copied = {"Bucket": "signed", "Key": "ledger/handlers-1.zip", "CopySource": source}
    of_s3.add_response("copy_object", {}, copied)

    assert sign(stubbed, package) == ["s3://signed/ledger/handlers-1.zip was signed by ledger"]


def test_what_is_signed_is_not_signed_again(stubbed: Stubbed, package: Path) -> None:
    found = {"LastModified": datetime(2026, 1, 1, tzinfo=UTC), "Body": io.BytesIO()}
    stubbed[2].add_response("head_object", {k: v for k, v in found.items() if k != "Body"})
    assert sign(stubbed, package) == ["s3://signed/ledger/handlers-1.zip is signed"]


def test_what_signer_refuses_gets_no_name_and_its_reason_is_told(stubbed: Stubbed, package: Path) -> None:
    _, _, of_s3, of_signer = stubbed
    _asked_to_sign(of_s3, of_signer)
    of_signer.add_response("describe_signing_job", {"status": "Failed", "statusReason": "no zip"}, {"jobId": JOB})
    with pytest.raises(signing.SigningError, match=rf"handlers-1\.zip was not signed by the job {JOB}: no zip"):
        sign(stubbed, package)


def test_a_bucket_without_versions_is_named_before_anything_is_signed(stubbed: Stubbed, package: Path) -> None:
    stubbed[2].add_client_error("head_object", "404", http_status_code=404)
    stubbed[2].add_response("put_object", {})
    with pytest.raises(signing.SigningError, match="the bucket signed is not versioned"):
        sign(stubbed, package)


def test_who_may_not_see_what_is_signed_signs_nothing(stubbed: Stubbed, package: Path) -> None:
    stubbed[2].add_client_error("head_object", "403", http_status_code=403)
    with pytest.raises(stubbed[0].exceptions.ClientError):
        sign(stubbed, package)


def test_a_region_is_a_place_and_a_stack_of_unsigned_code_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    two = {"regions": '["us-east-1", "eu-west-1"]', "replicaSignedPackages": "s3://elsewhere/"}
    settings = {f"event-sourcing:{key}": value for key, value in {**SIGNED, **two}.items()}
    assert list(signing.places_of(settings)) == [("us-east-1", "signed", "ledger/"), ("eu-west-1", "elsewhere", "")]

    assert signing.main(["--stack", "dev", "--profile", PROFILE]) == 2
    assert "event-sourcing:signedPackages is empty" in capsys.readouterr().err


def test_the_command_signs_in_each_region_and_ends_with_what_signer_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = {"regions": '["us-east-1", "eu-west-1"]', "replicaSignedPackages": "s3://elsewhere/"}
    settings = {f"event-sourcing:{key}": value for key, value in {**SIGNED, **two}.items()}
    asked: list[tuple[str, str, signing.Place]] = []

    def sign_one(s3: Any, signer: Any, place: signing.Place, packages: list[Path], profile: str) -> list[str]:
        asked.append((s3.meta.region_name, signer.meta.region_name, place))
        if place.bucket == refusing:
            raise signing.SigningError("handlers-1.zip was not signed")
        return [f"{each.name} was signed by {profile}" for each in packages]

    monkeypatch.setattr(signing, "load", lambda *_: StackConfig("event-sourcing", "prod", settings))
    monkeypatch.setattr(signing, "built", lambda _: [tmp_path / "handlers-1.zip"])
    monkeypatch.setattr(signing, "sign", sign_one)

    refusing = ""
    assert signing.main(["--stack", "prod", "--profile", PROFILE]) == 0
    assert capsys.readouterr().out.splitlines() == ["handlers-1.zip was signed by ledger"] * 2
    assert [(s3, signer, place.region) for s3, signer, place in asked] == [
        ("us-east-1", "us-east-1", "us-east-1"),
        ("eu-west-1", "eu-west-1", "eu-west-1"),
    ]

    refusing = "elsewhere"
    assert signing.main(["--stack", "prod", "--profile", PROFILE]) == 1
    assert "error: handlers-1.zip was not signed" in capsys.readouterr().err
