"""Keys that are disabled or about to be deleted: moto goes on encrypting and decrypting with them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from local.engine import backends
from local.engine.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.engine.api import ApiRequest
    from local.engine.gateway import Gateway

_USES = (
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
)


class KmsKeys:
    """Refuses the use of keys that are not enabled."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        for operation in _USES:
            gateway.before("kms", operation, self._check)

    def _check(self, request: ApiRequest) -> None:
        with self._gateway.lock:
            keys = [backends.kms_key(request.region, name) for name in _key_names(request)]
            states = [(key.arn, key.key_state) for key in keys if key is not None]
        for arn, state in states:
            if state == "Disabled":
                raise ApiError("DisabledException", f"{arn} is disabled.")
            if state == "PendingDeletion":
                raise ApiError("KMSInvalidStateException", f"{arn} is pending deletion.")


def _key_names(request: ApiRequest) -> Iterator[str]:
    asked = request.parameters
    for name in ("KeyId", "DestinationKeyId"):
        if asked.get(name):
            yield str(asked[name])
    if asked.get("CiphertextBlob"):
        try:
            blob = base64.b64decode(asked["CiphertextBlob"])
        except (ValueError, binascii.Error):
            return  # what is no ciphertext at all, moto refuses
        if key := backends.kms_key_behind(blob):
            yield key
