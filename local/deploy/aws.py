"""boto3 clients that talk to one endpoint and to nothing else."""

import os
import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local.deploy.credentials import Credentials

# Short timeouts and few retries: the endpoint is a neighbour, so a slow answer is a defect to report.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"total_max_attempts": 2, "mode": "standard"},
    proxies={},
    s3={"addressing_style": "path"},
)


class Clients:
    """One boto3 client per service and Region, whatever profile, proxy or credentials the user's shell names."""

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self.endpoint = endpoint
        isolated = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
        self._session = boto3.Session(
            aws_access_key_id=credentials.key,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
            botocore_session=botocore.session.Session(session_vars=isolated),
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str, region: str) -> Any:
        """The client for `service` in `region`."""
        key = (service, region)
        with self._lock:  # sessions are not thread-safe; the clients are
            if key not in self._clients:
                # The service is a variable here, which none of the stubs' literal overloads covers.
                make: Any = self._session.client
                self._clients[key] = make(service, region_name=region, endpoint_url=self.endpoint, config=_CONFIG)
            return self._clients[key]
