"""The second Region: the component under which all of it lies, and the provider that makes it there."""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi_aws.provider import Provider

_TEXTS = ("access_key", "profile", "secret_key", "token")
_SWITCHES = (
    *("s3_use_path_style", "skip_credentials_validation", "skip_metadata_api_check", "skip_region_validation"),
    *("skip_requesting_account_id", "insecure"),
)
_OBJECTS = ("allowed_account_ids", "assume_roles", "default_tags", "endpoints", "ignore_tags")


class Region(pulumi.ComponentResource):
    """Named by the Region. Its name is in the URNs of all that lies in it, beside that of the stack's own Region."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Region", name, None, opts)
        self.register_outputs({})


def region_provider(region: str, config: pulumi.Config) -> Provider:
    """A provider of that Region which has all else of the stack's own: `config` is the configuration of `aws`.

    An explicit provider is told nothing of that configuration by itself.
    """
    arguments: dict[str, Any] = {"region": region}
    for name in (*_TEXTS, *_SWITCHES, *_OBJECTS, "max_retries"):
        text = config.get(_camel(name))
        if text is None:
            continue
        if name in _SWITCHES:
            arguments[name] = text == "true"
        elif name == "max_retries":
            arguments[name] = int(text)
        else:
            arguments[name] = json.loads(text) if name in _OBJECTS else text
    return Provider(region, **arguments)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)
