"""What is measured and summed up is the stack as it is deployed by default."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench import ceilings, cost
from bench.engines import SETTINGS

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
    ],
)
def test_the_benchmark_assumes_the_stacks_defaults(setting: str, assumed: object) -> None:
    assert str(assumed) == str(DEFAULTS[setting]["default"])
