"""A real Chromium at a served stack."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

FLAGS = (
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PATIENCE_SECONDS = 10
_LOOK_MS, _QUIET_LOOKS = 20, 3
_AXE = Path(__file__).with_name("vendor") / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Where the browser is: what CHROMIUM says, or the first of its usual names on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def launched(driver: Any) -> Iterator[Any]:
    """A browser of Playwright's `driver`. As root it has no sandbox: it visits pages of this machine alone."""
    unconfined = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    browser = driver.chromium.launch(executable_path=chromium(), args=[*FLAGS, *unconfined])
    try:
        yield browser
    finally:
        browser.close()


class Visit:
    """Somebody's tab. `faults` are errors of scripts and everything that the page's policy forbade."""

    def __init__(self, context: Any, console: str) -> None:
        self.console = console
        self.page: Any = context.new_page()
        self.page.set_default_timeout(1_000 * _PATIENCE_SECONDS)
        self.faults: list[str] = []
        self._under_way: set[Any] = set()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("request", self._begin)
        self.page.on("requestfinished", self._end)
        self.page.on("requestfailed", self._end)
        self.page.on("dialog", self._dismiss)

    def _begin(self, request: Any) -> None:
        self._under_way.add(request)

    def _end(self, request: Any) -> None:
        self._under_way.discard(request)

    def _hear(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Trusted" in message.text:
            self.faults.append(message.text)

    def _dismiss(self, dialog: Any) -> None:
        self.faults.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def sign_in(self, name: str = "maria") -> None:
        self.page.goto(self.console)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_text("Sign out").wait_for()

    def go(self, *parts: str, **query: str) -> None:
        """To a view, and wait until it has all that it shows."""
        behind = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        path = "/".join(quote(part, safe="") for part in parts)
        self.page.evaluate("hash => { location.hash = hash }", f"#/{path}{'?' if behind else ''}{behind}")
        self.settled()

    def settled(self) -> None:
        """Wait until the page asks for nothing more. Playwright's own way evaluates code, which the policy forbids."""
        quiet = 0
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while quiet < _QUIET_LOOKS:
            assert time.monotonic() < deadline, [each.url for each in self._under_way]
            self.page.wait_for_timeout(_LOOK_MS)
            quiet = 0 if self._under_way else quiet + 1
        self.page.locator(".loading").first.wait_for(state="detached")

    def heading(self, text: str) -> None:
        self.page.get_by_role("heading", name=text, exact=True, level=1).wait_for()

    def amount(self, label: str) -> str:
        """The text of a fact of the account or transfer as it is now: digits and currency."""
        found = self.page.get_by_label("Now", exact=True).locator("div", has_text=label).first
        return str(found.locator(".money").text_content()).strip()

    def accessibility(self) -> list[str]:
        """What axe finds."""
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html']} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        root = "document.documentElement"
        return int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))
