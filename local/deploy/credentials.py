"""Who deploys."""

from typing import NamedTuple


class Credentials(NamedTuple):
    """By default the administrator of the account, else a session of a role."""

    key: str = "test"
    secret: str = "test"  # noqa: S105  the endpoint checks no signature
    token: str | None = None
