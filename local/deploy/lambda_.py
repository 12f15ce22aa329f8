"""Lambda functions, layers, event source mappings, permissions and asynchronous invocation settings."""

import base64
import hashlib
import time
from typing import Any

from pulumi import Archive, Asset

from local.deploy.assets import zip_bytes
from local.deploy.errors import DeployError
from local.deploy.registry import Created, Inputs, NewResource, Registry, fields

TYPES = Registry()

_FUNCTION = {
    "architectures": "Architectures",
    "description": "Description",
    "handler": "Handler",
    "kmsKeyArn": "KMSKeyArn",
    "layers": "Layers",
    "memorySize": "MemorySize",
    "packageType": "PackageType",
    "publish": "Publish",
    "role": "Role",
    "runtime": "Runtime",
    "timeout": "Timeout",
}
_LOGGING = {
    "applicationLogLevel": "ApplicationLogLevel",
    "logFormat": "LogFormat",
    "logGroup": "LogGroup",
    "systemLogLevel": "SystemLogLevel",
}
_MAPPING = {
    "batchSize": "BatchSize",
    "bisectBatchOnFunctionError": "BisectBatchOnFunctionError",
    "enabled": "Enabled",
    "eventSourceArn": "EventSourceArn",
    "functionName": "FunctionName",
    "functionResponseTypes": "FunctionResponseTypes",
    "kmsKeyArn": "KMSKeyArn",
    "maximumBatchingWindowInSeconds": "MaximumBatchingWindowInSeconds",
    "maximumRecordAgeInSeconds": "MaximumRecordAgeInSeconds",
    "maximumRetryAttempts": "MaximumRetryAttempts",
    "parallelizationFactor": "ParallelizationFactor",
    "startingPosition": "StartingPosition",
    "startingPositionTimestamp": "StartingPositionTimestamp",
    "tumblingWindowInSeconds": "TumblingWindowInSeconds",
}
_ALIAS = {
    "description": "Description",
    "functionName": "FunctionName",
    "functionVersion": "FunctionVersion",
    "name": "Name",
}
_PROVISIONED = {
    "functionName": "FunctionName",
    "provisionedConcurrentExecutions": "ProvisionedConcurrentExecutions",
    "qualifier": "Qualifier",
}
_PROVISIONING_SECONDS = 60
_LOOK_SECONDS = 0.05
_PERMISSION = {
    "action": "Action",
    "eventSourceToken": "EventSourceToken",
    "function": "FunctionName",
    "functionUrlAuthType": "FunctionUrlAuthType",
    "principal": "Principal",
    "principalOrgId": "PrincipalOrgID",
    "qualifier": "Qualifier",
    "sourceAccount": "SourceAccount",
    "sourceArn": "SourceArn",
}
_INVOKE_CONFIG = {
    "functionName": "FunctionName",
    "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
    "maximumRetryAttempts": "MaximumRetryAttempts",
    "qualifier": "Qualifier",
}


@TYPES.creates(
    "aws:lambda/function:Function",
    fields(
        "name",
        "code",
        "reservedConcurrentExecutions",
        "sourceCodeHash",
        "tags",
        *_FUNCTION,
        deadLetterConfig=fields("targetArn"),
        environment={"variables": {}},
        ephemeralStorage=fields("size"),
        loggingConfig=fields(*_LOGGING),
        snapStart=fields("applyOn"),
        tracingConfig=fields("mode"),
        vpcConfig=fields("subnetIds", "securityGroupIds"),
    ),
)
def function(new: NewResource) -> Created:
    """A function from a zip package, active; its id is its name."""
    lambda_ = new.client("lambda")
    name = new.physical_name(64)
    package = _package(new)
    made = lambda_.create_function(FunctionName=name, Code={"ZipFile": package}, Tags=new.tags, **_settings(new))
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    if (reserved := new.inputs.get("reservedConcurrentExecutions", -1)) >= 0:  # -1: no reservation
        lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    arn, version = made["FunctionArn"], made["Version"]
    invoke_arn = f"arn:aws:apigateway:{new.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    outputs = {
        "name": name,
        "arn": arn,
        "invokeArn": invoke_arn,
        "qualifiedArn": f"{arn}:{version}",
        "version": version,
        "lastModified": made["LastModified"],
        "codeSha256": _digest(package),
        "sourceCodeSize": len(package),
        "tagsAll": new.tags,
    }
    return Created(name, outputs, delete=lambda: lambda_.delete_function(FunctionName=name))


