"""A stack that exists at an endpoint: what it consists of, and how it is taken down."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.deploy import config
from local.deploy.credentials import Credentials
from local.deploy.errors import DeployError, Stopped
from local.deploy.names import Names
from local.deploy.progress import DeployedResource, OnProgress, Progress
from local.deploy.regions import in_aws


@dataclass
class Deployment:
    """The outputs and resources of one deployed stack."""

    stack: str
    outputs: dict[str, Any]
    resources: list[DeployedResource]  # in the order in which they were created

    def destroy(self, *, force: bool = False, on_progress: OnProgress | None = None) -> None:
        """Delete every resource, the newest first; with `force` those that are protected too. What is to be retained is
        left where it is.

        Raises DeployError before anything is deleted if a resource is protected, and at the first deletion that AWS
        refuses; `resources` then holds what is left, so that it can be called again.
        """
        protected = [resource.urn for resource in self.resources if resource.protected]
        if protected and not force:
            raise DeployError("protected, so nothing was deleted: " + ", ".join(protected))
        while self.resources:
            if not self.resources[-1].retained:
                _delete(self.resources[-1], force, on_progress or _ignore)
            self.resources.pop()


def deploy(
    endpoint: str,
    stack: str,
    project_dir: Path,
    on_progress: OnProgress | None = None,
    config_overrides: Mapping[str, str] | None = None,
    *,
    names: Names | None = None,
    credentials: Credentials | None = None,
) -> Deployment:
    """Run the Pulumi program in `project_dir` and create every resource of `stack` at `endpoint`.

    `config_overrides` replaces values of the stack's configuration, by `key` or `namespace:key`. Raises DeployError
    with what is wrong; what had been created by then is deleted again. Before anything is created: ConfigError, and
    DeployError for a Region of another partition.

    With `names`, a stack that was there before is made again under the names that it had. Nothing is deleted then,
    whatever fails: it may have contents from before. Nor is anything where a signal's handler raises `Stopped`.
    `credentials` are whose calls these are, until the stack is destroyed; None for the administrator's.
    """
    watch = on_progress or _ignore
    settings = config.load(project_dir, stack, config_overrides)
    if region := settings.get("aws:region"):
        in_aws(region)
    # Not before somebody deploys: Pulumi's SDK takes 30 MB, which `serve` would hold for good.
    from local.deploy import program  # noqa: PLC0415
    from local.deploy.aws import Clients  # noqa: PLC0415
    from local.deploy.monitor import Monitor  # noqa: PLC0415
    from local.deploy.provider import Provider  # noqa: PLC0415

    monitor = Monitor(Provider(Clients(endpoint, credentials or Credentials()), settings, names), watch)
    try:
        outputs = program.run(project_dir.resolve(), settings, monitor, watch)
    except BaseException as exc:
        if names is None and not isinstance(exc, Stopped):
            _roll_back(Deployment(stack, {}, monitor.deployed), exc, watch)
        raise
    return Deployment(stack, outputs, monitor.deployed)


def _roll_back(partial: Deployment, cause: BaseException, watch: OnProgress) -> None:
    try:
        partial.destroy(force=True, on_progress=watch)
    except DeployError as exc:  # the first error is the one to report
        cause.add_note(f"and what had been created could not all be deleted: {exc}")


def _delete(resource: DeployedResource, force: bool, watch: OnProgress) -> None:
    watch(Progress("deleting", resource.name, resource.type))
    started = time.monotonic()
    if resource.created is None:
        raise DeployError(f"{resource.urn} was deployed by another process, which knew how to delete it")
    if force and resource.created.unprotect:
        resource.created.unprotect()
    resource.created.delete()
    watch(Progress("deleted", resource.name, resource.type, time.monotonic() - started))


def _ignore(_: Progress) -> None:
    """Nobody watches."""
