"""The whole story on the embedded AWS, told step by step, every result checked."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from tools.numbers import counted

from .client import FunctionFailed, StackClient, eventually
from .deploy import StackConfig, deploy_apart, load_config
from .engine import Engine, InterceptedRequest, Response
from .fee import with_a_fee
from .piped import PipedConsole
from .stop import Stopping

PROJECT = Path(__file__).resolve().parent.parent
ACCOUNT = "account-123"
SOON = 20.0
"""Seconds within which what happens by itself must have happened, on a slow machine."""
AGAIN_SECONDS = 1
"""After so long a message that failed is received again, in the step that waits for its dead letter."""
_INDENT = 6


@dataclass
class Story:
    """Tells steps as they happen and remembers which went wrong."""

    console: Console
    config: StackConfig
    results: list[dict[str, Any]] = field(default_factory=list)

    def step(
        self, title: str, run: Callable[[], Any], wanted: Any, *, means: str, show: str = "", needs: str = ""
    ) -> Any:
        """Run one step and compare its result with what is wanted; the result.

        A result that is wanted is told by what it `means`, another one as it is, beside the wanted one. `show` is what
        was called, or how it comes to that; where it is long it has line breaks of its own. `needs` names the setting
        of the part that it is about: where that is left out, so is the step, which says so.
        """
        if needs and self.config.get(f"event-sourcing:{needs}") == "false":
            reason = f"left out, as the stack leaves out the part: its setting {needs} is false"
            self.results.append({"step": title, "ok": True, "leftOut": reason})
            self._head(Text("–", "yellow"), title, reason)
            return None
        started = time.monotonic()
        with self.console.status(title):
            try:
                result = run()
            except FunctionFailed as failure:
                result = str(failure)
        seconds = time.monotonic() - started
        good = result == wanted
        self.results.append({"step": title, "ok": good, "seconds": round(seconds, 3), "result": result})
        self._head(Text("✔", "green") if good else Text("✘", "red"), title, f"{seconds:.2f} s")
        for line in show.splitlines():
            tell(self.console, Text(line, "dim"), _INDENT)
        if good:
            tell(self.console, Text(means, "cyan"), _INDENT)
        else:
            tell(self.console, Text.assemble(("is        ", "red"), _line(result)), _INDENT)
            tell(self.console, Text.assemble(("should be ", "red"), _line(wanted)), _INDENT)
        return result

    def _head(self, mark: Text, title: str, more: str) -> None:
        first = Text.assemble(mark, (f" {len(self.results):2}  ", "bold"))
        tell(self.console, Text.assemble((title, "bold"), " ", (more, "dim")), _INDENT, first)

    @property
    def failed(self) -> list[str]:
        return [result["step"] for result in self.results if not result["ok"]]


def tell(console: Console, text: Text, indent: int = 0, first: Text | None = None) -> None:
    """A paragraph, indented, `first` in its first line. On a terminal lines end between words; in a pipe it is one."""
    lines = text.wrap(console, console.width - indent) if console.is_terminal else [text]
    for number, line in enumerate(lines):
        line.rstrip()
        before = first if first is not None and not number else " " * indent
        console.print(Text.assemble(before, line), highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Tale:
    """What is told of a stack, of which `overrides` replace settings; `next` is what to do then, and why."""

    tell: Callable[[Story, StackClient, Engine, Path], None]
    next: Callable[[Mapping[str, Any]], list[tuple[str, str]]]
    overrides: Mapping[str, str] = field(default_factory=dict)


def main(stack: str, as_json: bool, stop: Stopping, deployed: Callable[[], None], tale: Tale) -> int:
    """Tell the story; 0 if every result is as it should be, 1 if not.

    Once `stop` is set, the deployment ends. Raises: Stopped. Behind it, which `deployed` is told, the process may be
    ended wherever it is.
    """
    console = PipedConsole(stderr=as_json)
    started = time.monotonic()
    story = Story(console, load_config(PROJECT, stack, tale.overrides))
    with Engine() as engine:
        doing = "Deploying the Pulumi program onto the embedded AWS"
        if not console.is_terminal:  # which has no line that is written anew
            tell(console, Text(f"{doing} ..."))
        with engine.settling(), console.status(doing) as status:
            deployment = deploy_apart(
                engine.endpoint,
                stack,
                PROJECT,
                lambda each: status.update(Text(f"{each.kind} {each.subject}")),
                engine.names,
                stop=stop,
                config_overrides=tale.overrides,
            )
        deployed()
        took = f"{counted(len(deployment.resources), 'resource')} in {time.monotonic() - started:.1f} s"
        where = f"The embedded AWS runs at {engine.endpoint}"
        tell(console, Text(f"{where}; the stack {stack} is deployed on it: {took}.\n"))
        outputs = engine.folder / "out.json"
        client = StackClient({**deployment.outputs, "endpoint": engine.endpoint})
        outputs.write_text(json.dumps(client.outputs), "utf-8")
        tale.tell(story, client, engine, outputs)
    seconds = time.monotonic() - started
    if as_json:
        report = {"ok": not story.failed, "seconds": round(seconds, 1), "steps": story.results}
        print(json.dumps(report, default=number, indent=2))
    verdict = (f"{len(story.failed)} went wrong", "red") if story.failed else ("every result as it should be", "green")
    tell(console, Text.assemble(f"\n{counted(len(story.results), 'step')} in {seconds:.1f} s: ", verdict, "."))
    _what_next(console, tale.next(deployment.outputs))
    return 1 if story.failed else 0


def _read_on(outputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same stack for oneself, and where to read on."""
    steps = [("make serve", "the same stack, for you: it stays until Ctrl-C")]
    if "consoleUrl" in outputs:
        steps[0] = ("make serve", "the same stack, for you, with a console for the browser")
        steps.append(
            (".venv/bin/ledger account open alice --profile local", "in another terminal: an account of your own")
        )
    steps.append(("README.md", "how to talk to it, and to deploy it to AWS"))
    steps.append(("docs/architecture.md", "how it works"))
    return steps


