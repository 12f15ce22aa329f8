"""The same life through Pulumi's own engine, where its CLI is installed: what the stand-in computes is what it does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation as auto

from tests.infrastructure.plan.engine import Plan, State, destroy, refresh, rename, up
from tests.infrastructure.program import ONCALL, ROOT, graph, run

PROGRAM = ("__main__.py", "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "Pulumi.README.md")
FOLDERS = ("components", "handlers", "schemas", "stack", ".build")
NEEDED = [program for program in ("pulumi", "pulumi-language-python") if shutil.which(program) is None]

pytestmark = [
    pytest.mark.skipif(bool(NEEDED), reason=f"not installed: {', '.join(NEEDED)} (the stand-in runs all the same)"),
    pytest.mark.timeout(600),
]

Done = dict[str, set[str]]
"""By operation of the engine, the logical names."""


@pytest.fixture(params=["dev", "prod"])
def stack(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> auto.Stack:
    """A stack of that file, with the stand-in for the provider as a plugin and a backend in a folder."""
    graph(request.param)  # builds the packages
    project, plugins, state = tmp_path / "project", tmp_path / "plugins", tmp_path / "state"
    for folder in (project, plugins, state):
        folder.mkdir()
    for name in PROGRAM:
        shutil.copy2(ROOT / name, project / name)
    for name in FOLDERS:
        (project / name).symlink_to(ROOT / name)
    (project / ".venv").symlink_to(sys.prefix)
    plugin = plugins / "pulumi-resource-aws"
    command = f'"{sys.executable}" -m tests.infrastructure.plan.plugin "{tmp_path / "world.json"}"'
    plugin.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec {command}\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{plugins}{os.pathsep}{os.environ['PATH']}")
    environment = {
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "not a secret",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(tmp_path / "home"),
    }
    options = auto.LocalWorkspaceOptions(env_vars=environment)
    made = auto.create_stack(request.param, work_dir=str(project), opts=options)
    if request.param == "prod":
        made.set_config("event-sourcing:alarmEmails[0]", auto.ConfigValue(ONCALL), path=True)
    return made


def observed(operation: Callable[..., Any]) -> Done:
    """What the engine says it does, but for what stays as it is, the providers and the components."""
    done: Done = {}

    def note(event: Any) -> None:
        if event.resource_pre_event is not None:
            metadata = event.resource_pre_event.metadata
            if metadata.op.value != "same" and metadata.type.startswith("aws:"):
                done.setdefault(metadata.op.value, set()).add(metadata.urn.rsplit("::", 1)[1])

    operation(on_event=note)
    return done


def previewed_and_done(stack: auto.Stack) -> Done:
    """What `pulumi up` does, and the preview before it says the same: `stack.up` alone leaves previews out."""
    planned = observed(stack.preview)
    done = observed(stack.up)
    assert planned == done
    return done


def expected(plan: Plan) -> Done:
    """The same of the stand-in's plan; the engine counts a retained resource among the deleted."""
    replaced = set(plan.replaced)
    done = {
        "create": plan.created,
        "update": set(plan.updated),
        "create-replacement": replaced,
        "replace": replaced,
        "delete-replaced": replaced,
        "delete": plan.deleted | (plan.retained - replaced),
    }
    return {operation: names for operation, names in done.items() if names}


def test_the_engine_does_what_the_stand_in_computes(stack: auto.Stack) -> None:
    name = stack.name
    declared = graph(name)
    first = up(State(), declared)
    assert previewed_and_done(stack) == expected(first)
    assert observed(stack.preview) == {} == expected(up(first.after, declared))

    stack.refresh()
    assert observed(stack.preview) == {} == expected(up(refresh(first.after), declared))

    larger = {"event-sourcing:memorySize": "2048"}
    stack.set_config("event-sourcing:memorySize", auto.ConfigValue("2048"))
    changed = up(refresh(first.after), run(name, larger))
    assert previewed_and_done(stack) == expected(changed)

    new = f"{name}-2"
    _pulumi(stack, "stack", "rename", new)
    again = auto.select_stack(new, work_dir=stack.workspace.work_dir, opts=_options(stack))
    renamed = up(rename(changed.after, declared, stack=new), run(name, larger, renamed=new))
    assert previewed_and_done(again) == expected(renamed)

    again.set_config("aws:region", auto.ConfigValue("eu-west-1"))
    moved = up(renamed.after, run(name, {**larger, "aws:region": "eu-west-1"}, renamed=new))
    if name == "dev":
        assert observed(again.up) == expected(moved)
        assert observed(again.destroy) == expected(destroy(moved.after))
        assert _standing(again) == set()
    else:
        assert moved.refused
        for refused in (again.preview, again.destroy):
            with pytest.raises(auto.CommandError, match=r"protected|marked for protection"):
                refused()
        left = {kept.name for kept in destroy(renamed.after, preview=False).after if kept.custom}
        assert _standing(again) == left


def _options(stack: auto.Stack) -> auto.LocalWorkspaceOptions:
    return auto.LocalWorkspaceOptions(env_vars=dict(stack.workspace.env_vars))


def _pulumi(stack: auto.Stack, *arguments: str) -> None:
    subprocess.run(
        ["pulumi", *arguments, "--stack", stack.name, "--non-interactive"],
        cwd=stack.workspace.work_dir,
        env={**os.environ, **stack.workspace.env_vars},
        check=True,
        capture_output=True,
    )


def _standing(stack: auto.Stack) -> set[str]:
    """The logical names in the state."""
    resources = (stack.export_stack().deployment or {}).get("resources", [])
    return {each["urn"].rsplit("::", 1)[1] for each in resources if each["type"].startswith("aws:")}
