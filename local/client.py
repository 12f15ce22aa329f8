"""A deployed stack as its users reach it: through AWS APIs and the names in its outputs, nothing else."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.httpsession import URLLib3Session

Result = TypeVar("Result")

_deserialize = TypeDeserializer().deserialize


class FunctionFailed(RuntimeError):  # noqa: N818 - reads as what happened
    """An invocation that Lambda reports as failed. `code` is its errorType, `report` all that is told of it."""

    def __init__(self, function: str, report: Mapping[str, Any]) -> None:
        self.code = str(report["errorType"])
        self.report = report
        super().__init__(f"{function} failed: {self.code}: {report['errorMessage']}")


class StackClient:
    """Commands, queries and a look behind them. `outputs` are the stack's, with the endpoint."""

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        self.outputs = outputs
        self._session: Any = boto3.Session("test", "test", region_name=outputs["region"])
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()  # making a client is not thread-safe, using one is

    def aws(self, service: str) -> Any:
        """A boto3 client of the stack's AWS."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service, endpoint_url=self.outputs["endpoint"], config=Config(max_pool_connections=50)
                )
            return self._clients[service]

    def command(self, aggregate_id: str, event_type: str, data: Mapping[str, Any], **more: Any) -> tuple[int, Any]:
        """Send a command; status and body of the answer."""
        request = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": data, **more}
        return self.invoke("commandFunction", request)

    def validate(self, aggregate_id: str, event_type: str, data: Mapping[str, Any], **more: Any) -> tuple[int, Any]:
        """Ask what a command would be answered; status and body of the answer."""
        request = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": data, **more}
        return self.invoke("validateFunction", request)

    def query(self, query_type: str, **arguments: Any) -> tuple[int, Any]:
        """Ask a question; status and body of the answer."""
        return self.invoke("queryFunction", {"queryType": query_type, **arguments})

    def invoke(self, function: str, request: Mapping[str, Any]) -> tuple[int, Any]:
        """Invoke a function by the name of its output. Numbers come back as Decimal. Raises FunctionFailed."""
        answer = self.aws("lambda").invoke(FunctionName=self.outputs[function], Payload=json.dumps(request))
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise FunctionFailed(function, json.loads(payload))
        result = json.loads(payload)
        return result["statusCode"], json.loads(result["body"], parse_float=Decimal)

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> tuple[int, Any]:
        """A POST to the machines' API, signed; status and body of the answer. Headers' names have underscores."""
        url = f"{self.outputs['machineApiEndpoint']}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest("POST", url, {"content-type": "application/json", **named}, json.dumps(body).encode())
        SigV4Auth(self._session.get_credentials(), "execute-api", self.outputs["region"]).add_auth(request)
        with contextlib.closing(URLLib3Session()) as http:
            answer = http.send(request.prepare())
        return answer.status_code, json.loads(answer.text, parse_float=Decimal)

    def sweep(self) -> None:
        """Have the schedule of the sweep begin anew: it is due at once, and a minute later again."""
        group, _, name = self.outputs["sweepScheduleName"].partition("/")
        schedule = self.aws("scheduler").get_schedule(GroupName=group, Name=name)
        kept = ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "Target", "State")
        self.aws("scheduler").update_schedule(**{each: schedule[each] for each in kept})

    def row(self, account_id: str, projection: str = "AccountSummary") -> dict[str, Any] | None:
        """A row of the read model as it lies in the table, None where there is none."""
        key = {"AccountId": {"S": account_id}, "ProjectionType": {"S": projection}}
        answer = self.aws("dynamodb").get_item(TableName=self.outputs["readModelTable"], Key=key, ConsistentRead=True)
        item = answer.get("Item")
        return {name: _deserialize(value) for name, value in item.items()} if item else None

    def delete_row(self, account_id: str, projection: str = "AccountSummary") -> None:
        """Lose a row of the read model."""
        key = {"AccountId": {"S": account_id}, "ProjectionType": {"S": projection}}
        self.aws("dynamodb").delete_item(TableName=self.outputs["readModelTable"], Key=key)

    def messages(self, queue: str) -> int:
        """How many messages a queue holds, waiting or in work, by the name of its output."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


def eventually(look: Callable[[], Result], wanted: Callable[[Result], bool], seconds: float) -> Result:
    """Look until what is seen is `wanted`, or the time is up; what was seen last."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if wanted(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.05)
