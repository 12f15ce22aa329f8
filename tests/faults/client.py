"""A client of the command function that knows how to retry, and remembers what it was told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

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
        data = {key: more.pop(key) for key in ("expectedSequence",) if key in more}
        request = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": more, **data}
        sent = Sent({**request, "commandId": name} if own_id else request, name)
        self.sent.append(sent)
        return sent

    def attempt(self, sent: Sent, fate: Fate = all_well) -> Answer | None:
        """Send a command once."""
        try:
            answer = self.world.invoke("command", sent.request, request_id=sent.command_id, fate=fate)
        except FunctionFailedError:
            sent.answers.append(None)
            return None
        sent.answers.append(opened(answer))
        return sent.answers[-1]

    def send(self, sent: Sent, fate: Fate = all_well) -> Answer:
        """Send a command until it is answered for good."""
        for _ in range(ATTEMPTS):
            answer = self.attempt(sent, fate)
            if answer and answer[0] < 500:
                return answer
        raise AssertionError(f"no answer to {sent.request}: {sent.answers}")


def opened(answer: Any) -> Answer:
    """Status and body of a function's answer, numbers exact."""
    assert answer.keys() == {"statusCode", "body"}
    return answer["statusCode"], json.loads(answer["body"], parse_float=Decimal)
