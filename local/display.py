"""What `serve` says: live on a terminal, in lines to a file, in one JSON object to a program."""

import contextlib
import json
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from rich.text import Text

from local.deploy import Deployment, Progress, StackConfig
from local.piped import PipedConsole
from tools.lines import command, wrapped
from tools.numbers import counted

Outputs = Mapping[str, Any]
Regions = Mapping[str, Outputs]
"""What a stack says of its further Regions: of each the outputs that the first one has."""

_COLUMNS = 80
_TELL_SECONDS = 10.0
"""So often a file or a pipe is told how far a deployment has got."""
_EXAMPLE = Path(__file__).resolve().parents[1] / "schemas" / "example.json"
"""A command to begin with, of the domain's own, in lines that fit."""
_LEDGERS_OUTPUTS = Path(__file__).resolve().parents[1] / "out.json"
"""Where `ledger` looks for its profile `local`."""


class Display(Protocol):
    """Who is told how far `serve` has got."""

    def started(self, endpoint: str) -> None: ...

    def deploying(self, stack: str) -> AbstractContextManager[object]: ...

    def progress(self, progress: Progress) -> None: ...

    def deployed(self, endpoint: str, config: StackConfig, deployment: Deployment) -> None: ...

    def empty(self, endpoint: str, config: StackConfig) -> None: ...

    def stopping(self) -> None: ...


class TextDisplay:
    """For people: on a terminal one line that says how far it is and at what, elsewhere a line every ten seconds.

    What can be copied is wrapped so that it still can. `data` is the folder in which everything stays, if one does;
    `outputs` the file that has the stack's outputs, if one has. `verbose`: a line for each resource.
    """

    def __init__(self, data: Path | None = None, outputs: Path | None = None, *, verbose: bool = False) -> None:
        self._outputs = outputs
        self._verbose = verbose
        self._end = f"Ctrl-C stops it; {data} keeps everything." if data else "Ctrl-C stops it and forgets everything."
        self._console = PipedConsole(soft_wrap=True, highlight=False, markup=False, emoji=False)
        self._status = self._console.status("running the program")
        self._created = self._deleted = 0
        self._told = time.monotonic()

    def started(self, endpoint: str) -> None:
        self._say(f"The embedded AWS answers at {endpoint}", "bold")

    def deploying(self, stack: str) -> AbstractContextManager[object]:
        self._say(f"Deploying the stack {stack} (the first time also fetches what functions need) ...")
        return self._status

    def progress(self, progress: Progress) -> None:
        match progress.kind:
            case "creating":
                self._is_at(f"{self._created} created; creating {progress.subject}")
            case "created":
                self._created += 1
                if self._verbose:
                    self._say(_created(progress), "green")
            case "deleting":
                self._is_at(f"{self._deleted} deleted again; deleting {progress.subject}")
            case "deleted":
                self._deleted += 1
                if self._verbose:
                    self._say(f"  - {progress.subject}", "red")
            case "warning":
                self._say(f"  ! {progress.subject}", "yellow")
            case "info":
                self._say(f"    {progress.subject}")

    def deployed(self, endpoint: str, config: StackConfig, deployment: Deployment) -> None:
        self._say(f"\n{config.project} / {config.stack}: {counted(len(deployment.resources), 'resource')}", "bold")
        regions: Regions = deployment.outputs.get("regions") or {}
        if self._outputs:
            self._say(f"Their names and addresses are in {self._outputs}, as long as this runs.")
        else:
            self._list(deployment.outputs)
            for region, outputs in regions.items():
                self._say(f"\nin {region}", "bold")
                self._list(outputs)
        self._open(deployment.outputs)
        for region, outputs in regions.items():
            self._open(outputs, f" in {region}")
        self._connect(endpoint, config, deployment)
        for region, outputs in regions.items():
            function = outputs.get("commandFunction")
            self._say(f"In {region}: --region {region}" + (f" --function-name {function}" if function else ""))
        self._say(f"\n{self._end}", "bold")

    def empty(self, endpoint: str, config: StackConfig) -> None:
        self._say("\nTo deploy with the Pulumi CLI, whose state goes with this AWS:", "bold")
        self._say('export PULUMI_BACKEND_URL="file://$(mktemp -d)" PULUMI_CONFIG_PASSPHRASE=local')
        self._copied(f"pulumi stack init {config.stack}")
        if overrides := _endpoint_overrides(endpoint, config):
            self._copied(f"pulumi config set-all --stack {config.stack} --path {overrides}")
        self._copied(f"pulumi up --stack {config.stack} --yes")
        self._say(f"\n{self._end}", "bold")

    def stopping(self) -> None:
        self._say("Stopping ...")

    def _list(self, outputs: Outputs) -> None:
        shown = {name: str(value) for name, value in outputs.items() if name not in {"readme", "regions"}}
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            self._say(f"  {name:<{width}}  {value}")

    def _open(self, outputs: Outputs, where: str = "") -> None:
        """Where people find it, which is what most look for."""
        places = (("The console, in a browser", "consoleUrl"), ("The HTTP API", "apiEndpoint"))
        found = [f"{what}{where}: {outputs[name]}" for what, name in places if name in outputs]
        if "consoleUrl" in outputs:
            found.append(f"The command line{where}: .venv/bin/ledger {self._first_words(outputs, where)}")
        if found:
            self._say("\n" + "\n".join(found), "bold")

    def _first_words(self, outputs: Outputs, where: str) -> str:
        """What `ledger` takes to come here. Where it finds the stack by itself, it is signed in by itself, too."""
        if self._outputs is None or self._outputs.resolve() != _LEDGERS_OUTPUTS:
            return f"login --url {outputs['consoleUrl']}"
        return "account open alice --profile local" + where.replace(" in ", " --region ")

    def _connect(self, endpoint: str, config: StackConfig, deployment: Deployment) -> None:
        """All in the call itself: no variable is read by every version of the CLI, which would talk to the real AWS.

        And nothing of the shell's own: a profile, a proxy or a token would be in the way.
        """
        region = config.get("aws:region")
        self._say(f"\nAny SDK: the endpoint {endpoint}, the Region {region},\nand any credentials.")
        if function := deployment.outputs.get("commandFunction"):
            self._say(
                "The AWS CLI, of version 1 or 2:\n"
                'env -i HOME="$HOME" PATH="$PATH" AWS_CONFIG_FILE=/dev/null AWS_PAGER= \\\n'
                "  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws lambda invoke \\\n"
                f"  --endpoint-url {endpoint} --region {region} \\\n"
                f"  --function-name {function} \\\n"
                "  --payload fileb:///dev/stdin response.json <<'END' >/dev/null &&\n"
                f"{_EXAMPLE.read_text('utf-8')}END\n"
                ".venv/bin/python -m tools.readable response.json"
            )

    def _is_at(self, text: str) -> None:
        if self._console.is_terminal:
            self._status.update(Text(text, no_wrap=True, overflow="ellipsis"))
        elif not self._verbose and time.monotonic() - self._told > _TELL_SECONDS:
            self._told = time.monotonic()
            self._say(f"  {text}")

    def _say(self, text: str, style: str = "") -> None:
        lines = text.split("\n")
        if self._console.is_terminal:
            room = self._console.width
            lines = [part for line in lines for part in wrapped(line, room, hang=_hang(line))]
        self._console.print("\n".join(lines), style=style)

    def _copied(self, line: str) -> None:
        """A command line."""
        self._console.print("\n".join(command(line, self._console.width)) if self._console.is_terminal else line)


