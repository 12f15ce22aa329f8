"""Where DynamoDB Local lies, that it is what the lock says, and how it gets there.

Maven resolves and downloads, from wherever this machine's own settings tell it to; the lock beside this file holds the
SHA-256 of every jar, so where they come from need not be trusted. Once cached, nothing here uses the network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Timer

_HERE = Path(__file__).resolve().parent
_POM = _HERE / "pom.xml"
_LOCK = _HERE / "sha256.lock"
_CACHE = _HERE.parents[2] / ".cache" / "dynamodb-local"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

OLDEST_JAVA = 17
JAVA_SECONDS = 15.0
"""For a Java to say its version; half a second is usual."""
FETCH_SECONDS = 900
HOW_TO_GET_IT = "`make dynamodb-local` fetches it (50 MB, once; needs Maven and a network)"


class UnavailableError(Exception):
    """DynamoDB Local cannot be had; the message says what is missing and how to get it."""


def version() -> str:
    """The version that the lock pins."""
    (found,) = (match[1] for name in _locked() if (match := re.fullmatch(r"DynamoDBLocal-(.+)\.jar", name)))
    return found


def java() -> str:
    """The path of a Java that can run it: JAVA_HOME's, else the first on PATH. Raises UnavailableError."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    wanted = f"DynamoDB Local needs a Java runtime of version {OLDEST_JAVA} or newer (Debian: openjdk-17-jre-headless)"
    if found is None:
        raise UnavailableError(f"{wanted}; there is no java {'in JAVA_HOME' if home else 'on PATH'}")
    try:
        asked = subprocess.run(  # noqa: S603 - the Java that was looked for
            [found, "-version"], capture_output=True, text=True, errors="replace", check=False, timeout=JAVA_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{wanted}; {found} does not say its version within {JAVA_SECONDS:g} s") from None
    except OSError as error:
        raise UnavailableError(f"{wanted}; {found} cannot be run ({error.strerror})") from error
    said = asked.stderr
    number = re.search(r'version "([0-9]+)', said)
    if number is None or int(number[1]) < OLDEST_JAVA:
        raise UnavailableError(f"{wanted}; {found} is {said.splitlines()[0] if said else 'none'}")
    return found


def jars() -> Path:
    """The folder of the verified jars. Raises UnavailableError."""
    folder = _CACHE / version()
    if not folder.is_dir():
        raise UnavailableError(f"DynamoDB Local {version()} is not in the cache; {HOW_TO_GET_IT}")
    _verify(folder)
    return folder


def available() -> bool:
    """Whether it can be run here and now."""
    try:
        return bool(java() and jars())
    except UnavailableError:
        return False


def fetch(say: Callable[[str], None]) -> Path:
    """Put the jars into the cache unless they are there, and return their folder. Raises UnavailableError."""
    folder = _CACHE / version()
    if folder.is_dir():
        try:
            _verify(folder)
        except UnavailableError as problem:
            say(f"{problem}: fetching it again")
            shutil.rmtree(folder)
        else:
            return folder
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as work:
        resolved = Path(work, "jars")
        _resolve(resolved, say)
        _verify(resolved)
        resolved.replace(folder)
    return folder


def relock(say: Callable[[str], None]) -> None:
    """Write the lock anew from what Maven makes of the POM: after a change of version, to be read before a commit."""
    with tempfile.TemporaryDirectory() as work:
        _resolve(Path(work), say)
        lines = [f"{digest}  {name}\n" for name, digest in sorted(_digests(Path(work)))]
    _LOCK.write_text("".join(lines), encoding="utf-8")


def _resolve(folder: Path, say: Callable[[str], None]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError("DynamoDB Local is fetched by Maven, and there is no mvn on PATH (Debian: maven)")
    command = [maven, "--batch-mode", "--file", str(_POM), _COPY, f"-DoutputDirectory={folder}"]
    said: list[str] = []
    downloads = 0
    with subprocess.Popen(  # noqa: S603 - the Maven that was looked for
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        limit = Timer(FETCH_SECONDS, process.kill)
        limit.start()
        try:
            for line in process.stdout or ():
                said.append(line.rstrip())
                if "Downloaded from" in line:
                    downloads += 1
                    if downloads % 25 == 0:
                        say(f"{downloads} files fetched")
        finally:
            limit.cancel()
    if process.returncode != 0:
        problem = next((line for line in said if line.startswith("[ERROR]")), f"it ended with {process.returncode}")
        raise UnavailableError(f"Maven could not fetch DynamoDB Local; is there a network?\n{problem}")


def _verify(folder: Path) -> None:
    found, locked = dict(_digests(folder)), _locked()
    if found != locked:
        wrong = sorted(name for name in {*found, *locked} if found.get(name) != locked.get(name))
        raise UnavailableError(
            f"DynamoDB Local {version()} is not what {_LOCK.name} says ({', '.join(wrong)}); {HOW_TO_GET_IT}"
        )


def _locked() -> dict[str, str]:
    lines = _LOCK.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.iterdir():
        yield path.name, sha256(path.read_bytes()).hexdigest()
