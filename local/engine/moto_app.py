"""How moto is asked to answer: its dispatcher, requests, routes and handlers, and what reads and writes for them.

This module and `backends`, which looks into moto's state, are all that imports moto. `tests/local/test_engine_moto.py`
says what a new moto has moved.
"""

from moto.core import responses
from moto.core.parse import PROTOCOL_PARSERS, JSONParser
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    determine_request_protocol,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.responses import ActionResult, BaseResponse
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.dynamodb import responses as dynamodb_responses
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
from moto.events.responses import EventsHandler
from moto.iam.models import mark_account_as_visited
from moto.logs.responses import LogsResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs.responses import SQSResponse
from moto.utilities.constants import APPLICATION_AMZ_JSON_1_0, APPLICATION_AMZ_JSON_1_1
from moto.utilities.utils import get_partition

__all__ = [
    "APPLICATION_AMZ_JSON_1_0",
    "APPLICATION_AMZ_JSON_1_1",
    "PRESERVED_HEADER_NAMES_ENVIRON_KEY",
    "PROTOCOL_PARSERS",
    "ActionResult",
    "BaseResponse",
    "DomainDispatcherApplication",
    "DynamoDBStreamsHandler",
    "DynamoHandler",
    "EventsHandler",
    "JSONParser",
    "LogsResponse",
    "Request",
    "SQSResponse",
    "create_backend_app",
    "determine_request_protocol",
    "dynamodb_responses",
    "environ_key_for_header",
    "get_partition",
    "get_service_model",
    "get_service_router",
    "mark_account_as_visited",
    "responses",
    "should_preserve_original_header_name",
]
