"""What the story of two Regions does again while it is refused."""

from __future__ import annotations

from functools import partial
from typing import Any

from local.client import StackClient
from local.demo_regions import accepted


class Promoted(StackClient):
    """Refuses until it has heard that it decides; commands that it accepted are stored."""

    def __init__(self, refusals: int) -> None:
        super().__init__({"region": "eu-west-1", "endpoint": "http://127.0.0.1:9"})
        self._refusals = refusals
        self.sent: list[str] = []
        self.stored: list[str] = []

    def command(self, *_: Any, **more: Any) -> tuple[int, Any]:
        self.sent.append(more["commandId"])
        if len(self.sent) <= self._refusals:
            return 409, {"error": {"code": "NotHome"}}
        self.stored.append(more["commandId"])
        return 200, {"sequence": 2 + len(self.stored), "commandId": more["commandId"]}


def test_a_deposit_is_sent_again_as_the_same_command_until_it_is_accepted_and_then_never() -> None:
    promoted = Promoted(refusals=2)

    answers = [accepted(partial(promoted.command, commandId=each)) for each in ("one", "two")]

    assert [answer["sequence"] for answer in answers] == [3, 4]
    assert promoted.sent == ["one", "one", "one", "two"]
    assert promoted.stored == ["one", "two"]
