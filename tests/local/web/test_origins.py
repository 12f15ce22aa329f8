"""Which ports origins get, and that they have them again after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.engine.api import Response
from local.engine.durable.database import Database
from local.engine.durable.ports import FilePorts
from local.engine.server import PortTaken
from local.engine.web import origins
from local.engine.web.origins import NothingKept, Origins, Site

PORT = 4566
SITE = Site(lambda _: Response(200))


class Listener:
    """As much of a server as origins ask of one."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.is_open = False

    def start(self) -> None:
        self.is_open = True

    def stop(self) -> None:
        self.is_open = False


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Ports of other programs. Nothing listens for real."""
    ports: set[int] = set()

    def listen(port: int, _: Site) -> Any:
        if port in ports:
            raise PortTaken(port)
        return Listener(port)

    monkeypatch.setattr(origins, "_server", listen)
    return ports


def opened(found: Origins, *names: str) -> list[int]:
    """The ports, one behind another; a name with a ! is a front."""
    addresses = [found.open(name.rstrip("!"), SITE, is_front=name.endswith("!")) for name in names]
    return [int(address.rpartition(":")[2]) for address in addresses]


def test_the_first_port_is_the_first_distributions_whenever_it_comes(taken: set[int]) -> None:
    assert opened(Origins(PORT, NothingKept()), "api", "pages", "front!", "other!", "more") == [
        4568, 4569, 4567, 4570, 4571,
    ]  # fmt: skip


def test_the_port_of_another_program_is_passed_over(taken: set[int]) -> None:
    taken |= {4567, 4569}
    assert opened(Origins(PORT, NothingKept()), "api", "pages", "front!") == [4568, 4570, 4571]


def test_what_is_closed_answers_no_more_and_leaves_its_port(taken: set[int]) -> None:
    found = Origins(PORT, NothingKept())
    opened(found, "api")
    assert found.address("api") == "127.0.0.1:4568"
    assert found.at("127.0.0.1:4568") is SITE
    found.close("api")
    assert (found.address("api"), found.at("127.0.0.1:4568")) == (None, None)
    assert opened(found, "pages") == [4568]


def test_after_a_restart_each_has_its_port_in_whatever_order_they_come(taken: set[int], tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    assert opened(Origins(PORT, FilePorts(database)), "api", "front!", "pages") == [4568, 4567, 4569]
    database.close()
    database = Database(tmp_path / "state.db")
    again = Origins(PORT, FilePorts(database))
    assert opened(again, "new", "pages", "api", "front!") == [4570, 4569, 4568, 4567]
    taken.add(4568)
    assert opened(Origins(PORT, FilePorts(database)), "front!", "api") == [4567, 4571]
    assert opened(Origins(5000, FilePorts(database)), "front!") == [5001], "behind the endpoint, wherever that is"
    database.close()


def test_where_the_system_chooses_nothing_is_kept(taken: set[int], tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    found = Origins(0, FilePorts(database))
    opened(found, "api")
    assert FilePorts(database).known() == {}
    database.close()
