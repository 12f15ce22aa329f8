"""The addresses of what AWS serves on the web."""

from __future__ import annotations

from urllib.parse import urlsplit

from pulumi import Input, Output

_HERE = "127.0.0.1:"
"""How the hosts begin that the embedded AWS hands out, which speaks plain HTTP on this machine alone."""


def web_url(host: Input[str]) -> Output[str]:
    """Where a host is reached: over TLS, unless it is one of the embedded AWS."""
    return Output.from_input(host).apply(lambda known: f"{'http' if known.startswith(_HERE) else 'https'}://{known}")


def host_of(url: Input[str]) -> Output[str]:
    """The host, with its port where it has one."""
    return Output.from_input(url).apply(lambda known: urlsplit(known).netloc)


def origin_of(url: Input[str]) -> Output[str]:
    """What a browser calls the place that a URL leads to."""
    return Output.from_input(url).apply(lambda known: "{0.scheme}://{0.netloc}".format(urlsplit(known)))


def sign_in_host(served_by: Input[str], prefix: Input[str], region: Input[str], partition: Input[str]) -> Output[str]:
    """The host of a user pool's pages. `served_by` is the distribution that the provider tells of: the host itself on
    the embedded AWS, and nobody's business on AWS."""

    def host(known: tuple[str, str, str, str]) -> str:
        distribution, name, place, part = known
        if distribution.startswith(_HERE):
            return distribution
        pages = "auth-fips" if part == "aws-us-gov" else "auth"
        return f"{name}.{pages}.{place}.amazoncognito.com"

    return Output.all(served_by, prefix, region, partition).apply(lambda known: host(tuple(known)))
