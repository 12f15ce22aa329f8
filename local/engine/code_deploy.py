"""CodeDeploy for Lambda: an alias is moved from one version to another, in steps, and back where an alarm rings.

It acts in the group's service role, and takes the time that its configurations say, by the engine's clock. Alarms ring
here when somebody says so (SetAlarmState): what they watch is not measured.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response
from local.engine.principals import Session

if TYPE_CHECKING:
    from local.engine.aws import ServiceClients
    from local.engine.background import Background
    from local.engine.clock import Clock
    from local.engine.gateway import Gateway

SERVICE = "codedeploy.amazonaws.com"
LOOK_SECONDS = 0.1
"""Between looks at the alarms, and at whether somebody stopped it. On AWS: seconds."""

_CONFIG = re.compile(
    r"CodeDeployDefault\.Lambda(?:AllAtOnce|Canary(?P<first>\d+)Percent(?P<wait>\d+)Minutes"
    r"|Linear(?P<step>\d+)PercentEvery(?P<every>\d+)Minutes?)"
)
_UNDER_WAY = ("Created", "InProgress")
_PROPERTIES = {"Name", "Alias", "CurrentVersion", "TargetVersion"}
_OF_A_GROUP = {
    *("applicationName", "deploymentGroupName", "deploymentConfigName", "serviceRoleArn", "deploymentStyle", "tags"),
    *("alarmConfiguration", "autoRollbackConfiguration"),
}
_OF_A_DEPLOYMENT = {"applicationName", "deploymentGroupName", "deploymentConfigName", "description", "revision"}


class _Stop(Exception):  # noqa: N818 - it is asked for
    """The deployment ends here. `code` as CodeDeploy has it."""

    def __init__(self, code: str, message: str, event: str, status: str = "Stopped") -> None:
        super().__init__(message)
        self.code = code
        self.event = event
        self.status = status


@dataclass
class _Deployment:
    id: str
    application: str
    group: Mapping[str, Any]
    config: str
    description: str
    content: str
    properties: Mapping[str, str]
    created: float
    creator: str = "user"
    status: str = "Created"
    completed: float | None = None
    error: Mapping[str, str] = field(default_factory=dict)
    rollback: Mapping[str, str] = field(default_factory=dict)
    rolls_back: bool = False
    """Whether whoever stopped it wants it back."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def told(self) -> dict[str, Any]:
        return {
            "applicationName": self.application,
            "deploymentGroupName": self.group["deploymentGroupName"],
            "deploymentConfigName": self.config,
            "deploymentId": self.id,
            "computePlatform": "Lambda",
            "creator": self.creator,
            "createTime": self.created,
            "description": self.description,
            "deploymentStyle": self.group.get("deploymentStyle", {}),
            "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": self.content}},
            "status": self.status,
            **({"completeTime": self.completed} if self.completed is not None else {}),
            **({"errorInformation": dict(self.error)} if self.error else {}),
            **({"rollbackInfo": dict(self.rollback)} if self.rollback else {}),
        }


