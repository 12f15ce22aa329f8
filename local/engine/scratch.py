"""The engine's folder for what it unpacks: how it is made, and how those of engines that are gone are removed.

An engine holds a lock on a file in its folder, which the system lets go of however the engine ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO

PREFIX = "embedded-aws-"
_OWNER = "owner"


def unused() -> Path:
    """Where a folder could be made. It does not exist yet, so that whoever removes it can be there first."""
    return Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{secrets.token_hex(8)}"


def make(folder: Path) -> IO[bytes]:
    """Makes the folder; it has an owner until the file is closed."""
    folder.mkdir(mode=0o700)
    owner = (folder / f".{_OWNER}").open("wb")
    fcntl.flock(owner, fcntl.LOCK_EX)
    (folder / f".{_OWNER}").rename(folder / _OWNER)  # nobody sees it before it is locked
    return owner


def sweep() -> None:
    """Removes the folders of this user's engines that are gone, and whose watchdogs could not do it."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it is being removed, or its owner is alive, or it was never complete
            entry = folder.lstat()
            if not stat.S_ISDIR(entry.st_mode) or entry.st_uid != os.getuid():
                continue
            with (folder / _OWNER).open("rb") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
