"""Have schemathesis look for what the deployed API answers otherwise than its document says: `make fuzz-api`.

It deploys the stack on the embedded AWS, signs in, and sends requests that are made of
`handlers/http_api/openapi.json`: allowed ones and forbidden ones, the same at each run. Exit code 0 where there is no
finding. `python -m tests.http_api.fuzz 200` sends up to 200 random ones per operation, beside those that the document's
corners give; the default is 30.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handlers.store.branches import Branches
from handlers.store.replays import Replays
from local.deploy import deploy
from local.engine import Engine
from tests import fetched
from tests.console.people import Person
from tests.http_api import trials
from tests.local.conftest import DISORDER

_HERE = Path(__file__).resolve().parent
_PROJECT = _HERE.parents[2]
_TOOLS = fetched.CACHE / "fuzz-api"
_UNTHROTTLED = {"apiThrottleRate": "10000", "apiThrottleBurst": "5000"}
"""What is looked at is not the throttles, which would answer nearly everything here."""
DEFAULT_EXAMPLES = 30


def main(arguments: list[str]) -> int:
    examples = int(arguments[0]) if arguments else DEFAULT_EXAMPLES
    fetched.python_tools(_TOOLS, _HERE / "requirements.txt")
    with _deployed() as (client, outputs):
        alice = Person.named(outputs["consoleUrl"], "alice")
        _begin(alice)
        _try(client, outputs)
        return _run(outputs["apiEndpoint"], alice, examples)


def _begin(alice: Person) -> None:
    """Make what the document's examples are about, so that there is something to ask and to command."""
    for account in ("account-123", "account-456"):
        alice.tell(account, "AccountCreated", currency="EUR")
    alice.tell("account-123", "TransactionProcessed", amount="1000")
    alice.transfer("transfer-123", fromAccount="account-123", toAccount="account-456", amount="100.50", currency="EUR")
    alice.has("/transfers/transfer-123", lambda row: row.get("Status") == "Completed")


def _try(client: Any, outputs: Mapping[str, str]) -> None:
    """A replay, and a branch on which other rules were tried, as the examples have them."""
    trials.replay("march", among=Replays(client, outputs["replaysTable"]))
    branches, on = trials.branch("trial", among=Branches(client, outputs["branchesTable"]))
    trials.touch(branches, on, "account-123")
    trials.backtest(branches, on, {"account-123": [trials.decision(number, root=number == 1) for number in (1, 2)]})


def _run(endpoint: str, person: Person, examples: int) -> int:
    command = (
        *(str(_TOOLS / "bin" / "python"), "-m", "schemathesis.cli"),
        *("--config-file", str(_HERE / "schemathesis.toml"), "run"),
        *(str(_PROJECT / "handlers" / "http_api" / "openapi.json"), "--url", endpoint),
        *("--header", f"Authorization: Bearer {person.token}", "--phases", "examples,coverage,fuzzing"),
        *("--generation-deterministic", "--max-examples", str(examples)),
        *("--continue-on-failure", "--request-timeout", "30"),
    )
    environment = {**fetched.without_aws(), "PYTHONPATH": str(_HERE), "SCHEMATHESIS_HOOKS": "checks"}
    with tempfile.TemporaryDirectory(prefix="fuzz-api-") as folder:
        return subprocess.run(command, cwd=folder, check=False, env=environment).returncode


@contextmanager
def _deployed() -> Iterator[tuple[Any, dict[str, str]]]:
    """A client of DynamoDB and the outputs of the stack, while it is there."""
    with Engine(stream_disorder=DISORDER) as engine:
        outputs = deploy(engine.endpoint, "local", _PROJECT, config_overrides=_UNTHROTTLED).outputs
        yield engine.client("dynamodb"), outputs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
