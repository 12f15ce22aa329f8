"""Schedules are due: what is called, in whose name, and what becomes of failures. The clock is moved by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.engine import Engine, ManualClock, backends
from local.engine.api import Response
from local.engine.aws import ServiceClients
from local.engine.background import Background
from local.engine.gateway import Gateway
from local.engine.refusals import Refusals
from local.engine.scheduler import SERVICE, Scheduler
from tests.local.conftest import Workshop
from tests.local.in_process import refusal
from tests.support import eventually

SOON = 10.0
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
ACCOUNT = "123456789012"
GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default"


class World:
    """A gateway with schedules, whose targets are called at once, within `pass_time`."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.gateway = Gateway()
        clients = ServiceClients(self.gateway, SERVICE, "http://127.0.0.1")
        self._scheduler = Scheduler(self.gateway, clients, self.clock, lambda _, work: work())
        Refusals(self.gateway)
        self.client: Callable[[str], Any] = lambda service: clients.get(service, "arn:aws:any:us-east-1:any")
        self.role = self.make_role("*")
        self.queue = self.make_queue("inbox")
        self.schedules = self.client("scheduler")

    def make_role(self, resource: str) -> str:
        iam, name = self.client("iam"), f"role-{len(resource)}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        statement = {"Effect": "Allow", "Action": "*", "Resource": resource}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return str(made)

    def make_queue(self, name: str) -> str:
        self.client("sqs").create_queue(QueueName=name)
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def target(self, **more: Any) -> dict[str, Any]:
        return {"Arn": self.queue, "RoleArn": self.role, **more}

    def schedule(self, expression: str = "rate(1 hour)", name: str = "sweep", **more: Any) -> None:
        self.schedules.create_schedule(**self.asked(expression, name, **more))

    def asked(self, expression: str = "rate(1 hour)", name: str = "sweep", **more: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"}}
        return {**given, "Target": self.target(), **more}

    def pass_time(self, seconds: float = 0) -> None:
        self.clock.advance(seconds)
        self._scheduler.tick()

    def watch(self, background: Background) -> threading.Event:
        """Have schedules looked after in a thread; what wakes it."""
        self._scheduler.watch(background)
        return self._scheduler.wake

    def received(self, queue: str = "inbox") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while (
            messages := self.client("sqs")
            .receive_message(
                QueueUrl=f"http://x/{ACCOUNT}/{queue}", MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            .get("Messages")
        ):
            found += messages
        return found

    def times(self) -> list[str]:
        """When what was received was due, hours and minutes."""
        return [json.loads(message["Body"])["time"][11:16] for message in self.received()]


@pytest.fixture
def world() -> Iterator[World]:
    backends.reset()
    yield World()
    backends.reset()


def test_a_rate_is_due_at_once_and_then_every_time_that_passes(world: World) -> None:
    world.schedule("rate(30 minutes)")
    world.pass_time()
    assert world.times() == ["12:00"]
    world.pass_time(29 * 60)
    assert world.times() == []
    world.pass_time(2 * 60 * 60)
    assert world.times() == ["12:30", "13:00", "13:30", "14:00"]


class Watched(Background):
    """Says when somebody waits until nothing holds any more, and when that is over."""

    def __init__(self) -> None:
        self.waits, self.waited = threading.Semaphore(0), threading.Semaphore(0)
        super().__init__()

    def await_release(self) -> None:
        self.waits.release()
        super().await_release()
        self.waited.release()


def test_nothing_is_due_before_the_stack_is_there(world: World) -> None:
    background = Watched()
    try:
        wake = world.watch(background)
        for _ in range(2):  # as it begins, and before it looks for the first time
            assert background.waited.acquire(timeout=SOON)
        background.hold()
        wake.set()
        for _ in range(3):  # and when it is woken
            assert background.waits.acquire(timeout=SOON)

        world.schedule("rate(1 hour)")

        assert world.times() == []
        background.release()
        assert eventually(world.times, SOON) == ["12:00"]
    finally:
        background.stop()


def test_a_time_is_due_once_in_its_time_zone_and_the_schedule_stays(world: World) -> None:
    world.schedule("at(2026-01-01T14:30:00)", ScheduleExpressionTimezone="Europe/Berlin")
    world.pass_time(90 * 60 - 1)
    assert world.times() == []
    world.pass_time(1)
    assert world.times() == ["13:30"]
    world.pass_time(86_400)
    assert world.times() == []
    assert world.schedules.get_schedule(Name="sweep")["ActionAfterCompletion"] == "NONE"


def test_a_start_and_an_end_bound_what_recurs(world: World) -> None:
    start, end = NOON + 1_800, NOON + 3 * 3_600
    world.schedule("rate(1 hour)", StartDate=start, EndDate=end, ActionAfterCompletion="DELETE")
    world.schedule("cron(0 * * * ? *)", "other", StartDate=start, EndDate=end)
    world.pass_time(2 * 3_600)
    assert world.times() == ["12:30", "13:00", "13:30", "14:00"]
    assert [each["Name"] for each in world.schedules.list_schedules()["Schedules"]] == ["other", "sweep"]
    world.pass_time(86_400)
    assert world.times() == ["14:30", "15:00"]
    assert [each["Name"] for each in world.schedules.list_schedules()["Schedules"]] == ["other"]


def test_a_schedule_is_deleted_after_its_last_occurrence_if_that_is_asked_for(world: World) -> None:
    world.schedule("at(2026-01-01T13:00:00)", ActionAfterCompletion="DELETE")
    world.pass_time(3_599)
    assert world.schedules.get_schedule(Name="sweep")["ActionAfterCompletion"] == "DELETE"
    world.pass_time(1)
    assert len(world.received()) == 1
    assert refusal(world.schedules.get_schedule, Name="sweep")[0] == "ResourceNotFoundException"


def test_a_disabled_schedule_is_not_due_and_makes_up_for_nothing(world: World) -> None:
    world.schedule("cron(0 * * * ? *)", State="DISABLED")
    world.pass_time(3 * 3_600 + 60)
    assert world.times() == []
    world.schedules.update_schedule(**world.asked("cron(0 * * * ? *)"))
    assert world.schedules.get_schedule(Name="sweep")["State"] == "ENABLED"
    world.pass_time(3_600)
    assert world.times() == ["16:00"]
    world.schedules.update_schedule(**world.asked("cron(0 * * * ? *)", State="DISABLED"))
    world.pass_time(86_400)
    assert world.times() == []


def test_an_update_takes_the_place_of_the_schedule_and_a_deletion_ends_it(world: World) -> None:
    world.schedule("cron(0 13 * * ? *)")
    world.pass_time()
    world.schedules.update_schedule(**world.asked("cron(30 13 * * ? *)", ActionAfterCompletion="DELETE"))
    world.pass_time(7_200)
    assert world.times() == ["13:30"]
    assert world.schedules.get_schedule(Name="sweep")["ActionAfterCompletion"] == "DELETE"
    world.schedules.delete_schedule(Name="sweep")
    world.pass_time(86_400)
    assert world.times() == []


def test_a_target_gets_the_input_with_its_context_or_a_notification(world: World) -> None:
    text = "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>"
    world.schedule(Target=world.target(Input=text))
    world.schedule(name="bare")
    world.pass_time()
    given, told = (message["Body"] for message in world.received())
    assert given == f"{GROUP}/sweep 2026-01-01T12:00:00Z 1"
    notification = json.loads(told)
    assert notification["resources"] == [f"{GROUP}/bare"]
    assert notification["detail-type"] == "Scheduled Event"


def test_events_are_put_on_the_bus_of_a_target(world: World) -> None:
    put: list[Any] = []

    def answer(request: Any) -> Response:
        put.extend(request.json()["Entries"])
        return Response.of_json({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})

    world.gateway.seam("events", "PutEvents", answer)
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    about = {"DetailType": "SweepDue", "Source": "ledger"}
    world.schedule(Target=world.target(Arn=bus, Input='{"a": 1}', EventBridgeParameters=about))
    world.pass_time()
    assert put == [{"EventBusName": bus, **about, "Detail": '{"a": 1}', "Resources": [f"{GROUP}/sweep"]}]


def failing(world: World, code: str, status: int) -> list[str]:
    """From here on the inbox refuses; the bodies that were tried."""
    tried: list[str] = []
    send = world.gateway.moto

    def answer(request: Any) -> Response:
        if request.json()["QueueUrl"].endswith("inbox"):
            tried.append(request.json()["MessageBody"])
            return Response(*vars(request.error(code, "refused", status)).values())
        return send(request)

    world.gateway.seam("sqs", "SendMessage", answer)
    return tried


def test_a_failure_that_may_pass_is_tried_again_until_the_policy_says_enough(world: World) -> None:
    tried = failing(world, "InternalFailure", 500)
    letters = {"Arn": world.make_queue("letters")}
    policy = {"MaximumRetryAttempts": 2}
    target = world.target(Input="attempt <aws.scheduler.attempt-number>", RetryPolicy=policy, DeadLetterConfig=letters)
    world.schedule("at(2026-01-01T12:00:00)", Target=target, ActionAfterCompletion="DELETE")
    for _ in range(5):
        world.pass_time(1)
    assert tried == ["attempt 1", "attempt 2", "attempt 3"]
    (letter,) = world.received("letters")
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == "attempt 3"
    assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert told["RETRY_ATTEMPTS"] == "2"
    assert (told["SCHEDULE_ARN"], told["TARGET_ARN"]) == (f"{GROUP}/sweep", world.queue)
    assert told["SCHEDULED_TIME"] == "2026-01-01T12:00:00Z"
    assert world.schedules.list_schedules()["Schedules"] == []


def test_an_occurrence_that_is_too_old_is_tried_no_more(world: World) -> None:
    tried = failing(world, "InternalFailure", 500)
    letters = {"Arn": world.make_queue("letters")}
    target = world.target(RetryPolicy={"MaximumEventAgeInSeconds": 60}, DeadLetterConfig=letters)
    world.schedule("at(2026-01-01T12:00:00)", Target=target)
    world.pass_time()
    world.pass_time(60)
    assert len(tried) == 2
    (letter,) = world.received("letters")
    assert letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == "MaximumEventAgeInSeconds"


def test_what_the_role_may_not_do_goes_to_the_dead_letters_at_once(world: World) -> None:
    letters = world.make_queue("letters")
    target = world.target(RoleArn=world.make_role(letters), DeadLetterConfig={"Arn": letters})
    world.schedule("at(2026-01-01T12:00:00)", Target=target)
    world.pass_time()
    (letter,) = world.received("letters")
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert "sqs:sendmessage" in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert world.received() == []


def test_a_target_that_fails_holds_up_no_other_and_no_later_occurrence(world: World) -> None:
    failing(world, "InternalFailure", 500)
    world.schedule("rate(1 minute)", "failing")
    world.schedule("rate(1 minute)", "working", Target=world.target(Arn=world.make_queue("other")))
    world.pass_time(120)
    assert len(world.received("other")) == 3


WRONG: dict[str, dict[str, Any]] = {
    "nonsense": {"ScheduleExpression": "nonsense"},
    "zone": {"ScheduleExpressionTimezone": "Mars/Olympus"},
    "dates": {"StartDate": NOON + 60, "EndDate": NOON + 60},
    "far": {"EndDate": 7_258_118_401},
    "before 1970": {"StartDate": -1},
    "state": {"State": "PAUSED"},
    "action": {"ActionAfterCompletion": "KEEP"},
    "window": {"FlexibleTimeWindow": {}},
}
WRONG_TARGETS: dict[str, dict[str, Any]] = {
    "malformed": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:in box"},
    "role": {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
    "no role": {"RoleArn": "nobody"},
    "letters": {"DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:letters.fifo"}},
    "retries": {"RetryPolicy": {"MaximumRetryAttempts": 186}},
    "age": {"RetryPolicy": {"MaximumEventAgeInSeconds": 59}},
    "text": {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "Input": "no JSON"},
    "large": {"Input": "x" * (256 * 1024 + 1)},
    "of nobody": {"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", "Input": "{}"},
    "of aws": {
        "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default",
        "EventBridgeParameters": {"DetailType": "d", "Source": "aws.ledger"},
    },
    "of another": {"EventBridgeParameters": {"DetailType": "d", "Source": "ledger"}},
    "no group": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox.fifo"},
}


def test_a_schedule_that_is_none_is_refused_when_it_is_made_and_changed(world: World) -> None:
    of_target = {name: {"Target": world.target(**wrong)} for name, wrong in WRONG_TARGETS.items()}
    every = {name: world.asked(**more) for name, more in (WRONG | of_target).items()}
    made = {name: refusal(world.schedules.create_schedule, **asked)[0] for name, asked in every.items()}
    assert made == dict.fromkeys(every, "ValidationException")
    assert world.schedules.list_schedules()["Schedules"] == []
    world.schedule()
    changed = {name: refusal(world.schedules.update_schedule, **asked)[0] for name, asked in every.items()}
    assert changed == made
    assert world.schedules.get_schedule(Name="sweep")["ScheduleExpression"] == "rate(1 hour)"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("FLEXIBLE", {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}),
        ("aws-sdk", {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:dynamodb:putItem", "RoleArn": "any"}}),
        ("Target.KinesisParameters", {"Target": {"KinesisParameters": {"PartitionKey": "k"}}}),
    ],
)
def test_what_is_not_had_here_is_refused_by_name(world: World, name: str, more: dict[str, Any]) -> None:
    asked = world.asked()
    asked = {**asked, **more, "Target": {**asked["Target"], **more.get("Target", {})}}
    code, message = refusal(world.schedules.create_schedule, **asked)
    assert code == "NotImplemented"
    assert name in message


def test_what_recurs_begins_five_minutes_ago_at_most(world: World) -> None:
    world.schedule(name="recent", StartDate=NOON - 300)
    assert refusal(world.schedules.create_schedule, **world.asked(StartDate=NOON - 301))[0] == "ValidationException"
    world.schedule("at(2026-01-01T13:00:00)", StartDate=NOON - 86_400)  # which is ignored
    world.pass_time(3_600)
    assert world.times() == ["12:55", "13:00"]


def test_groups_are_made_once_and_schedules_only_in_them(world: World) -> None:
    schedules = world.schedules
    assert refusal(schedules.create_schedule, **world.asked(), GroupName="mine")[0] == "ResourceNotFoundException"
    schedules.create_schedule_group(Name="mine")
    schedules.create_schedule(**world.asked(), GroupName="mine")
    assert refusal(schedules.create_schedule_group, Name="mine")[0] == "ConflictException"
    world.pass_time()
    assert len(world.received()) == 1
    schedules.delete_schedule_group(Name="mine")
    world.pass_time(86_400)
    assert world.received() == []
    assert refusal(schedules.delete_schedule_group, Name="mine")[0] == "ResourceNotFoundException"
    assert refusal(schedules.delete_schedule_group, Name="default")[0] == "ValidationException"


def test_a_schedule_is_made_once_under_its_token(world: World) -> None:
    for _ in range(2):
        made = world.schedules.create_schedule(**world.asked(), ClientToken="once")
        assert made["ScheduleArn"] == f"{GROUP}/sweep"
    assert refusal(world.schedules.create_schedule, **world.asked(), ClientToken="again")[0] == "ConflictException"


def test_a_schedule_of_a_running_engine_invokes_its_function() -> None:
    clock = ManualClock(NOON)
    with Engine(clock=clock) as engine:
        workshop = Workshop(engine)
        queue = workshop.queue()
        code = "from telling import tell\ndef handler(event, context):\n    tell(event)\n"
        name = workshop.function(code, tell=queue)
        function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
        target = {"Arn": function, "RoleArn": workshop.role, "Input": '{"sweep": true}'}
        engine.client("scheduler").create_schedule(
            Name="sweep",
            ScheduleExpression="at(2026-01-01T13:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
            ActionAfterCompletion="DELETE",
        )
        clock.advance(3_600)
        assert workshop.told(queue) == [{"sweep": True}]
        schedules = engine.client("scheduler")
        eventually(lambda: not schedules.list_schedules()["Schedules"], message="the schedule is deleted")