class JsonDisplay:
    """For programs: one JSON object on one line once it is ready, and nothing else."""

    def started(self, endpoint: str) -> None:
        """Not ready yet."""

    def deploying(self, stack: str) -> AbstractContextManager[object]:
        return contextlib.nullcontext(stack)

    def progress(self, progress: Progress) -> None:
        if progress.kind == "warning":
            print(progress.subject, file=sys.stderr)

    def deployed(self, endpoint: str, config: StackConfig, deployment: Deployment) -> None:
        resources = [{"type": each.type, "urn": each.urn, "id": each.id} for each in deployment.resources]
        self._say(endpoint, config, outputs=deployment.outputs, resources=resources)

    def empty(self, endpoint: str, config: StackConfig) -> None:
        self._say(endpoint, config)

    def stopping(self) -> None:
        """The process's end says so."""

    def _say(self, endpoint: str, config: StackConfig, **more: Any) -> None:
        ready = {"endpoint": endpoint, "region": config.get("aws:region"), "stack": config.stack, **more}
        print(json.dumps(ready), flush=True)


def _hang(line: str) -> int:
    """Further lines stand two behind the first."""
    return len(line) - len(line.lstrip()) + 2


def _created(progress: Progress) -> str:
    """A line of a narrow terminal: the kind, the name and, where there is room for them, the seconds."""
    kind = progress.type.split(":")[1].split("/")[-1]  # of aws:sqs/queue:Queue
    line, took = f"  + {kind:<18} {progress.subject}", f" {progress.seconds:.2f} s"
    room = _COLUMNS - 1 - len(line)
    return f"{line}{took:>{room}}" if room >= len(took) else line


def _endpoint_overrides(endpoint: str, config: StackConfig) -> str:
    """What the Pulumi CLI must be told if the stack's own `aws:endpoints` name another address, as its arguments."""
    return " ".join(
        f"--plaintext 'aws:endpoints[{index}].{service}={endpoint}'"
        for index, services in enumerate(json.loads(config.get("aws:endpoints") or "[]"))
        for service, configured in services.items()
        if configured != endpoint
    )
