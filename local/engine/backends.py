"""The one module that looks into moto's state (`moto_app` has it answer). Whoever uses it holds the gateway's lock.

Moto is untyped, so what comes out of here is `Any` with the names that moto gives it.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import struct
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.awslambda.models import lambda_backends
from moto.cognitoidp.models import CognitoIdpUser, UserStatus, cognitoidp_backends
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, StreamShard, Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend as StreamsBackend
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.events.models import Archive, Replay, ReplayState, events_backends
from moto.firehose.models import firehose_backends
from moto.glue.models import glue_backends
from moto.iam import aws_managed_policies
from moto.iam import models as iam_models
from moto.iam.access_control import PermissionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.kms.utils import _deserialize_ciphertext_blob
from moto.logs.models import LogEvent, LogGroup, LogsBackend, LogStream, logs_backends
from moto.moto_api._internal import mock_random, moto_api_backend
from moto.moto_api._internal.moto_random import MotoRandom
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.scheduler.models import scheduler_backends
from moto.settings import load_iam_aws_managed_policies
from moto.sns.models import Topic, sns_backends
from moto.sqs import models as sqs_models
from moto.sqs.models import Message, Queue, sqs_backends
from moto.sqs.models import SQSBackend as QueueBackend
from moto.sts.models import AssumedRole, sts_backends

from local.engine.api import ACCOUNT
from local.engine.web import ids

if TYPE_CHECKING:
    from local.engine.principals import Session

__all__ = [
    "RESULT_SIZE_LIMIT",
    "Archive",
    "AssumedRole",
    "BackendDict",
    "BaseModel",
    "ConditionExpressionParser",
    "DynamoDBBackend",
    "DynamoType",
    "FakeBucket",
    "FakeKey",
    "Item",
    "ItemSizeTooLarge",
    "LimitedSizeDict",
    "LogEvent",
    "LogGroup",
    "LogStream",
    "LogsBackend",
    "Message",
    "MotoRandom",
    "PermissionResult",
    "Queue",
    "QueueBackend",
    "ReplayState",
    "StreamShard",
    "StreamsBackend",
    "Table",
    "Topic",
    "iam_backends",
    "iam_models",
    "mock_random",
    "sqs_models",
]


POOL_KEY = "dummy"
"""The id of the key with which moto signs tokens."""


@cache
def regions() -> frozenset[str]:
    """All that there are, of every partition."""
    return frozenset(dynamodb_backends[ACCOUNT].regions)


def reset() -> None:
    """Forgets everything: moto keeps its state in module globals."""
    moto_api_backend.reset()


def functions(region: str) -> Any:
    return lambda_backends[ACCOUNT][region]


def functions_by_name(region: str) -> Any:
    """The versions of each function, "latest" among them."""
    return functions(region)._lambdas._functions


def aliases(region: str, function: str) -> Any:
    """Of a function that is there, by name."""
    return functions(region)._lambdas._get_function_aliases(function)


def mapped_function(region: str, uuid: str) -> str | None:
    """The ARN of the function that the event source mapping calls; None where there is no such mapping."""
    mapping = functions(region).get_event_source_mapping(uuid)
    return None if mapping is None else str(mapping.function_arn)


def events(region: str) -> Any:
    return events_backends[ACCOUNT][region]


def logs(region: str) -> Any:
    return logs_backends[ACCOUNT][region]


def glue(region: str) -> Any:
    return glue_backends[ACCOUNT][region]


def glue_schema(region: str, identity: dict[str, Any]) -> Any:
    """The schema with that ARN, or with these names; None if there is none."""
    registry, name = identity.get("RegistryName"), identity.get("SchemaName")
    if "SchemaArn" in identity:
        _, _, path = str(identity["SchemaArn"]).partition(":schema/")
        registry, _, name = path.partition("/")
    found = glue(region).registries.get(registry)
    return None if found is None else found.schemas.get(name)


def log_group(arn: str) -> Any:
    """The log group that an ARN is of or in, None if there is none."""
    parts = arn.split(":")
    return logs(parts[3]).groups.get(parts[6]) if parts[5:6] == ["log-group"] and len(parts) > 6 else None  # noqa: PLR2004


def log_group_policy(group: Any) -> Any:
    """The policy of a log group itself, which `log_policies` keeps with it; None if it has none."""
    return getattr(group, "policy", None)


def kms_key(region: str, name: str) -> Any:
    """The key by id, ARN or alias, None if there is none."""
    keys = kms_backends[ACCOUNT][region]
    key_id = keys.get_key_id(keys.get_alias_name(name))
    return keys.keys.get(keys.get_key_id_from_alias(key_id) if key_id.startswith("alias/") else key_id)


def kms_tags(region: str, key_id: str) -> dict[str, str]:
    """Those of a key that is there, by name; of none there are none."""
    backend = kms_backends[ACCOUNT][region]
    return dict(backend.tagger.get_tag_dict_for_resource(key_id)) if key_id in backend.keys else {}


def kms_key_behind(ciphertext: bytes) -> str | None:
    """The id of the key that encrypted it, None if it is no ciphertext."""
    try:
        return str(_deserialize_ciphertext_blob(ciphertext).key_id)
    except (struct.error, UnicodeDecodeError):
        return None


def queues(region: str) -> Any:
    return sqs_backends[ACCOUNT][region]


def queue(arn: str) -> Any:
    """The queue, None if there is none."""
    region, name = arn.split(":")[3], arn.split(":")[5]
    return queues(region).queues.get(name)


def seconds_to_next_message(queue_arn: str) -> float | None:
    """Until a message can be received: 0 is now, None is never as things are."""
    found = queue(queue_arn)
    if found is None or not found._messages:
        return None
    visible = min(max(message.visible_at, message.delayed_until) for message in found._messages)
    wait = float(visible) / 1000 - time.time()
    return 0.0 if wait < 0 else wait + 0.001  # moto compares for "later than"


def delivery_stream(arn: str) -> tuple[str, str, dict[str, Any]] | None:
    """Name, version and destination of a stream of Firehose, None if there is none, or it leads to no bucket."""
    region, name = arn.split(":")[3], arn.rpartition("/")[2]
    found = firehose_backends[ACCOUNT][region].delivery_streams.get(name)
    to = found and found.destinations[0].get("ExtendedS3")
    return (name, str(found.version_id), to) if to else None


def topic(arn: str) -> Any:
    """The topic, None if there is none."""
    return sns_backends[ACCOUNT][arn.split(":")[3]].topics.get(arn)


def table(region: str, name: str) -> Any:
    """The table, None if there is none."""
    return dynamodb_backends[ACCOUNT][region].tables.get(name)


def tables(region: str) -> list[Any]:
    return list(dynamodb_backends[ACCOUNT][region].tables.values())


def forget_table(region: str, name: str) -> None:
    """Takes back a table that could not come about."""
    dynamodb_backends[ACCOUNT][region].tables.pop(name, None)


def table_of_stream(stream_arn: str) -> Any:
    """The table whose current stream this is, None if the table is gone or has another stream by now."""
    region, name, label = stream_arn.split(":")[3], stream_arn.split("/")[1], stream_arn.rsplit("/", 1)[-1]
    table = dynamodb_backends[ACCOUNT][region].tables.get(name)
    return table if table is not None and table.latest_stream_label == label else None


def stream_iterators(region: str) -> Any:
    """The iterators of the streams of a Region, by their names."""
    return dynamodbstreams_backends[ACCOUNT][region].shard_iterators


def stream_iterator(region: str, name: str) -> Any:
    """The iterator of a stream, None if there is none of that name."""
    return stream_iterators(region).get(name)


def replace_table(region: str, table: Any) -> None:
    """Has this table in the place of the one of its name."""
    dynamodb_backends[ACCOUNT][region].tables[table.name] = table


def copy_partition(table: Any, attributes: dict[str, Any]) -> None:
    """Puts a copy of the partition in its place, with the same items, if the attributes name one that there is."""
    key = _dynamo_type(attributes.get(table.hash_key_attr))
    if key is not None and table.has_range_key and key in table.items:
        table.items[key] = dict(table.items[key])


def copy_item(table: Any, key: dict[str, Any]) -> None:
    """Puts a copy of the item in its place, if there is one, so that changes in place do not reach the original.

    Its partition is to be a copy already.
    """
    partition, place = _dynamo_type(key.get(table.hash_key_attr)), _dynamo_type(key.get(table.range_key_attr))
    if partition is None or partition not in table.items:
        return
    if not table.has_range_key:
        table.items[partition] = copy.deepcopy(table.items[partition])
    elif place is not None and place in table.items[partition]:
        table.items[partition][place] = copy.deepcopy(table.items[partition][place])


def _dynamo_type(value: Any) -> Any:
    """The value of a key in a call, as moto has it (of a binary one the bytes); None if it can be none of a key."""
    if not isinstance(value, dict) or len(value) != 1 or not isinstance(next(iter(value.values())), str):
        return None
    with contextlib.suppress(ArithmeticError, ValueError):  # a number, or base64, that is none
        made = DynamoType({"B": base64.b64decode(value["B"])} if "B" in value else value)
        hash(made)
        return made
    return None


def forget_moto_triggers(region: str) -> None:
    """Takes the mappings off queues and tables: moto would run them itself, in Docker, inside the write."""
    for queue_ in queues(region).queues.values():
        queue_.lambda_event_source_mappings.clear()
    for table in dynamodb_backends[ACCOUNT][region].tables.values():
        table.lambda_event_source_mappings.clear()


def role_arn(name: str) -> str:
    """Of a role that is not there, the ARN that it would have without a path."""
    found = next((role for role in iam_backends[ACCOUNT]["aws"].roles.values() if role.name == name), None)
    return str(found.arn) if found else f"arn:aws:iam::{ACCOUNT}:role/{name}"


def role_policies(role_arn: str) -> dict[str, str]:
    """The policy documents of the role, inline ones by name and attached ones by ARN; none if the role is gone."""
    role = _role(role_arn)
    if role is None:
        return {}
    attached = {
        policy.arn: next(version.document for version in policy.versions if version.is_default)
        for policy in role.managed_policies.values()
    }
    return {**role.policies, **attached}


def role_exists(role_arn: str) -> bool:
    return _role(role_arn) is not None


def longest_session(role_arn: str) -> int:
    """Seconds for which somebody may be the role; AWS's own if there is no such role."""
    role = _role(role_arn)
    return int((role and role.max_session_duration) or 3600)


