"""What S3's Object Lock keeps: moto holds a locked version, and lets anybody shorten the lock first.

A version that is held until a time in `COMPLIANCE` is let go, or held for less, by nobody; in `GOVERNANCE` by who asks
to pass the lock over. The versions of a bucket with locks go on being kept.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.engine import backends
from local.engine.api import ApiError, Response

if TYPE_CHECKING:
    from local.engine.api import ApiRequest
    from local.engine.gateway import Gateway

_MODE = re.compile(rb"<Mode>\s*(\w+)\s*</Mode>")
_UNTIL = re.compile(rb"<RetainUntilDate>\s*([^<\s]+)\s*</RetainUntilDate>")
_SUSPENDED = re.compile(rb"<Status>\s*Suspended\s*</Status>")
_BYPASS = "x-amz-bypass-governance-retention"
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class ObjectLocks:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.before("s3", "PutObjectRetention", self._check_retention)
        gateway.before("s3", "PutBucketVersioning", self._check_versioning)
        gateway.seam("s3", "GetObjectRetention", self._get)

    def _check_retention(self, request: ApiRequest) -> None:
        mode, until = _MODE.search(request.body), _UNTIL.search(request.body)
        if (mode is None) != (until is None):
            raise ApiError("MalformedXML", "A retention has a mode and a date, or neither")
        wanted = _time(until.group(1).decode()) if until else None
        if wanted is not None and wanted <= datetime.now(UTC):
            raise ApiError("InvalidArgument", "The retain until date must be in the future!")
        with self._gateway.lock:
            version = _version(request)
            held = _held_until(version)
        if held is None:
            return
        if version.lock_mode == "GOVERNANCE" and request.header(_BYPASS).lower() == "true":
            return
        weaker = version.lock_mode == "COMPLIANCE" and mode is not None and mode.group(1) != b"COMPLIANCE"
        if wanted is None or wanted < held or weaker:
            raise ApiError("AccessDenied", "Access Denied because object protected by object lock.", 403)

    def _check_versioning(self, request: ApiRequest) -> None:
        with self._gateway.lock:
            bucket = backends.bucket(unquote(request.path).split("/")[1])
        if bucket is not None and bucket.object_lock_enabled and _SUSPENDED.search(request.body):
            text = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
            raise ApiError("InvalidBucketState", text, 409)

    def _get(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            version = _version(request)
            if version is None:
                raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
            mode, until = version.lock_mode, version.lock_until
        if not (mode and until):
            text = "The specified object does not have a ObjectLock configuration"
            raise ApiError("NoSuchObjectLockConfiguration", text, 404)
        told = f"<Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate>"
        body = f'<?xml version="1.0" encoding="UTF-8"?><Retention xmlns="{_NAMESPACE}">{told}</Retention>'
        return Response(200, body.encode(), {"content-type": "application/xml"})


def _version(request: ApiRequest) -> Any:
    bucket, _, key = unquote(request.path).removeprefix("/").partition("/")
    return backends.bucket_object(bucket, key, request.query("versionId") or None)


def _held_until(version: Any) -> datetime | None:
    """Until when the version is held by its retention; None if it is not."""
    if version is None or version.lock_mode not in {"GOVERNANCE", "COMPLIANCE"} or not version.lock_until:
        return None
    held = _time(version.lock_until)
    return held if held > datetime.now(UTC) else None


def _time(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError("MalformedXML", f"{text} is no time") from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)
