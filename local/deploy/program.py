"""Runs a Pulumi program against a monitor, in a thread and a context of its own."""

import asyncio
import contextlib
import contextvars
import logging
import runpy
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import set_all_config, set_mocks, settings
from pulumi.runtime.stack import Stack, massage, run_pulumi_func

from local.deploy import outputs, positions
from local.deploy.config import StackConfig
from local.deploy.errors import DeployError
from local.deploy.monitor import Monitor
from local.deploy.progress import OnProgress, Progress

positions.leave_out()
outputs.lighten()

# A program has the interpreter's working directory and import path to itself.
_ONE_AT_A_TIME = threading.Lock()


def run(project_dir: Path, config: StackConfig, monitor: Monitor, on_progress: OnProgress) -> dict[str, Any]:
    """Run the project's `__main__.py` to its end and return the stack's outputs.

    Raises the monitor's first failure, or DeployError with the place in the program for whatever the program raised.
    The SDK keeps its state in context variables and leans on an event loop, so the program gets a fresh context and,
    in a thread of its own, a fresh loop: the caller may have both already.
    """
    result = _Result()
    context = contextvars.Context()
    main = _main(project_dir, config, monitor, on_progress)
    thread = threading.Thread(target=lambda: context.run(result.of, lambda: asyncio.run(main)), name="program")
    with _ONE_AT_A_TIME:
        thread.start()
        try:
            thread.join()
        except BaseException:
            monitor.cancel()
            thread.join()
            raise
    if monitor.failure:
        raise monitor.failure.with_traceback(None)  # whose frames are the SDK's and the executor's
    if result.error:
        raise DeployError(_where(result.error, project_dir)) from result.error
    return result.outputs


class _Result:
    """What came of the thread."""

    def __init__(self) -> None:
        self.outputs: dict[str, Any] = {}
        self.error: BaseException | None = None

    def of(self, action: Any) -> None:
        try:
            self.outputs = action()
        except BaseException as exc:  # noqa: BLE001  raised again in the caller's thread
            self.error = exc


async def _main(project_dir: Path, config: StackConfig, monitor: Monitor, on_progress: OnProgress) -> dict[str, Any]:
    # Once anything has failed, every resource that waits for it fails too; the monitor keeps the one that matters.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    settings.Settings(config.project, config.stack)  # binds this context's own task set and lock
    set_all_config(config.values, secret_keys=[])
    logger = _program_logger(on_progress)
    set_mocks(monitor.mocks, config.project, config.stack, preview=False, logger=logger, monitor=monitor)
    with _at_home(project_dir):
        await run_pulumi_func(lambda: _execute(project_dir))
        return {name: await _resolved(value) for name, value in _exports().items()}


async def _execute(project_dir: Path) -> None:
    runpy.run_path(str(project_dir / "__main__.py"), run_name="__main__")
    await settle()


async def settle() -> None:
    """Wait until every output of the program has its value, or until one fails, which the SDK then reports.

    The SDK waits for its outputs, too, but goes through all that are left whenever one of them is done: of hundreds of
    resources, that is a third of what a deployment costs.
    """
    while waiting := {output for output in settings.SETTINGS.outputs if not output.done()}:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        if any(output.cancelled() or output.exception() for output in done):
            break
    outputs.forget_done()


def _exports() -> dict[str, Any]:
    root = pulumi.runtime.get_root_resource()
    if not isinstance(root, Stack):
        raise DeployError("the program has replaced its stack")
    return root.outputs


async def _resolved(value: Any) -> Any:
    return await pulumi.Output.from_input(massage(value, [])).future()


@contextlib.contextmanager
def _at_home(project_dir: Path) -> Iterator[None]:
    """The working directory and import path that the Pulumi CLI gives a program."""
    before = list(sys.path)
    sys.path.insert(0, str(project_dir))
    try:
        with contextlib.chdir(project_dir):
            yield
    finally:
        sys.path[:] = before


def _where(error: BaseException, project_dir: Path) -> str:
    """The error's text, with the innermost line of the project's own code that it came through."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(project_dir) and "site-packages" not in frame.filename
    ]
    text = str(error) if isinstance(error, pulumi.RunError) else f"{type(error).__name__}: {error}"
    if not frames or isinstance(error, pulumi.RunError):
        return text
    return f"{Path(frames[-1].filename).relative_to(project_dir)}:{frames[-1].lineno}: {text}"


class _Forward(logging.Handler):
    """Hands what the program logs to whoever watches the deployment."""

    def __init__(self, on_progress: OnProgress) -> None:
        super().__init__(logging.INFO)
        self._on_progress = on_progress

    def emit(self, record: logging.LogRecord) -> None:
        self._on_progress(Progress("warning" if record.levelno >= logging.WARNING else "info", record.getMessage()))


def _program_logger(on_progress: OnProgress) -> logging.Logger:
    logger = logging.Logger("program", logging.INFO)
    logger.addHandler(_Forward(on_progress))
    return logger