def _what_next(console: Console, steps: list[tuple[str, str]]) -> None:
    tell(console, Text("\nWhat next:"))
    width = max(len(what) for what, _ in steps)
    for what, why in steps:
        tell(console, Text(why), width + 4, Text.assemble("  ", (f"{what:<{width}}", "bold"), "  "))


def _tell(story: Story, client: StackClient, engine: Engine, outputs: Path) -> None:
    _write_side(story, client)
    _read_side(story, client)
    _time_travel(story, client)
    _refusals(story, client)
    _transfers(story, client)
    _killed(story, client, engine)
    _deliveries(story, client)
    _replay(story, client, outputs)
    _branches(story, client, outputs)


WHOLE = Tale(_tell, _read_on)


def _write_side(story: Story, client: StackClient) -> None:
    creation = {
        "accountId": ACCOUNT,
        "customerId": "customer-456",
        "accountType": "checking",
        "createdAt": "2024-01-15T10:00:00Z",
    }
    deposit = {
        "transactionId": "tx-789",
        "amount": 100.50,
        "type": "deposit",
        "timestamp": "2024-01-15T10:30:00Z",
    }
    withdrawal = {"transactionId": "tx-790", "amount": -20.25, "type": "withdrawal"}
    story.step(
        "Create an account",
        lambda: receipt(client.command(ACCOUNT, "AccountCreated", creation)),
        {"statusCode": 200, "aggregateId": ACCOUNT, "sequence": 1},
        show=f"invoke command: AccountCreated {json.dumps(creation)}",
        means=f"stored as event 1 of {ACCOUNT}",
    )
    story.step(
        "Deposit 100.50",
        lambda: receipt(client.command(ACCOUNT, "TransactionProcessed", deposit, commandId="deposit-1"), "commandId"),
        {"statusCode": 200, "aggregateId": ACCOUNT, "sequence": 2, "commandId": "deposit-1"},
        show=f"invoke command: TransactionProcessed {json.dumps(deposit)}",
        means=f"stored as event 2 of {ACCOUNT}, under the commandId deposit-1",
    )
    story.step(
        "Withdraw 20.25",
        lambda: receipt(client.command(ACCOUNT, "TransactionProcessed", withdrawal)),
        {"statusCode": 200, "aggregateId": ACCOUNT, "sequence": 3},
        show=f"invoke command: TransactionProcessed {json.dumps(withdrawal)}",
        means=f"stored as event 3 of {ACCOUNT}",
    )
    story.step(
        "Send the deposit again: one event, the same answer",
        lambda: receipt(client.command(ACCOUNT, "TransactionProcessed", deposit, commandId="deposit-1"), "commandId"),
        {"statusCode": 200, "aggregateId": ACCOUNT, "sequence": 2, "commandId": "deposit-1"},
        show="the commandId names the command for good",
        means="answered as the first time: it is event 2, and nothing new was stored",
    )


