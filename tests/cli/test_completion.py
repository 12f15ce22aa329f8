"""What a shell is offered."""

from __future__ import annotations

import subprocess

import pytest

from cli.completion import candidates
from cli.program import parser

from .fake import ROOT


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["acc"], ["account"]),
        (["transfer", "s"], ["send", "show"]),
        (["account", "show", "--di"], ["--direct"]),
        (["transfer", "list", "--status", "C"], ["Cancelled", "Committed", "Completed"]),
        (["account", "show", "a", "--json", "Status,Bal"], ["Status,Balance"]),
        (["account", "show", "--profile", ""], ["local", "prod"]),
        (["nonsense", ""], []),
    ],
)
def test_what_may_follow_is_offered(words: list[str], offered: list[str]) -> None:
    assert candidates(parser(), words, lambda: ["local", "prod"]) == offered


def test_bash_asks_the_program() -> None:
    script = (
        "source <(cli/ledger completion bash); COMP_WORDS=(cli/ledger transfer s); COMP_CWORD=2; _ledger; "
        'echo "${COMPREPLY[@]}"'
    )

    told = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert told.stdout == "send show\n"
