"""Distributions in front of an API and a bucket: behaviours, who may read the bucket, and what is added."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local.engine.api import ACCOUNT
from local.engine.web.distribution_checks import ALL_VIEWER_EXCEPT_HOST, CACHING_DISABLED, CACHING_OPTIMIZED
from local.engine.web.origins import Origins, Site
from tests.local.in_process import refusal
from tests.local.web.door import Answer, Door

ALL = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
POLICY = {
    "Name": "strict",
    "SecurityHeadersConfig": {
        "ContentSecurityPolicy": {"ContentSecurityPolicy": "default-src 'none'", "Override": True},
        "ContentTypeOptions": {"Override": True},
        "FrameOptions": {"FrameOption": "DENY", "Override": True},
        "ReferrerPolicy": {"ReferrerPolicy": "no-referrer", "Override": True},
        "StrictTransportSecurity": {"AccessControlMaxAgeSec": 60, "IncludeSubdomains": True, "Override": True},
    },
    "CustomHeadersConfig": {
        "Quantity": 2,
        "Items": [
            {"Header": "Permissions-Policy", "Value": "camera=()", "Override": True},
            {"Header": "X-Mine", "Value": "added", "Override": False},
        ],
    },
    "RemoveHeadersConfig": {"Quantity": 1, "Items": [{"Header": "X-Gone"}]},
}


WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def listed(*items: Any) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": list(items)}


@dataclass
class Front:
    door: Door
    address: str
    arn: str
    bucket: str
    config: dict[str, Any]

    def get(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
        return self.door.send(self.address, method, path, body, **headers)

    def policy(self, *actions: str, source: str = "", resource: str = "/*") -> None:
        """Lets CloudFront do this to the bucket, for a distribution: this one if none is given."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": list(actions),
            "Resource": [f"arn:aws:s3:::{self.bucket}{resource}", f"arn:aws:s3:::{self.bucket}"],
            "Condition": {"StringEquals": {"AWS:SourceArn": source or self.arn}},
        }
        tls = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": WITHOUT_TLS}
        document = json.dumps({"Version": "2012-10-17", "Statement": [tls, statement]})
        self.door.client("s3").put_bucket_policy(Bucket=self.bucket, Policy=document)


def made(door: Door) -> tuple[dict[str, Any], str]:
    """The configuration of a distribution in front of a new API and a new bucket, and the bucket's name."""
    cloudfront, s3 = door.client("cloudfront"), door.client("s3")
    bucket, policy = door.name("bucket"), {**POLICY, "Name": door.name("policy")}
    s3.create_bucket(Bucket=bucket)
    objects = {"console/": b"<p>index", "console/app.js": b"x", "a+b/ü": b"u"}
    for key, content in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="text/html", CacheControl="no-cache")
    control = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": door.name("control"),
            "OriginAccessControlOriginType": "s3",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        }
    )["OriginAccessControl"]["Id"]
    headers = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=policy)
    policy_id = headers["ResponseHeadersPolicy"]["Id"]
    api = urlsplit(door.api("ANY /{proxy+}")).netloc
    custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    config = {
        "CallerReference": door.name("reference"),
        "Comment": "the front",
        "Enabled": True,
        "Origins": listed(
            {"Id": "api", "DomainName": api, "CustomOriginConfig": custom},
            {
                "Id": "console",
                "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
                "OriginAccessControlId": control,
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            },
        ),
        "DefaultCacheBehavior": {
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "https-only",
            "AllowedMethods": {**listed(*ALL), "CachedMethods": listed("GET", "HEAD")},
            "CachePolicyId": CACHING_DISABLED,
            "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
            "ResponseHeadersPolicyId": policy_id,
        },
        "CacheBehaviors": listed(
            {
                "PathPattern": "/console/*",
                "TargetOriginId": "console",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": CACHING_OPTIMIZED,
                "ResponseHeadersPolicyId": policy_id,
            },
            {
                "PathPattern": "a?b*",
                "TargetOriginId": "console",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": CACHING_OPTIMIZED,
            },
            {
                "PathPattern": "/plain/*",
                "TargetOriginId": "api",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": CACHING_DISABLED,
            },
        ),
    }
    return config, bucket


@pytest.fixture(scope="module")
def open_front(open_door: Door) -> Front:
    open_door.function()
    config, bucket = made(open_door)
    told = open_door.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]
    return Front(open_door, told["DomainName"], told["ARN"], bucket, config)


@pytest.fixture
def front(open_front: Front, door: Door) -> Front:
    assert open_front.door is door
    open_front.policy("s3:GetObject")
    return open_front