@TYPES.creates(
    "aws:lambda/layerVersion:LayerVersion",
    fields(
        "layerName",
        "code",
        "compatibleArchitectures",
        "compatibleRuntimes",
        "description",
        "licenseInfo",
        "skipDestroy",
        "sourceCodeHash",
    ),
)
def layer_version(new: NewResource) -> Created:
    """A new version of a layer; its id is the version's ARN."""
    lambda_, name = new.client("lambda"), new.inputs["layerName"]
    package = _package(new)
    made = lambda_.publish_layer_version(
        LayerName=name,
        Content={"ZipFile": package},
        **new.pick(
            {
                "compatibleArchitectures": "CompatibleArchitectures",
                "compatibleRuntimes": "CompatibleRuntimes",
                "description": "Description",
                "licenseInfo": "LicenseInfo",
            }
        ),
    )
    version = made["Version"]
    outputs = {
        "arn": made["LayerVersionArn"],
        "layerArn": made["LayerArn"],
        "version": str(version),
        "createdDate": made["CreatedDate"],
        "codeSha256": _digest(package),
        "sourceCodeSize": len(package),
    }

    def delete() -> None:
        if not new.inputs.get("skipDestroy"):
            lambda_.delete_layer_version(LayerName=name, VersionNumber=version)

    return Created(made["LayerVersionArn"], outputs, delete)


@TYPES.creates(
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    fields(
        "tags",
        *_MAPPING,
        destinationConfig=fields(onFailure=fields("destinationArn")),
        filterCriteria=fields(filters=fields("pattern")),
        metricsConfig=fields("metrics"),
        scalingConfig=fields("maximumConcurrency"),
    ),
)
def event_source_mapping(new: NewResource) -> Created:
    """What feeds a function from a stream or queue; its id is its UUID."""
    lambda_ = new.client("lambda")
    request = new.pick(_MAPPING)
    if destination := new.inputs.get("destinationConfig"):
        request["DestinationConfig"] = {"OnFailure": {"Destination": destination["onFailure"]["destinationArn"]}}
    if criteria := new.inputs.get("filterCriteria"):
        patterns = [{"Pattern": each["pattern"]} for each in criteria.get("filters", [])]
        request["FilterCriteria"] = {"Filters": patterns}
    if metrics := new.inputs.get("metricsConfig"):
        request["MetricsConfig"] = {"Metrics": metrics["metrics"]}
    if scaling := new.inputs.get("scalingConfig"):
        request["ScalingConfig"] = {"MaximumConcurrency": scaling["maximumConcurrency"]}
    made = lambda_.create_event_source_mapping(Tags=new.tags, **request)
    uuid = made["UUID"]
    outputs = {
        "uuid": uuid,
        "arn": made.get("EventSourceMappingArn"),
        "functionArn": made["FunctionArn"],
        "state": made["State"],
        "tagsAll": new.tags,
    }
    return Created(uuid, outputs, delete=lambda: lambda_.delete_event_source_mapping(UUID=uuid))


@TYPES.creates(
    "aws:lambda/alias:Alias",
    fields(*_ALIAS, routingConfig=fields(additionalVersionWeights={})),
)
def alias(new: NewResource) -> Created:
    """A name for one version of a function, or for two; its id is its ARN."""
    lambda_, request = new.client("lambda"), new.pick(_ALIAS)
    if routing := new.inputs.get("routingConfig"):
        request["RoutingConfig"] = {"AdditionalVersionWeights": routing.get("additionalVersionWeights", {})}
    made = lambda_.create_alias(**request)
    arn, of = made["AliasArn"], new.pick({"functionName": "FunctionName", "name": "Name"})
    invoke_arn = f"arn:aws:apigateway:{new.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return Created(arn, {"arn": arn, "invokeArn": invoke_arn}, delete=lambda: lambda_.delete_alias(**of))


