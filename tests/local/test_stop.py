"""However signals come, they are heard: to whatever thread, within each other's handler, before anybody waits."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
STORM = """
import os, signal, threading, time
from local.stop import Stop

stop = Stop()
stop.heed([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
{before}
print("waiting", flush=True)
stop.wait()
print("ended" if stop.is_set() else "not asked", flush=True)
"""
TO_ANOTHER_THREAD = """
def ask():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)
threading.Thread(target=ask, daemon=True).start()
"""
WITHIN_EACH_OTHER = """
heard = signal.getsignal(signal.SIGTERM)
def storm(*_):
    for number in (signal.SIGINT, signal.SIGHUP) * 50:
        os.kill(os.getpid(), number)
        heard()
signal.signal(signal.SIGTERM, storm)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
"""
BEFORE_ANYBODY_WAITS = "os.kill(os.getpid(), signal.SIGHUP)"


@pytest.mark.parametrize("before", [TO_ANOTHER_THREAD, WITHIN_EACH_OTHER, BEFORE_ANYBODY_WAITS])
def test_a_wait_ends_however_it_is_said(before: str) -> None:
    program = [sys.executable, "-c", STORM.format(before=before)]
    ran = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "waiting\nended\n", "")


def test_two_signals_at_once_end_it() -> None:
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", STORM.format(before="")], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (0, -signal.SIGTERM)  # which may come when it was over
