"""The pictures of the documents, of the real thing: `python -m tests.console.pictures` writes them into docs/console/.

It serves the stack on the embedded AWS, fills it, and looks at it with Chromium. Each time shows in a picture, so each
run makes other ones: they are made anew where the console looks different, not to see whether they are the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from local.deploy import deploy
from local.engine import Engine
from local.fee import with_a_fee
from ops.__main__ import main as operate
from tests.console import example
from tests.console.browser import Visit, launched
from tests.console.people import Person
from tests.local.conftest import DISORDER

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "console"
WINDOW = {"width": 1180, "height": 1010}
AT = "21"
"""The event that is looked at: the rent goes."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with Engine(stream_disorder=DISORDER) as engine:
        outputs = deploy(engine.endpoint, "local", ROOT).outputs
        console = str(outputs["consoleUrl"])
        example.seed(Person.named(console, "maria"))
        with sync_playwright() as driver, launched(driver) as browser:
            visit = Visit(browser.new_context(viewport=WINDOW, color_scheme="light"), console)
            visit.sign_in()
            take(visit, "account", ("accounts", example.MARIA), at=AT)
            take(visit, "transfer", ("transfers", example.TRANSFER), height=790)
            emptied(Person.named(console, "maria"), "account-789")
            try_a_fee(outputs, engine.endpoint)
            take(visit, "branch", ("operations", "branches", "fee"), height=960)


def emptied(person: Person, account: str) -> None:
    """An account that somebody emptied, which a fee would not have allowed, and then filled and emptied again."""
    person.tell(account, "AccountCreated", currency="EUR")
    for number, amount in enumerate(("100", "-100", "100", "-150", "50.50")):
        told = {"eventType": "TransactionProcessed", "eventData": {"amount": amount, "transactionId": str(number)}}
        person.ask("POST", f"/accounts/{account}/commands", told)


def try_a_fee(outputs: Mapping[str, Any], endpoint: str) -> None:
    """Have a fee on withdrawals decide again what was asked."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "out.json"
        file.write_text(json.dumps({**outputs, "endpoint": endpoint}), encoding="utf-8")
        candidate = with_a_fee(Path(folder) / "with-a-fee")
        with chdir(folder):
            for action in (["create", "fee"], ["run", "fee", "--code", candidate.name]):
                if operate(["branch", *action, "--outputs", str(file)]):
                    raise RuntimeError(f"branch {' '.join(action)} failed")


def take(visit: Visit, name: str, parts: tuple[str, ...], *, height: int = 0, **query: str) -> None:
    visit.go(*parts, **query)
    visit.page.evaluate("document.activeElement.blur()")
    file = FOLDER / f"{name}.png"
    visit.page.set_viewport_size({**WINDOW, "height": height or WINDOW["height"]})
    visit.page.screenshot(path=file)
    sys.stdout.write(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
