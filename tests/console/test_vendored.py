"""What is kept of others is what its list says, with version and licence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.console.vendored import LIST, ROOT, problems

LISTED = json.loads(LIST.read_text(encoding="utf-8"))


def test_every_kept_file_is_the_listed_one() -> None:
    assert list(problems(LISTED, ROOT)) == []
    assert {name: package["licence"] for name, package in LISTED.items()} == {
        "preact": "MIT",
        "htm": "Apache-2.0",
        "axe-core": "MPL-2.0",
    }


def test_a_file_that_somebody_changed_removed_or_added_is_named(tmp_path: Path) -> None:
    for path in (path for package in LISTED.values() for path in package["files"]):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    with (tmp_path / "console/vendor/htm.mjs").open("a", encoding="utf-8") as file:
        file.write("alert(1)")
    (tmp_path / "console/vendor/hooks.mjs").unlink()
    known = {
        **LISTED,
        "htm": {**LISTED["htm"], "files": {"console/vendor/htm.mjs": LISTED["htm"]["files"]["console/vendor/htm.mjs"]}},
    }
    assert list(problems(known, tmp_path)) == [
        "console/vendor/hooks.mjs is gone",
        "console/vendor/htm.mjs is not what it was",
        "console/vendor/htm.licence.txt is not listed",
    ]


def test_no_page_names_a_module_as_a_bundler_would() -> None:
    """A browser resolves paths alone, and the policy allows no import map in a page."""
    for file in (ROOT / "console").rglob("*.mjs"):
        text = file.read_text(encoding="utf-8")
        assert 'from "preact' not in text, file
        assert 'from"preact' not in text, file
