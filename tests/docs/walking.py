"""A walk: somebody types the blocks of a document into one shell, in the folder of a fresh clone with the stack served.

What stands for what:
- `make serve` has been typed already: the addresses that it would have are those of the stack that the test deployed.
- `make TARGET` is looked up in the Makefile; `pulumi stack output --json` prints that stack's outputs. Nothing else of
  the Pulumi CLI is here: a block with it is marked.
- A line below a comment that says Ctrl-C is interrupted once it has printed something, or has had the time to.
- The reader has an AWS account: credentials and a region, as a bank's engineer has, and a shell set up for it, wrongly.
  What says no endpoint of its own goes there, through a proxy that nobody runs, and fails. Unless the document is about
  a stack on AWS (`on_aws`), which this one then plays.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from cli.local_ledger import LOCAL_AWS, LOCAL_URL

from ..somebodys_shell import NOBODY, SETTINGS
from .blocks import ROOT, Block, to_run

PATIENCE_SECONDS = 120
"""For one block."""
_ENDS = "--- the block ends with"
_COPIED = ("cli",)  # `ledger` looks for the .venv beside where it really lies
_LEFT_OUT = {".venv", ".git", ".cache", ".build", "out.json", *_COPIED}
_CTRL_C = re.compile(r"^# .*Ctrl-C.*\n(?P<command>.+)$", re.MULTILINE)
_OUTPUT = re.compile(r"\$\{outputs\.(\w+)\}")  # as Pulumi Cloud shows Pulumi.README.md
_DOLLAR = re.compile(r"^\$ ", re.MULTILINE)

_CREDENTIALS = """[default]
aws_access_key_id = AKIAREALACCOUNT00000
aws_secret_access_key = of-a-real-account
region = eu-central-1
"""

_MAKE = r"""
import pathlib, re, sys
targets = re.findall(r"(?m)^([a-z][a-z-]*):", pathlib.Path("Makefile").read_text())
unknown = [each for each in sys.argv[1:] if each not in targets]
sys.exit(f"make: no rule to make target {unknown}" if unknown else 0)
"""

_PULUMI = """
import pathlib, sys
asked = sys.argv[1:]
if asked[:3] != ["stack", "output", "--json"]:
    sys.exit(f"pulumi is not here: mark the block that has `pulumi {' '.join(asked)}`")
print((pathlib.Path(__file__).parent / "outputs.json").read_text())
"""

_UNTIL_CTRL_C = """
import signal, subprocess, sys, threading
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background has it ignored, and so would what is begun there
running = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, start_new_session=True)
interrupt = threading.Timer(3, running.send_signal, [signal.SIGINT])
interrupt.start()
for line in running.stdout:
    sys.stdout.buffer.write(line)
    running.send_signal(signal.SIGINT)
