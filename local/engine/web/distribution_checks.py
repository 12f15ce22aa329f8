"""What a distribution may be: everything that is not known to be done, or to make no difference, is refused by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.engine.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
BUCKET = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:\.(?P<region>[a-z0-9-]+))?\.amazonaws\.com")
"""How the name of an S3 origin is built."""


def is_of(region: str, config: Mapping[str, Any]) -> bool:
    """Whether a distribution is of a Region, as far as its files are: none of another one is among its origins."""
    found = (BUCKET.fullmatch(origin["DomainName"]) for origin in config["Origins"]["Items"])
    return all(each is None or each["region"] in (None, region) for each in found)


_ANY = object()
_Known = dict[str, Any]
"""What is understood: by member the values that are taken, or _ANY, or what the members of a block are."""

_NONE_OF: _Known = {"Quantity": (0,), "Enabled": (False,), "Items": ((), [])}
_METHODS = {"Quantity": _ANY, "Items": _ANY, "CachedMethods": {"Quantity": _ANY, "Items": _ANY}}
_BEHAVIOR: _Known = {
    "TargetOriginId": _ANY,
    "PathPattern": _ANY,
    "ViewerProtocolPolicy": ("allow-all", "https-only", "redirect-to-https"),
    "AllowedMethods": _METHODS,
    "CachePolicyId": (CACHING_DISABLED, CACHING_OPTIMIZED),
    "OriginRequestPolicyId": (ALL_VIEWER_EXCEPT_HOST, ""),
    "ResponseHeadersPolicyId": _ANY,
    "Compress": _ANY,
    "SmoothStreaming": (False,),
    "FieldLevelEncryptionId": ("",),
    "TrustedSigners": _NONE_OF,
    "TrustedKeyGroups": _NONE_OF,
    "LambdaFunctionAssociations": _NONE_OF,
    "FunctionAssociations": _NONE_OF,
    "GrpcConfig": {"Enabled": (False,)},
}
_ORIGIN: _Known = {
    "Id": _ANY,
    "DomainName": _ANY,
    "OriginPath": _ANY,
    "OriginAccessControlId": _ANY,
    "ConnectionAttempts": _ANY,
    "ConnectionTimeout": _ANY,
    "ResponseCompletionTimeout": _ANY,
    "CustomHeaders": _NONE_OF,
    "OriginShield": {"Enabled": (False,)},
    "S3OriginConfig": {"OriginAccessIdentity": ("",), "OriginReadTimeout": _ANY},
    "CustomOriginConfig": {
        "HTTPPort": _ANY,
        "HTTPSPort": _ANY,
        "IpAddressType": ("ipv4",),
        "OriginKeepaliveTimeout": _ANY,
        "OriginProtocolPolicy": _ANY,
        "OriginReadTimeout": _ANY,
        "OriginSslProtocols": _ANY,
    },
}
_DISTRIBUTION: _Known = {
    "CallerReference": _ANY,
    "Aliases": _NONE_OF,
    "DefaultRootObject": _ANY,
    "Origins": {"Quantity": _ANY, "Items": _ORIGIN},
    "OriginGroups": _NONE_OF,
    "DefaultCacheBehavior": _BEHAVIOR,
    "CacheBehaviors": {"Quantity": _ANY, "Items": _BEHAVIOR},
    "CustomErrorResponses": _NONE_OF,
    "Comment": _ANY,
    "Logging": {"Enabled": (False,), "IncludeCookies": (False,), "Bucket": ("",), "Prefix": ("",)},
    "PriceClass": _ANY,
    "Enabled": _ANY,
    "ViewerCertificate": {
        "CloudFrontDefaultCertificate": (True,),
        "MinimumProtocolVersion": _ANY,
        "CertificateSource": _ANY,
    },
    "Restrictions": {"GeoRestriction": {"RestrictionType": ("none",), "Quantity": (0,)}},
    "WebACLId": ("",),
    "HttpVersion": _ANY,
    "IsIPV6Enabled": _ANY,
    "Staging": (False,),
}
_OVERRIDE = {"Override": _ANY}
_POLICY: _Known = {
    "Name": _ANY,
    "Comment": _ANY,
    "CustomHeadersConfig": {"Quantity": _ANY, "Items": {"Header": _ANY, "Value": _ANY, **_OVERRIDE}},
    "RemoveHeadersConfig": {"Quantity": _ANY, "Items": {"Header": _ANY}},
    "SecurityHeadersConfig": {
        "ContentSecurityPolicy": {"ContentSecurityPolicy": _ANY, **_OVERRIDE},
        "ContentTypeOptions": _OVERRIDE,
        "FrameOptions": {"FrameOption": ("DENY", "SAMEORIGIN"), **_OVERRIDE},
        "ReferrerPolicy": {"ReferrerPolicy": _ANY, **_OVERRIDE},
        "StrictTransportSecurity": {
            "AccessControlMaxAgeSec": _ANY,
            "IncludeSubdomains": _ANY,
            "Preload": _ANY,
            **_OVERRIDE,
        },
    },
    "ServerTimingHeadersConfig": {"Enabled": (False,), "SamplingRate": _ANY},
}
_CONTROL: _Known = {
    "Name": _ANY,
    "Description": _ANY,
    "OriginAccessControlOriginType": ("s3",),
    "SigningBehavior": ("always",),
    "SigningProtocol": ("sigv4",),
}


def check(config: dict[str, Any]) -> None:
    """Raises: NotImplementedError for what is not served, ApiError for what CloudFront refuses."""
    _refuse(config, _DISTRIBUTION, "")
    origins = config["Origins"]["Items"]
    ids = [origin["Id"] for origin in origins]
    if len(set(ids)) < len(ids):
        raise ApiError("InvalidArgument", "Two origins have the same id.")
    for origin in origins:
        if ("S3OriginConfig" in origin) is ("CustomOriginConfig" in origin):
            raise ApiError("InvalidOrigin", f"The origin {origin['Id']} is neither a bucket nor a custom one.")
        if "S3OriginConfig" in origin and not BUCKET.fullmatch(origin["DomainName"]):
            raise ApiError("InvalidArgument", f"The origin {origin['DomainName']} is no Amazon S3 bucket.")
        if "S3OriginConfig" in origin and not origin.get("OriginAccessControlId"):
            raise NotImplementedError("a bucket without an origin access control")
    for behavior in behaviors(config):
        if behavior["TargetOriginId"] not in ids:
            raise ApiError("NoSuchOrigin", f"There is no origin {behavior['TargetOriginId']}.", 404)
        if "CachePolicyId" not in behavior:
            raise NotImplementedError("behaviours without a CachePolicyId")


def check_policy(config: dict[str, Any]) -> None:
    """Raises: NotImplementedError."""
    _refuse(config, _POLICY, "")


def check_control(config: dict[str, Any]) -> None:
    """Raises: NotImplementedError."""
    _refuse(config, _CONTROL, "")


def behaviors(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All of them in the order in which paths are compared with them, the default one last."""
    yield from (config.get("CacheBehaviors") or {}).get("Items") or ()
    yield config["DefaultCacheBehavior"]


def _refuse(given: Mapping[str, Any], known: _Known, path: str) -> None:
    for name, value in given.items():
        if value is None:
            continue
        what = known.get(name)
        if what is None:
            raise NotImplementedError(f"the input {path}{name}")
        if isinstance(what, dict):
            for each in value if isinstance(value, list) else [value]:
                _refuse(each, what, f"{path}{name}.")
        elif isinstance(what, tuple) and value not in what:
            raise NotImplementedError(f"the input {path}{name} with the value {value}")
