"""The messages of queues, dead letters among them: in the data folder from their sending to their deletion.

Moto's queue stays in memory and decides; the file follows it within the lock, so before anything is acknowledged. A
queue that is made has the messages again that it had, in their order, and all of them can be received: who had received
some is gone. How often each was received starts anew: an attempt that a kill cut off is nobody's failure, and a few
kills in a row are not to make a dead letter.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.engine.backends import Message, Queue, QueueBackend

if TYPE_CHECKING:
    from local.engine.durable.database import Database
    from local.engine.durable.replacements import Replacements

_KEPT = (
    "deduplication_id",
    "delayed_until",
    "group_id",
    "message_attributes",
    "sender_id",
    "sent_timestamp",
    "sequence_number",
    "system_attributes",
)
"""What makes a message besides its id and its body."""

_Method = Callable[..., Any]


class KeptMessages:
    def __init__(self, database: Database, replacements: Replacements) -> None:
        self._database = database
        replacements.replace(Queue, "__init__", self._made)
        replacements.replace(Queue, "add_message", self._added)
        replacements.replace(Queue, "delete_message", self._deleted)
        replacements.replace(QueueBackend, "purge_queue", self._emptied)
        replacements.replace(QueueBackend, "delete_queue", self._emptied)

    def _made(self, make: _Method) -> _Method:
        def init(queue: Any, *arguments: Any, **settings: Any) -> None:
            make(queue, *arguments, **settings)
            oldest = (time.time() - queue.message_retention_period) * 1000
            rows = self._database.read(
                "SELECT id, content FROM message WHERE queue = ? ORDER BY place", queue.queue_arn
            )
            messages = [_message(str(identity), str(content)) for identity, content in rows]
            queue._messages = [message for message in messages if message.sent_timestamp >= oldest]
            self._forget(message.id for message in messages if message.sent_timestamp < oldest)

        return init

    def _added(self, add: _Method) -> _Method:
        def add_message(queue: Any, message: Any) -> None:
            before = len(queue._messages)
            add(queue, message)
            if len(queue._messages) > before:  # a FIFO queue leaves a duplicate out
                self._database.write(
                    "INSERT OR REPLACE INTO message (queue, id, content) VALUES (?, ?, ?)",
                    queue.queue_arn,
                    message.id,
                    _text(message),
                )

        return add_message

    def _deleted(self, delete: _Method) -> _Method:
        def delete_message(queue: Any, receipt_handle: str) -> None:
            before = {message.id for message in queue._messages}
            delete(queue, receipt_handle)
            self._forget(before - {message.id for message in queue._messages})

        return delete_message

    def _emptied(self, empty: _Method) -> _Method:
        def empty_queue(backend: Any, queue_name: str) -> None:
            arn = backend.get_queue(queue_name).queue_arn
            empty(backend, queue_name)
            self._database.write("DELETE FROM message WHERE queue = ?", arn)

        return empty_queue

    def _forget(self, identities: Any) -> None:
        for identity in identities:
            self._database.write("DELETE FROM message WHERE id = ?", identity)


def _text(message: Any) -> str:
    content = {name: getattr(message, name) for name in _KEPT}
    return json.dumps({"body": message.body, **content}, default=_encoded)


def _message(identity: str, text: str) -> Any:
    content = json.loads(text, object_hook=_decoded)
    message = Message(identity, content["body"])
    for name in _KEPT:
        setattr(message, name, content[name])
    return message


def _encoded(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"a {type(value).__name__} is no part of a message")


def _decoded(value: dict[str, Any]) -> Any:
    """Also an attribute of a message may be called so; what it has is no text."""
    encoded = value.get("base64") if len(value) == 1 else None
    return base64.b64decode(encoded) if isinstance(encoded, str) else value
