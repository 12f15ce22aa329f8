"""`python -m cli.reference`: writes the part of docs/cli.md that lists every command, from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from cli.arguments import Fields, Parser
from cli.program import CODES, parser

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
BEGIN = "<!-- from here on made by `python -m cli.reference` -->\n"


def reference() -> str:
    """Exit codes, and each command with its arguments, options and fields."""
    made = parser()
    codes = "\n".join(f"| {code} | {means} |" for code, means in CODES)
    everywhere = _options(
        next(each for _, each in commands(made) if each.get_default("direct") is False and _where(each))
    )
    shared = [row for row in everywhere if row.startswith(_SHARED)]
    parts = [
        "## Exit codes\n\n| code | means |\n| --- | --- |\n" + codes,
        "## Commands\n\nWhere a command asks the ledger, these say which one and how:\n\n" + _table(shared),
    ]
    parts += [_section(name, each) for name, each in commands(made)]
    return "\n\n".join(parts) + "\n"


def commands(made: argparse.ArgumentParser) -> Iterator[tuple[str, Parser]]:
    """Each command that can be run, by its words."""
    nested = [each for each in made._actions if isinstance(each, argparse._SubParsersAction)]
    for action in nested:
        for each in action.choices.values():
            yield from commands(each)
    if not nested and isinstance(made, Parser):
        yield made.prog, made


_SHARED = ("| `--profile", "| `--region", "| `--direct", "| `--outputs", "| `--actor", "| `--timeout")


def _where(made: argparse.ArgumentParser) -> bool:
    return "--direct" in made._option_string_actions


def _section(name: str, made: Parser) -> str:
    words = " ".join(str(each.metavar or each.dest) for each in made._actions if not each.option_strings)
    rows = [row for row in _options(made) if not (_where(made) and row.startswith(_SHARED))]
    fields = [each.type.known for each in made._actions if isinstance(each.type, Fields)]
    parts = [f"### `{f'{name} {words}'.strip()}`", str(made.description)]
    parts += [_table(rows)] if rows else []
    parts += ["Fields of `--json`: " + ", ".join(f"`{each}`" for each in fields[0])] if fields else []
    return "\n\n".join(parts)


def _table(rows: list[str]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _options(made: argparse.ArgumentParser) -> list[str]:
    rows = []
    for each in made._actions:
        if isinstance(each, argparse._HelpAction) or isinstance(each.type, Fields):
            continue
        value = each.metavar or ("|".join(each.choices) if each.choices else each.dest.upper())
        shown = f"[{value}]" if each.nargs == "?" else str(value)
        name = f"{each.option_strings[0]} {'' if each.nargs == 0 else shown}" if each.option_strings else str(value)
        rows.append(f"| `{name.strip().replace('|', chr(92) + '|')}` | {each.help} |")
    return rows


def main() -> None:
    """Write it."""
    head, _, _ = DOCUMENT.read_text("utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{reference()}", "utf-8")


if __name__ == "__main__":
    main()
