"""What every command has: the way to the ledger, where to print, and whose profile it is."""

from __future__ import annotations

import argparse
import shlex
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cli import answers
from cli.called import called, line
from cli.errors import INTERRUPTED, CliError, Refused, Unanswered, Unreachable, UsageError
from cli.http_ledger import HttpLedger
from cli.local_ledger import served_url
from cli.output import ClosedOutput, Column, Out
from cli.profiles import LOCAL, Profile, Profiles, claims_of
from cli.requests import Command, Ledger, Question
from cli.shown import printable
from cli.sign_in import Session, address_in

PAGE = 1000
"""The most that one page has."""
OUTPUTS = Path("out.json")
"""Where `make serve` writes what --direct reads."""
RECEIPT = (
    Column("aggregateId", "ID", "id"),
    Column("sequence", "SEQUENCE", "number"),
    Column("commandId", "COMMAND", "id"),
    Column("eventId", "EVENT", "id"),
)
_FAULT, _BUSY = 500, 429
_BROKEN = ("IntegrityBreach", "UnreadableEvent")
"""What the ledger says of a stream that it cannot go on from until a person has mended it."""
_NO_USE = (
    "Nothing was stored. It does not help to send it again until whoever operates the ledger has mended this:\n"
    "  docs/operations.md#integrity"
)
_WAY = ("profile", "region", "outputs")


class Interrupted(CliError):  # noqa: N818 - reads as what happened
    """Ctrl-C while a command was under way."""

    code = INTERRUPTED


