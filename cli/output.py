"""What a command prints: a table or a few lines on a terminal, tab-separated values in a pipe, JSON if asked for.

On a terminal no value is cut, and no word: what has no room in a table's row stands below it. Only a terminal gets
values that are made nicer to read. In a pipe and in JSON they are as the ledger tells them. Nothing that a user wrote
reaches either unescaped.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from rich.cells import cell_len, set_cell_size

from cli import exact_json
from cli.errors import CLOSED, CliError
from cli.shown import cell, moment, money
from tools.lines import fitting, wrapped

Kind = Literal["text", "id", "person", "word", "number", "money", "time"]
"""Ids and texts go below a row where it has no room for them; words, numbers and times never."""
_GAP = 2
_BELOW = 4
"""How far what stands below a row is indented."""
_MOVABLE: Mapping[Kind, int] = {"id": 8, "person": 8, "text": 6}
"""Which these are, and how narrow their columns get where nobody knows yet what will stand in them."""
_FEWEST = 3
_COLOURS = {"Active": "32", "Completed": "32", "Closed": "2", "Failed": "31", "Expired": "33", "Cancelled": "33"}
_BOLD = "1"
_SHOWN: Mapping[Kind, Callable[[Any], str]] = {"money": money, "time": moment}


class ClosedOutput(Exception):  # noqa: N818 - reads as what happened
    """Nobody reads what is printed any more."""

    code = CLOSED


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a record: `field` is its name in JSON and tells where it is, unless `get` does."""

    field: str
    title: str
    kind: Kind = "text"
    get: Callable[[Mapping[str, Any]], Any] | None = None

    def value(self, record: Mapping[str, Any]) -> Any:
        """None where the record has none."""
        return self.get(record) if self.get is not None else record.get(self.field)

    def shown(self, record: Mapping[str, Any]) -> str:
        """For people."""
        return _SHOWN.get(self.kind, cell)(self.value(record))


