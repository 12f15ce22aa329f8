"""The ledger's own handlers behind the small ledger's sign-in, and as --direct invokes them."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

from handlers.failure import InvocationError

from ..handlers.conftest import Context, message
from ..http_api.conftest import Api, people
from .fake import Asked, FakeLedger, Reply


class RealLedger(FakeLedger):
    """Answers as the deployed one: by the handlers, with the rows brought up to date behind each command."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api
        self.loses: int = 0
        """So many answers of commands are lost on their way, after the command was carried out."""
        self._delivered: set[str] = set()
        self._turn = threading.Lock()

    def reply(self, asked: Asked) -> Reply:
        """By the function that has the route."""
        with self._turn:
            answer = self.api(
                f"{asked.method} {asked.template}",
                asked.subject,
                query=asked.query,
                body=asked.body,
                headers=asked.headers,
                authorizer=people(),
            )
            if asked.method == "POST":
                self.catch_up()
        if asked.method == "POST" and self.loses:
            self.loses -= 1
            return None
        return answer.status, answer.text

    def catch_up(self) -> None:
        """What the queues would bring of new events: transfers carried on, and rows."""
        while fresh := [each for each in self.api.stored() if each["EventId"] not in self._delivered]:
            records = [message(event, number) for number, event in enumerate(fresh)]
            for function in ("process", "projection"):
                answer = self.api.modules(function).lambda_handler({"Records": records}, Context())
                assert answer == {"batchItemFailures": []}
            self._delivered |= {each["EventId"] for each in fresh}


class InvokedHandlers:
    """What of a Lambda client --direct uses. A function's name is its module's."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 -- boto3's
        """Synchronously."""
        try:
            given = self._api.modules(FunctionName).lambda_handler(json.loads(Payload), Context("request-direct"))
        except InvocationError as error:
            report = {"errorType": error.code, "errorMessage": str(error), "requestId": "request-direct"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(report).encode())}
        return {"Payload": io.BytesIO(json.dumps(given).encode())}