@dataclass
class Context:
    """One run of the program: `arguments` as they were typed, `options` as they were understood."""

    arguments: Sequence[str]
    options: argparse.Namespace
    out: Out
    profiles: Profiles

    @cached_property
    def profile(self) -> Profile:
        """The one that is named, or the user's own. Raises: UsageError."""
        return self.profiles.get(self.options.profile)

    @cached_property
    def ledger(self) -> Ledger:
        """Over the API, or with --direct by the functions. Nothing is asked yet, but perhaps where a Region is."""
        options = self.options
        _refuse_what_goes_nowhere(options)
        if options.direct:
            from cli.direct_ledger import DirectLedger  # noqa: PLC0415 - boto3 takes a while to load

            outputs = options.outputs or OUTPUTS
            return DirectLedger.of_file(outputs, options.actor, options.timeout, region=options.region)
        profile = self.profile
        if self.out.is_terminal and (signed_in := self.profiles.signed_in(profile)):
            subject = claims_of(signed_in.access_token).get("sub")
            self.out.own = (subject, signed_in.user) if isinstance(subject, str) and signed_in.user else None
        url = address_in(profile, options.region) if options.region else profile.url
        return HttpLedger(url, Session(self.profiles, profile), options.timeout)

    def listed(
        self, question: Question, member: str, limit: int, subject: str = "", **parameters: Any
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Up to `limit` entries of a paged answer, and the last page. One request a page."""
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            size = min(limit - len(found), PAGE)
            page = self.ledger.ask(question, subject, limit=size, nextToken=token, **parameters)
            found += answers.entries(page, member)
            token = page.get("nextToken")
            if not isinstance(token, str) or len(found) >= limit:
                return found[:limit], page

    def send(
        self, collection: str, subject: str, event_type: str, data: Mapping[str, Any], **more: Any
    ) -> dict[str, Any]:
        """Send a command under the --id that was given, or one that is made. One request.

        Raises: CliError, which says how to send it again where nobody knows what became of it; UsageError where two
        ledgers could be meant.
        """
        options = self.options
        self._refuse_what_two_could_mean()
        command = Command(
            collection=collection,
            id=subject,
            event_type=event_type,
            data={name: value for name, value in data.items() if value is not None},
            key=more.pop("key", None) or options.id or str(uuid.uuid4()),
            expected=getattr(options, "expect", None),
            dry=options.dry_run,
            **more,
        )
        again = f"Send it again under the same id, and it counts once:\n  {self._again(command.key)}"
        try:
            body = self.ledger.send(command)
        except Unanswered as error:
            hint = f"{again}{self._elsewhere(command.key)}"
            raise Unanswered(f"{error}: whether it was done is unknown", hint) from error
        except Unreachable as error:
            error.hint += self._elsewhere(command.key)
            raise
        except Refused as error:
            if error.region:
                again = self._again(command.key, error.region)
                error.hint = f"It was not done here. Send it there, under the same id, and it counts once:\n  {again}"
            elif error.error in _BROKEN:
                error.hint = _NO_USE
            elif not command.dry and (error.status >= _FAULT or error.status == _BUSY):
                error.hint = again
            error.hint = error.hint.replace("{id}", shlex.quote(command.id))
            raise
        except KeyboardInterrupt:
            raise Interrupted("interrupted: whether it was done is unknown", again) from None
        receipt = {"valid": True, **answers.member(body, "wouldBe", dict)} if command.dry else body
        for each in ("sequence", "commandId"):  # else nobody knows that it is the ledger's
            answers.member(receipt, each, str)
        return receipt

    def report(self, sentence: str, receipt: Mapping[str, Any], columns: Sequence[Column] = RECEIPT) -> None:
        """What a command did, or would do."""
        if self.options.dry_run:
            said = f"It would be accepted, as number {receipt['sequence']} of its stream. Nothing was done."
            columns = (*columns, Column("valid", "VALID"))
        else:
            said = f"{sentence} (sequence {receipt['sequence']}, id {printable(receipt['commandId'])})"
        said += self._at()
        try:
            self.out.done(said, receipt, columns)
        except (CliError, ClosedOutput):
            if not self.options.dry_run:  # it must not be taken for undone, and sent again under another id
                self.out.tell(f"It was done, and that could not be printed. {said}")
            raise

    @property
    def where(self) -> list[str]:
        """The options by which a command was sent to its ledger, for the next one."""
        given = getattr(self.options, "_given", ())
        named = [word for name in _WAY if name in given for word in (f"--{name}", str(getattr(self.options, name)))]
        return [*(["--direct"] if self.options.direct else []), *named]

    def command(self, *words: str) -> str:
        """A command line to be typed next, to the same ledger."""
        return line(*words, where=self.where)

    def _at(self) -> str:
        """Which ledger it was, where somebody has more than one."""
        if self.options.direct:
            return f"\nAt the stack of {self.options.outputs or OUTPUTS}."
        if not isinstance(self.ledger, HttpLedger) or len(self.profiles.all()) == 1:
            return ""
        return f"\nAt the ledger {self.profile.name}, {printable(self.ledger.url)}."

    def _refuse_what_two_could_mean(self) -> None:
        """Money goes to no ledger that happens to be the last: where `make serve` has one here, it has to be named."""
        if self.options.direct or self.options.profile is not None or (served := served_url()) is None:
            return
        if self.profile.name == LOCAL or self.profile.url == served:
            return
        behind = self.arguments.index("--") if "--" in self.arguments else len(self.arguments)
        typed = [
            shlex.join([called(), *self.arguments[:behind], "--profile", name, *self.arguments[behind:]])
            for name in (LOCAL, self.profile.name)
        ]
        raise UsageError(
            f"two ledgers could be meant: {LOCAL}, which `make serve` has at {served}, or {self.profile.name}, which "
            f"was signed in to last, at {self.profile.url}",
            "\n  ".join(["Nothing was sent. Say which one:", *typed]),
        )

    def _elsewhere(self, key: str) -> str:
        """How to send a command to the Regions besides the one that does not answer; empty where none is known."""
        if self.options.direct:
            return ""
        regions, here = self.profile.regions, self.options.region
        others = (name for name, url in regions.items() if (name != here if here else url != self.profile.url))
        return "".join(
            f"\nIf the ledger goes on in {name}, send it there, under the same id:\n  {self._again(key, name)}"
            for name in others
        )

    def _again(self, key: str, region: str = "") -> str:
        """The same command line, under its id, and in another Region if one is given."""
        typed = _without("--id", self.arguments)
        said = ["--id", key]
        if region:
            typed, said = _without("--region", typed), [*said, "--region", region]
        behind = typed.index("--") if "--" in typed else len(typed)
        return shlex.join([called(), *typed[:behind], *said, *typed[behind:]])


def _without(option: str, arguments: Sequence[str]) -> list[str]:
    typed = list(arguments)
    for number, each in enumerate(typed):
        if each == option:
            del typed[number : number + 2]
            break
        if each.startswith(f"{option}="):
            del typed[number]
            break
    return typed


def _refuse_what_goes_nowhere(options: argparse.Namespace) -> None:
    """An option that this way to the ledger does not read would be forgotten without a word."""
    if options.direct and "profile" in getattr(options, "_given", ()):
        raise UsageError("--profile goes with the API, not with --direct", "Say --outputs FILE, and --actor ACTOR.")
    if not options.direct and (given := next((each for each in ("outputs", "actor") if getattr(options, each)), None)):
        raise UsageError(f"--{given} goes with --direct")
