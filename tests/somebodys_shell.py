"""A shell that somebody has set up for an AWS of their own: nothing of it is meant for the embedded AWS."""

from __future__ import annotations

NOBODY = "http://127.0.0.1:9"
"""Where nobody answers."""
SETTINGS = {
    **dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE"), "of-somebody-else"),
    **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-central-1"),
    **dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_DYNAMODB"), NOBODY),
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), NOBODY),
    **dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/no/such/file"),
    **dict.fromkeys(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), "/no/such/bundle.pem"),
    **dict.fromkeys(("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"), "true"),
    "NO_PROXY": "",
    "no_proxy": "",
    "AWS_SESSION_TOKEN": "of-a-session-long-ago",
    "AWS_MAX_ATTEMPTS": "0",
    "AWS_RETRY_MODE": "never",
    "AWS_DEFAULTS_MODE": "nobodys",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "nobodys",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "nobodys",
    "AWS_DATA_PATH": "/no/such/folder",
    "AWS_CLI_AUTO_PROMPT": "nobodys",
    "AWS_DEFAULT_OUTPUT": "nobodys",
}
"""Some are wrong, some lead elsewhere."""
