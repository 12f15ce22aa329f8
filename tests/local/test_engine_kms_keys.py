"""A key that is not enabled is of no use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.engine.kms_keys import KmsKeys
from tests.local.in_process import aws, refusal


@pytest.fixture
def kms() -> Iterator[Any]:
    with aws(KmsKeys) as client:
        yield client("kms")


Use = tuple[Callable[..., Any], dict[str, Any]]


def uses(kms: Any, key: str, signing: str) -> list[Use]:
    kms.create_alias(AliasName="alias/key", TargetKeyId=key)
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    ciphertext = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    others = kms.encrypt(KeyId=other, Plaintext=b"secret")["CiphertextBlob"]
    message = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(KeyId=signing, **message)["Signature"]
    return [
        (kms.encrypt, {"KeyId": "alias/key", "Plaintext": b"secret"}),
        (kms.decrypt, {"CiphertextBlob": ciphertext}),
        (kms.re_encrypt, {"CiphertextBlob": ciphertext, "DestinationKeyId": other}),
        (kms.re_encrypt, {"CiphertextBlob": others, "DestinationKeyId": key}),
        (kms.generate_data_key, {"KeyId": key, "KeySpec": "AES_256"}),
        (kms.generate_data_key_without_plaintext, {"KeyId": key, "KeySpec": "AES_256"}),
        (kms.sign, {"KeyId": signing, **message}),
        (kms.verify, {"KeyId": signing, "Signature": signature, **message}),
    ]


def test_a_key_is_used_only_while_it_is_enabled(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    calls = uses(kms, key, signing)
    for call, asked in calls:
        call(**asked)

    for each in (key, signing):
        kms.disable_key(KeyId=each)
    assert [refusal(call, **asked)[0] for call, asked in calls] == ["DisabledException"] * len(calls)

    for each in (key, signing):
        kms.schedule_key_deletion(KeyId=each)
    assert [refusal(call, **asked)[0] for call, asked in calls] == ["KMSInvalidStateException"] * len(calls)


def test_what_is_no_key_or_ciphertext_is_refused_as_before(kms: Any) -> None:
    assert refusal(kms.encrypt, KeyId="alias/none", Plaintext=b"x")[0] == "NotFoundException"
    assert refusal(kms.decrypt, CiphertextBlob=b"x")[0] == "InvalidCiphertextException"
