"""The defects. Each is one edit of one file, a mistake that somebody could make, or make again."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` must occur exactly once in `file`; `tests` are those of the ordinary run that look at that code first."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ("tests/domain", "tests/handlers")


STORE = "handlers/store/event_store.py"
LEDGER = "handlers/store/ledger.py"
ROWS = "handlers/store/read_model.py"
PROJECTOR = "handlers/store/projector.py"
BUS = "handlers/store/event_bus.py"
VALUES = "handlers/domain/values.py"
INFRASTRUCTURE = ("tests/infrastructure",)

MUTANTS = (
    # Append
    Mutant(
        "put an event without its condition",
        STORE,
        "self._client.put_item(TableName=self._table, Item=items[0], ConditionExpression=condition)",
        "self._client.put_item(TableName=self._table, Item=items[0])",
    ),
    Mutant(
        "take any refusal of the engine for a lost race",
        STORE,
        'return code in ("ConditionalCheckFailedException", "TransactionConflictException")',
        "return True",
    ),
    Mutant(
        "acknowledge a write that lost the race",
        LEDGER,
        "            except ConcurrentAppendError:\n",
        "            except ConcurrentAppendError:\n                return Receipt.of(events[-1])\n",
    ),
    Mutant(
        "do not look for the command among the events",
        LEDGER,
        "if event.command_id == self.command_id:",
        "if False:",
    ),
    Mutant(
        "answer another command under a used id as a success",
        LEDGER,
        "if own.command_digest != command.digest:",
        "if False:",
    ),
    Mutant(
        "ignore the expected sequence",
        LEDGER,
        "if expected is not None and expected != sequence:",
        "if False:",
    ),
    Mutant(
        "let time run backwards with the clock",
        "handlers/domain/event.py",
        "timestamp = max(now, position.timestamp)",
        "timestamp = now",
    ),
    Mutant(
        "store what fits nowhere",
        STORE,
        "        _check_size(record)\n",
        "",
    ),
    Mutant(
        "give the same command other event ids",
        "handlers/domain/event.py",
        "dumps([command.aggregate_id, command.command_id, index])",
        "dumps([command.aggregate_id, command.command_id, index, now])",
    ),
    # Reading
    Mutant(
        "stop at the first page",
        STORE,
        "        while next_after is not None:\n            events, next_after",
        "        for _ in range(1):\n            events, next_after",
    ),
    Mutant(
        "read eventually consistent",
        STORE,
        "ConsistentRead=True",
        "ConsistentRead=False",
    ),
    Mutant(
        "fold a broken chain",
        "handlers/domain/event.py",
        "        if not event.follows(self.sequence, self.hash):\n",
        "        if False:\n",
    ),
    Mutant(
        "travel to just before the moment asked for",
        "handlers/store/history.py",
        "event.timestamp > as_of",
        "event.timestamp >= as_of",
    ),
    Mutant(
        "read one bucket of the type index only",
        "handlers/store/type_index.py",
        "starts = [*places, *[None] * (self.buckets - len(places))]",
        "starts = [*places, *[None] * (1 - len(places))]",
    ),
    # Numbers
    Mutant(
        "parse numbers as binary floats",
        VALUES,
        "parse_float=Decimal",
        "parse_float=float",
    ),
    Mutant(
        "guess what a long float stood for",
        VALUES,
        "if len(mantissa) > FLOAT_DIGITS and mantissa.isdigit():",
        "if False:",
    ),
    Mutant(
        "let the overdraft limit be passed by a cent",
        "handlers/domain/account.py",
        "if balance < -account.overdraft_limit:",
        "if balance < -account.overdraft_limit - 1:",
    ),
    # Publish
    Mutant(
        "take a successful call for successful entries",
        BUS,
        'if answer["FailedEntryCount"]:',
        "if False:",
    ),
    Mutant(
        "report the wrong record as failed",
        BUS,
        "raise PublishError(done + index, reason)",
        "raise PublishError(index, reason)",
    ),
    Mutant(
        "swallow an outage of the bus",
        "handlers/relay.py",
        "        return _retry_from(0, numbers, error, context)\n",
        '        return {"batchItemFailures": []}\n',
    ),
    Mutant(
        "fill a call to the bus beyond its size",
        BUS,
        "len(batch) == MAX_ENTRIES or size + entry_size > MAX_BYTES",
        "len(batch) == MAX_ENTRIES",
    ),
    Mutant(
        "publish a changed event as if it were a new one",
        "handlers/relay.py",
        'if record["eventName"] != "INSERT":',
        "if False:",
    ),
    # Project
    Mutant(
        "replace a row whatever it has become",
        ROWS,
        '                "ConditionExpression": "LastSequence = :seen",\n',
        '                "ConditionExpression": "LastSequence <> :seen OR LastSequence = :seen",\n',
    ),
    Mutant(
        "create a row over another worker's",
        ROWS,
        '{"ConditionExpression": "attribute_not_exists(LastSequence)"}',
        "{}",
    ),
    Mutant(
        "apply whatever was delivered, gap or not",
        PROJECTOR,
        "if event is None or not event.follows(start.sequence, start.hash) or event.hash != event.computed_hash():",
        "if event is None:",
    ),
    Mutant(
        "believe a made-up event",
        PROJECTOR,
        " or event.hash != event.computed_hash():",
        ":",
    ),
    Mutant(
        "apply a duplicate again",
        PROJECTOR,
        "if position.sequence < event.sequence:",
        "if True:",
    ),
    Mutant(
        "forget the keys that BatchGetItem left undone",
        ROWS,
        'wanted = [*undone[self._table]["Keys"], *wanted[BATCH_KEYS:]]',
        "wanted = wanted[BATCH_KEYS:]",
    ),
    Mutant(
        "swallow a failed projection",
        "handlers/projection.py",
        "        return 0\n",
        "        return max(event.sequence for event in events)\n",
    ),
    Mutant(
        "let one bad message fail its whole batch",
        "handlers/projection.py",
        '            failed.append(record["messageId"])\n',
        "            raise\n",
    ),
    # Answers
    Mutant(
        "tell the caller what broke inside",
        "handlers/runtime.py",
        'message = "something failed on our side; the request can be sent again"',
        "message = str(error)",
    ),
    Mutant(
        "do not count faults",
        "handlers/runtime.py",
        '    count("Faults", 1, context)\n',
        "",
    ),
    Mutant(
        "take a token of another query",
        "handlers/store/tokens.py",
        "if dumps(found) == dumps(subject):",
        "if True:",
    ),
    # Infrastructure
    Mutant(
        "let anybody delete events",
        "components/policies.py",
        '                    "dynamodb:DeleteItem",\n',
        "",
        INFRASTRUCTURE,
    ),
    Mutant(
        "deliver from the bus without a dead letter queue",
        "components/projection_feed.py",
        "            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs("
        "arn=args.delivery_dead_letters.arn),\n",
        "",
        INFRASTRUCTURE,
    ),
    Mutant(
        "forget that the relay reports single records",
        "components/stream_feed.py",
        '            function_response_types=["ReportBatchItemFailures"],\n',
        "",
        INFRASTRUCTURE,
    ),
    Mutant(
        "let the projection write events",
        "__main__.py",
        "    grants=[event_store.grant_read(), read_model.grant_project()],\n",
        "    grants=[event_store.grant_read(), event_store.grant_append(), read_model.grant_project()],\n",
        INFRASTRUCTURE,
    ),
)
