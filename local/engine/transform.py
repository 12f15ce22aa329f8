"""What a target receives of an event: all of it, a constant, a part, or a template filled in."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.engine import exact_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEP = re.compile(r"\.([\w-]+)|\[([0-9]+)\]|\['([^']+)'\]")
_VARIABLE = re.compile(r"<([\w.-]+)>")
_MISSING = object()


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """The text that goes to the target."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        value = _at(event, target["InputPath"])
        return exact_json.dumps(None if value is _MISSING else value)
    if target.get("InputTransformer"):
        return _filled(target["InputTransformer"], event, rule_arn)
    return exact_json.dumps(event)


def _filled(transformer: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    values = {name: _at(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
    }
    template = transformer["InputTemplate"]

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1], _MISSING)
        in_string = _quotes(template[: match.start()]) % 2 == 1
        if value is _MISSING:
            return "" if in_string else "null"
        text = exact_json.dumps(value)
        if not in_string:
            return text
        return text[1:-1] if isinstance(value, str) else json.dumps(text)[1:-1]

    return _VARIABLE.sub(fill, template)


def _quotes(text: str) -> int:
    return len(re.findall(r'(?<!\\)"', text))


def _at(event: Any, path: str) -> Any:
    """The value at a JSON path of names and indexes, such as $.detail.lines[0]."""
    value = event
    for name, index, quoted in _STEP.findall(path.removeprefix("$")):
        try:
            value = value[int(index)] if index else value[name or quoted]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return value
