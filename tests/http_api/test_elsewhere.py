"""What is answered over HTTP to who sends a command to a Region that does not decide it."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.http_api import elsewhere
from handlers.sourcing.errors import NotHomeError

from .conftest import Api, machines, people

OTHER = "eu-west-1"
APIS = {OTHER: {"people": "https://people.example.com", "machines": "https://machines.example.com"}}


def refuse(api: Api, monkeypatch: pytest.MonkeyPatch, decides: str) -> None:
    def execute(*_: Any) -> Any:
        raise NotHomeError(decides, "this Region is standby and decides nothing")

    monkeypatch.setattr(api.modules("command"), "_execute", execute)


@pytest.mark.parametrize(
    ("caller", "url"),
    [(people(), "https://people.example.com"), (machines(), "https://machines.example.com")],
    ids=["people", "machines"],
)
def test_whoever_is_refused_is_told_the_api_that_takes_the_same_request(
    api: Api, monkeypatch: pytest.MonkeyPatch, caller: Any, url: str
) -> None:
    monkeypatch.setattr(elsewhere, "_APIS", APIS)
    refuse(api, monkeypatch, OTHER)

    answer = api.command("AccountCreated", {}, authorizer=caller)

    assert (answer.status, answer.error["code"]) == (409, "NotHome")
    assert answer.error["details"] == {"region": OTHER, "url": url}
    assert not api.stored()


@pytest.mark.parametrize(("apis", "decides"), [({}, OTHER), (APIS, ""), (APIS, "us-west-2")])
def test_no_address_is_told_that_is_not_known(
    api: Api, monkeypatch: pytest.MonkeyPatch, apis: Any, decides: str
) -> None:
    monkeypatch.setattr(elsewhere, "_APIS", apis)
    refuse(api, monkeypatch, decides)

    assert api.command("AccountCreated", {}).error["details"] == {"region": decides or None}
