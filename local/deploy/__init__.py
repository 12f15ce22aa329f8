"""Deploys the Pulumi program to an AWS endpoint through boto3, without the Pulumi CLI.

The program runs as it is; the monitor that its SDK talks to creates each resource for real and answers with its real
outputs. What cannot be honoured (a resource type, an input, a provider function) is an error, never a stub.
"""

from local.deploy.apart import deploy_apart
from local.deploy.config import StackConfig, default_tags, stacks
from local.deploy.config import load as load_config
from local.deploy.credentials import Credentials
from local.deploy.deployment import Deployment, deploy
from local.deploy.errors import ConfigError, DeployError, Stopped
from local.deploy.progress import DeployedResource, OnProgress, Progress

__all__ = [
    "ConfigError",
    "Credentials",
    "DeployError",
    "DeployedResource",
    "Deployment",
    "OnProgress",
    "Progress",
    "StackConfig",
    "Stopped",
    "default_tags",
    "deploy",
    "deploy_apart",
    "load_config",
    "stacks",
]
