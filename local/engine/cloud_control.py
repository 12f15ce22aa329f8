"""Cloud Control for the one type that the program makes by it: versions of Glue schemas.

As AWS's does, it answers a change with an event, whose outcome is asked for by its token. And CloudFormation tells what
the type is like, which the provider asks for while it plans.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError

from local.engine.api import ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.aws import ServiceClients
    from local.engine.gateway import Gateway

TYPE = "AWS::Glue::SchemaVersion"
_VERSION = "/properties/VersionId"
_SCHEMA: dict[str, Any] = {
    "typeName": TYPE,
    "description": "A version of a schema in the Glue Schema Registry",
    "properties": {
        "Schema": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("SchemaArn", "SchemaName", "RegistryName")},
            "additionalProperties": False,
        },
        "SchemaDefinition": {"type": "string"},
        "VersionId": {"type": "string"},
    },
    "additionalProperties": False,
    "required": ["Schema", "SchemaDefinition"],
    "readOnlyProperties": [_VERSION],
    "createOnlyProperties": ["/properties/Schema", "/properties/SchemaDefinition"],
    "primaryIdentifier": [_VERSION],
}
"""As much of the type's schema as tells a provider what may change: nothing. Another text is another version."""


class CloudControl:
    """Acts through the Glue API, at once; what Glue refuses is told as the event's outcome."""

    def __init__(self, gateway: Gateway, clients: ServiceClients) -> None:
        self._clients = clients
        self._events: dict[str, dict[str, Any]] = {}  # by request token
        gateway.seam("cloudcontrol", "CreateResource", self._create)
        gateway.seam("cloudcontrol", "GetResourceRequestStatus", self._status)
        gateway.seam("cloudcontrol", "GetResource", self._get)
        gateway.seam("cloudformation", "DescribeType", _describe_type)

    def _create(self, request: ApiRequest) -> Response:
        asked = request.parameters
        _check_type(asked["TypeName"])
        token = str(uuid.uuid4())
        event = {"TypeName": TYPE, "RequestToken": token, "Operation": "CREATE", "EventTime": time.time()}
        wanted = json.loads(asked["DesiredState"])
        try:
            made = self._glue(request).register_schema_version(
                SchemaId=wanted["Schema"], SchemaDefinition=wanted["SchemaDefinition"]
            )
        except ClientError as error:
            told = error.response["Error"]
            code = "NotFound" if told["Code"] == "EntityNotFoundException" else "InvalidRequest"
            event |= {"OperationStatus": "FAILED", "ErrorCode": code, "StatusMessage": told["Message"]}
        else:
            event |= {"OperationStatus": "SUCCESS", "Identifier": made["SchemaVersionId"]}
        self._events[token] = event
        return Response.of_json({"ProgressEvent": event})

    def _status(self, request: ApiRequest) -> Response:
        token = request.parameters["RequestToken"]
        if token not in self._events:
            raise ApiError("RequestTokenNotFoundException", f"No request has the token {token}.")
        return Response.of_json({"ProgressEvent": self._events[token]})

    def _get(self, request: ApiRequest) -> Response:
        asked = request.parameters
        _check_type(asked["TypeName"])
        identifier = asked["Identifier"]
        try:
            found = self._glue(request).get_schema_version(SchemaVersionId=identifier)
        except ClientError as error:
            raise ApiError("ResourceNotFoundException", f"{TYPE} {identifier}: {error}") from error
        properties = {
            "Schema": {"SchemaArn": found["SchemaArn"]},
            "SchemaDefinition": found["SchemaDefinition"],
            "VersionId": identifier,
        }
        described = {"Identifier": identifier, "Properties": json.dumps(properties)}
        return Response.of_json({"TypeName": TYPE, "ResourceDescription": described})

    def _glue(self, request: ApiRequest) -> Any:
        return self._clients.get("glue", f"arn:aws:glue:{request.region}::")


def _check_type(name: str) -> None:
    if name != TYPE:
        raise NotImplementedError(f"resources of the type {name}")


def _describe_type(request: ApiRequest) -> Response:
    asked = request.parameters
    _check_type(asked.get("TypeName", ""))
    told = {"Type": "RESOURCE", "TypeName": TYPE, "ProvisioningType": "IMMUTABLE", "Schema": json.dumps(_SCHEMA)}
    members = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items())
    answer = f"<DescribeTypeResult>{members}</DescribeTypeResult>"
    space = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
    xml = f'<DescribeTypeResponse xmlns="{space}">{answer}</DescribeTypeResponse>'
    return Response(200, xml.encode(), {"content-type": "text/xml"})
