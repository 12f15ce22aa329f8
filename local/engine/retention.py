"""What moto would keep for ever though no API of AWS tells it again: it is let go of.

Moto lists every model that was ever made, for a page that shows its state; each copy of an item that a Query answers is
one, twenty a command. A queue remembers the handle of each deleted message, so that deleting it again is no error; AWS
does not say for how long, and here the last ones are enough. A topic keeps what it sent, for tests that look into moto.
Each reading of a stream leaves an iterator behind; on AWS they expire after 15 minutes, here when there are many newer.
A version of an object in a bucket that is deleted leaves its file open until the garbage is collected, with a warning.
The policies that AWS manages are 5 MB of text, which moto reads where MOTO_IAM_LOAD_MANAGED_POLICIES is true, or never.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from local.engine import backends
from local.engine.backends import BaseModel, FakeKey, Queue, StreamsBackend, Topic

DELETED_HANDLES = 10_000
"""Of each queue."""
SENT_NOTIFICATIONS = 100
"""Of each topic."""
ITERATORS = 10_000
"""Of all streams of a Region."""

_init_of_queue, _init_of_topic, _init_of_streams = Queue.__init__, Topic.__init__, StreamsBackend.__init__


class Recent(dict[str, Any]):
    """Forgets what was put in longest ago."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if len(self) > self._size:
            del self[next(iter(self))]

    def update(self, keys: Any, /) -> None:  # type: ignore[override] # moto updates a set
        """As a set's; None, where a message had no handle before its first, is none to remember."""
        for key in keys:
            if key is not None:
                self[key] = None


def install() -> None:
    """From here on moto keeps what is data, and no more. Calling it again changes nothing."""
    BaseModel.__new__ = _untracked
    Queue.__init__ = _init_queue
    Topic.__init__ = _init_topic
    StreamsBackend.__init__ = _init_streams
    FakeKey.__del__ = FakeKey.dispose
    backends.forget_managed_policies()


def _untracked(cls: type[Any], *_: Any, **__: Any) -> Any:
    return object.__new__(cls)


def _init_queue(queue: Any, *arguments: Any, **named: Any) -> None:
    _init_of_queue(queue, *arguments, **named)
    queue.deleted_messages = Recent(DELETED_HANDLES)


def _init_topic(topic: Any, *arguments: Any, **named: Any) -> None:
    _init_of_topic(topic, *arguments, **named)
    topic.sent_notifications = deque(maxlen=SENT_NOTIFICATIONS)


def _init_streams(backend: Any, *arguments: Any, **named: Any) -> None:
    _init_of_streams(backend, *arguments, **named)
    backend.shard_iterators = Recent(ITERATORS)
