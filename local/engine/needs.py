"""What a call takes, in IAM's words, and how the resources that it names are spelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import unquote

from local.engine.api import ACCOUNT, ApiRequest, queue_named
from local.engine.functions import FunctionRef
from local.engine.policy_documents import Context

_NO_BUCKET = re.compile(r"localhost|[\d.]+")


class Need(NamedTuple):
    """An action, the ARN of a resource, and the condition keys (in lower case) that belong to this action alone."""

    action: str
    resource: str
    context: Context = ()


Finder = Callable[[ApiRequest], Iterable[Need]]
Finders = Iterable[tuple[str, Finder, Iterable[str]]]
"""By service: who tells what its operations take."""


def arn(request: ApiRequest, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{request.region}:{ACCOUNT}:{resource}"


def on_everything(request: ApiRequest) -> Iterable[Need]:
    """Of actions for which IAM knows no resources."""
    yield Need(f"{request.service.removesuffix('streams')}:{request.operation}", "*")


def table(request: ApiRequest, name: str, index: str | None = None) -> str:
    of_table = name if name.startswith("arn:") else arn(request, "dynamodb", f"table/{name}")
    return f"{of_table}/index/{index}" if index else of_table


def queue(request: ApiRequest) -> str:
    asked = request.parameters
    by_name = request.operation in {"CreateQueue", "GetQueueUrl"}
    return arn(request, "sqs", asked["QueueName"] if by_name else queue_named(asked["QueueUrl"]))


def function(request: ApiRequest) -> str:
    """The function that the call's path names, with the version or alias that it is asked for."""
    name = unquote(request.path.split("/functions/", 1)[1].split("/", 1)[0])
    ref = FunctionRef.parse(name, request.region, request.query("Qualifier"))
    qualifier = f":{ref.qualifier}" if ref.qualifier else ""
    return f"arn:aws:lambda:{ref.region}:{ACCOUNT}:function:{ref.name}{qualifier}"


def pass_role(role: str, service: str) -> Need:
    """Of whoever hands a role on to an AWS service ("lambda")."""
    return Need("iam:PassRole", role, (("iam:passedtoservice", f"{service}.amazonaws.com"),))


def last_of_path(request: ApiRequest) -> str:
    return unquote(request.path.rstrip("/").rsplit("/", 1)[-1])


def schedule(request: ApiRequest) -> Iterable[Need]:
    """And on the role that it hands on, where it does."""
    asked = request.parameters if request.operation in {"CreateSchedule", "UpdateSchedule"} else {}
    group = asked.get("GroupName") or request.query("groupName") or "default"
    name = last_of_path(request)
    yield Need(f"scheduler:{request.operation}", arn(request, "scheduler", f"schedule/{group}/{name}"))
    if asked:
        yield pass_role(asked["Target"]["RoleArn"], "scheduler")


def check_host(request: ApiRequest) -> None:
    """Raises: ValueError where the name of the host may be that of a bucket, which moto would act on."""
    if not _NO_BUCKET.fullmatch(request.header("host").partition(":")[0]):
        raise ValueError(request.header("host"))
