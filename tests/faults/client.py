"""A client of the command function that knows how to retry, and remembers what it was told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from ..aws import STORE
from .world import Fate, FunctionFailedError, World, all_well

ATTEMPTS = 8
Answer = tuple[int, Any]
"""Status and body."""


@dataclass(eq=False)
class Sent:
    """A command and everything that was answered to it; None for an attempt that got no answer."""

    request: dict[str, Any]
    command_id: str
    answers: list[Answer | None] = field(default_factory=list)
    taken_back: list[Answer] = field(default_factory=list)
    """Refusals of attempts that began when the command was stored."""

    @property
    def aggregate_id(self) -> str:
        return str(self.request["aggregateId"])

    @property
    def settled(self) -> list[Answer]:
        """The answers that say what became of the command."""
        return [answer for answer in self.answers if answer and answer[0] < 500]

    @property
    def accepted(self) -> bool:
        return any(status == 200 for status, _ in self.settled)


@dataclass(eq=False)
class Client:
    """Sends commands to a world."""

    world: World
    sent: list[Sent] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(1))

    def new(self, aggregate_id: str, event_type: str, *, own_id: bool = True, **more: Any) -> Sent:
        """A command that is not sent yet. Without an id of its own, the Lambda request id names it."""
        name = f"command-{next(self._ids)}"
        data: dict[str, Any] = {key: more.pop(key) for key in ("expectedSequence", "actor") if key in more}
        request = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": more, **data}
        sent = Sent({**request, "commandId": name} if own_id else request, name)
        self.sent.append(sent)
        return sent

    def attempt(self, sent: Sent, fate: Fate = all_well) -> Answer | None:
        """Send a command once."""
        stored = self._is_stored(sent)
        answer = asked(self.world, "command", sent.request, request_id=sent.command_id, fate=fate)
        sent.answers.append(answer)
        if stored and answer and 400 <= answer[0] < 500:
            sent.taken_back.append(answer)
        return answer

    def _is_stored(self, sent: Sent) -> bool:
        items = self.world.dynamodb.tables[STORE].items.values()
        return any(item.get("CommandId") == {"S": sent.command_id} for item in items)

    def send(self, sent: Sent, fate: Fate = all_well) -> Answer:
        """Send a command until it is answered for good."""
        for _ in range(ATTEMPTS):
            answer = self.attempt(sent, fate)
            if answer and answer[0] < 500:
                return answer
        raise AssertionError(f"no answer to {sent.request}: {sent.answers}")


def asked(
    world: World, function: str, request: dict[str, Any], *, fate: Fate, request_id: str | None = None
) -> Answer | None:
    """What a function answers, numbers exact; None where it does not. A failure that it tells of stands as a 500.

    Every other request comes over HTTP, where faults are answered.
    """
    number = next(world.requests)
    over_http = {"requestContext": {"http": {}}, "body": json.dumps(request)}
    try:
        answer = world.invoke(function, over_http if number % 2 else request, request_id=request_id, fate=fate)
    except FunctionFailedError as failure:
        if failure.code and number % 2:
            raise AssertionError("a fault over HTTP was not answered") from failure
        return (500, {"error": {"code": failure.code}}) if failure.code else None
    assert answer.keys() == {"statusCode", "body"}
    assert answer["statusCode"] < 500 or number % 2, "Lambda takes this answer for a success"
    return answer["statusCode"], json.loads(answer["body"], parse_float=Decimal)
