"""The workflows of .github: what they use is pinned, what they may is said, and a preview becomes a comment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
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


ROLE = re.compile(r"vars\.AWS_(\w+)_ROLE_ARN")
IAM_ALLOWS, ACTION_ASKS_FOR = 3600, 3600
"""Seconds of a session, where nothing is said."""
LONGEST = "max-session-duration"


def assumed() -> list[tuple[str, int, int]]:
    """The roles that jobs act in, for how long each asks, and how long its job may take."""
    jobs = [job for each in WORKFLOWS for job in yaml.safe_load(each.read_text("utf-8"))["jobs"].values()]
    steps = [(job, each["with"]) for job in jobs for each in job["steps"] if "role-to-assume" in each.get("with", {})]
    return [
        (
            ROLE.findall(given["role-to-assume"])[0].lower(),
            given.get("role-duration-seconds", ACTION_ASKS_FOR),
            job["timeout-minutes"] * 60,
        )
        for job, given in steps
    ]


def test_a_role_is_made_for_sessions_as_long_as_its_job_asks_for() -> None:
    """And the job for as long as it may take: IAM refuses a session that is longer than its role allows."""
    manual = (PROJECT / "docs" / "operations.md").read_text("utf-8")
    made = {
        (command, role): int(dict([option.split(" ") for option in options.split(" --")[1:]]).get(LONGEST, IAM_ALLOWS))
        for command, role, options in re.findall(r"^aws iam (\w+)-role --role-name ledger-(\w+)(.*)$", manual, re.M)
    }
    assert {role for role, *_ in assumed()} == {"deploy", "preview", "sign"}
    for role, asked, needed in assumed():
        assert asked >= needed
        assert made["create", role] == asked
        assert made.get(("update", role), asked) == asked
    assert all(f"`role-duration-seconds: {asked}`" in manual for _, asked, _ in assumed() if asked != ACTION_ASKS_FOR)


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
    assert comment.startswith("<!-- pulumi preview: prod -->\n### `pulumi preview` of `prod`\n")
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


GITHUB_SAYS = """#!{python}
import json, pathlib, re, sys
there, (api, *asked) = pathlib.Path(__file__).with_name("there.json"), sys.argv[1:]
comments = json.loads(there.read_text())
assert api == "api"
if asked == ["--paginate", "--slurp", "repos/acme/ledger/issues/7/comments?per_page=100"]:
    print(json.dumps([comments[at:at + 100] for at in range(0, len(comments), 100)]))
    sys.exit()
method, verb, path, field, body = asked
assert (method, field, body[:6]) == ("--method", "--field", "body=@")
text = pathlib.Path(body[6:]).read_text()
if (verb, path) == ("POST", "repos/acme/ledger/issues/7/comments"):
    comments.append({{"id": len(comments), "user": {{"login": "github-actions[bot]"}}, "body": text}})
else:
    (number,) = re.fullmatch("PATCH repos/acme/ledger/issues/comments/([0-9]+)", f"{{verb}} {{path}}").groups()
    comments[int(number)]["body"] = text
there.write_text(json.dumps(comments))
"""
"""A stand-in for `gh`, and for what GitHub keeps."""
BOT = "github-actions[bot]"


def commented(folder: Path, there: list[tuple[str | None, str]], text: str) -> list[tuple[str | None, str]]:
    """The comments of a pull request, by who wrote them, after the step of the workflow with that text."""
    kept, gh = folder / "there.json", folder / "gh"
    users = [None if who is None else {"login": who} for who, _ in there]
    kept.write_text(json.dumps([{"id": at, "user": users[at], "body": body} for at, (_, body) in enumerate(there)]))
    gh.write_text(GITHUB_SAYS.format(python=sys.executable))
    gh.chmod(0o755)
    (folder / "comment.md").write_text(text)
    (folder / ".github").symlink_to(GITHUB)
    steps = yaml.safe_load((GITHUB / "workflows" / "preview.yml").read_text("utf-8"))["jobs"]["preview"]["steps"]
    (step,) = (each for each in steps if each.get("name") == "comment")
    path = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "GITHUB_REPOSITORY": "acme/ledger", "NUMBER": "7"}
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=folder, env=environment, check=True)
    return [(each["user"] and each["user"]["login"], each["body"]) for each in json.loads(kept.read_text())]


MINE = "<!-- pulumi preview: prod -->\n### before\n"
OTHERS: list[tuple[str | None, str]] = [
    ("mallory", MINE),
    (BOT, "<!-- pulumi preview: prod-eu -->\nanother stack's\n"),
    (BOT, f"coverage: 99 %\n{MINE}"),
    (None, MINE),
    *[("jane", "looks good")] * 150,
]


def test_a_comment_is_renewed_where_it_is_and_no_other_one_is_touched(tmp_path: Path) -> None:
    now = "<!-- pulumi preview: prod -->\n### now, `$(id)` and true\n"
    last: tuple[str | None, str] = (BOT, "<!-- coverage -->\n99 %\n")

    assert commented(tmp_path, [*OTHERS, (BOT, MINE), last], now) == [*OTHERS, (BOT, now), last]


def test_a_comment_is_made_where_there_is_none_of_its_own(tmp_path: Path) -> None:
    now = "<!-- pulumi preview: prod -->\n### now\n"

    assert commented(tmp_path, OTHERS, now) == [*OTHERS, (BOT, now)]


def test_what_has_no_hidden_line_is_no_comment(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        commented(tmp_path, OTHERS, "### now\n")
