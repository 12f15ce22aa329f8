"""What is measured and summed up is the stack as it is deployed by default."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench import ceilings, cost
from bench.engines import SETTINGS
from tests.lean import lean_settings

DEFAULTS = yaml.safe_load((Path(__file__).resolve().parents[2] / "Pulumi.yaml").read_text("utf-8"))["config"]


@pytest.mark.parametrize(
    ("setting", "assumed"),
    [
        ("typeBuckets", SETTINGS["TYPE_BUCKETS"]),
        ("statementEntries", SETTINGS["STATEMENT_ENTRIES"]),
        ("snapshotEvery", SETTINGS["SNAPSHOT_EVERY"]),
        ("snapshotEvery", cost.SNAPSHOT_EVERY),
        ("memorySize", cost.MEMORY_MB),
        ("projectionBatchSize", cost.BATCH),
        ("typeBuckets", ceilings.TYPE_BUCKETS),
        ("projectionMaxConcurrency", ceilings.PROJECTION_CONCURRENCY),
        ("relayParallelization", ceilings.LANES),
        ("processMaxConcurrency", ceilings.PROCESS_CONCURRENCY),
    ],
)
def test_the_benchmark_assumes_the_stacks_defaults(setting: str, assumed: object) -> None:
    assert str(assumed) == str(DEFAULTS[setting]["default"])


def test_the_recipes_own_set_of_features_is_what_the_lean_example_sets() -> None:
    lean, own = lean_settings(), cost.RECIPES_OWN

    assert {
        name: lean[f"event-sourcing:{name}"]
        for name in ("auditLog", "statement", "tracing", "systemLogLevel", "snapshotEvery")
    } == {
        "auditLog": str(own.audit_log).lower(),
        "statement": str(own.statement).lower(),
        "tracing": str(own.tracing).lower(),
        "systemLogLevel": "INFO" if own.reports else "WARN",
        "snapshotEvery": str(own.snapshot_every),
    }
