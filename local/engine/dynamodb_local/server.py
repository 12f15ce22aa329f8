"""A DynamoDB Local of one's own on a free port, gone with whoever started it.

It cannot be told to listen on 127.0.0.1 alone: its port is open on every interface of the machine for as long as it
runs. Each access key has tables of its own in it, so who does not know the key does not find the tables.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from local.engine.dynamodb_local import installation
from local.engine.watchdog import Watchdog

START_SECONDS = 60
QUICK_TO_START = ("-Xmx768m", "-XX:TieredStopAtLevel=1")
QUICK_AFTERWARDS = ("-Xmx3g", "-Xmn2g")
"""Room for what is made on a large page's way: with little, half of its time goes into clearing that away."""
_LOOK_SECONDS = 0.02


class NotStarted(RuntimeError):  # noqa: N818 - reads as what happened
    """DynamoDB Local ended, or did not answer in time; the message has what it said."""


class Process:
    """DynamoDB Local in a process of its own, answering at `endpoint` once constructed.

    It keeps its tables in the folder `tables`, or in memory without one. `scratch` is for what it unpacks. Whoever
    starts it tells a watchdog of `pid`, its process group. It holds the file descriptors in `keep` open.
    Raises: UnavailableError where it is not installed, NotStarted.
    """

    def __init__(
        self,
        scratch: Path,
        log: Path,
        watchdog: Watchdog,
        *,
        tables: Path | None = None,
        flags: Sequence[str] = QUICK_TO_START,
        keep: Sequence[int] = (),
    ) -> None:
        self.port = _free_port()
        self._log = log
        self._watchdog = watchdog
        command = [
            *(installation.java(), "-XX:+UseSerialGC", *flags, f"-Djava.io.tmpdir={scratch}"),
            *("-cp", f"{installation.jars()}/*", "software.amazon.dynamodb.services.local.main.ServerRunner"),
            *(("-dbPath", str(tables)) if tables else ("-inMemory",)),
            *("-disableTelemetry", "-port", str(self.port)),
        ]
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the Java and the verified jars that were looked for
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=keep,
            )
        watchdog.watch(self.pid)
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait()

    def kill(self) -> None:
        """Ends it at once: what it acknowledged is in its files."""
        self._process.kill()
        self._process.wait()
        self._watchdog.forget(self.pid)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None:
                said = self._log.read_text(errors="replace")
                raise NotStarted(f"DynamoDB Local ended with {self._process.returncode}: {said}")
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise NotStarted(f"DynamoDB Local does not answer after {START_SECONDS} s")
            time.sleep(_LOOK_SECONDS)


@contextmanager
def running(*, for_long: bool = False) -> Iterator[str]:
    """Start an empty one in memory, and yield its endpoint. Raises UnavailableError where it is not installed.

    By default it is quick to start; `for_long` it is quick afterwards.
    """
    installation.java(), installation.jars()  # before anything is begun
    folder = Path(tempfile.mkdtemp(prefix="dynamodb-local-"))
    watchdog = Watchdog(folder)  # also where this process dies without a word
    try:
        process = Process(folder, folder / "log", watchdog, flags=QUICK_AFTERWARDS if for_long else QUICK_TO_START)
        try:
            yield process.endpoint
        finally:
            process.kill()
    finally:
        watchdog.stop()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
