"""A deployment in a process of its own ends as one in the same process would, and leaves nothing loaded behind."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.deploy import ConfigError, DeployError, Progress, Stopped, apart, deploy, deploy_apart
from tests.local.projects import PlainAws, plain_aws, write_project

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plain() -> Iterator[PlainAws]:
    with plain_aws() as started:
        yield started


_QUEUES = 'for n in range(50):\n    aws.sqs.Queue(f"queue-{n}")'


def _queues(plain: PlainAws) -> list[str]:
    urls: list[str] = plain.client("sqs").list_queues().get("QueueUrls", [])
    return urls


def _ignore(_: Progress) -> None:
    """Nobody watches."""


def test_it_is_deployed_and_told_on_the_way_whatever_signal_comes(tmp_path: Path, plain: PlainAws) -> None:
    told: list[Progress] = []
    program = """
    import signal
    for each in (signal.SIGINT, signal.SIGTERM):  # as from a terminal, which tells both: the watching one decides
        signal.raise_signal(each)
    queue = aws.sqs.Queue("apart")
    pulumi.export("name", queue.name)
    pulumi.log.warn(pulumi.Config("other").require("word"))
    """

    deployment = deploy_apart(
        *(plain.endpoint, "local", write_project(tmp_path, program), told.append),
        config_overrides={"other:word": "mind"},
    )

    assert sorted((each.kind, each.subject) for each in told) == [
        ("created", "apart"),
        ("creating", "apart"),
        ("warning", "mind"),
    ]
    (resource,) = deployment.resources
    assert resource.id in _queues(plain)
    assert deployment.outputs["name"] == resource.id.rsplit("/", 1)[1]
    with pytest.raises(DeployError, match="deployed by another process"):
        deployment.destroy()
    plain.client("sqs").delete_queue(QueueUrl=resource.id)


def test_what_is_refused_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no stack 'staging'"):
        deploy_apart("http://127.0.0.1:9", "staging", write_project(tmp_path, ""), _ignore)


def test_a_process_that_ends_without_a_word_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_MAIN", "import os; os._exit(7)")

    with pytest.raises(DeployError, match="ended with status 7"):
        deploy_apart("http://127.0.0.1:9", "local", tmp_path, _ignore)


def test_whoever_watches_can_stop_it_and_what_there_was_is_deleted(tmp_path: Path, plain: PlainAws) -> None:
    told: list[Progress] = []

    def stop_at_the_third(progress: Progress) -> None:
        told.append(progress)
        if sum(each.kind == "created" for each in told) == 2 and progress.kind == "creating":
            raise KeyboardInterrupt

    program = _QUEUES
    with pytest.raises(KeyboardInterrupt):
        deploy_apart(plain.endpoint, "local", write_project(tmp_path, program), stop_at_the_third)

    assert sum(each.kind == "creating" for each in told) == 3
    assert sum(each.kind == "deleted" for each in told) == 2
    assert _queues(plain) == []


def test_a_stop_ends_it_at_once_and_deletes_nothing(tmp_path: Path, plain: PlainAws) -> None:
    stop = threading.Event()
    began = 0.0

    def stop_at_the_second(progress: Progress) -> None:
        nonlocal began
        if progress.kind == "created":
            stop.set()
            began = time.monotonic()

    program = 'first = aws.sqs.Queue("first")\nfor n in range(200):\n    aws.sqs.Queue(f"queue-{n}")\n'
    with pytest.raises(Stopped):
        deploy_apart(plain.endpoint, "local", write_project(tmp_path, program), stop_at_the_second, stop=stop)

    assert time.monotonic() - began < 4.5  # seconds
    assert 0 < len(_queues(plain)) < 200  # nothing is deleted: that takes longer than what there was is worth
    for url in _queues(plain):
        plain.client("sqs").delete_queue(QueueUrl=url)


@pytest.mark.parametrize("busy", ["import time; time.sleep(60)", "import subprocess; subprocess.run(['sleep', '60'])"])
def test_a_stop_ends_a_program_that_is_busy(tmp_path: Path, plain: PlainAws, busy: str) -> None:
    stop, at_work = threading.Event(), tmp_path / "at-work"
    began = 0.0

    def stop_once_it_is_at_work() -> None:
        nonlocal began
        while not at_work.exists():
            time.sleep(0.02)
        began = time.monotonic()
        stop.set()

    watcher = threading.Thread(target=stop_once_it_is_at_work, daemon=True)
    watcher.start()
    program = f"import pathlib; pathlib.Path({str(at_work)!r}).touch()\n{busy}"
    with pytest.raises(Stopped):
        deploy_apart(plain.endpoint, "local", write_project(tmp_path, program), lambda _: None, stop=stop)

    assert time.monotonic() - began < 4.5  # seconds
    watcher.join()


def test_where_nobody_wants_it_any_more_nothing_is_deleted(tmp_path: Path, plain: PlainAws) -> None:
    def stop_behind_the_first(progress: Progress) -> None:
        if progress.kind == "creating" and _queues(plain):
            raise Stopped

    with pytest.raises(Stopped):
        deploy(plain.endpoint, "local", write_project(tmp_path, _QUEUES), stop_behind_the_first)

    left = _queues(plain)
    assert left
    for url in left:
        plain.client("sqs").delete_queue(QueueUrl=url)


class Kept(dict[tuple[str, str], str]):
    """A NameKeeper in memory."""

    def known(self) -> dict[tuple[str, str], str]:
        return dict(self)

    def keep(self, urn: str, prop: str, name: str) -> None:
        self[urn, prop] = name


def test_names_that_are_kept_are_taken_again_and_nothing_is_deleted(tmp_path: Path, plain: PlainAws) -> None:
    kept = Kept()
    program = 'aws.sqs.Queue("plain")\naws.sqs.Queue("prefixed", name_prefix="{}-")\n{}'

    def deployed(prefix: str, more: str = "") -> set[str]:
        folder = write_project(tmp_path, program.format(prefix, more))
        return {each.id for each in deploy_apart(plain.endpoint, "local", folder, _ignore, kept).resources}

    first = deployed("one")
    assert len(kept) == 2
    assert deployed("one") == first
    with pytest.raises(DeployError, match="no"):
        deployed("one", 'raise pulumi.RunError("no")')
    assert set(_queues(plain)) == first
    (changed,) = deployed("two") - first  # the program wants another beginning, so it is another resource
    assert "/two-" in changed
    for url in _queues(plain):
        plain.client("sqs").delete_queue(QueueUrl=url)


def test_what_serves_does_not_load_what_deploys() -> None:
    code = "import sys, local.serve; print([name for name in sys.modules if name.split('.')[0] in ('pulumi', 'grpc')])"

    answer: Any = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout == "[]\n"
