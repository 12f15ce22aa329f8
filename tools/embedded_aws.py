"""The way to the embedded AWS, which no setting of the user's shell changes: profile, endpoint, proxy or retries.

Those are for the real AWS. Here the address is known, and any credentials do.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.session import Session

_UNSET = {
    name: (None, None, default, conversion)
    for name, (_, _, default, conversion) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
}
"""Botocore's settings, each without the variable and the entry of a file that it would be read from."""
_UNSET |= dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
_NO_PROXY = Config(proxies={})


def session(region: str) -> Any:
    """A boto3 session with the credentials of the shell's variables, if there are some: a role may be tried by them."""
    made: Any = boto3.Session(region_name=region, botocore_session=Session(_UNSET))
    key, secret, token = (
        os.environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
    )
    made._session.set_credentials(*((key, secret, token) if key and secret else ("test", "test")))
    return made


def client(session: Any, service: str, endpoint: str, config: Config) -> Any:
    """A client of that session, without a proxy."""
    return session.client(service, endpoint_url=endpoint, config=config.merge(_NO_PROXY))
