"""The grants as policy documents of one stack: with its names, its account and its Region, split to IAM's size."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from policies.deployer.grants import (
    AWS_ONLY,
    BOUNDED,
    DENIALS,
    GIVEN_KEY,
    GIVEN_KEY_OF_VAULT,
    GRANTS,
    IN_VPC,
    KEY_OF_VAULT,
    REPLICA,
    SIGNED,
    Grant,
)

MOST_CHARACTERS = 6_144
"""Of a managed policy; IAM does not count spaces between elements."""
MOST_POLICIES = 10
"""Of a role, unless AWS has raised it."""
_MANY = 20
"""Names of one type that are not listed if they begin alike."""
_LEAST_ALIKE = 4

_MADE_UP = re.compile(r"-[0-9a-f]{7}$")
_TELLS = "-" + 7 * "?"
"""What the provider puts behind a logical name."""
_WITH_NAMES: Mapping[str, str] = {
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:glue/registry:Registry": "registryName",
    "aws:lambda/layerVersion:LayerVersion": "layerName",
}
"""The property in which the program says a name, of types that do not call it `name`."""
_OF_ANOTHER: Mapping[str, str] = {
    "aws:dynamodb/contributorInsights:ContributorInsights": "tableName",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "resourceArn",
    "aws:lambda/alias:Alias": "functionName",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": "functionName",
    "aws:s3/bucketObjectv2:BucketObjectv2": "bucket",
    "aws:sns/topicSubscription:TopicSubscription": "topic",
}
"""Types that have no name of their own in an ARN, and whose it is: a name, or an ARN that ends in it."""
_HANDED_ON: Mapping[str, tuple[str, ...]] = {
    "aws:backup/selection:Selection": ("iamRoleArn",),
    "aws:cloudwatch/eventTarget:EventTarget": ("roleArn",),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": ("serviceRoleArn",),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": ("extendedS3Configuration", "roleArn"),
    "aws:lambda/function:Function": ("role",),
    "aws:scheduler/schedule:Schedule": ("target", "roleArn"),
}
_ROLE, _FUNCTION, _TABLE = "aws:iam/role:Role", "aws:lambda/function:Function", "aws:dynamodb/table:Table"
_KEY, _VAULT = "aws:kms/key:Key", "aws:backup/vault:Vault"
_OF_FUNCTION = "lambda:{place}:function:{name}"
_WHOSE: Mapping[str, str] = {BOUNDED: _ROLE, REPLICA: _TABLE, SIGNED: _FUNCTION}
"""What is no resource, by the type of what it is of."""
_OF_NOW = {BOUNDED, SIGNED}
"""What an old setting grants no more: its condition would be gone."""

Document = dict[str, Any]


class Declared(NamedTuple):
    """A resource as the program declares it; names that AWS makes up are made up."""

    type: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where the stack is to stand."""

    account: str = "ACCOUNT_ID"
    regions: tuple[str, ...] = ("REGION",)
    partition: str = "aws"
    tags: Mapping[str, str] = field(default_factory=dict)
    """Those that every resource of the stack has."""

    @property
    def region(self) -> str:
        return self.regions[0] if len(self.regions) == 1 else "*"


def documents(
    resources: Iterable[Declared], place: Place, before: Sequence[Sequence[Declared]] = ()
) -> dict[str, Document]:
    """By name: `read-1` and so on, enough to preview, and `change-1` and so on, which come on top to deploy.

    `once-1` is for the `up` that makes a key, and for no other. `never-1` denies what no deployment takes.
    Raises: ValueError, if nothing would tell what AWS names itself from what is somebody else's.
    What the stack had `before`, and has no more, is covered, too: on the conditions of now.
    """
    lives = [list(resources), *before]
    grants = [*GRANTS, *(each.grant for each in AWS_ONLY), *DENIALS]
    found: dict[str, Document] = {}
    for name in ("read", "change", "once", "never"):
        granted = (_statement(grant, lives, place) for grant in grants if _document_of(grant) == name)
        packed = _packed([each for each in granted if each])
        found |= {f"{name}-{number}": document for number, document in enumerate(packed, 1)}
    return found


