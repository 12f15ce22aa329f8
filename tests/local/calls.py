"""Calls of the JSON protocol as they reach the gateway, without a connection."""

from __future__ import annotations

import json
from typing import Any

from local.engine.api import ApiRequest

_TARGETS = {
    "dynamodb": "DynamoDB_20120810",
    "dynamodbstreams": "DynamoDBStreams_20120810",
    "events": "AWSEvents",
    "logs": "Logs_20140328",
    "sqs": "AmazonSQS",
}


def call(service: str, operation: str, content: Any, *, key: str = "test", **environ: str) -> ApiRequest:
    """`content` is the body, as JSON unless it is bytes; `environ` adds to the environment."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    signed = "dynamodb" if service == "dynamodbstreams" else service
    scope = f"{key}/20260101/us-east-1/{signed}/aws4_request"
    return ApiRequest.of(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "QUERY_STRING": "",
            "CONTENT_TYPE": "application/x-amz-json-1.1"
            if service in {"events", "logs"}
            else "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "HTTP_HOST": "127.0.0.1:4566",
            "HTTP_X_AMZ_TARGET": f"{_TARGETS[service]}.{operation}",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "4566",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            **environ,
        },
        body,
    )
