"""CloudFront: distributions, access controls of origins and policies for the headers of answers."""

from collections.abc import Callable, Mapping
from typing import Any

from local.deploy.naming import physical_name
from local.deploy.registry import Created, Fields, Inputs, NewResource, Registry, fields

TYPES = Registry()

_OVERRIDDEN = {"override": "Override"}
_SECURITY: dict[str, tuple[str, dict[str, str]]] = {
    "contentSecurityPolicy": ("ContentSecurityPolicy", {"contentSecurityPolicy": "ContentSecurityPolicy"}),
    "contentTypeOptions": ("ContentTypeOptions", {}),
    "frameOptions": ("FrameOptions", {"frameOption": "FrameOption"}),
    "referrerPolicy": ("ReferrerPolicy", {"referrerPolicy": "ReferrerPolicy"}),
    "strictTransportSecurity": (
        "StrictTransportSecurity",
        {
            "accessControlMaxAgeSec": "AccessControlMaxAgeSec",
            "includeSubdomains": "IncludeSubdomains",
            "preload": "Preload",
        },
    ),
}
_BEHAVIOR = {
    "cachePolicyId": "CachePolicyId",
    "compress": "Compress",
    "originRequestPolicyId": "OriginRequestPolicyId",
    "pathPattern": "PathPattern",
    "responseHeadersPolicyId": "ResponseHeadersPolicyId",
    "targetOriginId": "TargetOriginId",
    "viewerProtocolPolicy": "ViewerProtocolPolicy",
}
_BEHAVIOR_FIELDS: Fields = fields("allowedMethods", "cachedMethods", *_BEHAVIOR)
_CUSTOM_ORIGIN = {
    "httpPort": "HTTPPort",
    "httpsPort": "HTTPSPort",
    "originKeepaliveTimeout": "OriginKeepaliveTimeout",
    "originProtocolPolicy": "OriginProtocolPolicy",
    "originReadTimeout": "OriginReadTimeout",
}
_ORIGIN = {
    "connectionAttempts": "ConnectionAttempts",
    "connectionTimeout": "ConnectionTimeout",
    "domainName": "DomainName",
    "originAccessControlId": "OriginAccessControlId",
    "originId": "Id",
    "originPath": "OriginPath",
}
_DISTRIBUTION = {
    "defaultRootObject": "DefaultRootObject",
    "enabled": "Enabled",
    "httpVersion": "HttpVersion",
    "isIpv6Enabled": "IsIPV6Enabled",
    "priceClass": "PriceClass",
    "webAclId": "WebACLId",
}


@TYPES.creates(
    "aws:cloudfront/originAccessControl:OriginAccessControl",
    fields("description", "name", "originAccessControlOriginType", "signingBehavior", "signingProtocol"),
)
def origin_access_control(new: NewResource) -> Created:
    """How a distribution signs for its origin; its id is the one that AWS gives."""
    cloudfront = new.client("cloudfront")
    config = {"Name": new.physical_name(64), "Description": new.inputs.get("description", "Managed by Pulumi")}
    config |= new.pick(
        {
            "originAccessControlOriginType": "OriginAccessControlOriginType",
            "signingBehavior": "SigningBehavior",
            "signingProtocol": "SigningProtocol",
        }
    )
    made = cloudfront.create_origin_access_control(OriginAccessControlConfig=config)
    return _shared_by_distributions(
        new, made, "OriginAccessControl", "origin-access-control", cloudfront.delete_origin_access_control
    )


@TYPES.creates(
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
    fields(
        "comment",
        "name",
        customHeadersConfig=fields(items=fields("header", "override", "value")),
        removeHeadersConfig=fields(items=fields("header")),
        securityHeadersConfig={name: fields("override", *names) for name, (_, names) in _SECURITY.items()},
    ),
)
def response_headers_policy(new: NewResource) -> Created:
    """Headers that a distribution adds; its id is the one that AWS gives."""
    cloudfront = new.client("cloudfront")
    config: dict[str, Any] = {"Name": new.physical_name(128), "Comment": new.inputs.get("comment", "")}
    if custom := new.inputs.get("customHeadersConfig", {}).get("items"):
        names = {"header": "Header", "value": "Value", **_OVERRIDDEN}
        config["CustomHeadersConfig"] = _listed([_renamed(each, names) for each in custom])
    if removed := new.inputs.get("removeHeadersConfig", {}).get("items"):
        config["RemoveHeadersConfig"] = _listed([_renamed(each, {"header": "Header"}) for each in removed])
    if security := new.inputs.get("securityHeadersConfig"):
        config["SecurityHeadersConfig"] = {
            api: _renamed(security[ours], {**names, **_OVERRIDDEN})
            for ours, (api, names) in _SECURITY.items()
            if ours in security
        }
    made = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=config)
    return _shared_by_distributions(
        new, made, "ResponseHeadersPolicy", "response-headers-policy", cloudfront.delete_response_headers_policy
    )