def test_the_api_gets_what_the_viewer_sent_but_the_host(front: Front) -> None:
    front.door.answer = {
        "statusCode": 201,
        "headers": {"x-mine": "own", "x-gone": "x"},
        "body": "made",
        "cookies": ["a=1"],
    }
    answer = front.get("/x/y?c=%20", "POST", "{}", Authorization="Bearer x", Content_Type="application/json")
    assert (answer.status, answer.body, answer.cookies) == (201, b"made", ["a=1"])
    (event,) = front.door.events
    assert (event["rawPath"], event["rawQueryString"], event["body"]) == ("/x/y", "c=%20", "{}")
    assert event["headers"]["authorization"] == "Bearer x"
    assert event["headers"]["host"] == front.config["Origins"]["Items"][0]["DomainName"]
    assert event["headers"]["x-forwarded-for"].startswith("127.0.0.1")
    assert answer.headers["x-mine"] == "own", "which the policy does not override"
    assert "x-gone" not in answer.headers
    assert answer.headers["content-security-policy"] == "default-src 'none'"


def test_without_an_origin_request_policy_little_reaches_the_api(front: Front) -> None:
    front.get("/plain/a?b=1", Authorization="Bearer x", Cookie="a=1", X_Other="x")
    (event,) = front.door.events
    assert event["rawQueryString"] == ""
    assert not {"authorization", "x-other"} & event["headers"].keys()
    assert "cookies" not in event


def test_an_object_comes_with_its_own_headers_and_those_of_the_policy(front: Front) -> None:
    answer = front.get("/console/")
    assert (answer.status, answer.body) == (200, b"<p>index")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["cache-control"] == "no-cache"
    expected = {
        "content-security-policy": "default-src 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=60; includeSubDomains",
        "permissions-policy": "camera=()",
        "x-mine": "added",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    head = front.get("/console/", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "8")
    again = front.get("/console/", If_None_Match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_keys_are_decoded_and_patterns_have_wildcards(front: Front) -> None:
    assert front.get("/a+b/%C3%BC").body == b"u"
    assert front.door.events == []
    front.get("/a--b")
    front.get("/a%20b/%C3%BC")
    assert len(front.door.events) == 2, "? is one character of the path as it was sent"


@pytest.mark.parametrize("path", ["/x/../console/app.js", "/console/../console/app.js", "/%2e/console/app.js"])
def test_dots_do_not_lead_past_a_behaviour(front: Front, path: str) -> None:
    assert front.get(path).status == 403, "S3 has no such key"
    assert front.door.events == []


def test_what_the_bucket_does_not_have_is_403_unless_it_may_be_listed(front: Front) -> None:
    assert front.get("/console/none").status == 403
    front.policy("s3:GetObject", "s3:ListBucket")
    assert front.get("/console/none").status == 404


def test_what_is_changed_is_seen_at_once_whatever_the_policy_says_of_plain_http(front: Front) -> None:
    front.door.client("s3").put_object(Bucket=front.bucket, Key="console/new", Body=b"new")
    assert front.get("/console/new").body == b"new"


@pytest.mark.parametrize("what", ["no policy", "another distribution", "another bucket's", "another action"])
def test_without_the_buckets_policy_nothing_of_it_is_read(front: Front, what: str) -> None:
    match what:
        case "no policy":
            front.door.client("s3").delete_bucket_policy(Bucket=front.bucket)
        case "another distribution":
            front.policy("s3:GetObject", source=f"arn:aws:cloudfront::{ACCOUNT}:distribution/EOTHER")
        case "another bucket's":
            front.policy("s3:GetObject", resource="-other/*")
        case _:
            front.policy("s3:PutObject")
    answer = front.get("/console/")
    assert answer.status == 403
    assert b"AccessDenied" in answer.body
    assert b"index" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_behaviour_takes_its_methods_alone(front: Front, method: str) -> None:
    assert front.get("/console/", method).status == 403


def test_pages_of_elsewhere_change_nothing(front: Front) -> None:
    for origin in ("https://elsewhere.example", "null"):
        assert front.get("/a", "POST", Origin=origin).status == 403
    assert front.get("/a", "GET", Host="elsewhere.example").status == 403
    assert front.door.events == []
    assert front.get("/a", "POST", Origin=f"http://{front.address}").status == 200


def test_what_was_given_is_told_and_changed(front: Front) -> None:
    cloudfront = front.door.client("cloudfront")
    config, _ = made(front.door)
    tagged = {"DistributionConfig": config, "Tags": {"Items": [{"Key": "k", "Value": "v"}]}}
    told = cloudfront.create_distribution_with_tags(DistributionConfigWithTags=tagged)["Distribution"]
    of = {"Id": told["Id"]}
    found = cloudfront.get_distribution_config(**of)
    assert {**found["DistributionConfig"], **config} == found["DistributionConfig"]
    assert cloudfront.get_distribution(**of)["Distribution"]["DomainName"] == told["DomainName"]
    assert cloudfront.list_tags_for_resource(Resource=told["ARN"])["Tags"]["Items"] == tagged["Tags"]["Items"]
    twice = refusal(cloudfront.create_distribution, DistributionConfig=config)
    assert twice[0] == "DistributionAlreadyExists"
    assert refusal(cloudfront.delete_distribution, **of, IfMatch=found["ETag"])[0] == "DistributionNotDisabled"
    off = {**found["DistributionConfig"], "Enabled": False}
    assert refusal(cloudfront.update_distribution, **of, IfMatch="x", DistributionConfig=off)[0] == "PreconditionFailed"
    etag = cloudfront.update_distribution(**of, IfMatch=found["ETag"], DistributionConfig=off)["ETag"]
    assert front.door.send(told["DomainName"], "GET", "/console/").status == 403
    policy = config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
    known = cloudfront.get_response_headers_policy(Id=policy)
    assert known["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"]["Quantity"] == 2
    in_use = refusal(cloudfront.delete_response_headers_policy, Id=policy, IfMatch=known["ETag"])
    assert in_use[0] == "ResponseHeadersPolicyInUse"
    cloudfront.delete_distribution(**of, IfMatch=etag)
    cloudfront.delete_response_headers_policy(Id=policy, IfMatch=known["ETag"])
    with pytest.raises(ConnectionError):
        front.door.send(told["DomainName"], "GET", "/console/")
    policies = {**config["DefaultCacheBehavior"], "ResponseHeadersPolicyId": ""}
    again = cloudfront.create_distribution(
        DistributionConfig={**config, "DefaultCacheBehavior": policies, "CacheBehaviors": listed()}
    )
    assert again["Distribution"]["Id"] == told["Id"], "as it was, under its reference"


CHANGES: dict[str, Any] = {
    "Aliases": listed("ledger.example"),
    "CustomErrorResponses": listed({"ErrorCode": 403}),
    "Logging": {"Enabled": True, "IncludeCookies": False, "Bucket": "b", "Prefix": ""},
    "WebACLId": "arn:any",
    "ViewerCertificate": {"ACMCertificateArn": "arn:any"},
    "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", **listed("DE")}},
}
BEHAVIORS: dict[str, Any] = {
    "CachePolicyId": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    "OriginRequestPolicyId": "216adef6-5c7f-47e4-b989-5492eafa07d3",
    "FunctionAssociations": listed({"FunctionARN": "arn:any", "EventType": "viewer-request"}),
    "LambdaFunctionAssociations": listed({"LambdaFunctionARN": "arn:any", "EventType": "viewer-request"}),
    "TrustedKeyGroups": {"Enabled": True, **listed("group")},
    "ForwardedValues": {"QueryString": True, "Cookies": {"Forward": "all"}},
}


