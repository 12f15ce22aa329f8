"""An output of the stack by its name, and an answer made readable, for what the README has a reader type in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import output, readable

OUTPUTS = {"commandFunction": "command-1", "queryFunction": "query-1", "endpoint": "http://127.0.0.1:4566"}


def test_an_output_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out.json").write_text(json.dumps(OUTPUTS))

    assert output.main(["endpoint", "--outputs", str(tmp_path / "out.json")]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:4566\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no {}: `make serve` keeps it here while it runs"),
        ("{", "{} cannot be read: it is not JSON"),
        ("[]", "{} has no output 'comandFunction'; perhaps one of those in it is meant"),
        (json.dumps(OUTPUTS), "{} has no output 'comandFunction'; perhaps commandFunction is meant"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    content: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.json"
    if content is not None:
        file.write_text(content)

    assert output.main(["comandFunction", "--outputs", str(file)]) == 1
    assert capsys.readouterr() == ("", f"error: {told.format(file)}\n")


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ('{"statusCode": 422, "body": "{\\"error\\": 1}"}', '422 {\n  "error": 1\n}\n'),
        ('{"errorType": "InternalError"}', '{\n  "errorType": "InternalError"\n}\n'),
        ('{"statusCode": 200, "body": "plain"}', '{"statusCode": 200, "body": "plain"}\n'),
        ("[]", "[]\n"),
        ("no JSON", "no JSON\n"),
    ],
)
def test_an_answer_is_its_status_and_its_body(
    answer: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "response.json").write_text(answer)

    assert readable.main([str(tmp_path / "response.json")]) == 0
    assert capsys.readouterr().out == shown


def test_no_answer_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert readable.main([str(tmp_path / "gone")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'gone'} cannot be read: No such file or directory\n"
    assert readable.main([]) == 2
