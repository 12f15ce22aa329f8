"""The standard ways to install the program (`pulumi install`, Deployments, pulumi/actions) lead to the one lock."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.infrastructure.program import ROOT


def test_pulumi_installs_the_lock_where_make_does() -> None:
    """Pulumi's pip toolchain reads requirements.txt alone, and makes an empty environment of a project without one."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-r requirements.lock"]

    runtime = yaml.safe_load((ROOT / "Pulumi.yaml").read_text("utf-8"))["runtime"]
    assert (runtime["name"], runtime["options"]["toolchain"]) == ("python", "pip")
    assert f"VENV := {runtime['options']['virtualenv']}\n" in (ROOT / "Makefile").read_text("utf-8")


def test_the_lock_pins_what_the_program_needs_with_hashes() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    for requirement in needed:
        assert re.search(rf"^{re.escape(requirement)} \\\n +--hash=sha256:", lock, re.MULTILINE), requirement
    pinned = re.findall(r"^[A-Za-z0-9._-]+(?:\[[a-z,]+\])?==\S+.*$", lock, re.MULTILINE)
    assert len(pinned) > len(needed)
    assert all(line.endswith("\\") for line in pinned)  # each goes on with its hashes, or pip refuses all


def test_the_extras_fit_the_lock_that_they_are_added_to() -> None:
    """Both are in one environment: what both pin has one version."""
    pins = [
        dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "extras.lock")
    ]
    assert {"pyarrow", "playwright"} <= set(pins[1])
    assert not {"pyarrow", "playwright", "cfn-lint"} & set(pins[0])
    assert all(pins[0].get(name, version) == version for name, version in pins[1].items())
