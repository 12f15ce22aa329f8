"""CloudWatch alarms and dashboards."""

from typing import Any

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_ALARM = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "extendedStatistic": "ExtendedStatistic",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "thresholdMetricId": "ThresholdMetricId",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}
_METRIC = {"metricName": "MetricName", "namespace": "Namespace"}
_STAT = {"period": "Period", "stat": "Stat", "unit": "Unit"}
_QUERY = {
    "accountId": "AccountId",
    "expression": "Expression",
    "id": "Id",
    "label": "Label",
    "period": "Period",
    "returnData": "ReturnData",
}


@TYPES.creates(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    fields(
        "name",
        "tags",
        "dimensions",
        *_ALARM,
        metricQueries=fields(*_QUERY, metric=fields("dimensions", *_METRIC, *_STAT)),
    ),
)
def metric_alarm(new: NewResource) -> Created:
    """An alarm on a metric or on metric maths; its id is its name."""
    cloudwatch = new.client("cloudwatch")
    name = new.physical_name(255)
    request = new.pick(_ALARM)
    if "dimensions" in new.inputs:
        request["Dimensions"] = _dimensions(new.inputs["dimensions"])
    if queries := new.inputs.get("metricQueries"):
        request["Metrics"] = [_query(query) for query in queries]
    cloudwatch.put_metric_alarm(AlarmName=name, Tags=new.tag_list, **request)
    arn = f"arn:aws:cloudwatch:{new.region}:{new.account_id}:alarm:{name}"
    return Created(
        name,
        {"name": name, "arn": arn, "tagsAll": new.tags},
        delete=lambda: cloudwatch.delete_alarms(AlarmNames=[name]),
    )


@TYPES.creates("aws:cloudwatch/dashboard:Dashboard", fields("dashboardName", "dashboardBody"))
def dashboard(new: NewResource) -> Created:
    """A dashboard; its id is its name."""
    cloudwatch, name = new.client("cloudwatch"), new.inputs["dashboardName"]
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=new.inputs["dashboardBody"])
    arn = cloudwatch.get_dashboard(DashboardName=name)["DashboardArn"]
    return Created(
        name,
        {"dashboardArn": arn},
        delete=lambda: cloudwatch.delete_dashboards(DashboardNames=[name]),
    )


def _dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _renamed(block: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {api: block[ours] for ours, api in names.items() if ours in block}


def _query(query: dict[str, Any]) -> dict[str, Any]:
    request = _renamed(query, _QUERY)
    if metric := query.get("metric"):
        named = _renamed(metric, _METRIC) | {"Dimensions": _dimensions(metric.get("dimensions", {}))}
        request["MetricStat"] = {"Metric": named, **_renamed(metric, _STAT)}
    return request