def role_id(role_arn: str) -> str:
    """The unique id of the role that has the ARN now, "" if none has."""
    role = _role(role_arn)
    return "" if role is None else str(role.id)


def trust(role_arn: str) -> str:
    """The document that says who may assume the role; one that lets nobody in if there is no such role."""
    role = _role(role_arn)
    return "{}" if role is None else str(role.assume_role_policy_document)


def boundary(role_arn: str) -> str | None:
    """The document of the role's permissions boundary, "" of one that is not there; None if there is none."""
    role = _role(role_arn)
    if role is None or not role.permissions_boundary_arn:
        return None
    policy = iam_backends[ACCOUNT]["aws"].managed_policies.get(role.permissions_boundary_arn)
    return "" if policy is None else next(each.document for each in policy.versions if each.is_default)


def boundary_arn(role_arn: str) -> str | None:
    """The ARN of the role's permissions boundary; None if there is none."""
    role = _role(role_arn)
    return None if role is None else role.permissions_boundary_arn or None


def forget_managed_policies() -> None:
    """Lets go of the text of AWS's own policies, unless moto is told to read it."""
    if not load_iam_aws_managed_policies():
        iam_models.aws_managed_policies_data = aws_managed_policies.aws_managed_policies_data = "{}"


def _role(arn: str) -> Any:
    try:
        return iam_backends[ACCOUNT]["aws"].get_role_by_arn(arn)
    except NotFoundException:
        return None