def _read_side(story: Story, client: StackClient) -> None:
    story.step(
        "The read model follows",
        lambda: _summary(_row_at(client, 3)),
        {"Balance": Decimal("80.25"), "TransactionCount": 2, "Status": "Active", "LastSequence": 3},
        show="store -> stream -> relay -> bus -> queue -> projection -> table",
        means="the row says: Active, 80.25 after 2 transactions, up to event 3",
    )
    story.step(
        "The account statement",
        lambda: [
            {name: entry[name] for name in ("TransactionId", "Amount", "Balance")}
            for entry in client.query("getAccountStatement", accountId=ACCOUNT)[1]["Entries"]
        ],
        [
            {"TransactionId": "tx-790", "Amount": Decimal("-20.25"), "Balance": Decimal("80.25")},
            {"TransactionId": "tx-789", "Amount": Decimal("100.5"), "Balance": Decimal("100.5")},
        ],
        means="tx-790: -20.25, which left 80.25; before it tx-789: 100.50, which left 100.50",
        needs="statement",
    )


def _time_travel(story: Story, client: StackClient) -> None:
    events = client.query("getAggregateEvents", aggregateId=ACCOUNT)[1]["events"]
    story.step(
        "The state at sequence 1",
        lambda: _state(client.query("reconstructState", aggregateId=ACCOUNT, upToSequence=1)),
        {"balance": 0, "status": "Active", "transactionCount": 0, "eventsProcessed": 1},
        means="from 1 event: Active, and nothing in it yet",
    )
    moment = events[1]["Timestamp"]
    story.step(
        "The state as of the deposit",
        lambda: _state(client.query("reconstructState", aggregateId=ACCOUNT, asOf=moment)),
        {"balance": Decimal("100.5"), "status": "Active", "transactionCount": 1, "eventsProcessed": 2},
        show=f"asOf {moment}",
        means="from 2 events: 100.50, as it was before the withdrawal",
    )
    story.step(
        "Events by type, newest first",
        lambda: [
            {"sequence": event["EventSequence"], "amount": event["EventData"]["amount"]}
            for event in client.query("getEventsByType", eventType="TransactionProcessed")[1]["events"]
        ],
        [{"sequence": 3, "amount": Decimal("-20.25")}, {"sequence": 2, "amount": Decimal("100.5")}],
        means="two of the type TransactionProcessed: -20.25, and before it 100.50",
        needs="typeIndex",
    )
    story.step(
        "Every event carries the hash of the one before",
        lambda: [event["PreviousHash"] == before["Hash"] for before, event in itertools.pairwise(events)],
        [True, True],
        means="event 2 has the hash of event 1, and event 3 that of event 2",
    )


def _refusals(story: Story, client: StackClient) -> None:
    story.step(
        "Overdraw the account: refused, with the rule",
        lambda: _error(client.command(ACCOUNT, "TransactionProcessed", {"amount": -80.26})),
        {"statusCode": 422, "code": "RuleBroken", "rule": "sufficient-funds"},
        means="refused with 422 and the rule: sufficient-funds",
    )
    story.step(
        "Close it while there is money in it: refused",
        lambda: _error(client.command(ACCOUNT, "AccountClosed", {})),
        {"statusCode": 422, "code": "RuleBroken", "rule": "zero-balance"},
        means="refused with 422 and the rule: zero-balance",
    )


