"""What can go wrong between a program's text and its resources."""


class DeployError(Exception):
    """The stack could not be deployed or destroyed; the message says which part of it and why."""


class Stopped(Exception):  # noqa: N818  it is not an error
    """Nobody wants the deployment any more. What it was made in is thrown away or kept: nothing is deleted."""


class ConfigError(DeployError):
    """The project or stack configuration is missing, malformed or does not fit its schema."""
