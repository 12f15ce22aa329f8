"""Physical names, made the way the AWS provider makes them: unique unless the program names the resource itself."""

import secrets
from collections.abc import Mapping
from typing import Any

from local.deploy.errors import DeployError
from local.deploy.names import Names

_HEX_DIGITS = 7
_PREFIX_DIGITS = 26  # what the provider appends to a name prefix


def physical_name(
    urn: str, inputs: Mapping[str, Any], limit: int, prop: str = "name", names: Names | None = None
) -> str:
    """The explicit name, else one made from the prefix, else `<logical name>-<7 hex digits>`.

    The provider fails rather than cuts a name that is longer than `limit`; so does this, or a program that deploys
    here would not deploy to AWS. `names` has those that were made up before.
    """
    if inputs.get(prop):
        name = str(inputs[prop])
    else:
        prefix = inputs.get(f"{prop}Prefix")
        beginning = str(prefix) if prefix else f"{urn.rsplit('::', 1)[-1]}-"
        suffix = ".fifo" if not prefix and (inputs.get("fifoQueue") or inputs.get("fifoTopic")) else ""

        def make() -> str:
            return beginning + _hex(_PREFIX_DIGITS if prefix else _HEX_DIGITS) + suffix

        name = names.of(urn, prop, beginning, make) if names is not None else make()
    if len(name) > limit:
        raise DeployError(f"{prop}: {name!r} is {len(name)} characters long; the service allows {limit}")
    return name


def _hex(digits: int) -> str:
    return secrets.token_hex((digits + 1) // 2)[:digits]