class CodeDeploy:
    def __init__(self, gateway: Gateway, background: Background, clients: ServiceClients, clock: Clock) -> None:
        self._background = background
        self._clients = clients
        self._clock = clock
        self._lock = threading.RLock()
        self._applications: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._deployments: dict[tuple[str, str], _Deployment] = {}
        gateway.service("codedeploy", self._answer)

    def _answer(self, request: ApiRequest) -> Response:
        answers = {
            "BatchGetDeployments": self._batch_get,
            "CreateApplication": self._create_application,
            "CreateDeployment": self._create_deployment,
            "CreateDeploymentGroup": self._create_group,
            "DeleteApplication": self._delete_application,
            "DeleteDeploymentGroup": self._delete_group,
            "GetApplication": self._get_application,
            "GetDeployment": self._get_deployment,
            "GetDeploymentGroup": self._get_group,
            "ListDeployments": self._list,
            "StopDeployment": self._stop,
        }
        if request.operation not in answers:
            raise NotImplementedError("of CodeDeploy there is what moves callers of functions")
        with self._lock:
            return Response.of_json(answers[request.operation](request.parameters, request.region) or {})

    def _create_application(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        name = asked["applicationName"]
        if asked.get("computePlatform") != "Lambda":
            raise NotImplementedError("applications of another platform than Lambda")
        if (region, name) in self._applications:
            raise ApiError("ApplicationAlreadyExistsException", f"An application with the name {name} already exists")
        self._applications[region, name] = {}
        return {"applicationId": _new_id()}

    def _get_application(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        self._groups(asked, region)
        return {"application": {"applicationName": asked["applicationName"], "computePlatform": "Lambda"}}

    def _delete_application(self, asked: Mapping[str, Any], region: str) -> None:
        self._applications.pop((region, asked["applicationName"]), None)

    def _create_group(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        groups, name = self._groups(asked, region), asked["deploymentGroupName"]
        _refuse(asked, _OF_A_GROUP)
        _steps(asked.get("deploymentConfigName", ""))
        if name in groups:
            text = f"Deployment group {name} already exists"
            raise ApiError("DeploymentGroupAlreadyExistsException", text)
        groups[name] = {**asked, "deploymentGroupId": _new_id(), "computePlatform": "Lambda"}
        return {"deploymentGroupId": groups[name]["deploymentGroupId"]}

    def _get_group(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        told = {name: value for name, value in self._group(asked, region).items() if name != "tags"}
        return {"deploymentGroupInfo": told}

    def _delete_group(self, asked: Mapping[str, Any], region: str) -> None:
        self._groups(asked, region).pop(asked["deploymentGroupName"], None)

    def _create_deployment(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        _refuse(asked, _OF_A_DEPLOYMENT)
        group = self._group(asked, region)
        config = asked.get("deploymentConfigName") or group["deploymentConfigName"]
        _steps(config)
        if asked.get("revision", {}).get("revisionType") != "AppSpecContent":
            raise NotImplementedError("revisions that are not given as AppSpecContent")
        content = asked["revision"]["appSpecContent"]["content"]
        properties = _properties(content)
        if any(each.group is group and each.status in _UNDER_WAY for each in self._deployments.values()):
            text = f"The deployment group {group['deploymentGroupName']} already has an active deployment"
            raise ApiError("DeploymentLimitExceededException", text)
        deployment = _Deployment(
            id=f"d-{secrets.token_hex(5)[:9].upper()}",
            application=asked["applicationName"],
            group=group,
            config=config,
            description=asked.get("description", ""),
            content=content,
            properties=properties,
            created=self._clock.now(),
        )
        self._deployments[region, deployment.id] = deployment
        self._background.spawn("engine-codedeploy", lambda: self._run(deployment, region))
        return {"deploymentId": deployment.id}

    def _get_deployment(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        return {"deploymentInfo": self._deployment(asked["deploymentId"], region).told()}

    def _batch_get(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        return {"deploymentsInfo": [self._deployment(each, region).told() for each in asked["deploymentIds"]]}

    def _list(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        _refuse(asked, {"applicationName", "deploymentGroupName", "includeOnlyStatuses"})
        group, statuses = self._group(asked, region), asked.get("includeOnlyStatuses")
        found = [each for each in reversed(self._deployments.values()) if each.group is group]
        return {"deployments": [each.id for each in found if not statuses or each.status in statuses]}

    def _stop(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        deployment = self._deployment(asked["deploymentId"], region)
        if deployment.status not in _UNDER_WAY:
            text = f"The deployment {deployment.id} is already completed"
            raise ApiError("DeploymentAlreadyCompletedException", text)
        deployment.rolls_back = bool(asked.get("autoRollbackEnabled"))
        deployment.stopped.set()
        return {"status": "Pending", "statusMessage": "Stopping deployment."}

    def _groups(self, asked: Mapping[str, Any], region: str) -> dict[str, dict[str, Any]]:
        name = asked["applicationName"]
        if (region, name) not in self._applications:
            raise ApiError("ApplicationDoesNotExistException", f"No application found for name: {name}")
        return self._applications[region, name]

    def _group(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        groups, name = self._groups(asked, region), asked.get("deploymentGroupName", "")
        if name not in groups:
            raise ApiError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return groups[name]

    def _deployment(self, id_: str, region: str) -> _Deployment:
        if (region, id_) not in self._deployments:
            raise ApiError("DeploymentDoesNotExistException", f"The deployment {id_} could not be found")
        return self._deployments[region, id_]

    def _run(self, deployment: _Deployment, region: str) -> None:
        deployment.status = "InProgress"
        try:
            self._shift(deployment, region)
        except _Stop as stop:
            self._ended(deployment, stop, region)
        except ClientError as error:
            code = "IAM_ROLE_PERMISSIONS" if "AccessDenied" in str(error) else "INVALID_LAMBDA_CONFIGURATION"
            self._ended(deployment, _Stop(code, str(error), "DEPLOYMENT_FAILURE", "Failed"), region)
        else:
            self._complete(deployment, "Succeeded")

    def _shift(self, deployment: _Deployment, region: str) -> None:
        """Raises: _Stop; ClientError for what the role may not do, and what Lambda refuses."""
        lambda_ = self._client("lambda", deployment, region)
        of = {"FunctionName": deployment.properties["Name"], "Name": deployment.properties["Alias"]}
        before, after = deployment.properties["CurrentVersion"], deployment.properties["TargetVersion"]
        found = lambda_.get_alias(**of)
        if found["FunctionVersion"] != before or found.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
            text = f"The alias points to version {found['FunctionVersion']}, and CurrentVersion is {before}"
            raise _Stop("INVALID_LAMBDA_CONFIGURATION", text, "DEPLOYMENT_FAILURE", "Failed")
        _see_environments(lambda_, of["FunctionName"], of["Name"])
        self._look(deployment, region)
        for share, seconds in _steps(deployment.config):
            lambda_.update_alias(**of, RoutingConfig={"AdditionalVersionWeights": {after: share}})
            due = self._clock.now() + seconds
            while self._clock.now() < due:
                if self._background.closing.wait(LOOK_SECONDS):
                    return
                self._look(deployment, region)
        lambda_.update_alias(**of, FunctionVersion=after, RoutingConfig={"AdditionalVersionWeights": {}})

    def _look(self, deployment: _Deployment, region: str) -> None:
        """Raises: _Stop where an alarm of the group rings, or somebody stopped it."""
        if deployment.stopped.is_set():
            raise _Stop("MANUAL_STOP", "The deployment was stopped", "DEPLOYMENT_STOP_ON_REQUEST")
        alarms = deployment.group.get("alarmConfiguration") or {}
        names = [each["name"] for each in alarms.get("alarms", [])]
        if not (alarms.get("enabled") and names):
            return
        found = self._client("cloudwatch", deployment, region).describe_alarms(AlarmNames=names)["MetricAlarms"]
        if ringing := [each["AlarmName"] for each in found if each["StateValue"] == "ALARM"]:
            text = f"One or more alarms have been activated according to the Amazon CloudWatch metrics: {ringing}"
            raise _Stop("ALARM_ACTIVE", text, "DEPLOYMENT_STOP_ON_ALARM")

    def _ended(self, deployment: _Deployment, stop: _Stop, region: str) -> None:
        deployment.error = {"code": stop.code, "message": str(stop)}
        settings = deployment.group.get("autoRollbackConfiguration") or {}
        wanted = deployment.rolls_back or (settings.get("enabled") and stop.event in settings.get("events", []))
        if wanted and stop.status == "Stopped":
            self._put_back(deployment, region)
        self._complete(deployment, stop.status)

    def _put_back(self, deployment: _Deployment, region: str) -> None:
        """By a deployment of CodeDeploy's own, as far as anybody who asks can tell."""
        properties = deployment.properties
        before = {**properties, "CurrentVersion": properties["TargetVersion"]}
        before["TargetVersion"] = properties["CurrentVersion"]
        resource = {"function": {"Type": "AWS::Lambda::Function", "Properties": before}}
        own = _Deployment(
            id=f"d-{secrets.token_hex(5)[:9].upper()}",
            application=deployment.application,
            group=deployment.group,
            config="CodeDeployDefault.LambdaAllAtOnce",
            description="",
            content=json.dumps({"version": 0.0, "Resources": [resource]}),
            properties=before,
            created=self._clock.now(),
            creator="codeDeployRollback",
            status="InProgress",
        )
        with self._lock:
            self._deployments[region, own.id] = own
        self._client("lambda", deployment, region).update_alias(
            FunctionName=properties["Name"],
            Name=properties["Alias"],
            FunctionVersion=properties["CurrentVersion"],
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
        self._complete(own, "Succeeded")
        deployment.rollback = {"rollbackDeploymentId": own.id, "rollbackMessage": "Rolled back"}

    def _complete(self, deployment: _Deployment, status: str) -> None:
        deployment.completed = self._clock.now()
        deployment.status = status

    def _client(self, service: str, deployment: _Deployment, region: str) -> Any:
        role = deployment.group["serviceRoleArn"]
        return self._clients.get(service, f"arn:aws:{service}:{region}:{ACCOUNT}:", Session(role, "codedeploy"))


def _see_environments(lambda_: Any, function: str, alias: str) -> None:
    """Whether provisioned ones are to move along, which they do by themselves here."""
    try:
        lambda_.get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ProvisionedConcurrencyConfigNotFoundException":
            raise


def _steps(config: str) -> Iterator[tuple[float, float]]:
    """The shares that go to the new version one after the other, each with how long it stays, in seconds."""
    found = _CONFIG.fullmatch(config)
    if found is None:
        raise ApiError("DeploymentConfigDoesNotExistException", f"No deployment configuration found for name: {config}")
    return _parsed(found)


def _parsed(found: re.Match[str]) -> Iterator[tuple[float, float]]:
    if found["first"]:
        yield int(found["first"]) / 100, int(found["wait"]) * 60
    elif found["step"]:
        for share in range(int(found["step"]), 100, int(found["step"])):
            yield share / 100, int(found["every"]) * 60


def _properties(content: str) -> dict[str, str]:
    """Of the one function that an AppSpec in JSON is about."""
    try:
        spec = json.loads(content)
        (resource,) = spec["Resources"]
        (function,) = resource.values()
        properties = dict(function["Properties"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApiError("InvalidRevisionException", f"The AppSpec is no JSON with one function: {error!r}") from error
    if spec.get("Hooks"):
        raise NotImplementedError("hooks of an AppSpec")
    if function.get("Type") != "AWS::Lambda::Function" or properties.keys() != _PROPERTIES:
        raise ApiError("InvalidRevisionException", f"The AppSpec must be of a function and have {sorted(_PROPERTIES)}")
    return properties


def _refuse(asked: Mapping[str, Any], known: set[str]) -> None:
    if more := sorted(name for name, value in asked.items() if value and name not in known):
        raise NotImplementedError(", ".join(more))


def _new_id() -> str:
    return secrets.token_hex(16)