interrupt.cancel()
code = running.wait()
sys.exit(0 if code in (0, 130, -signal.SIGINT) else abs(code))
"""


class Ran(NamedTuple):
    """A block and all that it printed, errors included."""

    block: Block
    output: str


class Walk:
    """One shell in a folder of its own. `outputs` are the stack's, with its endpoint; `aws` is the AWS CLI, if any."""

    def __init__(
        self, folder: Path, outputs: Mapping[str, Any], aws: Path | None = None, *, on_aws: bool = False
    ) -> None:
        self.folder = folder / "clone"
        self._outputs = outputs
        self.without_aws = aws is None
        self._addresses = {LOCAL_AWS: str(outputs["endpoint"]).rstrip("/")}
        console = str(outputs.get("consoleUrl", ""))
        if console:
            self._addresses[LOCAL_URL] = "http://" + urlsplit(console).netloc
        home, tools = folder / "home", folder / "tools"
        for each in (self.folder, tools, home / ".aws"):
            each.mkdir(parents=True)
        (home / ".aws" / "credentials").write_text(_CREDENTIALS)
        (self.folder / "out.json").write_text(json.dumps(outputs))
        (tools / "outputs.json").write_text(json.dumps(outputs, indent=2))
        self._clone()
        for name, program in {"make": _MAKE, "pulumi": _PULUMI, "until-ctrl-c": _UNTIL_CTRL_C}.items():
            (tools / name).write_text(f"#!{sys.executable}\n{program}")
            (tools / name).chmod(0o755)
        (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (tools / "python3").chmod(0o755)
        if aws:
            there = f"--endpoint-url {outputs['endpoint']} --region {outputs['region']}" if on_aws else ""
            (tools / "aws").write_text(f'#!/bin/sh\nexec {aws} {there} "$@"\n')
            (tools / "aws").chmod(0o755)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(home),
            "LEDGER_CONFIG_DIR": str(home / "ledger"),
            "HTTP_PROXY": NOBODY,
            "HTTPS_PROXY": NOBODY,
            "NO_PROXY": "127.0.0.1,localhost",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "COLUMNS": "80",
            **({} if on_aws else SETTINGS),
        }

    def __enter__(self) -> Self:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,  # in a file, programs that write to /dev/stdout would overwrite each other's words
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # so that its end can be that of all that it started
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.communicate()

    def run(self, block: Block) -> Ran:
        """Type one block in. Raises AssertionError with all that it printed where a command of it fails."""
        script = self.folder.parent / "block"
        script.write_text(f"set {'+' if block.code or block.language == 'console' else '-'}e\n{self._typed(block)}\n")
        assert self._shell.stdin
        late = threading.Timer(PATIENCE_SECONDS, os.killpg, [self._shell.pid, signal.SIGKILL])
        late.start()
        try:
            self._shell.stdin.write(f". {script} </dev/null; printf '\\n{_ENDS} %s\\n' $?\n")
            self._shell.stdin.flush()
            said, status = self._said()
        finally:
            late.cancel()
        if block.language == "console":  # which shows what goes wrong as well
            _hold(block, said)
        else:
            assert status == block.code, f"{block} ends with {status}:\n{said}"
        return Ran(block, said)

    def _said(self) -> tuple[str, int]:
        """What is printed until a block ends, and with which status. Its first failure ends the shell."""
        assert self._shell.stdout
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(_ENDS):
                return "".join(lines).removesuffix("\n"), int(line.removeprefix(_ENDS))
            lines.append(line)
        return "".join(lines), self._shell.wait()

    def document(self, name: str) -> list[Ran]:
        """Type in all blocks of a document that are to be run; without an AWS CLI, those that need none."""
        return self.all(to_run(name))

    def all(self, chosen: Iterable[Block]) -> list[Ran]:
        """Type in these blocks, in their order."""
        return [self.run(block) for block in chosen if not (self.without_aws and needs_aws(block))]

    def _typed(self, block: Block) -> str:
        text = block.text
        if block.language == "console":
            text = "\n".join(_DOLLAR.sub("", line) for line in text.split("\n") if line.startswith("$ "))
        for printed, real in self._addresses.items():
            text = text.replace(printed, real)
        text = _OUTPUT.sub(lambda found: str(self._outputs[found[1]]), text)
        if block.language == "python":
            (self.folder / "block.py").write_text(text)
            return "env -i .venv/bin/python block.py"
        return _CTRL_C.sub(r"until-ctrl-c \g<command>", text)

    def _clone(self) -> None:
        """What a clone has: the project's files, and a .venv of the packages that the tests run with."""
        for path in ROOT.iterdir():
            if path.name not in _LEFT_OUT:
                (self.folder / path.name).symlink_to(path)
        for name in _COPIED:
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / ".cache").symlink_to(ROOT / ".cache")
        (ROOT / ".build").mkdir(exist_ok=True)  # which nothing was built in yet where this is tried first
        (self.folder / ".build").symlink_to(ROOT / ".build")
        venv, own = Path(sys.prefix), self.folder / ".venv"
        (own / "bin").mkdir(parents=True)
        for name in ("lib", "pyvenv.cfg"):
            (own / name).symlink_to(venv / name)
        for name in ("python", "python3"):
            (own / "bin" / name).symlink_to(Path(sys.executable).resolve())
        (own / "bin" / "ledger").symlink_to("../../cli/ledger")


def needs_aws(block: Block) -> bool:
    """Whether it calls the AWS CLI."""
    return bool(re.search(r"(?:^|[\s;(|`])(?:aws|aws_here) ", block.text, re.MULTILINE))


def _hold(block: Block, said: str) -> None:
    """What a `console` block shows is what is printed: line breaks aside, and `…` stands for anything."""
    shown = " ".join(line for line in block.text.split("\n") if not line.startswith("$ ")).split()
    pattern = r"\s+".join(".*".join(map(re.escape, word.split("…"))) for word in shown)
    assert re.search(pattern, said, re.DOTALL), f"{block} shows something else than what is printed:\n{said}"
