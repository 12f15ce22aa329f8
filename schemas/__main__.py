"""`python -m schemas COMMAND`: check the events' schemas, make what is made from them, start a new one."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from schemas import checking
from schemas.catalog import DOCUMENT, with_catalog
from schemas.compatibility import DEFAULT_MODE, MODES
from schemas.files import SchemaError, Versions, file_of, load, streams
from schemas.generation import PROJECT, generated
from schemas.openapi import described
from schemas.scaffold import EVENT_TYPE_RULE, ScaffoldError, is_event_type, new

_A_KIND = "it needs a module and a line in the registry (docs/extending.md)"
_console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when all is well, 1 when not, 2 for a command line that makes no sense."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except SchemaError as error:
        if getattr(options, "json", False):
            _say_json(problems=[vars(problem) for problem in error.problems], stale=_stale_if_readable())
        else:
            Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(str(error), style="red")
        return 1
    except ScaffoldError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m schemas", description="The schemas of the events.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check the schemas, their compatibility, and what is made from them")
    _takes_mode(check)
    check.add_argument("--drafts", action="store_true", help="take what is not published yet, and say what that is")
    check.add_argument("--json", action="store_true", help="one JSON object instead of text")
    check.set_defaults(run=_check)
    generate = commands.add_parser("generate", help="write the handlers' code, the catalog and the API's document")
    generate.set_defaults(run=_generate)
    catalog = commands.add_parser("catalog", help=f"write the catalog in {DOCUMENT} from the schemas")
    catalog.set_defaults(run=_catalog)
    publish = commands.add_parser("publish", help="record new versions as final: they never change again")
    _takes_mode(publish)
    publish.set_defaults(run=_publish)
    scaffold = commands.add_parser("new", help="draft a new event type, or the next version of one")
    scaffold.add_argument("event_type", type=_event_type, metavar="EventType")
    scaffold.add_argument(
        "--stream",
        type=_stream,
        metavar="NAME",
        help="the kind of aggregate that a new type is of (x-stream); default: the one that its name begins with",
    )
    scaffold.set_defaults(run=_new)
    return parser


def _takes_mode(command: argparse.ArgumentParser) -> None:
    text = f"Glue's mode, as schemaCompatibility of the stack; default: {DEFAULT_MODE}"
    command.add_argument("--compatibility", choices=MODES, default=DEFAULT_MODE, help=text)


def _event_type(text: str) -> str:
    if not is_event_type(text):
        raise argparse.ArgumentTypeError(f"{text[:100]!a}: {EVENT_TYPE_RULE}")
    return text


def _stream(text: str) -> str:
    if not re.fullmatch("[a-z][a-zA-Z0-9]{0,99}", text):
        raise argparse.ArgumentTypeError(f"{text[:100]!a}: a kind is up to 100 letters and digits, as in parcel")
    return text


def _check(options: argparse.Namespace) -> int:
    schemas = checking.checked(options.compatibility, take_drafts=options.drafts)
    stale, drafts = _stale(schemas), checking.drafts()
    if options.json:
        newest = {name: max(versions) for name, versions in schemas.items()}
        _say_json(problems=[], stale=stale, versions=newest, drafts=drafts)
        return 1 if stale else 0
    width = max(map(len, schemas))
    for name, versions in schemas.items():
        _console.print(f"  {name:<{width}}  {', '.join(map(str, versions))}", style="green")
    for file in drafts:
        _console.print(f"  {file} is a draft: no stack takes it that keeps anything", style="yellow")
    for path in stale:
        _console.print(f"  {path} is not what the schemas say: run `python -m schemas generate`", style="red")
    return 1 if stale else 0


def _generate(_: argparse.Namespace) -> int:
    _write_all(_loaded())
    return 0


def _catalog(_: argparse.Namespace) -> int:
    _write({DOCUMENT: with_catalog(_read(DOCUMENT), _loaded())})
    return 0


def _publish(options: argparse.Namespace) -> int:
    for file in checking.publish(mode=options.compatibility):
        _console.print(f"  {file} is published: it stays as it is from now on", style="green")
    return 0


def _new(options: argparse.Namespace) -> int:
    before, drafts = load(), checking.drafts()
    written = new(options.event_type, before, stream=options.stream)
    _write_all(_loaded())
    code = [str(path) for path in written if path.suffix == ".py"]
    if code:
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *code], check=True, cwd=PROJECT)  # noqa: S603
    for path in written:
        _console.print(f"  {path} is a draft: make it yours", style="yellow")
    for file in (file_of(options.event_type, version) for version in before.get(options.event_type, ())):
        if file in drafts:
            _console.print(
                f"  {file}, the version before, is a draft itself: that may still be changed", style="yellow"
            )
    if options.stream and options.stream not in streams(before).values():
        kinds = ", ".join(sorted({*streams(before).values()}))
        _console.print(f"  {options.stream} is a new kind of aggregates, beside {kinds}: {_A_KIND}", style="yellow")
    _console.print("Then: python -m schemas generate, make test, and python -m schemas publish once it is final.")
    return 0


def _loaded() -> dict[str, Versions]:
    """The schemas, also those that are not published yet. Raises SchemaError."""
    return checking.readable()


def _stale(schemas: Mapping[str, Versions]) -> list[str]:
    """The files that are not what the schemas say."""
    return [str(path) for path, text in _made_from(schemas).items() if _read(path) != text]


def _stale_if_readable() -> list[str] | None:
    """The same beside other problems; None where the schemas cannot be read, so that nobody can tell."""
    try:
        return _stale(_loaded())
    except SchemaError:
        return None


def _made_from(schemas: Mapping[str, Versions]) -> dict[Path, str]:
    return {**_code_and_catalog(schemas), **described(schemas, PROJECT)}


def _code_and_catalog(schemas: Mapping[str, Versions]) -> dict[Path, str]:
    return {**generated(schemas), DOCUMENT: with_catalog(_read(DOCUMENT), schemas)}


def _write_all(schemas: Mapping[str, Versions]) -> None:
    """The API's document last: it is made with the code. While a new kind is half made, it stays as it was."""
    _write(_code_and_catalog(schemas))
    try:
        _write(described(schemas, PROJECT))
    except SchemaError as error:
        _console.print(f"  {error.problems[0]}", style="yellow")


def _write(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        if _read(path) != text:
            (PROJECT / path).write_text(text, "utf-8")
            _console.print(f"  wrote {path}", style="green")


def _read(path: Path) -> str:
    return (PROJECT / path).read_text("utf-8") if (PROJECT / path).exists() else ""


def _say_json(**content: object) -> None:
    print(json.dumps(content))


if __name__ == "__main__":
    sys.exit(main())