def role_session(access_key: str) -> tuple[str, str, bool, str | None, str | None] | None:
    """Of the session that the key belongs to: the role's ARN, the session's name, whether a session policy limits it.

    And the unique id of the role, None where the role is whoever has the ARN; and the Region in which an AWS service
    began it for a function, None where nobody did.

    None if no role's session has the key.
    """
    session = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)
    if session is None:
        return None
    kept = getattr(session, "role_id", None), getattr(session, "home", None)
    return session.role_arn, session.session_name, bool(session.policy), *kept


def secret_of(access_key: str) -> tuple[str, str] | None:
    """The secret of a session's key with the session's token, or that of a user's key with ""; None of any other."""
    session = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)
    if session is not None:
        return session.secret_access_key, session.session_token
    for user in iam_backends[ACCOUNT]["aws"].users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                return key.secret_access_key, ""
    return None


def resource_policies(arn: str) -> list[str]:
    """The policies of the resource itself; for a log group, the account's as well; for an object, its bucket's."""
    parts = arn.split(":", 5)
    if len(parts) < 6:  # noqa: PLR2004 -- "*", or no ARN at all, which the call itself is refused for
        return []
    _, _, service, region, _, resource = parts
    found: list[str | None] = []
    if service == "dynamodb":
        table = arn if "/stream/" in arn else arn.split("/index/", maxsplit=1)[0]
        held = dynamodb_backends[ACCOUNT][region].resource_policies.get(table)
        found = [held and held.policy_doc]
    elif service == "events":
        bus = events(region).event_buses.get(resource.removeprefix("event-bus/"))
        found = [bus and bus.policy]
    elif service == "lambda":
        versions = functions_by_name(region).get(resource.split(":")[1])
        function = versions and versions["latest"]
        found = [function and json.dumps({"Statement": function.policy.statements})]
    elif service == "logs":
        own = log_group_policy(log_group(arn))
        found = [policy.policy_document for policy in (*logs(region).resource_policies.values(), own) if policy]
    elif service == "s3":
        held = bucket(resource.split("/", 1)[0])
        found = [held and held.policy and held.policy.decode()]
    elif service == "sns":
        held = topic(arn)
        found = [held and held.policy]
    elif service == "sqs":
        held = queue(arn)
        found = [held and held.policy]
    return [text for text in found if text]