def _document_of(grant: Grant) -> str:
    return "never" if grant.never else "read" if grant.reads else "once" if grant.once else "change"


def actions(grant: Grant) -> list[str]:
    first, *others = grant.actions.split()
    service = first.split(":")[0]
    return [first, *(f"{service}:{each}" for each in others)]


def size(document: Document) -> int:
    """In characters, as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def _statement(grant: Grant, lives: Sequence[Sequence[Declared]], place: Place) -> Document | None:
    """None where the stack has nothing of the kind in any of its lives, of which the first is that of now."""
    meant = lives[:1] if grant.of in _OF_NOW else lives
    on = list(dict.fromkeys(arn for each in meant for arn in _resources(grant, each, place)))
    if not on:  # besides, targets of rules, none of which is handed a role
        return None
    functions = (arn for each in lives for arn in _arns(_OF_FUNCTION, _names(_FUNCTION, each), place))
    filled: dict[str, Any] = {
        "boundary": _boundary(lives[0]) or "",
        "functions": list(dict.fromkeys(functions)),
        "signing": _signing(lives[0]),
    }
    statement: Document = {"Sid": grant.sid, "Effect": "Deny" if grant.never else "Allow"}
    statement |= {"Action": actions(grant), "Resource": on}
    if condition := _condition(grant, filled, place):
        statement["Condition"] = condition
    return statement


def _resources(grant: Grant, declared: Sequence[Declared], place: Place) -> list[str]:
    """The ARNs that it is on; none where there is nothing of the kind."""
    if not any(each.type == grant.of for each in (*declared, *_implied(declared))):
        return []
    path, names = _path(declared), _names(_WHOSE.get(grant.of, grant.of), declared)
    on: list[str] = []
    for template in grant.on:
        if template == "{keys}":
            on += [each.name for each in _implied(declared) if each.type == GIVEN_KEY]
        elif template == "{signing}":
            on += _signing(declared)
        elif template == "{packages}":
            on += _arns("s3:::{name}*", _packages(declared), place)
        elif template == "{roles}":
            on += _arns("iam::{account}:role{path}{name}", _roles(grant.of, declared), place, path)
        elif "{name}" in template:
            on += _arns(template, names, place, path)
        else:
            on.append("*" if template == "*" else _arn(template, place))
    return on


def _condition(grant: Grant, filled: Mapping[str, Any], place: Place) -> Document:
    condition: Document = {}
    for operator, keys in (grant.condition or {}).items():
        for key, value in keys.items():
            given = filled[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value
            if given:
                condition.setdefault(operator, {})[key] = given
    if (grant.owned or grant.tagging) and not place.tags:
        raise ValueError(f"without aws:defaultTags, {grant.of} of the stack cannot be told from those of others")
    for whose, asked in (("Resource", grant.owned), ("Request", grant.tagging)):
        if asked:
            tags = {f"aws:{whose}Tag/{name}": value for name, value in place.tags.items()}
            condition.setdefault("StringEquals", {}).update(tags)
    if len(place.regions) > 1 and any("{place}" in each or "{region}" in each for each in grant.on):
        condition.setdefault("StringEquals", {})["aws:RequestedRegion"] = list(place.regions)
    return condition


def _arn(template: str, place: Place, name: str = "", path: str = "/") -> str:
    at = f"{place.region}:{place.account}"
    filled = template.format(place=at, region=place.region, account=place.account, name=name, path=path)
    return f"arn:{place.partition}:{filled}"


def _arns(template: str, names: Iterable[str], place: Place, path: str = "/") -> list[str]:
    return [_arn(template, place, name, path) for name in names]


def _names(type_: str, declared: Iterable[Declared]) -> list[str]:
    """What resources of the type will be called, as patterns; of many that begin alike, the beginning."""
    names = sorted({_name(each) for each in declared if each.type == type_})
    alike = "".join(
        same[0] for same in itertools.takewhile(lambda each: len(set(each)) == 1, zip(*names, strict=False))
    )
    return [f"{alike}*"] if len(names) > _MANY and len(alike) >= _LEAST_ALIKE else names


def _name(resource: Declared) -> str:
    if owner := _OF_ANOTHER.get(resource.type):
        return _pattern(re.split("[:/]", str(resource.inputs[owner]))[-1])
    said = resource.inputs.get(_WITH_NAMES.get(resource.type, "name"))
    if said:
        return str(said)
    prefix = resource.inputs.get("namePrefix")
    return f"{prefix}*" if prefix else resource.name + _TELLS


def _pattern(physical: str) -> str:
    return _MADE_UP.sub(lambda _: _TELLS, physical)


def _roles(type_: str, declared: Iterable[Declared]) -> list[str]:
    """Those that resources of the type are handed."""
    found = set()
    for each in declared:
        if each.type == type_ and type_ in _HANDED_ON:
            value: Any = each.inputs
            for key in _HANDED_ON[type_]:
                value = value.get(key) if value else None
            found |= {_pattern(str(value).rsplit("/", 1)[-1])} if value else set()
    return sorted(found)


def _boundary(declared: Iterable[Declared]) -> str | None:
    return next((each.inputs.get("permissionsBoundary") for each in declared if each.type == _ROLE), None)


def _signing(declared: Iterable[Declared]) -> list[str]:
    """The ARNs of the configurations that say whose signatures are taken, one a Region."""
    return sorted({each.inputs.get("codeSigningConfigArn") or "" for each in declared if each.type == _FUNCTION} - {""})


def _packages(declared: Iterable[Declared]) -> list[str]:
    """`<bucket>/<prefix>` of the signed packages, one a Region."""
    given = [each.inputs for each in declared if each.inputs.get("codeSigningConfigArn")]
    return sorted({f"{each['s3Bucket']}/{str(each['s3Key']).rpartition('/')[0]}".rstrip("/") + "/" for each in given})


def _path(declared: Iterable[Declared]) -> str:
    return next((each.inputs.get("path") or "/" for each in declared if each.type == _ROLE), "/")


def _implied(declared: Sequence[Declared]) -> list[Declared]:
    """What is no resource of its own, and takes grants: copies of tables, the key that the stack is given, a VPC."""
    tables = [each.inputs for each in declared if each.type == _TABLE]
    keys = {str((table.get("serverSideEncryption") or {}).get("kmsKeyArn") or "") for table in tables} - {""}
    own = any(each.type == _KEY for each in declared)
    replicas = [Declared(REPLICA, "", {}) for table in tables if table.get("replicas")]
    inside = [Declared(IN_VPC, "", {}) for each in declared if each.type == _FUNCTION and each.inputs.get("vpcConfig")]
    signed = [Declared(SIGNED, "", {}) for arn in _signing(declared)]
    given = [Declared(GIVEN_KEY, key, {}) for key in sorted(keys) if not own]
    vaults = [each for each in declared if each.type == _VAULT and each.inputs.get("kmsKeyArn")]
    kept = [Declared(KEY_OF_VAULT if own else GIVEN_KEY_OF_VAULT, "", {}) for each in vaults]
    bounded = [Declared(BOUNDED, "", {})] if _boundary(declared) else []
    return [*bounded, *replicas, *inside, *signed, *given, *kept]


def _packed(statements: Iterable[Document]) -> list[Document]:
    """Into few documents: each into the first one that has room."""
    packed: list[Document] = []
    for statement in statements:
        for number, document in enumerate(packed):
            fuller = {**document, "Statement": [*document["Statement"], statement]}
            if size(fuller) <= MOST_CHARACTERS:
                packed[number] = fuller
                break
        else:
            packed.append({"Version": "2012-10-17", "Statement": [statement]})
    return packed
