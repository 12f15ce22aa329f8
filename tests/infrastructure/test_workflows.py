"""The workflows of .github: what they use is pinned, what they may is said, and a preview becomes a comment."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
GITHUB = PROJECT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_uses_actions_by_their_hash_and_says_what_it_may(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []
    permissions = yaml.safe_load(text)["permissions"]
    assert permissions["contents"] == "read"
    assert {name for name, level in permissions.items() if level == "write"} <= {"id-token", "pull-requests"}
    assert all("timeout-minutes" in job for job in yaml.safe_load(text)["jobs"].values())


def test_what_is_run_for_a_pull_request_gets_no_role_that_may_change_anything() -> None:
    text = (GITHUB / "workflows" / "preview.yml").read_text("utf-8")
    assert "AWS_DEPLOY_ROLE_ARN" not in text
    assert "secrets." not in text


@pytest.mark.parametrize("workflow", ["deploy", "drift"])
def test_what_can_be_started_by_hand_is_done_of_main_alone(workflow: str) -> None:
    jobs = yaml.safe_load((GITHUB / "workflows" / f"{workflow}.yml").read_text("utf-8"))["jobs"]
    assert [name for name, job in jobs.items() if "github.ref == 'refs/heads/main'" not in job["if"]] == []


def test_a_deployment_waits_for_the_reviewers_of_its_environment() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows" / "deploy.yml").read_text("utf-8"))["jobs"]
    assert jobs["deploy"]["environment"] == "production"


def test_what_dependabot_can_read_and_the_actions_are_kept_up_to_date() -> None:
    """It reads pyproject.toml and files called .txt or .in: no .lock."""
    updates: list[dict[str, Any]] = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    kept = {each["package-ecosystem"]: each.get("directories") or [each["directory"]] for each in updates}
    assert kept == {"pip": ["/", "/handlers", "/policies"], "github-actions": ["/"]}
    assert all((PROJECT / folder[1:] / "requirements.txt").is_file() for folder in kept["pip"])


def preview(folder: Path, printed: str, status: int) -> tuple[int, str]:
    """What .github/preview makes of what `pulumi preview` prints, with its status."""
    told = folder / "printed"
    told.write_text(printed)
    pulumi = folder / "pulumi"
    pulumi.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\ncat {told}\nexit {status}\n')
    pulumi.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([GITHUB / "preview", "prod"], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_preview_becomes_a_comment(tmp_path: Path) -> None:
    status, comment = preview(tmp_path, "+ aws:sqs/queue:Queue: (create)\nResources:\n    + 1 to create\n", 0)
    assert status == 0
    assert comment.startswith("### `pulumi preview` of `prod`\n")
    assert "~~~~diff\n+ aws:sqs/queue:Queue: (create)\nResources:\n    + 1 to create\n~~~~\n" in comment
    assert "failed" not in comment
    assert (tmp_path / "asked").read_text() == "preview --stack prod --policy-pack policies --diff --color never\n"


def test_nothing_in_a_preview_ends_its_fence(tmp_path: Path) -> None:
    _, comment = preview(tmp_path, "+ description: |\n~~~~\n~~~~~\n@everybody <img src=x>\n", 0)
    assert "~~~~~~diff\n+ description: |\n~~~~\n~~~~~\n@everybody <img src=x>\n~~~~~~\n" in comment


def test_a_preview_that_fails_fails_the_check_and_tells_why(tmp_path: Path) -> None:
    status, comment = preview(tmp_path, "error: setting memorySize: 64 is below 128\n", 255)
    assert status == 255
    assert "**It failed**, with status 255." in comment
    assert "error: setting memorySize: 64 is below 128" in comment


def test_of_a_long_preview_the_end_is_told_and_github_takes_it(tmp_path: Path) -> None:
    lines = "".join(f"  ~ resource {number:07}\n" for number in range(10_000))
    _, comment = preview(tmp_path, f"{lines}Resources:\n    ~ 10000 to update\n", 0)
    assert len(comment) < 65_536
    assert "characters are left out" in comment
    assert comment.endswith("Resources:\n    ~ 10000 to update\n~~~~\n\n</details>\n")