def _shared_by_distributions(
    new: NewResource, made: Mapping[str, Any], member: str, path: str, delete: Callable[..., object]
) -> Created:
    """What an answer tells of something that has a config with a name, an ETag, and an ARN by its path."""
    id_, etag = made[member]["Id"], made["ETag"]
    outputs = {
        "name": made[member][f"{member}Config"]["Name"],
        "arn": f"arn:aws:cloudfront::{new.account_id}:{path}/{id_}",
        "etag": etag,
    }
    return Created(id_, outputs, delete=lambda: delete(Id=id_, IfMatch=etag))


@TYPES.creates(
    "aws:cloudfront/distribution:Distribution",
    fields(
        "aliases",
        "comment",
        "retainOnDelete",
        "tags",
        "waitForDeployment",
        *_DISTRIBUTION,
        defaultCacheBehavior=_BEHAVIOR_FIELDS,
        orderedCacheBehaviors=_BEHAVIOR_FIELDS,
        origins=fields(*_ORIGIN, customOriginConfig=fields("originSslProtocols", *_CUSTOM_ORIGIN)),
        restrictions=fields(geoRestriction=fields("locations", "restrictionType")),
        viewerCertificate=fields("cloudfrontDefaultCertificate", "minimumProtocolVersion"),
    ),
)
def distribution(new: NewResource) -> Created:
    """A distribution; its id is the one that AWS gives, derived here from the caller reference."""
    cloudfront = new.client("cloudfront")
    reference = physical_name(new.urn, {}, 128, "callerReference", new.names)
    tagged = {"DistributionConfig": {"CallerReference": reference, **_config(new)}, "Tags": {"Items": new.tag_list}}
    made = cloudfront.create_distribution_with_tags(DistributionConfigWithTags=tagged)
    told, id_ = made["Distribution"], made["Distribution"]["Id"]

    def delete() -> None:
        found = cloudfront.get_distribution_config(Id=id_)
        off = {**found["DistributionConfig"], "Enabled": False}
        etag = cloudfront.update_distribution(Id=id_, IfMatch=found["ETag"], DistributionConfig=off)["ETag"]
        if not new.inputs.get("retainOnDelete"):
            cloudfront.delete_distribution(Id=id_, IfMatch=etag)

    outputs = {
        "arn": told["ARN"],
        "callerReference": reference,
        "domainName": told["DomainName"],
        "etag": made["ETag"],
        "hostedZoneId": "Z2FDTNDATAQYW2",
        "status": told["Status"],
        "tagsAll": new.tags,
    }
    return Created(id_, outputs, delete)


def _config(new: NewResource) -> dict[str, Any]:
    inputs = new.inputs
    config: dict[str, Any] = {"Comment": inputs.get("comment", ""), **new.pick(_DISTRIBUTION)}
    config["Origins"] = _listed([_origin(each) for each in inputs["origins"]])
    config["DefaultCacheBehavior"] = _behavior(inputs["defaultCacheBehavior"])
    if ordered := inputs.get("orderedCacheBehaviors"):
        config["CacheBehaviors"] = _listed([_behavior(each) for each in ordered])
    if aliases := inputs.get("aliases"):
        config["Aliases"] = _listed(aliases)
    restriction = inputs.get("restrictions", {}).get("geoRestriction", {})
    locations = restriction.get("locations", [])
    config["Restrictions"] = {
        "GeoRestriction": {"RestrictionType": restriction.get("restrictionType", "none"), **_listed(locations)}
    }
    names = {
        "cloudfrontDefaultCertificate": "CloudFrontDefaultCertificate",
        "minimumProtocolVersion": "MinimumProtocolVersion",
    }
    config["ViewerCertificate"] = _renamed(inputs.get("viewerCertificate", {}), names)
    return config


def _origin(given: Inputs) -> dict[str, Any]:
    origin = _renamed(given, _ORIGIN)
    if custom := given.get("customOriginConfig"):
        protocols = custom.get("originSslProtocols", [])
        origin["CustomOriginConfig"] = {**_renamed(custom, _CUSTOM_ORIGIN), "OriginSslProtocols": _listed(protocols)}
    else:  # a bucket with an access control, as the provider has it
        origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    return origin


def _behavior(given: Inputs) -> dict[str, Any]:
    behavior = _renamed(given, _BEHAVIOR)
    if methods := given.get("allowedMethods"):
        behavior["AllowedMethods"] = {**_listed(methods), "CachedMethods": _listed(given.get("cachedMethods", []))}
    return behavior


def _listed(items: list[Any]) -> dict[str, Any]:
    """A list as CloudFront has it; it counts."""
    return {"Quantity": len(items), **({"Items": items} if items else {})}


def _renamed(given: Inputs, names: dict[str, str]) -> dict[str, Any]:
    return {api: given[name] for name, api in names.items() if name in given}