def assume_role(session: Session, region: str) -> dict[str, str]:
    """Credentials of the session, as the environment variables that the SDKs read.

    The service that has it begins another one where the role is another: it is of whoever has the ARN.
    """
    role = sts_backends[ACCOUNT]["aws"].assume_role(
        region_name=region,
        role_session_name=session.name,
        role_arn=session.role_arn,
        policy=None,
        duration=43_200,
        external_id=None,
    )
    role.role_id, role.home = None, region
    return {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
    }


def schedule_groups(region: str) -> Any:
    """The groups of schedules by name."""
    return scheduler_backends[ACCOUNT][region].schedule_groups


def schedules() -> list[Any]:
    """All of them, of every region."""
    regions = scheduler_backends[ACCOUNT].values()
    return [
        each for region in regions for group in region.schedule_groups.values() for each in group.schedules.values()
    ]


def delete_schedule(schedule: Any) -> None:
    schedule_groups(schedule.arn.split(":")[3])[schedule.group_name].delete_schedule(schedule.name)


def new_replay(region: str, request: dict[str, Any]) -> Any:
    """A replay in the state STARTING, kept where moto describes and lists it."""
    replay = Replay(
        ACCOUNT,
        region,
        request["ReplayName"],
        request.get("Description"),
        request["EventSourceArn"],
        request["EventStartTime"],
        request["EventEndTime"],
        request["Destination"],
    )
    events(region).replays[replay.name] = replay
    return replay