def _transfers(story: Story, client: StackClient) -> None:
    """One that completes, one that the other side refuses, and where some need approval one that expires."""
    for account, currency in (("savings-1", "USD"), ("savings-2", "USD"), ("savings-3", "EUR")):
        client.command(account, "AccountCreated", {"currency": currency})
    client.command("savings-1", "TransactionProcessed", {"amount": 20_000})

    def transfer(name: str, to: str, amount: int, **more: Any) -> dict[str, Any]:
        data = {"fromAccount": "savings-1", "toAccount": to, "amount": amount, "currency": "USD", **more}
        return receipt(client.command(name, "TransferRequested", data, actor="clerk-1"))

    def ended(name: str, status: str) -> dict[str, Any]:
        row = eventually(
            lambda: client.row(name, "TransferSummary"),
            lambda row: row is not None and row["Status"] == status and "DueAt" not in row,
            SOON,
        )
        return {each: row.get(each) for each in ("Status", "FailedStep", "Rule") if row and each in row}

    def available() -> int:
        """What can be withdrawn: asked of the ledger, not of a row that may lag behind."""
        status, _ = client.validate("savings-1", "TransactionProcessed", {"amount": -15_000})
        return status

    story.step(
        "Transfer 5,000 to another account: it is there by itself",
        lambda: (transfer("transfer-1", "savings-2", 5_000), ended("transfer-1", "Completed"))[1],
        {"Status": "Completed"},
        show="requested -> reserved -> committed -> credited -> posted -> completed",
        means="its row says: Completed",
    )
    story.step(
        "A transfer that the other side cannot take comes to nothing",
        lambda: (transfer("transfer-2", "savings-3", 5_000), ended("transfer-2", "Failed"))[1],
        {"Status": "Failed", "FailedStep": "check", "Rule": "account-currency"},
        means="its row says: Failed at the check of the other account, whose currency is EUR",
    )

    command = client.aws("lambda").get_function_configuration(FunctionName=client.outputs["commandFunction"])
    above = int(command["Environment"]["Variables"]["TRANSFER_APPROVAL_ABOVE"])

    def expire() -> dict[str, Any]:
        deadline = datetime.now(UTC) + timedelta(seconds=1)
        transfer("transfer-3", "savings-2", above + 1, deadline=deadline.isoformat())
        eventually(lambda: client.row("transfer-3", "TransferSummary"), lambda row: row is not None, SOON)
        eventually(lambda: datetime.now(UTC), lambda now: now > deadline, SOON)
        client.sweep()
        return ended("transfer-3", "Expired")

    if above:
        story.step(
            "One above the limit that nobody approves of expires",
            expire,
            {"Status": "Expired"},
            show="a schedule sweeps for what is due; here it begins anew, so that nobody has to wait a minute",
            means="its row says: Expired",
        )
    story.step(
        "All that is left can be withdrawn: nothing is set aside any more",
        available,
        200,
        means="a withdrawal of the 15,000 that are left would be accepted",
    )


def _killed(story: Story, client: StackClient, engine: Engine) -> None:
    """The process of a transfer is killed between two of its steps: behind the credit, before the post."""
    queue, sqs = client.outputs["processQueueUrl"], client.aws("sqs")
    function = client.outputs["processFunction"]
    client.command("cellar", "AccountCreated", {})
    client.command("attic", "AccountCreated", {})
    client.command("cellar", "TransactionProcessed", {"amount": 1_000})
    struck: list[str] = []

    def strike(request: InterceptedRequest) -> Response | None:
        if request.request.json()["Item"].get("CommandId") != {"S": "transfer-9/post"} or struck:
            return None
        struck.append("before the post")
        engine.kill(function)
        return request.error("InternalServerError", "nobody hears this", 500)

    def holds(account: str) -> dict[str, Any]:
        _, body = client.query("reconstructState", aggregateId=account)
        return {name: body["reconstructedState"][name] for name in ("balance", "reserved")}

    def kill() -> dict[str, Any]:
        hidden = ["VisibilityTimeout"]
        before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=hidden)["Attributes"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "2"})
        with engine.intercept("dynamodb", "PutItem", strike):
            sides = {"fromAccount": "cellar", "toAccount": "attic", "amount": 400, "currency": "USD"}
            client.command("transfer-9", "TransferRequested", sides)
            row = eventually(
                lambda: client.row("transfer-9", "TransferSummary"),
                lambda row: row is not None and row["Status"] == "Completed",
                SOON,
            )
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)
        status = row and row["Status"]
        return {"killed": struck, "Status": status, "cellar": holds("cellar"), "attic": holds("attic")}

    story.step(
        "Kill a transfer's process between two steps: it ends all the same",
        kill,
        {
            "killed": ["before the post"],
            "Status": "Completed",
            "cellar": {"balance": 600, "reserved": 0},
            "attic": {"balance": 400, "reserved": 0},
        },
        show="another message of it goes on, or the same once more, here after 2 s; else the sweep, a minute later",
        means="Completed: 600 on the one account and 400 on the other. No money is made or lost",
    )


