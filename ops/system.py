"""A deployed system as its operator reaches it: the stack's outputs and clients for where it runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tools import embedded_aws

MAX_WORKERS = 64
"""Threads that may use one client at a time."""
# An operator's command would rather wait for a throttled table than give up half-way.
_CONFIG = Config(max_pool_connections=MAX_WORKERS, retries={"mode": "standard", "total_max_attempts": 10})
_ANSWERS_WITHIN = 5.0
"""Seconds, on this machine."""
_HOW = "start the ledger with `make serve`, or write the outputs: pulumi stack output --json > out.json"

_LEFT_OUT = {
    "auditFilesBucket": "audit files: its setting auditFilesDays is 0",
    "auditLogGroup": "audit log: its setting auditLog is false",
    "heartbeatLogGroup": "heartbeat: its setting heartbeatMinutes is 0",
    "operationsFunction": "function for operators: its setting httpApi is false",
    "operationsLogGroup": "function for operators: its setting httpApi is false",
    "tokenScopesLogGroup": "sign-in of its own: its setting httpApi is false, or oidcIssuer names another",
    "reconcileLogGroup": "second Region: its setting regions is empty",
}
"""Outputs that a setting leaves out, and what the stack has not then."""
_GONE = frozenset(
    {
        *("ResourceNotFoundException", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
        *("NoSuchBucket", "NotFoundException"),
    }
)
_HASTY = Config(retries={"mode": "standard", "total_max_attempts": 2})
_QUICK = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})


class OperatorError(Exception):
    """Something the operator can put right; the message says what."""


class UsageError(OperatorError):
    """Arguments that make no sense together. Nothing was done."""


def is_gone(error: BaseException) -> bool:
    """Whether AWS says that there is no such thing, which a stack has: somebody deleted it."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _GONE


