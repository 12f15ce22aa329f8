"""The demo on a stack that leaves parts out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from local.demo import Story
from local.deploy import StackConfig


def _story(**settings: str) -> tuple[Story, io.StringIO]:
    told = io.StringIO()
    config = StackConfig(
        "event-sourcing", "lean", {f"event-sourcing:{name}": value for name, value in settings.items()}
    )
    return Story(Console(file=told, width=200), config), told


def test_a_step_about_a_part_that_is_left_out_says_so_and_is_not_run() -> None:
    story, told = _story(typeIndex="false")

    assert story.step("Events by type", pytest.fail, [], needs="typeIndex") is None

    assert (
        "1  Events by type left out, as the stack leaves out the part: its setting typeIndex is false"
        in told.getvalue()
    )
    assert story.failed == []
    assert story.results[0]["leftOut"].endswith("its setting typeIndex is false")


@pytest.mark.parametrize("settings", [{}, {"typeIndex": "true"}])
def test_a_step_about_a_part_that_is_there_is_run(settings: dict[str, str]) -> None:
    story, _ = _story(**settings)

    assert story.step("Events by type", lambda: [1], [2], needs="typeIndex") == [1]
    assert story.failed == ["Events by type"]