def _deliveries(story: Story, client: StackClient) -> None:
    before = client.row(ACCOUNT)
    event = client.query("getAggregateEvents", aggregateId=ACCOUNT)[1]["events"][1]
    body = json.dumps({"detail": event}, default=number)

    def deliver_twice() -> bool:
        for _ in range(2):
            client.aws("sqs").send_message(QueueUrl=client.outputs["projectionQueueUrl"], MessageBody=body)
        eventually(lambda: client.messages("projectionQueueUrl"), lambda left: left == 0, SOON)
        return client.row(ACCOUNT) == before

    story.step(
        "Deliver the deposit twice more: the read model does not move",
        deliver_twice,
        wanted=True,
        means="the queue is empty, and the row is the same as before",
    )

    queue, sqs = client.outputs["projectionQueueUrl"], client.aws("sqs")
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before_poison = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    receives = json.loads(before_poison["RedrivePolicy"])["maxReceiveCount"]

    def poison() -> dict[str, Any]:
        entry = {
            "EventBusName": client.outputs["eventBusName"],
            "Source": "event-sourcing.financial",
            "DetailType": "TransactionProcessed",
            "Detail": '{"no": "event"}',
        }
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(AGAIN_SECONDS)})
        client.aws("events").put_events(Entries=[entry])
        waiting = eventually(lambda: client.messages("deadLetterQueueUrl"), lambda found: found == 1, 2 * SOON)
        hidden = {"VisibilityTimeout": before_poison["VisibilityTimeout"]}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=hidden)
        return {"deadLetters": waiting, "projectionQueue": client.messages("projectionQueueUrl")}

    story.step(
        "A poisoned message ends in the dead letter queue, nothing waits behind it",
        poison,
        {"deadLetters": 1, "projectionQueue": 0},
        show=(
            f"set aside after {receives} receives, here {AGAIN_SECONDS} s apart;"
            f" the stack has {before_poison['VisibilityTimeout']} s between them"
        ),
        means="one dead letter, and the queue is empty",
    )


def _replay(story: Story, client: StackClient, outputs: Path) -> None:
    before = client.row(ACCOUNT)

    def replay() -> int:
        client.delete_row(ACCOUNT)
        return operate(outputs, "replay", "archive", "--json")[0]

    story.step(
        "Lose the read model's row and replay the last hour from the archive",
        replay,
        0,
        show="python -m ops replay archive",
        means="the replay is completed",
    )
    story.step(
        "The row is back as it was",
        lambda: _row_at(client, 3) == before,
        wanted=True,
        means="the same in every attribute",
    )
    _replay_into_a_queue(story, client, outputs)


def _replay_into_a_queue(story: Story, client: StackClient, outputs: Path) -> None:
    sqs = client.aws("sqs")
    pattern = json.dumps({"EventData": {"amount": [{"numeric": [">", 0]}]}})

    def replay() -> dict[str, Any]:
        url = sqs.create_queue(QueueName="of-ones-own")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        admit = {
            "Effect": "Allow",
            "Principal": {"AWS": client.outputs["replayerRoleArn"]},
            "Action": "sqs:SendMessage",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{**admit, "Resource": arn}]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        selected = ("--account", ACCOUNT, "--pattern", pattern, "--to", datetime.now(UTC).isoformat())
        code, printed = operate(outputs, "replay", "start", "--target", f"queue:{arn}", *selected, "--json")
        bodies = [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url).get("Messages", ())]
        return {
            "exitCode": code,
            "sent": json.loads(printed)["sent"],
            "source": [body["source"] for body in bodies],
            "amounts": [body["detail"]["EventData"]["amount"] for body in bodies],
        }

    story.step(
        "Replay the account's deposits into a queue of one's own",
        replay,
        {"exitCode": 0, "sent": 1, "source": ["event-sourcing.financial.replay"], "amounts": [100.5]},
        show=f"python -m ops replay start --target queue:ARN --account {ACCOUNT} \\\n  --pattern '{pattern}'",
        means="one copy came: the deposit of 100.50, from the source of replays, and not of events",
    )