@dataclass(frozen=True)
class System:
    """One stack, in one Region. `endpoint` is set where it runs on the embedded AWS."""

    outputs: Mapping[str, Any]
    region: str
    endpoint: str | None = None
    first: str = ""
    """The stack's own Region, where this is another one's part of it."""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of_file(cls, path: Path) -> System:
        """The system whose outputs `python -m local serve --outputs` or `pulumi stack output --json` wrote."""
        try:
            outputs = json.loads(path.read_text("utf-8"))
        except OSError as error:
            missing = f"; {_HOW}" if isinstance(error, FileNotFoundError) else ""
            raise OperatorError(f"--outputs {path}: {error.strerror}{missing}") from error
        except ValueError as error:
            raise OperatorError(f"--outputs {path}: not JSON ({error})") from error
        return cls._of(outputs, f"--outputs {path}")

    @classmethod
    def of_stack(cls, stack: str) -> System:
        """The system of a Pulumi stack, through the Pulumi CLI."""
        command = ["pulumi", "stack", "output", "--json", "--stack", stack]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed command
        except FileNotFoundError as error:
            raise OperatorError("the pulumi CLI is not installed; give --outputs FILE instead of --stack") from error
        if done.returncode:
            raise OperatorError(f"{' '.join(command)}: {done.stderr.strip()}")
        return cls._of(json.loads(done.stdout), f"stack {stack}")

    @classmethod
    def _of(cls, outputs: Any, source: str) -> System:
        if not isinstance(outputs, dict) or "region" not in outputs:
            raise OperatorError(f"{source}: these are not the outputs of a deployed stack")
        return cls(outputs, outputs["region"], outputs.get("endpoint"))

    def is_there(self) -> None:
        """OperatorError where the stack's embedded AWS has ended. No request: a connection, on this machine."""
        if self.endpoint is None:
            return
        try:
            at = urlsplit(self.endpoint)
            with create_connection((at.hostname, at.port), _ANSWERS_WITHIN):
                return
        except (OSError, ValueError) as error:
            raise OperatorError(
                f"nothing answers at {self.endpoint}, where these outputs say that the stack is; {_HOW}"
            ) from error

    def regions(self) -> dict[str, System]:
        """The stack in each of its Regions, its own first."""
        beside: Mapping[str, Mapping[str, Any]] = self.outputs.get("regions") or {}
        others = {name: System(outputs, name, self.endpoint, self.region) for name, outputs in beside.items()}
        return {self.region: self, **others}

    def in_region(self, region: str | None) -> System:
        """The stack in one of its Regions; its own without a name. UsageError for one that it is not in."""
        found = self.regions()
        if region is not None and region not in found:
            raise UsageError(f"--region {region}: the stack is in {', '.join(found)}")
        return found[region or self.region]

    def output(self, name: str) -> str:
        """One output by its name."""
        if name not in self.outputs:
            if setting := _LEFT_OUT.get(name):
                raise OperatorError(f"the stack has no {setting}")
            raise OperatorError(f"the stack has no output {name}; deploy it again with the current program")
        return str(self.outputs[name])

    def functions(self) -> dict[str, str]:
        """What is invoked, the function or an alias of it, by the function's name, which metrics and letters have."""
        named = [str(name) for output, name in self.outputs.items() if output.endswith("Function")]
        return {name.partition(":")[0]: name for name in named}

    def function(self, output: str) -> str | None:
        """A function's name, whatever callers name; None where the stack has none."""
        named = self.outputs.get(output)
        return None if named is None else str(named).partition(":")[0]

    def client(self, service: str) -> Any:
        """A client with the caller's own credentials. The embedded AWS takes any, and is reached without a proxy."""
        if service not in self._clients:
            self._clients[service] = self.made(service, _CONFIG)
        return self._clients[service]

    def hasty(self, service: str) -> Any:
        """Such a client that tries twice at most: for what somebody sits and waits for, and can ask again."""
        return self._like(service, "hasty", _HASTY)

    def quick(self, service: str) -> Any:
        """Such a client that gives up within a quarter of a minute: for whether a Region answers at all."""
        return self._like(service, "quick", _QUICK)

    def _like(self, service: str, how: str, config: Config) -> Any:
        name = f"{service}, {how}"
        if name not in self._clients:
            self._clients[name] = self.made(service, _CONFIG.merge(config))
        return self._clients[name]

    def made(self, service: str, config: Config) -> Any:
        """Such a client that waits and tries as this says."""
        if self.endpoint:
            return embedded_aws.client(self._session, service, self.endpoint, config)
        return self._session.client(service, config=config)

    @cached_property
    def _session(self) -> Any:
        return embedded_aws.session(self.region) if self.endpoint else boto3.Session(region_name=self.region)

    def has_type_index(self) -> bool:
        """Whether events can be asked for by type. A function of before there was a setting for it says nothing."""
        return self._variables("queryFunction").get("TYPE_INDEX", "true") == "true"

    def setting(self, function: str, variable: str) -> int:
        """A number that a deployed function works with, from its environment; `function` is the output that names it.

        The stack's configuration may have been edited since; what runs is what counts.
        """
        try:
            return int(self._variables(function)[variable])
        except (KeyError, ValueError) as error:
            raise OperatorError(
                f"the function {self.output(function)} has no number in {variable}: `pulumi up --refresh` sets it again"
            ) from error

    def flag(self, function: str, variable: str) -> bool:
        """What is on or off in a deployed function, likewise."""
        value = self._variables(function).get(variable)
        if value not in ("true", "false"):
            raise OperatorError(
                f"the function {self.output(function)} has neither true nor false in {variable}: `pulumi up --refresh` "
                "sets it again"
            )
        return value == "true"

    def told(self, function: str) -> Told:
        """The settings of a deployed function, to the domain; `function` is the output that names it."""
        return Told(self, function)

    def numbers(self, function: str) -> dict[str, str]:
        """Every number and switch that a deployed function works with, as its environment has them. One request."""
        variables = self._variables(function)
        return {
            name: value
            for name, value in variables.items()
            if value.lstrip("-").isdecimal() or value in ("true", "false")
        }

    def revision(self, function: str) -> str:
        """What tells a deployed function's code from any other; `function` is the output that names it. One request."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.output(function))
        return str(configuration["CodeSha256"])

    def _variables(self, function: str) -> Mapping[str, str]:
        """The environment of a deployed function; `function` is the output that names it. One request."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.output(function))
        variables: Mapping[str, str] = configuration.get("Environment", {}).get("Variables", {})
        return variables


@dataclass(frozen=True)
class Told:
    """The settings of one deployed function. One request for each that is asked for."""

    system: System
    function: str

    def flag(self, name: str) -> bool:
        """What is on or off. OperatorError."""
        return self.system.flag(self.function, name)

    def number(self, name: str) -> int:
        """A whole number. OperatorError."""
        return self.system.setting(self.function, name)