@TYPES.creates(
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", fields("skipDestroy", *_PROVISIONED)
)
def provisioned_concurrency_config(new: NewResource) -> Created:
    """Environments that stand behind an alias or a version; waits until they do."""
    lambda_ = new.client("lambda")
    of = new.pick({"functionName": "FunctionName", "qualifier": "Qualifier"})
    lambda_.put_provisioned_concurrency_config(**new.pick(_PROVISIONED))
    deadline = time.monotonic() + _PROVISIONING_SECONDS
    while (found := lambda_.get_provisioned_concurrency_config(**of))["Status"] == "IN_PROGRESS":
        if time.monotonic() > deadline:
            raise DeployError(f"the environments of {':'.join(of.values())} do not stand in {_PROVISIONING_SECONDS} s")
        time.sleep(_LOOK_SECONDS)
    if found["Status"] == "FAILED":
        raise DeployError(f"the environments of {':'.join(of.values())} cannot be begun: {found['StatusReason']}")

    def delete() -> None:
        if not new.inputs.get("skipDestroy"):
            lambda_.delete_provisioned_concurrency_config(**of)

    return Created(",".join(of.values()), {}, delete)


@TYPES.creates("aws:lambda/permission:Permission", fields("statementId", "statementIdPrefix", *_PERMISSION))
def permission(new: NewResource) -> Created:
    """Who else may invoke a function; its id is the statement's."""
    lambda_ = new.client("lambda")
    statement_id = new.physical_name(100, "statementId")
    lambda_.add_permission(StatementId=statement_id, **new.pick(_PERMISSION))
    of = new.pick({"function": "FunctionName", "qualifier": "Qualifier"})
    return Created(
        statement_id,
        {"statementId": statement_id},
        delete=lambda: lambda_.remove_permission(StatementId=statement_id, **of),
    )


@TYPES.creates(
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    fields(
        *_INVOKE_CONFIG,
        destinationConfig=fields(onFailure=fields("destination"), onSuccess=fields("destination")),
    ),
)
def function_event_invoke_config(new: NewResource) -> Created:
    """How often and how long asynchronous invocations are retried, and where they end."""
    lambda_ = new.client("lambda")
    request = new.pick(_INVOKE_CONFIG)
    if config := new.inputs.get("destinationConfig"):
        names = {"onFailure": "OnFailure", "onSuccess": "OnSuccess"}
        request["DestinationConfig"] = {
            api: {"Destination": config[ours]["destination"]} for ours, api in names.items() if ours in config
        }
    lambda_.put_function_event_invoke_config(**request)
    of = new.pick({"functionName": "FunctionName", "qualifier": "Qualifier"})
    id_ = ":".join(of.values())
    return Created(id_, {}, delete=lambda: lambda_.delete_function_event_invoke_config(**of))


def _package(new: NewResource) -> bytes:
    code = new.inputs.get("code")
    if not isinstance(code, Archive | Asset):
        raise DeployError("code: an archive is needed; the embedded AWS takes no package from S3 or an image registry")
    return zip_bytes(code)


def _settings(new: NewResource) -> dict[str, Any]:
    inputs: Inputs = new.inputs
    settings = new.pick(_FUNCTION)
    if variables := inputs.get("environment", {}).get("variables"):
        settings["Environment"] = {"Variables": variables}
    if tracing := inputs.get("tracingConfig"):
        settings["TracingConfig"] = {"Mode": tracing["mode"]}
    if logging := inputs.get("loggingConfig"):
        settings["LoggingConfig"] = {api: logging[ours] for ours, api in _LOGGING.items() if ours in logging}
    if network := inputs.get("vpcConfig"):
        settings["VpcConfig"] = {
            "SubnetIds": network["subnetIds"],
            "SecurityGroupIds": network["securityGroupIds"],
        }
    if snap_start := inputs.get("snapStart"):
        settings["SnapStart"] = {"ApplyOn": snap_start["applyOn"]}
    if dead_letters := inputs.get("deadLetterConfig"):
        settings["DeadLetterConfig"] = {"TargetArn": dead_letters["targetArn"]}
    if storage := inputs.get("ephemeralStorage"):
        settings["EphemeralStorage"] = {"Size": storage["size"]}
    return settings


def _digest(package: bytes) -> str:
    return base64.b64encode(hashlib.sha256(package).digest()).decode()
