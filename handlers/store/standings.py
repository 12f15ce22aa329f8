"""A Region's own standing: an item of a table that is not replicated, and what a process remembers of it.

Why a fence holds. Whoever decides asks here right before each write. An answer is remembered for REMEMBERED_SECONDS,
counted from before it was read, and it is read strongly consistent. So a process that still decides at a moment t has
read "active" behind t - REMEMBERED_SECONDS. What was decided is written by the same invocation, which Lambda ends at
its timeout at the latest, wherever it hangs; what it had sent by then, DynamoDB has answered or forgotten in
ON_ITS_WAY_SECONDS. Hence `fence_seconds` after a Region was fenced nothing is written there any more, and only then the
other one is opened. A process that Lambda has frozen in between has a clock that may have stood still: what is
remembered counts only while the monotonic clock and the wall clock both say so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.sourcing.standing import Role, Standing

from .items import to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REMEMBERED_SECONDS = 5.0
ON_ITS_WAY_SECONDS = 5
_KEY: Any = {"Part": {"S": "standing"}, "Place": {"S": "now"}}


class OvertakenError(Exception):
    """The standing is another one by now: somebody else acted in the meantime. Nothing was written."""


def fence_seconds(longest_invocation: int) -> int:
    """How long after a fence was put up something may still be written behind it."""
    return int(REMEMBERED_SECONDS) + longest_invocation + ON_ITS_WAY_SECONDS


@dataclass(slots=True)
class Standings:
    """Reads and changes the standing of the Region that the client is of. `initial` stands until it is first changed.

    `clocks` tell seconds, the monotonic and the wall clock's.
    """

    client: DynamoDBClient
    table: str
    initial: Standing
    clocks: tuple[Callable[[], float], Callable[[], float]] = (time.monotonic, time.time)
    _remembered: tuple[Standing, tuple[float, ...]] | None = None
    _is_initial: bool = False

    def now(self) -> Standing:
        """The standing, as it was REMEMBERED_SECONDS ago at most: then one GetItem (one read unit)."""
        if self._remembered:
            standing, since = self._remembered
            if all(0 <= clock() - then < REMEMBERED_SECONDS for clock, then in zip(self.clocks, since, strict=True)):
                return standing
        return self.read()

    def read(self) -> Standing:
        """The standing as it is: one GetItem (one read unit), strongly consistent."""
        before = tuple(clock() for clock in self.clocks)
        item = self.client.get_item(TableName=self.table, Key=_KEY, ConsistentRead=True).get("Item")
        standing = self.initial if item is None else replace(Standing.of(to_record(item)), first=self.initial.first)
        self._remembered, self._is_initial = (standing, before), item is None
        return standing

    def change(self, seen: Standing, new: Standing) -> None:
        """Replace the standing that was read last: one PutItem, if nothing that counts has changed since.

        Raises OvertakenError where it has.
        """
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(Epoch)"}
        if not self._is_initial:
            acts = "Acts = :acts" if seen.acts else "attribute_not_exists(Acts)"
            condition = {
                "ConditionExpression": f"Epoch = :epoch AND #role = :role AND Seen = :seen AND {acts}",
                "ExpressionAttributeNames": {"#role": "Role"},
                "ExpressionAttributeValues": {
                    ":epoch": {"N": str(seen.epoch)},
                    ":role": {"S": seen.role.value},
                    ":seen": {"N": str(seen.seen)},
                    **({":acts": {"N": str(seen.acts)}} if seen.acts else {}),
                },
            }
        try:
            self.client.put_item(TableName=self.table, Item={**to_item(new.record()), **_KEY}, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise OvertakenError from error
            raise
        self._remembered = None

    def give_way(self, region: str, epoch: int) -> bool:
        """Take note that `region` decided something in a higher `epoch`; whether this Region is fenced by that.

        A GetItem, and a PutItem where it is news.
        """
        seen = self.read()
        if not seen.is_over_by(epoch):
            return False
        try:
            self.change(
                seen, fenced(seen, region, epoch) if seen.is_active else replace(seen, decides=region, seen=epoch)
            )
        except OvertakenError:
            return False
        return seen.is_active


def fenced(standing: Standing, decides: str, epoch: int = 0) -> Standing:
    """A standing that decides nothing any more, in its own epoch still; another Region does in `epoch`."""
    seen = max(standing.seen, epoch)
    return replace(standing, role=Role.FENCED, decides=decides, covers=frozenset(), seen=seen)
