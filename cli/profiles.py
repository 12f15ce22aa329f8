"""Profiles: where a ledger is, and who is signed in there. Files in the user's config folder.

`profiles.json` names addresses. Each profile's tokens are in a file of their own, which nobody else may read; a file is
replaced at once, so that two commands that renew a token beside each other leave a whole one. What is read, changed and
written is so under a lock: sign-ins beside each other lose nobody's profile.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from cli.errors import CliError, UsageError
from cli.local_ledger import local_url

if sys.platform != "win32":
    import fcntl

LOCAL = "local"
"""The ledger of `make serve` in this clone, wherever that is at the moment."""
NAME = re.compile("[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Profile:
    """A ledger by its name among the user's. `as_user` is who signs in by itself on the embedded AWS.

    `regions` has the address in each Region, where the ledger is in two: told at the sign-in, so that it is known when
    one of them is lost.
    """

    name: str
    url: str
    as_user: str = ""
    regions: Mapping[str, str] = field(default_factory=dict)


def named(url: str) -> str:
    """The profile of an address for which nobody has said a name: `local`, or its host and port."""
    if url == local_url():
        return LOCAL
    return re.sub("[^A-Za-z0-9_]+", "-", urlsplit(url).netloc).strip("-")[:64]


def _record(profile: Profile) -> dict[str, Any]:
    record = {"url": profile.url, "as": profile.as_user}
    return {**record, "regions": dict(profile.regions)} if profile.regions else record


def _profile(name: str, record: Mapping[str, Any]) -> Profile:
    """As it was kept; but `local` is where it is now, and what was told at another address is forgotten."""
    url = local_url() if name == LOCAL else record["url"]
    return Profile(name, url, str(record.get("as", "")), _regions(record) if url == record["url"] else {})


def _regions(record: Mapping[str, Any]) -> dict[str, str]:
    found = record.get("regions")
    return {str(name): url for name, url in found.items() if isinstance(url, str)} if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a profile, and where to renew them. `expires` is in seconds since 1970."""

    url: str
    access_token: str
    refresh_token: str
    expires: float
    token_url: str
    client_id: str
    user: str = ""

    @classmethod
    def of(cls, content: Any) -> Self | None:
        """None for what is no such record, as of another version of this program."""
        if not isinstance(content, dict) or {each.name for each in fields(cls)} != set(content):
            return None
        if not all(isinstance(value, str) for name, value in content.items() if name != "expires"):
            return None
        return cls(**content) if isinstance(content["expires"], int | float) else None


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's: LEDGER_CONFIG_DIR, or `ledger` where programs of this system keep their settings."""
    if given := environment.get("LEDGER_CONFIG_DIR"):
        return Path(given)
    if sys.platform == "win32":
        return Path(environment.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "ledger"
    return Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "ledger"


class Profiles:
    """The profiles in one folder, which is made when something is first kept. Raises: CliError for a damaged file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "profiles.json"

    def all(self) -> list[Profile]:
        """Every profile by its name; `local` is always one, and always of `make serve`."""
        found = {each.name: each for each in [Profile(LOCAL, local_url()), *self._kept()]}
        return [found[name] for name in sorted(found)]

    def default(self) -> str:
        """The profile of who names none: the one signed in to last, else `local`."""
        name = self._content().get("default", LOCAL)
        return name if isinstance(name, str) else LOCAL

    def get(self, name: str | None) -> Profile:
        """Raises: UsageError where there is none by that name."""
        wanted = name or self.default()
        for each in self.all():
            if each.name == wanted:
                return each
        raise UsageError(f"there is no profile {wanted!r}", f"Make it: ledger login --profile {wanted} --url URL")

    def keep(self, profile: Profile, *, default: bool) -> None:
        """Add or change one. Waits for whoever else is at it."""
        with self._alone():
            kept = {each.name: _record(each) for each in [*self._kept(), profile]}
            content = {"default": profile.name if default else self.default(), "profiles": kept}
            self._write(self._file, content)

    def signed_in(self, profile: Profile) -> SignedIn | None:
        """Who is signed in there; nobody where the profile has another address now."""
        found = SignedIn.of(self._read(self._tokens(profile)))
        return found if found is not None and found.url == profile.url else None

    def keep_signed_in(self, profile: Profile, tokens: SignedIn) -> None:
        """For the next command."""
        self._write(self._tokens(profile), asdict(tokens))

    def sign_out(self, profile: Profile) -> bool:
        """Forget the tokens, also damaged ones; whether there were any."""
        path = self._tokens(profile)
        was = path.exists()
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CliError(f"{path} cannot be removed: {error.strerror}") from error
        return was

    def _tokens(self, profile: Profile) -> Path:
        return self._folder / "tokens" / f"{profile.name}.json"

    def _kept(self) -> list[Profile]:
        kept = self._content().get("profiles", {})
        if not isinstance(kept, dict):
            return []
        return [
            _profile(name, each)
            for name, each in kept.items()
            if NAME.fullmatch(name) and isinstance(each, dict) and isinstance(each.get("url"), str)
        ]

    def _content(self) -> dict[str, Any]:
        content = self._read(self._file)
        return content if isinstance(content, dict) else {}

    def _read(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise CliError(
                f"{path} cannot be read: {reason}", "Mend it, or remove it and sign in again: ledger login"
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all processes, where the system has such locks. The file stays: one that went could be held twice."""
        path = self._folder / "profiles.lock"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CliError(f"{path} cannot be written: {error.strerror}") from error
        with os.fdopen(descriptor, "r+b") as held:
            if sys.platform != "win32":
                fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _write(self, path: Path, content: Any) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # of mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(content, file, indent=2)
                Path(name).replace(path)
            except BaseException:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            raise CliError(f"{path} cannot be written: {error.strerror}") from error


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, to show it. Whether it is true is the API's to find; another issuer's may be opaque."""
    with suppress(ValueError, IndexError):
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if isinstance(claims, dict):
            return claims
    return {}
