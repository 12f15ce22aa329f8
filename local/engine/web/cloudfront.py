"""CloudFront's API: distributions, access controls of origins and policies for the headers of answers.

Not moto's, which leaves out what a distribution does: who may read an origin, and which headers are added. What is
given is kept as it was written and told again so. A distribution answers at an origin of its own (`distributions`).
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response
from local.engine.moto_app import PROTOCOL_PARSERS, get_service_model
from local.engine.web import distribution_checks, ids
from local.engine.web.distributions import Distribution, Distributions
from local.engine.web.origins import Origins, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.gateway import Gateway

_XMLNS = 'xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"'
_ID_LENGTH = 13


@dataclass
class _Kept:
    """`config` is what was given, read; `text` is how it was written, without the element around it."""

    id: str
    config: dict[str, Any]
    text: str
    etag: str = field(default_factory=lambda: secrets.token_hex(7).upper())
    changed: float = field(default_factory=time.time)
    tags: list[dict[str, str]] = field(default_factory=list)


class CloudFront:
    """Answers the service. What it has no operation for is refused by name. The first port is for who has its files in
    `region`, the engine's own."""

    def __init__(self, gateway: Gateway, origins: Origins, distributions: Distributions, region: str) -> None:
        self._region = region
        self._lock = gateway.lock
        self._origins = origins
        self._distributions = distributions
        self._kept: dict[str, dict[str, _Kept]] = {kind: {} for kind in ("distribution", "control", "policy")}
        self._operations: dict[str, Callable[[ApiRequest], Response]] = {
            "CreateDistribution": self._create_distribution,
            "CreateDistributionWithTags": self._create_distribution,
            "GetDistribution": self._get_distribution,
            "GetDistributionConfig": lambda request: self._config(request, "distribution", "DistributionConfig"),
            "UpdateDistribution": self._update_distribution,
            "DeleteDistribution": self._delete_distribution,
            "ListTagsForResource": self._list_tags,
            "CreateOriginAccessControl": self._create_control,
            "GetOriginAccessControl": lambda request: self._told(request, "control"),
            "DeleteOriginAccessControl": self._delete_control,
            "CreateResponseHeadersPolicy": self._create_policy,
            "GetResponseHeadersPolicy": lambda request: self._told(request, "policy"),
            "DeleteResponseHeadersPolicy": self._delete_policy,
        }
        gateway.service("cloudfront", self._answer)

    def _answer(self, request: ApiRequest) -> Response:
        operation = self._operations.get(request.operation)
        if operation is None:
            raise NotImplementedError("it serves distributions, and has no such operation")
        with self._lock:
            return operation(request)

    # -- distributions

    def _create_distribution(self, request: ApiRequest) -> Response:
        with_tags = b"<DistributionConfigWithTags" in request.body
        asked = _read(request, "CreateDistributionWithTags" if with_tags else "CreateDistribution")
        if with_tags:
            asked = asked["DistributionConfigWithTags"]
        config = asked["DistributionConfig"]
        self._check(config)
        reference = config["CallerReference"]
        if any(each.config["CallerReference"] == reference for each in self._kept["distribution"].values()):
            raise ApiError("DistributionAlreadyExists", "The caller reference that you are using is in use.", 409)
        made = self._keep("distribution", reference, config, _inner(request.body, "DistributionConfig"))
        made.tags = ((asked.get("Tags") or {}).get("Items") or []) if with_tags else []
        site = Site(
            lambda asked: self._distributions.answer(self._served(made), asked),
            lambda asked: self._distributions.consents(self._served(made), asked),
        )
        try:
            is_front = distribution_checks.is_of(self._region, config)
            self._origins.open(_origin(made.id), site, is_front=is_front)
        except OSError:
            del self._kept["distribution"][made.id]
            raise
        return _answered(201, self._described(made), made, f"distribution/{made.id}")

    def _get_distribution(self, request: ApiRequest) -> Response:
        found = self._find(request, "distribution")
        return _answered(200, self._described(found), found)

    def _update_distribution(self, request: ApiRequest) -> Response:
        found = self._find(request, "distribution", matching=True)
        config = _read(request, "UpdateDistribution")["DistributionConfig"]
        self._check(config)
        if config["CallerReference"] != found.config["CallerReference"]:
            raise ApiError("IllegalUpdate", "The caller reference cannot be updated.")
        found.config, found.text = config, _inner(request.body, "DistributionConfig")
        found.etag, found.changed = secrets.token_hex(7).upper(), time.time()
        return _answered(200, self._described(found), found)

    def _delete_distribution(self, request: ApiRequest) -> Response:
        found = self._find(request, "distribution", matching=True)
        if found.config["Enabled"]:
            raise ApiError("DistributionNotDisabled", "The distribution you are trying to delete is not disabled.", 409)
        del self._kept["distribution"][found.id]
        self._origins.close(_origin(found.id))
        return Response(204, b"", {"content-type": "text/xml"})

    def _list_tags(self, request: ApiRequest) -> Response:
        arn = str(request.query("Resource"))
        found = self._kept["distribution"].get(arn.rsplit("/", 1)[-1])
        if found is None:
            raise ApiError("NoSuchResource", f"There is no {arn}", 404)
        items = "".join(f"<Tag><Key>{tag['Key']}</Key><Value>{tag['Value']}</Value></Tag>" for tag in found.tags)
        return _xml(200, f"<Tags {_XMLNS}><Items>{items}</Items></Tags>")

    def _check(self, config: dict[str, Any]) -> None:
        distribution_checks.check(config)
        for origin in config["Origins"]["Items"]:
            control = origin.get("OriginAccessControlId")
            if control and control not in self._kept["control"]:
                raise ApiError("InvalidOriginAccessControl", f"There is no origin access control {control}")
            if "CustomOriginConfig" in origin and self._origins.at(origin["DomainName"]) is None:
                raise NotImplementedError(f"the origin {origin['DomainName']}: it is none of this AWS's own")
        for behavior in distribution_checks.behaviors(config):
            policy = behavior.get("ResponseHeadersPolicyId")
            if policy and policy not in self._kept["policy"]:
                raise ApiError("NoSuchResponseHeadersPolicy", f"There is no response headers policy {policy}", 404)

    def _served(self, kept: _Kept) -> Distribution:
        with self._lock:
            policies = {each.id: each.config for each in self._kept["policy"].values()}
            return Distribution(kept.id, _arn(kept.id), kept.config, policies)

    def _described(self, kept: _Kept) -> str:
        address = self._origins.address(_origin(kept.id))
        nobody = "<Enabled>false</Enabled><Quantity>0</Quantity>"
        return (
            f"<Distribution {_XMLNS}><Id>{kept.id}</Id><ARN>{_arn(kept.id)}</ARN><Status>Deployed</Status>"
            f"<LastModifiedTime>{_moment(kept)}</LastModifiedTime>"
            "<InProgressInvalidationBatches>0</InProgressInvalidationBatches>"
            f"<DomainName>{address}</DomainName><ActiveTrustedSigners>{nobody}</ActiveTrustedSigners>"
            f"<ActiveTrustedKeyGroups>{nobody}</ActiveTrustedKeyGroups>"
            f"<DistributionConfig>{kept.text}</DistributionConfig></Distribution>"
        )

    # -- what belongs to distributions

    def _create_control(self, request: ApiRequest) -> Response:
        config = _read(request, "CreateOriginAccessControl")["OriginAccessControlConfig"]
        distribution_checks.check_control(config)
        text = _inner(request.body, "OriginAccessControlConfig")
        made = self._named("control", config, text, "OriginAccessControlAlreadyExists")
        return _answered(201, _of_control(made), made, f"origin-access-control/{made.id}")

    def _create_policy(self, request: ApiRequest) -> Response:
        config = _read(request, "CreateResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
        distribution_checks.check_policy(config)
        text = _inner(request.body, "ResponseHeadersPolicyConfig")
        made = self._named("policy", config, text, "ResponseHeadersPolicyAlreadyExists")
        return _answered(201, _of_policy(made), made, f"response-headers-policy/{made.id}")

    def _told(self, request: ApiRequest, kind: str) -> Response:
        found = self._find(request, kind)
        return _answered(200, _of_control(found) if kind == "control" else _of_policy(found), found)

    def _delete_control(self, request: ApiRequest) -> Response:
        def uses(config: dict[str, Any], id_: str) -> bool:
            return any(origin.get("OriginAccessControlId") == id_ for origin in config["Origins"]["Items"])

        return self._delete_unused(request, "control", uses, "OriginAccessControlInUse")

    def _delete_policy(self, request: ApiRequest) -> Response:
        def uses(config: dict[str, Any], id_: str) -> bool:
            return any(each.get("ResponseHeadersPolicyId") == id_ for each in distribution_checks.behaviors(config))

        return self._delete_unused(request, "policy", uses, "ResponseHeadersPolicyInUse")

    def _delete_unused(
        self, request: ApiRequest, kind: str, uses: Callable[[dict[str, Any], str], bool], error: str
    ) -> Response:
        found = self._find(request, kind, matching=True)
        if any(uses(each.config, found.id) for each in self._kept["distribution"].values()):
            raise ApiError(error, f"A distribution uses {found.id}", 409)
        del self._kept[kind][found.id]
        return Response(204, b"", {"content-type": "text/xml"})

    # -- what is kept

    def _named(self, kind: str, config: dict[str, Any], text: str, exists: str) -> _Kept:
        if any(each.config["Name"] == config["Name"] for each in self._kept[kind].values()):
            raise ApiError(exists, f"{config['Name']} exists already", 409)
        return self._keep(kind, config["Name"], config, text)

    def _keep(self, kind: str, name: str, config: dict[str, Any], text: str) -> _Kept:
        id_ = "E" + ids.derived(_ID_LENGTH, kind, name, taken=self._kept[kind]).upper()
        made = self._kept[kind][id_] = _Kept(id_, config, text)
        return made

    def _find(self, request: ApiRequest, kind: str, *, matching: bool = False) -> _Kept:
        """The one of the path. `matching`: it is to be as the caller knows it. Raises: ApiError."""
        id_ = request.path.split("/")[3]
        found = self._kept[kind].get(id_)
        if found is None:
            names = {"control": "NoSuchOriginAccessControl", "policy": "NoSuchResponseHeadersPolicy"}
            raise ApiError(names.get(kind, "NoSuchDistribution"), f"There is no {id_}", 404)
        if matching:
            given = request.header("if-match")
            if not given:
                raise ApiError("InvalidIfMatchVersion", "The If-Match version is missing or not valid.")
            if given != found.etag:
                raise ApiError("PreconditionFailed", "The If-Match version is not the present one.", 412)
        return found

    def _config(self, request: ApiRequest, kind: str, element: str) -> Response:
        found = self._find(request, kind)
        return _answered(200, f"<{element} {_XMLNS}>{found.text}</{element}>", found)


def _read(request: ApiRequest, operation: str) -> dict[str, Any]:
    """What is asked for, by the description of the operation."""
    model = get_service_model("cloudfront").operation_model(operation)
    given = {"method": "POST", "values": {}, "headers": {}, "body": request.body, "url_path": request.path}
    parsed: dict[str, Any] = PROTOCOL_PARSERS["rest-xml"](model).parse({**given, "url_params": {}, "query_params": {}})
    return parsed


def _inner(body: bytes, element: str) -> str:
    found = re.search(rf"<{element}(?:\s[^>]*)?>(.*)</{element}>", body.decode(), re.DOTALL)
    return found[1] if found else ""


def _of_control(kept: _Kept) -> str:
    config = f"<OriginAccessControlConfig>{kept.text}</OriginAccessControlConfig>"
    return f"<OriginAccessControl {_XMLNS}><Id>{kept.id}</Id>{config}</OriginAccessControl>"


def _of_policy(kept: _Kept) -> str:
    config = f"<ResponseHeadersPolicyConfig>{kept.text}</ResponseHeadersPolicyConfig>"
    changed = f"<LastModifiedTime>{_moment(kept)}</LastModifiedTime>"
    return f"<ResponseHeadersPolicy {_XMLNS}><Id>{kept.id}</Id>{changed}{config}</ResponseHeadersPolicy>"


def _answered(status: int, content: str, kept: _Kept, place: str = "") -> Response:
    location = {"location": f"https://cloudfront.amazonaws.com/2020-05-31/{place}"} if place else {}
    return _xml(status, content, {"etag": kept.etag, **location})


def _xml(status: int, content: str, headers: dict[str, str] | None = None) -> Response:
    return Response(status, f"<?xml version='1.0'?>{content}".encode(), {"content-type": "text/xml", **(headers or {})})


def _moment(kept: _Kept) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(kept.changed))


def _arn(distribution_id: str) -> str:
    return f"arn:aws:cloudfront::{ACCOUNT}:distribution/{distribution_id}"


def _origin(distribution_id: str) -> str:
    return f"distribution {distribution_id}"