@dataclass(slots=True)
class Out:
    """Where a command prints, and in which form. `fields` are those of --json; None: no JSON, empty: all of them."""

    stream: IO[str]
    errors: IO[str]
    fields: Sequence[str] | None = None
    width: int = 80
    own: tuple[str, str] | None = None
    """The id that events name for who is signed in, and the name that they sign in by. Of others there is no name."""

    @classmethod
    def of_process(cls, fields: Sequence[str] | None) -> Out:
        """This process's own streams."""
        return cls(sys.stdout, sys.stderr, fields, shutil.get_terminal_size().columns)

    @property
    def is_terminal(self) -> bool:
        """Whether people read it, unless they asked for JSON."""
        return self.fields is None and self.stream.isatty()

    def records(self, records: Sequence[Mapping[str, Any]], columns: Sequence[Column], nothing: str) -> None:
        """Several of a kind; `nothing` is what people read where there is none."""
        if self.fields is not None:
            self.write(exact_json.dumps([self._chosen(each) for each in records]))
        elif not self.is_terminal:
            for each in records:
                self.line(each, columns)
        elif records:
            self.write("\n".join(self._table(records, columns)))
        else:
            self.tell(nothing)

    def record(self, record: Mapping[str, Any], columns: Sequence[Column]) -> None:
        """One, a line for each of its values."""
        if self.fields is not None:
            self.write(exact_json.dumps(self._chosen(record)))
            return
        there = [each for each in columns if each.value(record) is not None]
        if self.is_terminal:
            self.write("\n".join(self._block(record, there)))
        else:
            for each in there:
                self.write(f"{each.field}\t{cell(each.value(record))}")

    def done(self, sentence: str, record: Mapping[str, Any], columns: Sequence[Column]) -> None:
        """What was done: a sentence for people, the record for programs."""
        if self.fields is not None:
            self.write(exact_json.dumps(self._chosen(record)))
        elif self.is_terminal:
            self.write(fitting(sentence, self.stream))
        else:
            self.line(record, columns)

    def streamed(self, record: Mapping[str, Any], columns: Sequence[Column], widths: Sequence[int]) -> None:
        """One of many that come one by one: a line each, also in JSON, and below it what is too long for its column."""
        if self.fields is not None:
            self.write(exact_json.dumps(self._chosen(record), indent=None))
        elif self.is_terminal:
            if _across(widths) > self.width:
                self.write("\n".join([*self._block(record, columns), ""]))
            else:
                texts = [self._shown(each, record) for each in columns]
                long = [
                    cell_len(text) > width and each.kind in _MOVABLE
                    for text, each, width in zip(texts, columns, widths, strict=True)
                ]
                row = ["" if is_long else text for text, is_long in zip(texts, long, strict=True)]
                self.write(self._row(row, columns, widths))
                for each, is_long in zip(columns, long, strict=True):
                    if is_long:
                        self.write("\n".join(self._below(each, record)))
        else:
            self.line(record, columns)

    def line(self, record: Mapping[str, Any], columns: Sequence[Column]) -> None:
        """One record as tab-separated values, exactly as the ledger tells them."""
        self.write("\t".join(cell(each.value(record)) for each in columns))

    def write(self, text: str) -> None:
        """Lines for whoever asked. Raises: ClosedOutput, CliError where there is no room."""
        try:
            self.stream.write(f"{text}\n")
            self.stream.flush()
        except BrokenPipeError as error:
            raise ClosedOutput from error
        except OSError as error:
            raise CliError(f"standard output: {error.strerror or error}") from error

    def tell(self, text: str) -> None:
        """A word beside the answer, which no pipe takes for a part of it."""
        try:
            self.errors.write(f"{fitting(text, self.errors)}\n")
            self.errors.flush()
        except BrokenPipeError as error:
            raise ClosedOutput from error
        except OSError:
            return  # there is no other place to say it, and the answer itself can be printed

    def emphasized(self, text: str) -> str:
        """In bold, where there is colour."""
        return self._coloured(text, _BOLD)

    def _chosen(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: record.get(name) for name in self.fields} if self.fields else record

    def _table(self, records: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[str]:
        columns = [each for each in columns if any(each.value(record) is not None for record in records)]
        rows = [[self._shown(each, record) for each in columns] for record in records]
        for number, column in enumerate(columns):
            if column.kind == "money":
                _align(rows, number)
        titles = [each.title for each in columns]
        widths = [max(cell_len(row[i]) for row in [titles, *rows]) for i in range(len(columns))]
        abreast = _abreast(widths, columns, self.width)
        if not abreast:
            return [line for record in records for line in (*self._block(record, columns), "")][:-1]
        across, narrow = [columns[i] for i in abreast], [widths[i] for i in abreast]
        below = [each for i, each in enumerate(columns) if i not in abreast]
        lines = [self._coloured(self._row([each.title for each in across], across, narrow, plain=True), _BOLD)]
        for row, record in zip(rows, records, strict=True):
            lines.append(self._row([row[i] for i in abreast], across, narrow))
            lines += [line for each in below if each.value(record) is not None for line in self._below(each, record)]
        return lines

    def _shown(self, column: Column, record: Mapping[str, Any]) -> str:
        text = column.shown(record)
        if column.kind == "person" and self.own and column.value(record) == self.own[0]:
            return f"{text} (you, {cell(self.own[1])})"
        return text

    def _below(self, column: Column, record: Mapping[str, Any]) -> list[str]:
        """A value below its row."""
        head = f"{' ' * _BELOW}{column.title.lower()} "
        return wrapped(head + self._shown(column, record), self.width, hang=len(head))

    def _row(self, row: Sequence[str], columns: Sequence[Column], widths: Sequence[int], *, plain: bool = False) -> str:
        cells = []
        for text, column, width in zip(row, columns, widths, strict=True):
            padded = _padded(text, width, column.kind)
            cells.append(padded if plain else self._coloured(padded, _COLOURS.get(text, "")))
        return (" " * _GAP).join(cells).rstrip()

    def _block(self, record: Mapping[str, Any], columns: Sequence[Column]) -> list[str]:
        width = max((cell_len(each.title) for each in columns), default=0)
        lines = []
        for each in columns:
            text = self._shown(each, record)
            first, *more = wrapped(text, self.width - width - _GAP) if self.is_terminal else [text]
            head = f"{set_cell_size(each.title, width)}{' ' * _GAP}"
            lines.append(f"{head}{self._coloured(first, _COLOURS.get(text, ''))}".rstrip())
            lines += [f"{' ' * (width + _GAP)}{line}" for line in more]
        return lines

    def _coloured(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if colour and self._has_colour else text

    @property
    def _has_colour(self) -> bool:
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def fitted(widths: Sequence[int], columns: Sequence[Column], width: int) -> list[int]:
    """Widths that together fit, as far as that goes, for what comes line by line: the widest shrink, ids first."""
    given = list(widths)
    room = width - _GAP * (len(given) - 1)
    for kind, narrowest in _MOVABLE.items():
        can_shrink = [i for i, each in enumerate(columns) if each.kind == kind]
        while can_shrink and sum(given) > room:
            widest = max(can_shrink, key=lambda i: given[i])
            if given[widest] <= narrowest:
                break
            given[widest] -= 1
    return given


def _abreast(widths: Sequence[int], columns: Sequence[Column], width: int) -> list[int]:
    """Which columns stand beside each other: all but the widest ids and texts that there is no room for. None where the
    others do not fit, or would be less than three: a row of two says little."""
    kept = list(range(len(columns)))
    while _across([widths[i] for i in kept]) > width:
        movable = [i for i in kept if columns[i].kind in _MOVABLE]
        if not movable or len(kept) <= _FEWEST:
            return []
        kept.remove(max(movable, key=lambda i: widths[i]))
    return kept


def _align(rows: list[list[str]], number: int) -> None:
    """Have the points of a column of amounts stand below each other."""
    behind = max(len(row[number].partition(".")[2]) for row in rows)
    for row in rows:
        _, point, fraction = row[number].partition(".")
        if behind and row[number]:
            row[number] += " " * (behind - len(fraction) + (not point))


def _padded(text: str, width: int, kind: Kind) -> str:
    """In its column. What does not fit sticks out: half an amount would be another."""
    space = " " * (width - cell_len(text))
    return f"{space}{text}" if kind in ("number", "money") else f"{text}{space}"