@pytest.mark.parametrize("name", [*CHANGES, *BEHAVIORS])
def test_what_is_not_served_is_refused_by_name(front: Front, name: str) -> None:
    config = {**front.config, "CallerReference": front.door.name("reference")}
    if name in CHANGES:
        config[name] = CHANGES[name]
    else:
        config["DefaultCacheBehavior"] = {**config["DefaultCacheBehavior"], name: BEHAVIORS[name]}
    code, message = refusal(front.door.client("cloudfront").create_distribution, DistributionConfig=config)
    assert code == "NotImplemented"
    assert name in message


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DomainName": "example.com"}, "NotImplemented"),
        ({"DomainName": "127.0.0.1:1"}, "NotImplemented"),
        ({"DomainName": "b.example.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}, "InvalidArgument"),
        ({"DomainName": "bbb.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}, "NotImplemented"),
        ({"OriginAccessControlId": "ENONE"}, "InvalidOriginAccessControl"),
    ],
    ids=str,
)
def test_an_origin_is_one_of_this_aws_and_its_bucket_is_not_public(
    front: Front, change: dict[str, Any], code: str
) -> None:
    origin = {**front.config["Origins"]["Items"][0], **change}
    if "S3OriginConfig" in change:
        del origin["CustomOriginConfig"]
    config = {**front.config, "CallerReference": front.door.name("reference"), "Origins": listed(origin)}
    config["CacheBehaviors"] = listed()
    assert refusal(front.door.client("cloudfront").create_distribution, DistributionConfig=config)[0] == code


def test_an_operation_that_is_not_there_is_refused_by_name(front: Front) -> None:
    with pytest.raises(ClientError, match=r"NotImplemented.*CreateInvalidation"):
        front.door.client("cloudfront").create_invalidation(
            DistributionId="E", InvalidationBatch={"Paths": listed("/*"), "CallerReference": "a"}
        )


@pytest.mark.parametrize(
    ("origin", "is_front"),
    [
        ("{}.s3.us-east-1.amazonaws.com", True),
        ("{}.s3.amazonaws.com", True),
        ("{}.s3.eu-west-1.amazonaws.com", False),
    ],
)
def test_the_first_port_is_for_who_has_its_files_in_the_engines_own_region(
    front: Front, monkeypatch: pytest.MonkeyPatch, origin: str, is_front: bool
) -> None:
    """Else the console at the known address would be of whichever Region was quicker."""
    asked: list[bool] = []
    opens = Origins.open

    def note(self: Origins, name: str, site: Site, *, is_front: bool = False) -> str:
        asked.append(is_front)
        return opens(self, name, site, is_front=is_front)

    monkeypatch.setattr(Origins, "open", note)
    config = json.loads(json.dumps(front.config))
    config["CallerReference"] = front.door.name("reference")
    config["Origins"]["Items"][1]["DomainName"] = origin.format(front.bucket)

    front.door.client("cloudfront").create_distribution(DistributionConfig=config)

    assert asked == [is_front]
