"""`python -m tests.infrastructure.scan`: scanners look at the stack, and actionlint at the workflows.

They are checkov, cfn-lint, cdk-nag and the project's own policy pack, run as Pulumi's CrossGuard would.

The production stack is looked at, with a customer key, as a bank would deploy it. Exit code 0 where all that they find
is waived and no waiver is out of date. cdk-nag needs node and npm, actionlint Go: where they are missing, it says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tests.infrastructure.program import run

from . import tools, waivers
from .graph import policy_resources
from .plan import terraform_plan
from .template import template
from .tools import TOOLS, Finding

PROJECT = Path(__file__).resolve().parents[3]
SETTINGS = {
    "event-sourcing:kmsKey": "create",
    "event-sourcing:alarmEmails": '["oncall@example.com"]',
    "event-sourcing:auditFilesDays": "365",
    "event-sourcing:backupDays": "35",
    "event-sourcing:codeSigningConfigArn": (
        "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
    ),
    "event-sourcing:signedPackages": "s3://signed-packages/ledger/",
    "event-sourcing:guardBus": "true",
    "event-sourcing:backupLock": "governance",
    "event-sourcing:backupLockDays": "35",
}


def main() -> int:
    console = Console(highlight=False, soft_wrap=True)
    skipped = tools.missing()
    ran = [name for name in TOOLS if name not in skipped]
    try:
        with console.status("fetching the scanners (once)"):
            tools.fetch(ran)
        found = _scan(ran, console)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or ""
        console.print(f"[red]not scanned[/]: {escape(f'{error} {said[:2000]}'.strip())}")
        return 1
    known = waivers.read(waivers.FILE.read_text("utf-8"))
    left, stale = waivers.unwaived(found, known), waivers.unused(found, known, ran)
    for finding in left:
        console.print(f"[red]{finding.tool} {finding.rule}[/] {finding.resource}: {escape(finding.says)}")
    for waiver in stale:
        console.print(f"[red]waives nothing[/]: {waiver.tool} {waiver.rule} {waiver.resources}")
    for name, why in skipped.items():
        console.print(f"{name} was left out: {why}")
    verdict = f"{len(found) - len(left)} findings waived by {len(known)} lines, {len(left)} left"
    console.print(f"{', '.join(ran)}: {verdict}")
    return 1 if left or stale else 0


def _scan(ran: list[str], console: Console) -> list[Finding]:
    graph = run("prod", SETTINGS)
    found: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="scan-") as folder:
        plan, stack, declared = (Path(folder, f"{name}.json") for name in ("plan", "template", "graph"))
        plan.write_text(json.dumps(terraform_plan(graph)), "utf-8")
        stack.write_text(json.dumps(template(graph)), "utf-8")
        declared.write_text(json.dumps(policy_resources(graph)), "utf-8")
        reads = {
            "checkov": plan,
            "cfn-lint": stack,
            "cdk-nag": stack,
            "actionlint": PROJECT,
            "crossguard": declared,
        }
        for name in ran:
            with console.status(name):
                found += TOOLS[name](reads[name])
    return found


if __name__ == "__main__":
    sys.exit(main())
