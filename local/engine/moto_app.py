"""How moto is asked to answer: its dispatcher, its requests, its routes and its writer of answers.

This module and `backends`, which looks into moto's state, are all that imports moto. `tests/local/test_engine_moto.py`
says what a new moto has moved.
"""

from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.core.routing import get_service_router
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

__all__ = [
    "ActionResult",
    "DomainDispatcherApplication",
    "DynamoHandler",
    "MotoRequestHandler",
    "Request",
    "create_backend_app",
    "get_service_router",
]
