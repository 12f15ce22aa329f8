"""A deployment in a process of its own, for a process that goes on afterwards and is not to keep what deploying loaded.

That is Pulumi's SDK, its AWS classes and the descriptions of AWS's APIs: some 150 MB. Over a pipe the deploying process
tells its progress, and is answered each time whether it is to go on; in the end it tells what came of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from local.deploy.deployment import Deployment, deploy
from local.deploy.errors import DeployError, Stopped
from local.deploy.names import Name, NameKeeper, Names
from local.deploy.progress import OnProgress, Progress
from local.stop import Stopping

_ROOT = Path(__file__).resolve().parents[2]
_LOOK_SECONDS = 0.1  # between looks at whether to stop
_END_SECONDS = 3.0  # for what runs to clear up, such as what pip was to fill
_STOP = signal.SIGUSR1  # of which whatever else runs in that process group dies, such as pip
# It ends soon, and hardly anything that it makes is garbage: to look for some would be a quarter of its time.
_MAIN = "import gc, sys; gc.disable(); from local.deploy import apart; apart.main(*sys.argv[1:])"


class _Stopped(Exception):  # noqa: N818  it is not an error
    """Whoever watches wants no more of it."""


def deploy_apart(
    endpoint: str,
    stack: str,
    project_dir: Path,
    on_progress: OnProgress,
    keeper: NameKeeper | None = None,
    *,
    stop: Stopping | None = None,
    config_overrides: Mapping[str, str] | None = None,
) -> Deployment:
    """As `deploy`, and raises what it raises. What comes back can be looked at, and not be destroyed.

    What `on_progress` raises while something is created ends the deployment; what there was by then is deleted first.
    With a `keeper` nothing is: the stack has the names again that it keeps, and may have contents from before.
    Once `stop` is set, it ends at once and deletes nothing. Raises: Stopped.
    """
    ours, theirs = Pipe()
    with ours:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 -- our own module
                [
                    *(sys.executable, "-c", _MAIN, str(theirs.fileno()), endpoint, stack, str(project_dir.resolve())),
                    json.dumps(dict(config_overrides or {})),
                ],
                cwd=_ROOT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C in the terminal is for whoever watches
            )
        try:
            with contextlib.suppress(ConnectionError):  # it has ended: `_watch` says so
                ours.send(None if keeper is None else keeper.known())
            result = _watch(ours, process, on_progress, keeper, stop or threading.Event())
        finally:
            process.wait()
    if isinstance(result, BaseException):
        raise result
    return result


def _watch(
    pipe: Connection,
    process: subprocess.Popen[bytes],
    on_progress: OnProgress,
    keeper: NameKeeper | None,
    stop: Stopping,
) -> Deployment | BaseException:
    """Passes progress on, and names, until there is a result."""
    stopped: BaseException | None = None
    while True:
        if stop.is_set():
            _end(process)
            return Stopped()
        if not pipe.poll(_LOOK_SECONDS):
            continue
        try:
            told = pipe.recv()
        except (EOFError, ConnectionError):
            return stopped or DeployError(f"the deployment's process ended with status {process.wait()}")
        if isinstance(told, Name) and keeper is not None:
            keeper.keep(told.urn, told.prop, told.name)
            pipe.send(True)
            continue
        if not isinstance(told, Progress):
            result: Deployment | BaseException = told
            return stopped or result
        try:
            on_progress(told)
        except BaseException as exc:  # noqa: BLE001  raised again once the process has cleared up
            stopped = stopped or exc
        pipe.send(stopped is None)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
        os.killpg(process.pid, _STOP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)


def main(descriptor: str, endpoint: str, stack: str, project_dir: str, overrides: str) -> None:
    """What the deploying process does. `descriptor` is the number of its end of the pipe."""
    pipe = Connection(int(descriptor))
    # Whoever watches gets these, too, and says what to do. Not ignored: what is started from here, such as pip, would
    # inherit that, and is to die of them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _pass)
    signal.signal(_STOP, _stop)

    def tell(progress: Progress) -> None:
        pipe.send(progress)
        if not pipe.recv() and progress.kind == "creating":
            raise _Stopped

    def keep(name: Name) -> None:
        pipe.send(name)
        pipe.recv()

    try:
        known = pipe.recv()
        names = None if known is None else Names(known, keep)
        pipe.send(_described(deploy(endpoint, stack, Path(project_dir), tell, json.loads(overrides), names=names)))
    except (_Stopped, Stopped, EOFError, ConnectionError):  # the answer is known, or nobody is there to hear it
        return
    except (DeployError, OSError) as exc:
        pipe.send(exc)


def _described(deployment: Deployment) -> Deployment:
    """Without the means to delete it, which belong to this process."""
    return replace(deployment, resources=[replace(each, created=None) for each in deployment.resources])


def _stop(*_: Any) -> None:
    signal.signal(_STOP, signal.SIG_IGN)  # once is enough
    raise Stopped


def _pass(*_: Any) -> None:
    """A signal that interrupts nothing."""
