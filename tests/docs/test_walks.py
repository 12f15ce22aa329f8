"""The documents' code blocks, typed in as printed, one document after the other on one stack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from local.deploy import Deployment, StackConfig
from local.display import TextDisplay

from . import aws_cli
from .blocks import Block, to_run
from .conftest import Outputs, Reader
from .walking import Ran, Walk, needs_aws

pytestmark = pytest.mark.slow

WALKED = ("README.md", "Pulumi.README.md", "docs/cli.md", "docs/front-door.md", "docs/local.md")
ON_AWS = {"Pulumi.README.md", "docs/front-door.md"}
APART = {"docs/extending.md": "tests/kinds/written.py", "docs/operations.md": "tests/docs/test_runbook_walk.py"}
"""Documents that are walked elsewhere."""


@pytest.fixture(scope="module")
def walked(outputs: Outputs, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Ran]]:
    """What the blocks of a document printed, typed in once."""

    @cache
    def walk(document: str) -> list[Ran]:
        folder = tmp_path_factory.mktemp("walk")
        with Walk(folder, outputs, aws_cli.any_version(), on_aws=document in ON_AWS) as walking:
            return walking.document(document)

    return walk


Walked = Callable[[str], list[Ran]]


@pytest.mark.parametrize("document", WALKED)
def test_a_document_runs_as_printed(document: str, walked: Walked) -> None:
    walked(document)
    if aws_cli.any_version() is None and any(map(needs_aws, to_run(document))):
        pytest.skip(f"without the AWS CLI some of its blocks were left out: {aws_cli.HOW[1]}")


def test_the_readme_s_first_steps_move_the_money_that_they_say(walked: Walked) -> None:
    (told,) = (ran.output for ran in walked("README.md") if "account statement alice" in ran.block.text)

    assert "-50.25" in told, told


def test_boto3_reads_what_the_command_line_wrote(walked: Walked) -> None:
    (told,) = (ran.output for ran in walked("README.md") if ran.block.language == "python")

    assert "'AccountId': 'alice'" in told


@pytest.mark.parametrize("version", [1, 2])
def test_the_functions_answer_readably_with_either_version_of_the_aws_cli(version: int, reader: Reader) -> None:
    """Each command has an id: with another version the same happens once, and is answered as the first time."""
    if version not in aws_cli.installed():
        pytest.skip(aws_cli.HOW[version])
    typed = to_run("README.md")
    defined_and_used = next(pair for pair in pairwise(typed) if needs_aws(pair[0]))

    _, talk = reader(aws_cli.installed()[version]).all(defined_and_used)

    opened, deposited, refused, state = answers(talk.output)
    assert opened == ("200", opened[1] | {"sequence": 1})
    assert deposited == ("200", deposited[1] | {"sequence": 2})
    assert (refused[0], refused[1]["error"]["details"]["rule"]) == ("422", "sufficient-funds")
    assert (state[0], state[1]["reconstructedState"]["balance"]) == ("200", 100.5)


@pytest.mark.parametrize("version", [1, 2])
def test_the_call_that_serve_prints_is_answered(
    version: int, reader: Reader, outputs: Outputs, capsys: pytest.CaptureFixture[str]
) -> None:
    if version not in aws_cli.installed():
        pytest.skip(aws_cli.HOW[version])
    config = StackConfig("ledger", "local", {"aws:region": outputs["region"]})
    TextDisplay().deployed(outputs["endpoint"], config, Deployment("local", outputs, []))
    printed = capsys.readouterr().out
    last = "tools.readable response.json"
    call = printed[printed.index("env -i ") : printed.index(last) + len(last)]

    told = reader(aws_cli.installed()[version]).run(block(call.replace("account-123", f"of-version-{version}")))

    [(status, body)] = answers(told.output)  # and nothing beside it
    assert (status, body["aggregateId"]) == ("200", f"of-version-{version}")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("invoke nosuchFunction", "error: out.json has no output 'nosuchFunction'; perhaps "),
        (
            "rm out.json\ninvoke queryFunction",
            "error: there is no out.json: `make serve` keeps it here while it runs\n",
        ),
    ],
)
def test_what_cannot_be_invoked_is_a_sentence_and_asks_nobody(typed: str, told: str, reader: Reader) -> None:
    if not aws_cli.installed():
        pytest.skip(aws_cli.HOW[1])
    walk = reader()
    walk.run(next(each for each in to_run("README.md") if needs_aws(each)))

    said = walk.run(block(typed, code=1)).output

    assert said.startswith(told)
    assert len(said.splitlines()) == 1


def test_without_a_stack_the_program_of_the_readme_says_so(reader: Reader) -> None:
    walk = reader()
    walk.run(block("rm out.json"))
    (talk,) = (each for each in to_run("README.md") if each.language == "python")
    (walk.folder / "talk.py").write_text(talk.text)

    said = walk.run(block("env -i .venv/bin/python talk.py", code=1)).output

    assert said == "there is no out.json: make serve keeps it here while it runs\n"


def answers(said: str) -> list[tuple[str, Any]]:
    """Statuses, each with its body."""
    found = []
    while said.strip():
        status, _, rest = said.lstrip().partition(" ")
        body, end = json.JSONDecoder().raw_decode(rest)
        found.append((status, body))
        said = rest[end:]
    return found


def block(text: str, *, language: str = "sh", code: int = 0) -> Block:
    return Block("a.md", 1, language, text, None, code)


def test_what_one_block_defines_the_next_one_has_and_its_output_is_told(reader: Reader) -> None:
    ran = reader().all([block('name=alice; hi() { printf "hi $1"; }'), block('hi "$name"\necho to you >&2')])

    assert [each.output for each in ran] == ["", "hi aliceto you\n"]


@pytest.mark.parametrize("text", ["false\ntrue", "nobody-has-this-command", "make no-such-target", "pulumi up"])
def test_a_command_that_fails_fails_its_block(text: str, reader: Reader) -> None:
    with pytest.raises(AssertionError, match=re.escape("a.md:1 ends with ")):
        reader().run(block(text))


def test_a_block_that_fails_as_it_says_does_not(reader: Reader) -> None:
    walk = reader()

    assert walk.run(block("echo so; (exit 3)", code=3)).output == "so\n"
    with pytest.raises(AssertionError, match="ends with 0"):
        walk.run(block("true", code=3))


def test_what_waits_for_ctrl_c_gets_it(reader: Reader) -> None:
    assert reader().run(block("# until Ctrl-C\nsh -c 'echo one; exec sleep 60'")).output == "one\n"


def test_another_output_than_the_one_shown_is_noticed(reader: Reader) -> None:
    walk = reader()
    walk.run(block("$ echo a table-17 and more\na table-… and\nmore", language="console"))
    with pytest.raises(AssertionError, match="shows something else"):
        walk.run(block("$ echo a table-17\na chair-…", language="console"))


@pytest.mark.parametrize("version", [1, 2])
def test_what_names_no_endpoint_does_not_reach_this_stack_unnoticed(version: int, reader: Reader) -> None:
    """The reader is somebody with an account of their own, whom a forgotten endpoint would lead there."""
    if version not in aws_cli.installed():
        pytest.skip(aws_cli.HOW[version])
    with pytest.raises(AssertionError, match="ends with 25"):
        reader(aws_cli.installed()[version]).run(block("AWS_MAX_ATTEMPTS=1 aws lambda list-functions"))
