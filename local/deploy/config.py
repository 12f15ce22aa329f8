"""Pulumi.yaml and Pulumi.<stack>.yaml, merged and validated as the Pulumi CLI does it, which the SDK alone does not."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.deploy.errors import ConfigError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where it was built, takes a tenth of the time."""
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class StackConfig:
    """What the Pulumi runtime is told before the program runs."""

    project: str
    stack: str
    values: dict[str, str]  # by `namespace:key`, structured values as JSON

    def get(self, key: str) -> str | None:
        """The text of `namespace:key`."""
        return self.values.get(key)


def stacks(project_dir: Path) -> list[str]:
    """The stacks that have a configuration file, sorted."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in project_dir.glob("Pulumi.*.yaml"))


def load(project_dir: Path, stack: str, overrides: Mapping[str, str] | None = None) -> StackConfig:
    """The configuration of `stack`: schema defaults, under the stack's file, under `overrides` (text, as on the CLI).

    Raises ConfigError naming every value that is unknown, encrypted, of the wrong type or missing, or no tags.
    """
    project = _mapping(project_dir / "Pulumi.yaml")
    if not isinstance(name := project.get("name"), str):
        raise ConfigError(f"{project_dir / 'Pulumi.yaml'} names no project")
    if stack not in (known := stacks(project_dir)):
        raise ConfigError(f"there is no stack {stack!r} here; the stacks are {', '.join(known) or '(none)'}")
    schema = {_qualified(key, name): entry for key, entry in _section(project, project_dir / "Pulumi.yaml").items()}
    stack_file = project_dir / f"Pulumi.{stack}.yaml"
    given = {_qualified(key, name): value for key, value in _section(_mapping(stack_file), stack_file).items()}
    given |= {_qualified(key, name): value for key, value in (overrides or {}).items()}
    merged = {key: default for key, entry in schema.items() if (default := _default(entry)) is not None} | given
    problems = [*_unknown(given, schema, name), *_misfits(merged, schema), *_missing(merged, schema)]
    if problems:
        raise ConfigError(f"the configuration of stack {stack!r} does not fit: {'; '.join(problems)}")
    values = {key: _text(value) for key, value in merged.items()}
    default_tags(values.get("aws:defaultTags"))
    return StackConfig(name, stack, values)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - both are safe
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except yaml.YAMLError as exc:
        raise ConfigError(f"{path} is not valid YAML: {exc}") from exc
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a mapping")
    return content


def _section(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    section = document.get("config") or {}
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: config must be a mapping")
    return section


def _qualified(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _default(entry: Any) -> Any:
    """An entry is a typed declaration with a default, a `value`, or just the value."""
    if not isinstance(entry, dict):
        return entry
    return entry.get("default", entry.get("value"))


def _unknown(given: Mapping[str, Any], schema: Mapping[str, Any], project: str) -> Iterator[str]:
    for key, value in given.items():
        if key.startswith(f"{project}:") and key not in schema:
            yield f"{key} is not declared in Pulumi.yaml"
        elif isinstance(value, dict) and set(value) == {"secure"}:
            yield f"{key} is encrypted; only the Pulumi CLI with the stack's key can read it"


def _misfits(merged: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    for key, value in merged.items():
        entry = schema.get(key)
        if isinstance(entry, dict) and "type" in entry and not _fits(value, entry):
            yield f"{key} must be of type {_type_name(entry)}, not {value!r}"


def _missing(merged: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    # `default: null` is no default: the CLI treats a declared key without one as required.
    yield from (f"{key} has neither a value nor a default" for key in schema if key not in merged)


def _fits(value: Any, declared: Mapping[str, Any]) -> bool:
    match declared["type"]:
        case "string":
            # Scalars reach the program as text, so a bare number or boolean is a string too.
            return isinstance(value, str | int | float)
        case "integer":
            is_int = isinstance(value, int) and not isinstance(value, bool)
            return is_int or (isinstance(value, str) and _INTEGER.fullmatch(value) is not None)
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "array":
            if isinstance(value, str):  # an override, in the CLI's own notation
                value = _parsed(value)
            return isinstance(value, list) and all(_fits(item, declared["items"]) for item in value)
        case other:
            raise ConfigError(f"Pulumi.yaml declares the unknown type {other!r}")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _type_name(declared: Mapping[str, Any]) -> str:
    return f"array<{_type_name(declared['items'])}>" if declared["type"] == "array" else str(declared["type"])


def _text(value: Any) -> str:
    """A value in the notation in which the CLI hands it to a program."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value)


def default_tags(given: Any) -> dict[str, str]:
    """Those of `aws:defaultTags`, which travels as JSON text or as what that stands for. Raises: ConfigError."""
    try:
        read = json.loads(given) if isinstance(given, str) else given or {}
    except ValueError:
        read = None
    tags = (read.get("tags") or {}) if isinstance(read, dict) else None
    if not isinstance(tags, dict) or not all(isinstance(each, str) for each in tags.values()):
        raise ConfigError(f"aws:defaultTags is {given!r}; allowed: tags by their names, as {{tags: {{team: ledger}}}}")
    return dict(tags)
