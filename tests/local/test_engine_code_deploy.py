"""CodeDeploy moves an alias by its steps, and back where an alarm rings; `ops deploy` has it do so, readers first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import Engine, ManualClock
from ops import releases
from ops.__main__ import main
from ops.commands import deploy
from ops.releases import Failed, Releases
from ops.system import OperatorError, System
from tests.local.conftest import Workshop, package
from tests.support import eventually

LABELS = ("query", "validate", "command")
CODE = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_FUNCTION_VERSION'], {!r}"
RIGHTS = (
    *("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
    "cloudwatch:DescribeAlarms",
)


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(time.time())


@pytest.fixture(scope="module")
def engine(clock: ManualClock) -> Iterator[Engine]:
    with Engine(clock=clock) as running:
        yield running


class Stack:
    """Three functions with a version that callers are at and one that is published, and what moves them."""

    def __init__(self, workshop: Workshop, config: str = "Canary10Percent5Minutes", rights: Any = RIGHTS) -> None:
        self.workshop = workshop
        self.engine = workshop.engine
        self.codedeploy = self.engine.client("codedeploy")
        self.cloudwatch = self.engine.client("cloudwatch")
        self.application = workshop.name("application")
        self.codedeploy.create_application(applicationName=self.application, computePlatform="Lambda")
        statement = {"Effect": "Allow", "Action": list(rights), "Resource": "*"}
        self.role = workshop.make_role([statement])
        self.alarms = {label: workshop.name(label) for label in LABELS}
        self.functions = {label: self._made(label, config) for label in LABELS}

    def _made(self, label: str, config: str) -> str:
        lambda_ = self.workshop.lambda_
        name = self.workshop.function(CODE.format("old"), Publish=True)
        lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        new = package({"main.py": CODE.format("new")})
        lambda_.update_function_code(FunctionName=name, ZipFile=new, Publish=True)
        self.cloudwatch.put_metric_alarm(
            AlarmName=self.alarms[label],
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
        self.codedeploy.create_deployment_group(
            applicationName=self.application,
            deploymentGroupName=label,
            deploymentConfigName=f"CodeDeployDefault.Lambda{config}",
            serviceRoleArn=self.role,
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            alarmConfiguration={"enabled": True, "alarms": [{"name": self.alarms[label]}]},
            autoRollbackConfiguration={
                "enabled": True,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
            },
        )
        return name

    @property
    def outputs(self) -> dict[str, Any]:
        told = {
            label: {"function": name, "alias": "live", "version": "2", "group": label}
            for label, name in self.functions.items()
        }
        return {
            "region": self.engine.region,
            "endpoint": self.engine.endpoint,
            "deployApplication": self.application,
            "releases": told,
        }

    def releases(self, pause: Any = None) -> Releases:
        outputs = self.outputs
        system = System(outputs, outputs["region"], outputs["endpoint"])
        return Releases(system, lambda _: None, pause or (lambda _: time.sleep(0.02)))

    def shares(self, label: str) -> dict[str, float]:
        return dict(self.releases().standing(label).shares)

    def ring(self, label: str, state: str = "ALARM") -> None:
        self.cloudwatch.set_alarm_state(AlarmName=self.alarms[label], StateValue=state, StateReason="a test")


class Watched:
    """What `ops deploy` pauses with: the time passes, and what was seen while it did is kept."""

    def __init__(self, stack: Stack, clock: ManualClock, seconds: float = 301) -> None:
        self._stack, self._clock, self._seconds = stack, clock, seconds
        self.seen: list[tuple[dict[str, float], ...]] = []

    def __call__(self, _: float) -> None:
        self.seen.append(tuple(self._stack.shares(label) for label in LABELS))
        if any(len(shares) > 1 for shares in self.seen[-1]):
            self._clock.advance(self._seconds)
        time.sleep(0.02)


def test_a_tenth_comes_first_and_readers_before_writers(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop)
    watched = Watched(stack, clock)

    stack.releases(watched).start()

    assert [stack.shares(label) for label in LABELS] == [{"2": 1.0}] * 3
    split = {"1": 0.9, "2": 0.1}
    assert any(split in each for each in watched.seen)
    # No caller of the writer is at the new code before all of the readers' are.
    assert all(query == validate == {"2": 1.0} for query, validate, command in watched.seen if "2" in command)
    assert workshop.invoke(f"{stack.functions['command']}:live")["Payload"] == ["2", "new"]


def test_who_is_there_already_is_not_moved(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop, "AllAtOnce")
    stack.releases().start()
    before = workshop.engine.calls["codedeploy", "CreateDeployment"]

    stack.releases().start()

    assert workshop.engine.calls["codedeploy", "CreateDeployment"] == before


def test_an_alarm_brings_the_callers_back_and_ends_what_follows(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop)

    def ring(_: float) -> None:
        if len(stack.shares("query")) > 1:
            stack.ring("query")
        clock.advance(1)
        time.sleep(0.02)
        if len(stack.shares("validate")) > 1 and stack.shares("query") == {"1": 1.0}:
            clock.advance(301)

    with pytest.raises(Failed, match="query is not moved to version 2: ALARM_ACTIVE"):
        stack.releases(ring).start()

    assert stack.shares("query") == {"1": 1.0}
    assert stack.shares("validate") == {"2": 1.0}
    assert stack.shares("command") == {"1": 1.0}
    stack.ring("query", "OK")
    # What CodeDeploy brought back is not moved to the code that it was brought back from.
    assert stack.releases().roll_back() == 1
    assert [stack.shares(label) for label in LABELS] == [{"1": 1.0}] * 3


def test_with_an_alarm_that_rings_already_nobody_is_moved(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop, "AllAtOnce")
    stack.ring("query")

    with pytest.raises(Failed, match="ALARM_ACTIVE"):
        stack.releases().start()

    assert stack.shares("query") == {"1": 1.0}


def test_back_is_without_a_deployment_and_writers_first(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop, "AllAtOnce")
    stack.releases().start()
    deployed = workshop.engine.calls["codedeploy", "CreateDeployment"]
    order: list[str] = []

    moved = Releases(stack.releases().system, order.append).roll_back()

    assert moved == 3
    assert [stack.shares(label) for label in LABELS] == [{"1": 1.0}] * 3
    assert workshop.engine.calls["codedeploy", "CreateDeployment"] == deployed
    assert [text.split(":")[0] for text in order] == ["command", "query", "validate"]
    assert workshop.invoke(f"{stack.functions['command']}:live")["Payload"] == ["1", "old"]
    assert stack.releases().roll_back() == 0  # nothing led to the first version


def test_what_is_under_way_is_stopped_on_the_way_back(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop)
    begun = stack.codedeploy.create_deployment(
        applicationName=stack.application, deploymentGroupName="query", revision=revision(stack, "query", "1", "2")
    )["deploymentId"]
    eventually(lambda: len(stack.shares("query")) == 2)

    assert stack.releases().roll_back() == 1

    assert stack.shares("query") == {"1": 1.0}
    told = stack.codedeploy.get_deployment(deploymentId=begun)["deploymentInfo"]
    assert (told["status"], told["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert "rollbackDeploymentId" in told["rollbackInfo"]


def test_a_command_that_was_broken_off_waits_for_what_it_began(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop)

    def leave(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stack.releases(leave).start()

    stack.releases(Watched(stack, clock)).start()

    assert [stack.shares(label) for label in LABELS] == [{"2": 1.0}] * 3


def test_steps_of_a_tenth_follow_one_another(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop, "Linear10PercentEvery1Minute")
    stack.codedeploy.create_deployment(
        applicationName=stack.application, deploymentGroupName="query", revision=revision(stack, "query", "1", "2")
    )
    for share in range(1, 10):
        eventually(partial(has_share, stack, share / 10))
        clock.advance(61)
    eventually(lambda: stack.shares("query") == {"2": 1.0})


def has_share(stack: Stack, share: float) -> bool:
    return stack.shares("query").get("2") == pytest.approx(share)


@pytest.mark.parametrize("lacking", RIGHTS)
def test_what_the_role_may_not_do_is_not_done(workshop: Workshop, clock: ManualClock, lacking: str) -> None:
    """So each of the rights is needed."""
    stack = Stack(workshop, "AllAtOnce", [right for right in RIGHTS if right != lacking])

    with pytest.raises(Failed, match="IAM_ROLE_PERMISSIONS"):
        stack.releases().start()

    assert stack.shares("query") == {"1": 1.0}


def revision(stack: Stack, label: str, before: str, after: str) -> dict[str, Any]:
    properties = {"Name": stack.functions[label], "Alias": "live", "CurrentVersion": before, "TargetVersion": after}
    resource = {label: {"Type": "AWS::Lambda::Function", "Properties": properties}}
    content = json.dumps({"version": 0.0, "Resources": [resource]})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


def test_an_alias_that_is_elsewhere_is_left_there(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop, "AllAtOnce")
    begun = stack.codedeploy.create_deployment(
        applicationName=stack.application, deploymentGroupName="query", revision=revision(stack, "query", "2", "1")
    )["deploymentId"]

    def status() -> str:
        return str(stack.codedeploy.get_deployment(deploymentId=begun)["deploymentInfo"]["status"])

    eventually(lambda: status() == "Failed")
    assert stack.shares("query") == {"1": 1.0}


def test_what_codedeploy_refuses_is_refused(workshop: Workshop, clock: ManualClock) -> None:
    stack = Stack(workshop)
    create = partial(stack.codedeploy.create_deployment, applicationName=stack.application)
    good = revision(stack, "query", "1", "2")
    bad = {"revisionType": "AppSpecContent", "appSpecContent": {"content": "version: 0.0"}}
    for asked, code in (
        ({"deploymentGroupName": "nobody", "revision": good}, "DeploymentGroupDoesNotExistException"),
        ({"deploymentGroupName": "query", "revision": bad}, "InvalidRevisionException"),
        ({"deploymentGroupName": "query", "revision": {"revisionType": "S3"}}, "NotImplemented"),
        (
            {"deploymentGroupName": "query", "revision": good, "deploymentConfigName": "CodeDeployDefault.OneAtATime"},
            "DeploymentConfigDoesNotExistException",
        ),
        ({"deploymentGroupName": "query", "revision": good, "ignoreApplicationStopFailures": True}, "NotImplemented"),
    ):
        with pytest.raises(ClientError) as caught:
            create(**asked)
        assert caught.value.response["Error"]["Code"] == code
    create(deploymentGroupName="query", revision=good)
    with pytest.raises(ClientError, match="DeploymentLimitExceededException"):
        create(deploymentGroupName="query", revision=good)
    stack.releases().roll_back()
    with pytest.raises(ClientError, match="NotImplemented"):
        stack.codedeploy.list_applications()


def test_the_command_line_says_where_callers_are(
    workshop: Workshop,
    clock: ManualClock,
    tmp_path: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(releases, "POLL_SECONDS", 0.02)
    stack, outputs = Stack(workshop, "AllAtOnce"), tmp_path / "out.json"
    outputs.write_text(json.dumps(stack.outputs))

    assert main(["deploy", "status", "--outputs", str(outputs)]) == 1
    assert "query: 100% at version 1, published 2" in capsys.readouterr().out
    assert main(["deploy", "start", "--outputs", str(outputs), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["regions"].values()
    assert {label: (each["shares"], each["settled"]) for label, each in told.items()} == {
        label: ({"2": 1.0}, True) for label in LABELS
    }
    assert {each["deployment"]["status"] for each in told.values()} == {"Succeeded"}
    assert main(["deploy", "rollback", "--outputs", str(outputs)]) == 2  # nobody can be asked here
    assert main(["deploy", "rollback", "--yes", "--outputs", str(outputs)]) == 0
    assert "3 functions moved back" in capsys.readouterr().out
    assert main(["deploy", "rollback", "--yes", "--outputs", str(outputs)]) == 1


def test_a_stack_whose_callers_come_at_once_says_so() -> None:
    system = System({"region": "us-east-1"}, "us-east-1")
    with pytest.raises(OperatorError, match="setting deployment is direct"):
        Releases(system, lambda _: None).start()


def test_a_pipeline_need_not_know_whether_it_does(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = tmp_path / "out.json"
    outputs.write_text('{"region": "us-east-1"}')

    assert main(["deploy", "start", "--outputs", str(outputs)]) == 0
    assert main(["deploy", "status", "--outputs", str(outputs), "--json"]) == 0
    assert "deployment is direct" in capsys.readouterr().out
    assert main(["deploy", "rollback", "--yes", "--outputs", str(outputs)]) == 1


@pytest.mark.parametrize(
    ("asked", "moved"), [([], ["us-east-1", "eu-central-1"]), (["eu-central-1"], ["eu-central-1"])]
)
def test_callers_are_moved_in_every_region_or_in_the_one_that_is_asked_for(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, asked: list[str], moved: list[str]
) -> None:
    started: list[str] = []

    class Noted(Releases):
        def start(self, *, at_once: bool = False) -> None:
            del at_once
            started.append(self.system.region)

    monkeypatch.setattr(deploy, "Releases", Noted)
    monkeypatch.setattr(deploy, "_tell", lambda *_: 0)
    outputs = tmp_path / "out.json"
    beside = {"region": "eu-central-1", "releases": {}}
    outputs.write_text(json.dumps({"region": "us-east-1", "releases": {}, "regions": {"eu-central-1": beside}}))
    where = [option for region in asked for option in ("--region", region)]

    assert main(["deploy", "start", "--outputs", str(outputs), *where]) == 0
    assert started == moved
