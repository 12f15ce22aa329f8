"""A DynamoDB Local of one's own: empty, in memory, on a free port, gone with whoever started it."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from local.engine.watchdog import Watchdog
from tests.support import eventually

from . import installation

START_SECONDS = 60
_FOR_SHORT = ("-Xmx768m", "-XX:TieredStopAtLevel=1")
_FOR_LONG = ("-Xmx3g", "-Xmn2g")
"""Room for what is made on a large page's way: with little, half of its time goes into clearing that away."""


@contextmanager
def running(*, for_long: bool = False) -> Iterator[str]:
    """Start it and yield its endpoint when it answers. Raises UnavailableError where it is not installed.

    By default it is quick to start; `for_long` it is quick afterwards.
    """
    java, jars = installation.java(), installation.jars()
    folder = Path(tempfile.mkdtemp(prefix="dynamodb-local-"))
    watchdog = Watchdog(folder)  # also where this process dies without a word
    try:
        port = _free_port()
        command = [
            *(java, "-XX:+UseSerialGC", *(_FOR_LONG if for_long else _FOR_SHORT)),
            f"-Djava.io.tmpdir={folder}",
            *("-cp", f"{jars}/*", "software.amazon.dynamodb.services.local.main.ServerRunner"),
            *("-inMemory", "-disableTelemetry", "-port", str(port)),
        ]
        log = folder / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            ) as process,
        ):
            watchdog.watch(process.pid)
            try:
                _await_answer(process, port, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.kill()
    finally:
        watchdog.stop()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"DynamoDB Local ended with {process.returncode}: {log.read_text(errors='replace')}")
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(answers, START_SECONDS, message="DynamoDB Local answers")