def operate(outputs: Path, *command: str) -> tuple[int, str]:
    """The exit code of an operator's command, and what it printed."""
    line = [sys.executable, "-m", "ops", *command, "--outputs", str(outputs)]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout


def _branches(story: Story, client: StackClient, outputs: Path) -> None:
    """What is tried on a branch, and what other rules would have done; nothing of it happens."""
    events = client.query("getAggregateEvents", aggregateId=ACCOUNT)[1]["eventCount"]

    def operate(*arguments: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "ops", "branch", *arguments, "--outputs", str(outputs), "--json"]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603
        return done.returncode, json.loads(done.stdout or "{}", parse_float=Decimal)

    def withdraw() -> dict[str, Any]:
        operate("create", "trial")
        withdrawal = {"aggregateId": ACCOUNT, "eventType": "TransactionProcessed", "eventData": {"amount": -80}}
        asked = {"queryType": "reconstructState", "aggregateId": ACCOUNT}
        code, _ = operate("command", "trial", json.dumps(withdrawal))
        _, there = operate("query", "trial", json.dumps(asked))
        _, here = client.query("reconstructState", aggregateId=ACCOUNT)
        return {
            "exitCode": code,
            "onTheBranch": there["reconstructedState"]["balance"],
            "onTheLedger": here["reconstructedState"]["balance"],
        }

    story.step(
        "Withdraw 80 on a branch: the ledger knows nothing of it",
        withdraw,
        {"exitCode": 0, "onTheBranch": Decimal("0.25"), "onTheLedger": Decimal("80.25")},
        show="python -m ops branch create | command | query",
        means="0.25 is left on the branch, and 80.25 on the ledger",
    )

    def try_a_fee() -> dict[str, Any]:
        operate("create", "fee")
        with tempfile.TemporaryDirectory() as folder:
            candidate = with_a_fee(Path(folder) / "candidate")
            code, _ = operate("run", "fee", "--code", str(candidate), "--account", ACCOUNT)
        _, told = operate("diff", "fee")
        return {"exitCode": code, "decisions": told["roots"], **told["difference"]["USD"]}

    story.step(
        "A fee of 1 % on withdrawals, tried on what was really asked",
        try_a_fee,
        {
            "exitCode": 0,
            "decisions": {"other-events": 1},
            "recorded": Decimal("80.25"),
            "candidate": Decimal("80.05"),
            "difference": Decimal("-0.2"),
        },
        show="python -m ops branch run fee --code DIR; python -m ops branch diff fee",
        means="one decision would be another: 80.05 would be left instead of 80.25",
    )
    story.step(
        "Not one event more is on the account",
        lambda: client.query("getAggregateEvents", aggregateId=ACCOUNT)[1]["eventCount"],
        events,
        means=f"{counted(events, 'event')}, as before",
    )


def _row_at(client: StackClient, sequence: int) -> dict[str, Any] | None:
    return eventually(
        lambda: client.row(ACCOUNT), lambda row: row is not None and row["LastSequence"] >= sequence, SOON
    )


def receipt(answer: tuple[int, Any], *more: str) -> dict[str, Any]:
    status, body = answer
    return {"statusCode": status, **{name: body.get(name) for name in ("aggregateId", "sequence", *more)}}


def _error(answer: tuple[int, Any]) -> dict[str, Any]:
    status, body = answer
    error = body.get("error", {})
    return {"statusCode": status, "code": error.get("code"), "rule": error.get("details", {}).get("rule")}


def _state(answer: tuple[int, Any]) -> dict[str, Any]:
    _, body = answer
    state = body["reconstructedState"]
    return {
        **{name: state[name] for name in ("balance", "status", "transactionCount")},
        "eventsProcessed": body["eventsProcessed"],
    }


def _summary(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return row and {name: row.get(name) for name in ("Balance", "TransactionCount", "Status", "LastSequence")}


def _line(result: Any) -> str:
    return json.dumps(result, default=number)


def number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)
