"""A stream of thousands of events, through the deployed functions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from handlers.sourcing.event import Event
from handlers.store.event_store import MAX_TRANSACTION_ITEMS, EventStore
from local.client import StackClient
from local.deploy import deploy
from local.engine import Engine
from tests.domain.builders import story
from tests.effort import LONG
from tests.local.conftest import DISORDER, PROJECT

pytestmark = pytest.mark.slow

LENGTH = 5_000 if LONG else 1_500

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")


def test_a_long_stream_is_answered_whole_through_its_tokens() -> None:
    with Engine(stream_disorder=DISORDER) as engine:
        deployment = deploy(engine.endpoint, "local", PROJECT, config_overrides={"httpApi": "false"})
        ledger = StackClient({**deployment.outputs, "endpoint": engine.endpoint})
        load(ledger, story("long", [1] * (LENGTH - 1), note="x" * 1_500))

        sequences: list[int] = []
        tokens: list[str] = []
        while True:
            more = {"nextToken": tokens[-1]} if tokens else {}
            status, body = ledger.query("getAggregateEvents", aggregateId="long", **more)
            assert status == 200
            sequences += [event["EventSequence"] for event in body["events"]]
            if "nextToken" not in body:
                break
            tokens.append(body["nextToken"])

        assert sequences == list(range(1, LENGTH + 1))
        assert len(tokens) >= 3
        _, body = ledger.query("reconstructState", aggregateId="long")
        assert (body["eventsProcessed"], body["reconstructedState"]["balance"]) == (LENGTH, LENGTH - 1)


def load(ledger: StackClient, events: Sequence[Event]) -> None:
    """Fill the store as an import would, with the relay switched off: where events go from there is not the point."""
    lambda_, client = ledger.aws("lambda"), ledger.aws("dynamodb")
    for mapping in lambda_.list_event_source_mappings()["EventSourceMappings"]:
        if ":dynamodb:" in mapping["EventSourceArn"]:
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    store = EventStore(client, ledger.outputs["eventStoreTable"], 4)
    for start in range(0, len(events), MAX_TRANSACTION_ITEMS):
        store.append(events[start : start + MAX_TRANSACTION_ITEMS])
