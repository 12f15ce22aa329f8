"""Tells when something arrives where pollers read: a record in a table's stream, a message in a queue.

Moto's state is watched, not the calls that change it: a topic puts messages into queues, a receive moves them to a dead
letter queue, and a put that is refused leaves no record. Whatever can make a message receivable *sooner than it was
known to be* is an arrival: a new one, a changed visibility, and in a FIFO queue the deletion of the one before it. That
time passes is not: who waits for that knows how long (`backends.seconds_to_next_message`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.engine.backends import Queue, QueueBackend, StreamShard

if TYPE_CHECKING:
    from collections.abc import Callable

_add_record = StreamShard.add
_add_message = Queue.add_message
_delete_message = Queue.delete_message
_change_visibility = QueueBackend.change_message_visibility


def install(tell: Callable[[str], None]) -> None:
    """From here on `tell` gets the ARN of the table or queue at each arrival, within the lock that the change holds.

    Who is woken by it and takes the lock to look sees the change whole. A later call takes the place of an earlier one.
    """

    def add_record(shard: Any, old: Any, new: Any) -> None:
        _add_record(shard, old, new)
        shard.items[-1].record["awsRegion"] = shard.table.region_name  # moto has one Region there
        tell(shard.table.table_arn)

    def add_message(queue: Any, message: Any) -> None:
        _add_message(queue, message)
        tell(queue.queue_arn)

    def delete_message(queue: Any, receipt_handle: str) -> None:
        _delete_message(queue, receipt_handle)
        if queue.fifo_queue:
            tell(queue.queue_arn)

    def change_visibility(backend: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        _change_visibility(backend, queue_name, receipt_handle, visibility_timeout)
        tell(backend.get_queue(queue_name).queue_arn)

    StreamShard.add = add_record
    Queue.add_message = add_message
    Queue.delete_message = delete_message
    QueueBackend.change_message_visibility = change_visibility
