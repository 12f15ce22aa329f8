"""The file of outputs: whole or not there, and what cannot be written is told before it is needed."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path

import pytest

from local.outputs_file import OutputsError, OutputsFile


def no_room(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_it_is_there_while_its_context_lasts(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("stale")

    with OutputsFile(path) as file:
        assert not path.exists()
        file.write({"a": 1})
        assert json.loads(path.read_text()) == {"a": 1}
        assert list(tmp_path.iterdir()) == [path]

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "that is a folder"),
        ("folder", "that is a folder"),
        ("pipe", "that is no regular file"),
        ("nowhere/out.json", "No such file or directory"),
        ("file/out.json", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_written_is_told_in_one_sentence_that_names_the_option(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    there = sorted(tmp_path.iterdir())

    with pytest.raises(OutputsError) as caught:
        OutputsFile(tmp_path / name)

    assert str(caught.value) == f"cannot write {tmp_path / name}, the file of --outputs: {reason}"
    assert sorted(tmp_path.iterdir()) == there


def test_a_full_disk_is_told_before_anything_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", no_room)

    with pytest.raises(OutputsError, match=r"the file of --outputs: No space left on device"):
        OutputsFile(tmp_path / "out.json")

    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_has_filled_since_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with OutputsFile(tmp_path / "out.json") as file:
        monkeypatch.setattr(os, "fsync", no_room)
        with pytest.raises(OutputsError, match=r"--outputs: No space left on device"):
            file.write({"a": 1})

        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", refuse)  # root may write everywhere

    with pytest.raises(OutputsError, match=r"--outputs: Permission denied"):
        OutputsFile(tmp_path / "out.json")


def test_the_file_of_an_engine_that_answers_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        path.write_text(json.dumps({"endpoint": endpoint}))

        with pytest.raises(OutputsError, match=rf"out\.json, the file of --outputs: it is of .* {endpoint};"):
            OutputsFile(path)

        assert json.loads(path.read_text()) == {"endpoint": endpoint}

    OutputsFile(path)  # it has ended: its file is stale


def test_one_that_was_deployed_meanwhile_keeps_its_file(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = json.dumps({"endpoint": f"http://127.0.0.1:{listening.getsockname()[1]}"})
        with OutputsFile(path) as file:
            path.write_text(other)
            with pytest.raises(OutputsError, match="it is of the engine"):
                file.write({"a": 1})

        assert path.read_text() == other


def test_at_the_end_only_what_was_written_here_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with OutputsFile(path) as file:
        file.write({"a": 1})
        path.write_text("of somebody else")

    assert path.read_text() == "of somebody else"
