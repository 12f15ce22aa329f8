"""The findings that stand, a line and a reason each: `tool rule resources reason`, the resources as a pattern."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from .tools import Finding

FILE = Path(__file__).with_name("waivers.txt")


class Waiver(NamedTuple):
    """A finding that stands, and why."""

    tool: str
    rule: str
    resources: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return (self.tool, self.rule) == finding[:2] and fnmatchcase(finding.resource, self.resources)


def read(text: str) -> list[Waiver]:
    """The waivers of a file; `#` begins a comment. ValueError for a line without a reason."""
    waivers = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(None, 3)
        if len(parts) < len(Waiver._fields):
            raise ValueError(f"line {number} has no reason: {line}")
        waivers.append(Waiver(*parts))
    return waivers


def unwaived(findings: Iterable[Finding], waivers: Iterable[Waiver]) -> list[Finding]:
    """The findings that no waiver covers."""
    known = list(waivers)
    return [finding for finding in findings if not any(waiver.covers(finding) for waiver in known)]


def unused(findings: Iterable[Finding], waivers: Iterable[Waiver], ran: Iterable[str]) -> list[Waiver]:
    """The waivers of tools that ran which cover nothing: what they excused is gone."""
    found, tools = list(findings), set(ran)
    return [each for each in waivers if each.tool in tools and not any(each.covers(finding) for finding in found)]
