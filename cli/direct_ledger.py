"""The ledger by direct invocation of its functions, with the caller's AWS credentials: no API and no sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)

from cli import answers, exact_json, web
from cli.errors import CliError, Refused, SignInNeeded, Unanswered, Unreachable, UsageError
from cli.local_ledger import local_aws
from cli.requests import Command, Question
from cli.shown import printable
from tools import embedded_aws

_AGAIN = "Try again; if it stays so, look into the function's log by this requestId."
_NUMBERS = ("limit", "upToSequence")
_NOT_SIGNED_IN = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_NOTHING_SENT = (InvalidRegionError, ParamValidationError)
_DENIED = ("AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException")


@dataclass
class DirectLedger:
    """A Ledger by the stack's outputs. `actor` is who its events name; None: nobody in particular."""

    outputs: Mapping[str, Any]
    actor: str | None = None
    timeout: float = web.TIMEOUT_SECONDS

    @classmethod
    def of_file(cls, path: Path, actor: str | None, timeout: float, *, region: str | None = None) -> DirectLedger:
        """By what `serve --outputs` or `pulumi stack output --json` wrote; `region` is which of two is asked."""
        hint = "Start the ledger with `make serve`, or write the file: pulumi stack output --json > out.json"
        try:
            outputs = exact_json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise CliError(f"--outputs {path}: {error.strerror or error}", hint) from error
        except ValueError as error:
            raise CliError(f"--outputs {path}: not JSON", hint) from error
        if not isinstance(outputs, dict) or not isinstance(outputs.get("region"), str):
            raise CliError(f"--outputs {path}: these are not the outputs of a deployed stack", hint)
        return cls(_in_region(outputs, region, path), actor, timeout)

    def ask(self, question: Question, subject: str = "", **parameters: Any) -> dict[str, Any]:
        """One invocation of the query function."""
        request: dict[str, Any] = {"queryType": question.query_type}
        if question.subject:
            request[question.subject] = subject
        for name, value in parameters.items():
            plain = name.rstrip("_")
            if value is not None:
                number = exact_json.Number(value) if plain in _NUMBERS else value
                request[question.names.get(plain, plain)] = number
        return self._invoked("queryFunction", request)

    def send(self, command: Command) -> dict[str, Any]:
        """One invocation of the command function, or of `validate`."""
        request: dict[str, Any] = {
            "aggregateId": command.id,
            "eventType": command.event_type,
            "eventData": command.data,
            "commandId": command.key,
        }
        if command.expected is not None:
            request["expectedSequence"] = command.expected
        if self.actor is not None:
            request["actor"] = self.actor
        return self._invoked("validateFunction" if command.dry else "commandFunction", request)

    def _invoked(self, output: str, request: Mapping[str, Any]) -> dict[str, Any]:
        name = self.outputs.get(output)
        if not isinstance(name, str):
            raise CliError(f"the stack has no output {output}", "Deploy it again with the current program.")
        # as text in a `body`, where every number is exact
        payload = exact_json.dumps({"body": exact_json.dumps(request, indent=None)}, indent=None)
        try:
            answer = self._lambda.invoke(FunctionName=name, Payload=payload.encode())
            text = answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            raise self._failed(error) from error
        try:
            told = exact_json.loads(text)
        except ValueError:
            told = None
        if "FunctionError" in answer:
            raise _function_error(told)
        status, body = (told.get("statusCode"), told.get("body")) if isinstance(told, dict) else (None, None)
        if not isinstance(status, exact_json.Number) or not status.isdecimal() or not isinstance(body, str):
            raise CliError(f"{name} answers as no function of a ledger does", "Check --outputs.")
        return answers.body_of(int(status), body, _AGAIN)

    @cached_property
    def _lambda(self) -> Any:
        endpoint, region = self.outputs.get("endpoint"), str(self.outputs["region"])
        try:
            # a write is never sent twice without being told to: its key makes that safe, and its sender knows
            config = Config(read_timeout=self.timeout, connect_timeout=10, retries={"total_max_attempts": 1})
            if endpoint:
                return embedded_aws.client(embedded_aws.session(region), "lambda", str(endpoint), config)
            return boto3.Session(region_name=region).client("lambda", config=config)
        except BotoCoreError as error:
            raise self._failed(error) from error

    def _failed(self, error: BotoCoreError | ClientError) -> CliError:
        endpoint = str(self.outputs.get("endpoint") or f"https://lambda.{self.outputs['region']}.amazonaws.com")
        match error:
            case EndpointConnectionError() | ConnectTimeoutError():
                start = "Start the ledger with `make serve`" if endpoint == local_aws() else "Start what was there"
                return Unreachable(f"nothing answers at {endpoint}", f"{start}, or name another --outputs.")
            case ReadTimeoutError():
                return Unanswered(f"{endpoint} gave no answer in time")
            case _ if isinstance(error, _NOT_SIGNED_IN):
                return SignInNeeded(
                    f"no AWS credentials: {printable(str(error))}",
                    "Sign in to AWS (`aws sso login`), or leave out --direct.",
                )
            case ClientError():
                return _refused(error)
            case _ if isinstance(error, _NOTHING_SENT):
                return CliError(printable(str(error)), "Check --outputs.")
        return Unanswered(printable(str(error)))


def _in_region(outputs: dict[str, Any], region: str | None, path: Path) -> Mapping[str, Any]:
    """The outputs of a Region, which are told beside those of the stack's own."""
    if region in (None, outputs["region"]):
        return outputs
    beside = outputs.get("regions")
    found = beside.get(region) if isinstance(beside, dict) else None
    if not isinstance(found, dict):
        known = [outputs["region"], *(beside if isinstance(beside, dict) else ())]
        raise UsageError(f"--outputs {path}: the stack is not in {region}", f"It is in {' and '.join(known)}.")
    return {"endpoint": outputs.get("endpoint"), **found, "region": region}


def _refused(error: ClientError) -> CliError:
    code, message = error.response["Error"]["Code"], printable(error.response["Error"]["Message"])
    if code in _DENIED:
        return SignInNeeded(f"{code}: {message}", "Sign in to AWS as somebody who may invoke the ledger's functions.")
    return Refused(error.response["ResponseMetadata"]["HTTPStatusCode"], code, message, hint="Check --outputs.")


def _function_error(told: Any) -> CliError:
    report = told if isinstance(told, dict) else {}
    code = str(report.get("errorType", "InternalError"))
    message = f"{report.get('errorMessage', 'the function failed')} (requestId {report.get('requestId', 'unknown')})"
    return Refused(500, code, printable(message), hint=_AGAIN)
