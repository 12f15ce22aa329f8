"""What `make` does around its commands, in a folder that looks like an installed clone."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest

from local import install

ROOT = Path(__file__).resolve().parents[2]
POLITE = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: (print('Stopped.', flush=True), os._exit(130)))"
"""As `python -m local demo`, once it is loaded."""


@pytest.fixture(autouse=True)
def _of_no_other_make(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` runs these: the makes that they start are not to be its children, which say so."""
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)


def clone(folder: Path, python: str = "") -> Path:
    """With a `.venv` whose Python runs that instead of what it is told to."""
    for name in ("Makefile", "requirements.lock", "extras.lock"):
        shutil.copy(ROOT / name, folder)
    bin_ = folder / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python").write_text(f"#!{sys.executable} -S\nimport os, sys, time\n{textwrap.dedent(python)}\n")
    (bin_ / "python").chmod(0o755)
    for name in (".locked", ".extras", "bin/ledger"):
        (folder / ".venv" / name).touch()
    return folder


@pytest.mark.parametrize(
    ("python", "said"), [(POLITE, "Stopped.\n"), ("", "Stopped before it had started.\n")], ids=["loaded", "loading"]
)
@pytest.mark.parametrize("target", ["demo", "serve"])
def test_ctrl_c_is_one_line_and_make_adds_none(target: str, python: str, said: str, tmp_path: Path) -> None:
    """A terminal sends it to make, to its shell and to the command: here `loading` is one that cannot say anything."""
    folder = clone(tmp_path, f"{python}\nprint('ready', flush=True)\ntime.sleep(60)")
    with subprocess.Popen(
        ["make", target],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as make:
        assert make.stdout
        assert make.stdout.readline() == "ready\n"
        os.killpg(make.pid, signal.SIGINT)

        assert make.stdout.read() == said


def test_make_serve_takes_a_port_and_not_the_shells(tmp_path: Path) -> None:
    folder = clone(tmp_path, "print(*sys.argv[1:], flush=True)")
    shells = {**os.environ, "PORT": "8080"}

    def told(*more: str) -> str:
        ran = subprocess.run(
            ["make", "serve", *more], cwd=folder, env=shells, capture_output=True, text=True, check=True
        )
        return ran.stdout

    assert told() == "-m local serve --port 4566 --outputs out.json\n"
    assert told("PORT=4666") == "-m local serve --port 4666 --outputs out.json\n"


def test_who_reads_no_further_has_ended_it(tmp_path: Path) -> None:
    python = f"""
    sys.path[:] = {sys.path!r}
    from local.piped import PipedConsole
    console = PipedConsole()
    while True: console.print("a line of it")
    """
    typed = ["bash", "-c", "set -o pipefail; make demo | head -2"]

    ran = subprocess.run(typed, cwd=clone(tmp_path, python), capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "a line of it\n" * 2, "")


def test_a_command_that_fails_fails_make(tmp_path: Path) -> None:
    ran = subprocess.run(["make", "demo"], cwd=clone(tmp_path, "sys.exit(1)"), capture_output=True, check=False)

    assert ran.returncode == 2


def test_help_is_plain_in_a_pipe_and_eighty_columns_wide_on_a_terminal(tmp_path: Path) -> None:
    folder = clone(tmp_path)
    piped = subprocess.run(["make", "help"], cwd=folder, capture_output=True, text=True, check=True).stdout
    shown = on_a_terminal(folder, "make", "help")

    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert [line.split()[0] for line in piped.splitlines()] == targets
    assert "\x1b" not in piped
    assert "\x1b[36m" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert plain.split() == piped.split()


def installed(folder: Path, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    code = install.main([str(folder / ".venv"), str(folder / "requirements.lock"), "--add", *more])
    return code, *capfd.readouterr()


def test_a_disk_that_is_too_small_is_a_sentence_before_anything_is_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, error = installed(clone(tmp_path, "print('never')"), capfd, "--need", "999999999")

    assert (code, out) == (1, "")
    what = (
        r"error: \S+ takes 999999999 MB, 1149999998 MB with room to unpack it, and there are \d+ MB left on its disk\n"
    )
    assert re.fullmatch(what, error)


@pytest.mark.parametrize(("free", "code"), [(114, 1), (115, 0)])
def test_there_must_be_room_beside_what_stays(
    free: int, code: int, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free * 1_000_000)
    monkeypatch.setattr("local.install.shutil.disk_usage", lambda _: usage)

    assert installed(clone(tmp_path, "print('Installed')"), capfd, "--need", "100")[0] == code


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "no space left on device: make room"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "THESE PACKAGES DO NOT MATCH THE HASHES"),
        ("Killed", "Killed"),
    ],
)
def test_what_fails_is_a_sentence(said: str, told: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, error = installed(clone(tmp_path, f"print({said!r})\nsys.exit(1)"), capfd, "--fetch", "120")

    assert code == 1
    assert ": 120 MB to fetch, " in out
    assert error.startswith(f"error: {told}")
    assert len(error.splitlines()) == 1


def test_at_its_end_it_says_what_is_next(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, error = installed(clone(tmp_path), capfd, "--then", "make demo")

    assert (code, error) == (0, "")
    assert out.endswith("Installed; next: make demo\n")


@pytest.mark.parametrize("python", ["no-such-python", "/no/such/python"])
def test_a_python_that_is_not_there_is_a_sentence_with_an_example(python: str, tmp_path: Path) -> None:
    folder = clone(tmp_path)
    (folder / ".venv" / ".locked").unlink()
    command = ["make", "demo", f"PYTHON={python}"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert told.returncode == 2
    first, *more = told.stderr.splitlines()
    assert first.startswith(f"error: there is no program {python}: ")
    assert first.endswith("make demo PYTHON=python3.12")
    assert all(line.startswith("make: ***") for line in more)


def test_on_a_terminal_it_says_how_far_it_is(tmp_path: Path) -> None:
    python = "print('Collecting moto==5.2.5 (from -r x)\\nCollecting rich==15\\nInstalling collected packages: moto')"
    folder = clone(tmp_path, python)
    (folder / "requirements.lock").write_text("moto==5.2.5 \\\n    --hash=sha256:0\nrich==15.0.0\n")

    shown = on_a_terminal(
        ROOT, sys.executable, "-m", "local.install", f"{folder}/.venv", f"{folder}/requirements.lock", "--add"
    )

    steps = [part.strip() for part in shown.split("\r") if part.strip()]
    assert steps[1:] == ["package 1 of 2: moto", "package 2 of 2: rich", "unpacking them: 0 of 2", "Installed."]


def test_in_a_pipe_it_says_every_so_often_how_far_it_is_also_while_pip_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here pip goes on once the file of the test is there, which is when half of it was told."""
    monkeypatch.setattr(install, "_TELL_SECONDS", 0.02)
    go_on = tmp_path / "go on"
    python = f"""
    import pathlib
    print('Collecting moto==5.2.5\\nCollecting rich==15\\nInstalling collected packages: moto, rich', flush=True)
    packages = pathlib.Path({str(tmp_path)!r}, ".venv/lib/python3/site-packages")
    (packages / "moto-5.2.5.dist-info").mkdir(parents=True)
    until = time.monotonic() + 20
    while not os.path.exists({str(go_on)!r}) and time.monotonic() < until: time.sleep(0.01)
    """
    folder = clone(tmp_path, python)
    told: list[str] = []

    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            told.append(text)
            if "unpacking them: 1 of 2" in text:
                go_on.touch()
            return len(text)

    with redirect_stdout(Pipe()):
        code = install.main([str(folder / ".venv"), str(folder / "requirements.lock"), "--add"])

    assert code == 0
    assert "  unpacking them: 1 of 2" in told
    assert not any("\r" in text for text in told)


BROKEN = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by {}: /simple/moto/\n"
    "ERROR: Could not find a version that satisfies the requirement moto==5 (from versions: none)\n"
    "ERROR: No matching distribution found for moto==5"
)
NOT_FOUND = BROKEN.splitlines()[-1]
REFUSED = (
    "'NewConnectionError('<pip.HTTPConnection object at 0x7f>: Failed to establish a new connection: "
    "[Errno 111] Connection refused')'"
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            f"Looking in indexes: http://127.0.0.1:9/simple\n{BROKEN.format(REFUSED)}",
            "Connection refused; check the net",
        ),
        (BROKEN.format(f"'ProxyError('Cannot connect to proxy.', {REFUSED})'"), "the proxy: Connection refused; "),
        (BROKEN.format("'ConnectTimeoutError(<pip>, 'Connection to pypi.org timed out. (15)')'"), "timed out; "),
        (
            BROKEN.format("'SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate'))'"),
            "CERTIFICATE_VERIFY_FAILED; ",
        ),
        (BROKEN.format("'Strange(7)'"), "Strange; "),
        (
            f"WARNING: The repository located at x is not a trusted or secure host and\n{NOT_FOUND}",
            "not a trusted or sec",
        ),
    ],
)
def test_an_index_that_cannot_be_reached_is_said_to_be(said: str, told: str) -> None:
    index = "http://127.0.0.1:9/simple" if "Looking in" in said else "PyPI"

    assert install._reason(said).startswith(f"{index} cannot be reached: {told}")


@pytest.mark.parametrize("said", [NOT_FOUND, f"{BROKEN.format(REFUSED)}\nERROR: THESE PACKAGES DO NOT MATCH"])
def test_an_index_that_was_reached_is_not(said: str) -> None:
    assert f"ERROR: {install._reason(said)}" == said.splitlines()[-1]


def on_a_terminal(folder: Path, *command: str) -> str:
    """What a command writes where somebody looks."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": ""}
    with subprocess.Popen(command, cwd=folder, stdout=theirs, env=environment) as running:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # its end
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
        assert running.wait() == 0
    os.close(ours)
    return shown.decode()
