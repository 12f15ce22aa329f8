"""Whether DynamoDB Local can be run is found out soon, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.engine.dynamodb_local import installation

NEEDED = "DynamoDB Local needs a Java runtime of version 17 or newer (Debian: openjdk-17-jre-headless); "


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("#!/bin/sh\nexec sleep 60\n", " does not say its version within 0.2 s"),
        ("garbage", " cannot be run (Exec format error)"),
        ("#!/nowhere/sh\n", " cannot be run (No such file or directory)"),
        ("#!/bin/sh\nprintf '\\377' >&2; exit 1\n", " is \ufffd"),
        ("#!/bin/sh\nexit 1\n", " is none"),
        ("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", ' is openjdk version "11.0.2"'),
    ],
)
def test_a_java_that_is_of_no_use_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(program)
    java.chmod(0o700)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    if "sleep" in program:
        monkeypatch.setattr(installation, "JAVA_SECONDS", 0.2)
    with pytest.raises(installation.UnavailableError) as refused:
        installation.java()
    assert str(refused.value) == f"{NEEDED}{java}{said}"


def test_java_says_its_version_well_within_a_start() -> None:
    assert installation.JAVA_SECONDS < 30