def http_apis(region: str) -> Any:
    """All HTTP APIs of a Region by their ids."""
    return apigatewayv2_backends[ACCOUNT][region].apis


def http_api(region: str, api_id: str) -> Any:
    """The HTTP API, None if there is none."""
    return http_apis(region).get(api_id)


def name_http_api(region: str, was: str, api_id: str, endpoint: str) -> Any:
    """Gives an API another id, and the address at which it answers."""
    apis = http_apis(region)
    api = apis.pop(was)
    tags = api.backend.get_tags(api.arn)
    api.arn = api.arn.replace(was, api_id)
    api.api_id, api.api_endpoint = api_id, endpoint
    api.backend.tag_resource(api.arn, tags)
    apis[api_id] = api
    return api


def forget_http_api(region: str, api_id: str) -> None:
    """Takes back an API that could not come about."""
    http_apis(region).pop(api_id, None)


def user_pools(region: str) -> Any:
    """The user pools of a Region by their ids."""
    return cognitoidp_backends[ACCOUNT][region].user_pools


def user_pool(region: str, pool_id: str) -> Any:
    """The user pool, None if there is none."""
    return user_pools(region).get(pool_id)


def pool_keys(region: str, pool_id: str) -> dict[str, Any]:
    """The public keys of a user pool, as a JWK set; empty if there is no such pool."""
    pool = user_pool(region, pool_id)
    if pool is None:
        return {"keys": []}
    public = {name: value for name, value in pool.json_web_key.as_dict(private=False).items() if name != "use"}
    return {"keys": [{**public, "kid": POOL_KEY, "alg": "RS256", "use": "sig"}]}


def pool_signing_key(pool: Any) -> Any:
    """With which the pool signs its tokens. Moto has one for all pools, in its package."""
    return pool.json_web_key.private_key


def name_user_pool(region: str, was: str, pool_id: str) -> None:
    """Gives a user pool another id."""
    pools = user_pools(region)
    pool = pools.pop(was)
    pool.arn = pool.arn.replace(was, pool_id)
    pool.id = pool_id
    pools[pool_id] = pool


def pool_trigger(pool: Any) -> str | None:
    """The function that is asked before tokens are written, None if there is none."""
    triggers = pool.extended_config.get("LambdaConfig") or {}
    arn = (triggers.get("PreTokenGenerationConfig") or {}).get("LambdaArn")
    return None if arn is None else str(arn)


def forget_pool_domain(region: str, domain: str) -> None:
    """Takes back a domain that could not come about."""
    cognitoidp_backends[ACCOUNT][region].user_pool_domains.pop(domain, None)


def name_user(user: Any, subject: str) -> None:
    """Gives a user of a pool another `sub`."""
    user.id = subject
    user.update_attributes([{"Name": "sub", "Value": subject}])


def pool_user(region: str, pool_id: str, name: str) -> str | None:
    """The username of who has that name. Who is new is made a user, of every group.

    None if the user is disabled, or the pool gone.
    """
    pool = user_pool(region, pool_id)
    if pool is None:
        return None
    if (pool.extended_config.get("UsernameConfiguration") or {}).get("CaseSensitive") is False:
        name = name.lower()
    user = pool.users.get(name)
    if user is None:
        user = CognitoIdpUser(pool_id, name, None, UserStatus.CONFIRMED, [])
        name_user(user, ids.subject(pool_id, name))
        pool.users[name] = user
        for group in pool.groups.values():
            group.users.add(user)
            user.groups.add(group)
    return str(user.username) if user.enabled else None


def bucket(name: str) -> Any:
    """The bucket, None if there is none."""
    return s3_backends[ACCOUNT]["aws"].buckets.get(name)


def bucket_object(bucket_name: str, key: str, version: str | None = None) -> Any:
    """A version of an object, if none is named the newest; None if there is none, or it was deleted."""
    if bucket(bucket_name) is None:
        return None
    return s3_backends[ACCOUNT]["aws"].get_object(bucket_name, key, version_id=version)
