"""What the console and the command line have to know of a stack, as a file beside the console's pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.console import FOLDER, Console
from components.identity_provider import Client, IdentityProvider
from components.web_files import UNCACHED, content_type

FILE = "config.json"


@dataclass(frozen=True)
class ClientConfigArgs:
    console: Console
    api_endpoint: Input[str]
    provider: IdentityProvider
    client: Client
    scopes: Sequence[str]
    """What a client asks for when somebody signs in."""
    region: Input[str]
    places: Sequence[tuple[Input[str], Input[str]]] = ()
    """With two Regions, each and the origin at which the ledger is reached there."""


class ClientConfig(pulumi.ComponentResource):
    """Nothing in it is secret. It comes last: the console's address is told to those who sign people in."""

    def __init__(self, name: str, args: ClientConfigArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ClientConfig", name, None, opts)
        aws.s3.BucketObjectv2(
            f"{name}-file",
            bucket=args.console.bucket_name,
            key=f"{FOLDER}{FILE}",
            content=Output.json_dumps(_told(args)),
            content_type=content_type(FILE),
            cache_control=UNCACHED,
            opts=pulumi.ResourceOptions(parent=self, protect=False),
        )
        self.register_outputs({})


def _told(args: ClientConfigArgs) -> dict[str, Any]:
    regions = Output.all(*(Output.all(*place) for place in args.places)).apply(dict) if args.places else None
    return {
        "apiEndpoint": args.api_endpoint,
        "issuer": args.provider.issuer,
        "clientId": args.client.id,
        "authorizeUrl": args.provider.authorize_url,
        "tokenUrl": args.provider.token_url,
        "logoutUrl": args.provider.logout_url,
        "scopes": list(args.scopes),
        "region": args.region,
        **({} if regions is None else {"regions": regions}),
    }
