"""The newest values of CloudWatch's metrics, many with one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

BACK = timedelta(minutes=15)
"""What is older is no news. Metrics come some minutes late."""
_MOST = 500
"""Metrics in one call."""


class Metric(NamedTuple):
    """One metric, under the dimension that AWS files it by."""

    namespace: str
    name: str
    dimension: str
    value: str
    statistic: str = "Maximum"


@dataclass(frozen=True, slots=True)
class Metrics:
    """Those of one account and Region."""

    client: CloudWatchClient
    now: datetime

    def newest(self, wanted: Iterable[Metric]) -> dict[Metric, float]:
        """The newest value of each within the last quarter of an hour; of sums, all of it. None of what has none.

        A GetMetricData for every 500.
        """
        found: dict[Metric, float] = {}
        every = list(dict.fromkeys(wanted))
        for start in range(0, len(every), _MOST):
            some = every[start : start + _MOST]
            for place, values in self._values(some).items():
                if values:
                    found[some[place]] = sum(values) if some[place].statistic == "Sum" else values[0]
        return found

    def _values(self, wanted: list[Metric]) -> Mapping[int, list[float]]:
        queries: Any = [
            {
                "Id": f"m{place}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": metric.namespace,
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": metric.dimension, "Value": metric.value}],
                    },
                    "Period": 60,
                    "Stat": metric.statistic,
                },
            }
            for place, metric in enumerate(wanted)
        ]
        values: dict[int, list[float]] = {}
        pages = self.client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries,
            StartTime=self.now - BACK,
            EndTime=self.now + timedelta(minutes=1),
            ScanBy="TimestampDescending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                values.setdefault(int(result["Id"][1:]), []).extend(result["Values"])
        return values
