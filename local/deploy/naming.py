"""Physical names, made the way the AWS provider makes them: unique unless the program names the resource itself."""

import secrets
from collections.abc import Mapping
from typing import Any

from local.deploy.errors import DeployError

_HEX_DIGITS = 7
_PREFIX_DIGITS = 26  # what the provider appends to a name prefix


def physical_name(inputs: Mapping[str, Any], logical_name: str, limit: int, prop: str = "name") -> str:
    """The explicit name, else one made from the prefix, else `<logical name>-<7 hex digits>`.

    The provider fails rather than cuts a name that is longer than `limit`; so does this, or a program that deploys
    here would not deploy to AWS.
    """
    if inputs.get(prop):
        name = str(inputs[prop])
    elif inputs.get(f"{prop}Prefix"):
        name = str(inputs[f"{prop}Prefix"]) + _hex(_PREFIX_DIGITS)
    else:
        suffix = ".fifo" if inputs.get("fifoQueue") or inputs.get("fifoTopic") else ""
        name = f"{logical_name}-{_hex(_HEX_DIGITS)}{suffix}"
    if len(name) > limit:
        raise DeployError(f"{prop}: {name!r} is {len(name)} characters long; the service allows {limit}")
    return name


def _hex(digits: int) -> str:
    return secrets.token_hex((digits + 1) // 2)[:digits]
