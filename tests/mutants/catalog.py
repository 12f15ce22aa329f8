"""The defects. Each is one edit of one file, a mistake that somebody could make, or make again."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` must occur exactly once in `file`; `tests` are those of the ordinary run that look at that code first."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ("tests/domain", "tests/handlers/test_command.py", "tests/handlers/test_present.py")


STORE = "handlers/store/event_store.py"
LEDGER = "handlers/store/ledger.py"
PRESENT = "handlers/store/present.py"
CLOCKS = "handlers/store/clocks.py"
DEADLINE = "handlers/store/deadline.py"
SNAPSHOTS = "handlers/store/snapshots.py"
ROWS = "handlers/store/read_model.py"
PROJECTOR = "handlers/store/projector.py"
BUS = "handlers/store/event_bus.py"
VALUES = "handlers/domain/values.py"
ACCOUNT = "handlers/domain/account.py"
CARRIAGE = "handlers/domain/carriage.py"
FACTS = "handlers/domain/facts.py"
ERRORS = "handlers/domain/errors.py"
MEANING = "handlers/domain/meaning.py"
MISSPELLING = ("tests/handlers/test_misspelt.py",)
NORMALIZING = ("tests/handlers/test_normal_forms.py",)
RECALLING = ("tests/handlers/test_recall.py",)
MEANINGS = ("tests/domain/test_meaning.py",)
MONEY = ("tests/domain/test_money.py",)
CLOCKED = ("tests/handlers/test_clocks.py",)
TIMED = ("tests/handlers/test_out_of_time.py",)
QUERYING = ("tests/handlers/test_query.py",)
PAGING = ("tests/handlers/test_type_pages.py",)
DOCUMENTS = ("tests/docs",)
WATCHING = ("tests/local/test_engine_watchdog.py",)
RESILIENCE = ("tests/local/test_engine_resilience.py",)
RELAYING = ("tests/handlers/test_relay.py",)
LIMITS = ("tests/contract/test_service_limits.py",)
CARRYING = ("tests/domain/test_carriage.py",)
PROJECTING = ("tests/handlers/test_projection.py",)
REMEMBERING = ("tests/handlers/test_present.py", "tests/handlers/test_snapshots.py")
EVOLVING = ("tests/domain/test_facts.py", "tests/handlers/test_evolution.py", "tests/handlers/test_promises.py")
DAMAGED_SNAPSHOTS = ("tests/handlers/test_damaged_snapshots.py",)
DAMAGED_ROWS = ("tests/handlers/test_damaged_rows.py",)
FOREIGN = ("tests/handlers/test_foreign.py",)
REFUSING = ("tests/handlers/test_rejections.py",)
DELIVERING = ("tests/infrastructure/test_delivery.py",)
REDRIVING = ("tests/ops/test_dead_letters.py",)
ARGUING = ("tests/fuzz/test_arguments.py",)
INFRASTRUCTURE = ("tests/infrastructure",)
LIVING = ("tests/infrastructure/plan",)
SETTING = ("tests/infrastructure/test_settings.py",)

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
        "tell a command that lost a race to itself that nothing was stored",
        LEDGER,
        "whose answer never came.\n        if receipt := _receipt_of_before(present.own, command):",
        "whose answer never came.\n        if receipt := None:",
    ),
    Mutant(
        "do not look for the command among the events",
        PRESENT,
        "if event.command_id == self.command_id:",
        "if False:",
    ),
    Mutant(
        "answer another command under a used id as a success",
        LEDGER,
        "if not repeats(command, own):",
        "if False:",
    ),
    Mutant(
        "call a command another one where it spells out what goes without saying",
        MEANING,
        "if name not in needless or dumps(value) != dumps(needless[name])",
        "if True",
        MEANINGS,
    ),
    Mutant(
        "let a command stand for another that leaves something out",
        MEANING,
        "if name not in needless or dumps(value) != dumps(needless[name])",
        "if name not in needless",
        MEANINGS,
    ),
    Mutant(
        "forget the digests that older code stored",
        MEANING,
        "in (command.digest, command.literal_digest)",
        "== command.digest",
        MEANINGS,
    ),
    Mutant(
        "take the digest of the data as it is spelled",
        "handlers/domain/command.py",
        "meaning(aggregate_id, event_type, whole_data)",
        "whole_data",
        MEANINGS,
    ),
    Mutant(
        "refuse a malformed command before it is looked up",
        LEDGER,
        "        found = store.find(command.aggregate_id, command.command_id)\n        event",
        "        found = None\n        event",
        RECALLING,
    ),
    Mutant(
        "refuse a malformed command without asking who has its id",
        "handlers/domain/command.py",
        "return command if recognisable else command.sound()",
        "return command.sound()",
        RECALLING,
    ),
    Mutant(
        "pass over the members of a command that mean nothing",
        "handlers/domain/command.py",
        "*unknown(request, MEMBERS)",
        "*()",
        MISSPELLING,
    ),
    Mutant(
        "pass over the arguments that a query does not know",
        "handlers/query.py",
        '_refuse(unknown(request, ("queryType", *query.arguments)))',
        "_refuse(unknown(request, _MEMBERS))",
        MISSPELLING,
    ),
    Mutant(
        "leave a guard unread that stands beside the body",
        "handlers/domain/payload.py",
        "for name in members if name in event) if _has_body(event)",
        "for name in members if name in event) if False",
        MISSPELLING,
    ),
    Mutant(
        "keep a misspelt field as an extra one",
        "handlers/domain/account.py",
        "misspelt(event_type, data) + found",
        "found",
        MISSPELLING,
    ),
    Mutant(
        "open an account under an id that has a twin",
        "handlers/domain/account.py",
        'named["aggregateId"] = aggregate_id',
        "pass",
        NORMALIZING,
    ),
    Mutant(
        "put an account of before out of reach for its id",
        "handlers/domain/account.py",
        "    if event_type == _OPENING:\n        named",
        "    if True:\n        named",
        NORMALIZING,
    ),
    Mutant(
        "carry out a command under two forms of its id",
        "handlers/domain/command.py",
        "found.extend(unnormalized(checked, member))",
        "pass",
        NORMALIZING,
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
    Mutant(
        "stamp events by whatever clock",
        LEDGER,
        "        self.check_clock(present.sighting)\n",
        "",
        CLOCKED,
    ),
    Mutant(
        "see a clock that is ahead, and none that is behind",
        CLOCKS,
        "return max(ahead, behind).total_seconds()",
        "return ahead.total_seconds()",
        CLOCKED,
    ),
    Mutant(
        "let each of two clocks be off by what the two may differ",
        CLOCKS,
        "elif off > CLOCK_TOLERANCE / 2:",
        "elif off > CLOCK_TOLERANCE:",
        CLOCKED,
    ),
    Mutant(
        "take the first reading of a clock for its reading at the answer, however slow the call",
        CLOCKS,
        "ahead = datetime.fromisoformat(self.after) - self.aws",
        "ahead = datetime.fromisoformat(self.before) - self.aws",
        CLOCKED,
    ),
    Mutant(
        "count at each command that clocks cannot be compared",
        CLOCKS,
        "                self._told = True\n",
        "",
        CLOCKED,
    ),
    # Reading
    Mutant(
        "fold a long stream for a command that was carried out before",
        PRESENT,
        "        if found:  # it",
        "        if found and tail.end < 20:  # it",
        TIMED,
    ),
    Mutant(
        "read on until the function is killed",
        STORE,
        "                deadline.allow()\n",
        "                pass\n",
        TIMED,
    ),
    Mutant(
        "read on while there is a moment left",
        DEADLINE,
        "if left < 2 * self._slowest + _RESERVE:",
        "if left < self._slowest:",
        TIMED,
    ),
    Mutant(
        "merge events of a type until the function is killed",
        "handlers/store/type_index.py",
        "                self.deadline.allow()\n",
        "                pass\n",
        TIMED,
    ),
    Mutant(
        "stop at the first page",
        STORE,
        "        while next_after is not None:\n            if deadline:",
        "        for _ in range(1):\n            if deadline:",
        QUERYING,
    ),
    Mutant(
        "read a stream eventually consistent",
        STORE,
        "ConsistentRead=True,\n            **bound,",
        "ConsistentRead=False,\n            **bound,",
        QUERYING,
    ),
    Mutant(
        "read a stream's end eventually consistent",
        STORE,
        "ConsistentRead=True,\n            ScanIndexForward=False,",
        "ConsistentRead=False,\n            ScanIndexForward=False,",
        REMEMBERING,
    ),
    Mutant(
        "look a command up eventually consistent",
        STORE,
        '":command": {"S": command_id}},\n            ConsistentRead=True,',
        '":command": {"S": command_id}},\n            ConsistentRead=False,',
        REMEMBERING,
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
        QUERYING,
    ),
    Mutant(
        "read one bucket of the type index only",
        "handlers/store/type_index.py",
        "range(max(self.buckets, after.bucket + 1) if after else self.buckets)",
        "range(1)",
        QUERYING,
    ),
    Mutant(
        "call an account that was never opened an empty one",
        "handlers/query.py",
        'if token is None and not page["events"]:',
        "if False:",
        QUERYING,
    ),
    Mutant(
        "call an account that had not begun a missing one",
        "handlers/store/history.py",
        "if not exists and not (up_to == 0 and self.store.page(aggregate_id, limit=1).events):",
        "if not exists:",
        QUERYING,
    ),
    Mutant(
        "show on a later page of a type what landed above the last event shown",
        "handlers/store/type_index.py",
        "        return after.timestamp\n",
        "        return until\n",
        PAGING,
    ),
    Mutant(
        "show events of one moment again, from the buckets that were through with it",
        "handlers/store/type_index.py",
        "earlier(after.timestamp, MICROSECOND)",
        "after.timestamp",
        PAGING,
    ),
    # Remember
    Mutant(
        "skip the look-up of the command",
        STORE,
        'return max((_sequence(item) for item in answer["Items"]), default=None)',
        "return None",
        REMEMBERING,
    ),
    Mutant(
        "believe a look-up that may have been made too early",
        PRESENT,
        "if found is None and not _all_below_were_there(tail, seen or 0, before):",
        "if False:",
        REMEMBERING,
    ),
    Mutant(
        "take a stream that should have been short for one that is",
        PRESENT,
        "            if not tail.before:\n                return",
        "            if True:\n                return",
        REMEMBERING,
    ),
    Mutant(
        "take every stream for one that should be short",
        PRESENT,
        "if lengths and max(lengths) <= self.tail // 2:",
        "if True:",
        REMEMBERING,
    ),
    Mutant(
        "let a lapsed snapshot hide those before it",
        SNAPSHOTS,
        "for limit in (1, FURTHER_BACK):",
        "for limit in (1,):",
        REMEMBERING,
    ),
    Mutant(
        "let the events of one transaction vouch for each other",
        PRESENT,
        "later.command_id != earlier.command_id and later.timestamp <= settled",
        "later.timestamp <= settled",
        REMEMBERING,
    ),
    Mutant(
        "take a short tail for the whole stream",
        "handlers/store/event_store.py",
        "return self.events[0].sequence - 1 if self.events else 0",
        "return 0",
        REMEMBERING,
    ),
    Mutant(
        "decide on the snapshot of another stream",
        PRESENT,
        "if (event.sequence, event.hash, event.timestamp) != snapshot.position:",
        "if False:",
        REMEMBERING,
    ),
    Mutant(
        "tell the past from the snapshot of another stream",
        SNAPSHOTS,
        "if own is None or (own.sequence, own.hash, own.timestamp) != start.position:",
        "if False:",
        REMEMBERING,
    ),
    Mutant(
        "use a snapshot that has lapsed",
        SNAPSHOTS,
        "return None if expiry is not None and expiry <= self.seconds() else snapshot",
        "return snapshot",
        REMEMBERING,
    ),
    Mutant(
        "take a stored value for a number whatever it is",
        "handlers/domain/restoring.py",
        "if isinstance(value, bool) or not isinstance(value, int | Decimal):",
        "if False:",
        DAMAGED_SNAPSHOTS,
    ),
    Mutant(
        "use a snapshot whose parts say different things",
        SNAPSHOTS,
        "        if record.get(name) != value:\n",
        "        if False:\n",
        DAMAGED_SNAPSHOTS,
    ),
    Mutant(
        "use a state that no events could have made",
        "handlers/domain/account.py",
        "        if told != (opened, opened, closed):\n",
        "        if False:\n",
        DAMAGED_SNAPSHOTS,
    ),
    Mutant(
        "import without making snapshots",
        "ops/commands/import_.py",
        "if length >= builder.every",
        "if False",
        ("tests/ops/test_import.py",),
    ),
    Mutant(
        "call rows on their way though nothing moves",
        "ops/verification/settling.py",
        "return bool(self.queued or self.moved)",
        "return True",
        ("tests/ops/test_verify.py",),
    ),
    Mutant(
        "go on from a row that lost its hash",
        PROJECTOR,
        "return stored.position.hash != UNKNOWN and projection.knows(stored.row)",
        "return projection.knows(stored.row)",
        DAMAGED_ROWS,
    ),
    Mutant(
        "go on from a row with a damaged attribute",
        "handlers/domain/restoring.py",
        "return not self.damage(kept) and (",
        "return (",
        DAMAGED_ROWS,
    ),
    Mutant(
        "never replace a row whose place is damaged",
        ROWS,
        "        if seen.sequence or odd_place is not None:\n",
        "        if seen.sequence:\n",
        DAMAGED_ROWS,
    ),
    Mutant(
        "show a damaged row",
        "handlers/query.py",
        "    if damage:\n",
        "    if False:\n",
        DAMAGED_ROWS,
    ),
    Mutant(
        "call a row clean that lost its hash",
        "ops/verification/rows.py",
        "        if stored.hash == UNKNOWN and stored.sequence <= end.sequence:\n",
        "        if False:\n",
        ("tests/ops/test_damage.py",),
    ),
    Mutant(
        "let one account's damage be everybody's",
        "handlers/store/pages.py",
        "after=after, unreadable=foreign.append, deadline=deadline",
        "after=after, deadline=deadline",
        FOREIGN,
    ),
    Mutant(
        "take a set for an event's data",
        "handlers/domain/event.py",
        '    check_holdable(value, "EventData")\n',
        "",
        FOREIGN,
    ),
    Mutant(
        "leave an item that is no event out of an export unsaid",
        "ops/commands/export.py",
        "return 1 if manifest.left_out else 0",
        "return 0",
        ("tests/ops/test_foreign.py",),
    ),
    Mutant(
        "print what others wrote as it is",
        "ops/commands/common.py",
        "    return escape(printable(text))\n",
        "    return text\n",
        ("tests/ops/test_console.py",),
    ),
    Mutant(
        "let the newest snapshot lapse",
        "handlers/store/snapshot_builder.py",
        "for each in (before, *made[:-1])",
        "for each in (before, *made)",
        REMEMBERING,
    ),
    Mutant(
        "forget the snapshots that BatchWriteItem left undone",
        SNAPSHOTS,
        "            if not undone:\n                return\n",
        "            return\n",
        REMEMBERING,
    ),
    Mutant(
        "start the past from a snapshot behind it",
        SNAPSHOTS,
        'last = _LAST if up_to is None else f"{up_to:016d}"',
        "last = _LAST",
        REMEMBERING,
    ),
    Mutant(
        "swallow a snapshot that could not be made",
        "handlers/snapshot.py",
        'return {"batchItemFailures": [{"itemIdentifier": number}]}',
        'return {"batchItemFailures": []}',
        REMEMBERING,
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
        ACCOUNT,
        "if balance < -account.overdraft_limit:",
        "if balance < -account.overdraft_limit - 1:",
    ),
    Mutant(
        "keep quiet about the scale of a number that cannot be carried",
        "handlers/domain/command.py",
        "check(aggregate_id, event_type, whole_data | uncarried)",
        "check(aggregate_id, event_type, whole_data)",
    ),
    Mutant(
        "let fractions of a cent into a balance",
        ACCOUNT,
        "    if digits is None or money.is_whole(amount, digits) or money.is_whole(balance, digits):\n",
        "    if True:\n",
        MONEY,
    ),
    Mutant(
        "keep half a cent in an account for ever",
        ACCOUNT,
        " or money.is_whole(balance, digits):",
        ":",
        MONEY,
    ),
    Mutant(
        "open an account in a currency that was withdrawn",
        "handlers/domain/money.py",
        "if currency in WITHDRAWN:",
        "if False:",
        MONEY,
    ),
    Mutant(
        "take any text in a command for a time",
        FACTS,
        "                _KINDS[kind](text, path)\n",
        "                pass\n",
        ("tests/domain/test_times.py",),
    ),
    # Publish
    Mutant(
        "take a successful call for successful entries",
        BUS,
        "if code is None:",
        "if True:",
        RELAYING,
    ),
    Mutant(
        "report the wrong record as failed",
        BUS,
        "raise PublishError(done + index, reason)",
        "raise PublishError(index, reason)",
        RELAYING,
    ),
    Mutant(
        "swallow an outage of the bus",
        BUS,
        '                raise PublishError(start, f"{error}") from error\n',
        "                return\n",
        RELAYING,
    ),
    # What the bus will never take
    Mutant(
        "take a whole number that no bus carries",
        CARRIAGE,
        "LOWEST <= value <= HIGHEST:",
        "value is not None:",
        CARRYING,
    ),
    Mutant(
        "take 1E20 for no whole number",
        CARRIAGE,
        "return value == value.to_integral_value() if isinstance(value, Decimal) else True",
        "return not isinstance(value, Decimal)",
        CARRYING,
    ),
    Mutant(
        "take a text that no queue takes",
        CARRIAGE,
        "if _UNCARRIED.search(value):",
        "if False:",
        CARRYING,
    ),
    Mutant(
        "publish a balance that no bus carries in a refusal",
        "handlers/domain/rejection.py",
        "carried(error.details)",
        "error.details",
        REFUSING,
    ),
    Mutant(
        "tell of every fault in an answer, however many",
        ERRORS,
        "*more[: MAX_VIOLATIONS - 1]",
        "*more",
        LIMITS,
    ),
    Mutant(
        "let a statement outgrow its item",
        "components/limits.py",
        "MAX_STATEMENT_ENTRIES = 500",
        "MAX_STATEMENT_ENTRIES = 1000",
        LIMITS,
    ),
    Mutant(
        "let an event's envelope not fit a message",
        STORE,
        "MAX_DETAIL_BYTES = 990_000",
        "MAX_DETAIL_BYTES = 999_900",
        LIMITS,
    ),
    Mutant(
        "let one entry that is refused for good hold up its shard",
        BUS,
        "if set_aside is None or code not in FOR_GOOD:",
        "if True:",
        RELAYING,
    ),
    Mutant(
        "set aside what a mended permission would let pass",
        BUS,
        "if set_aside is None or code not in FOR_GOOD:",
        "if set_aside is None:",
        RELAYING,
    ),
    Mutant(
        "set a whole call aside for one of its entries",
        BUS,
        "if len(batch) == 1:",
        "if batch:",
        RELAYING,
    ),
    Mutant(
        "lose an event that could not be set aside",
        "handlers/relay.py",
        '        raise _NotSetAsideError(f"could not be set aside ({reason}): {error}") from error\n',
        "        pass\n",
        RELAYING,
    ),
    Mutant(
        "call an event that the bus is too small for a breach",
        "handlers/relay.py",
        "if event.hash == event.computed_hash():",
        "if False:",
        RELAYING,
    ),
    Mutant(
        "delete the letter of an event that was not published",
        "ops/dead_letters/redrive.py",
        "    if not left_out:\n        return {}\n",
        "    return {}\n",
        ("tests/ops/test_dead_letters.py",),
    ),
    Mutant(
        "fill a call to the bus beyond its size",
        BUS,
        "len(batch) == MAX_ENTRIES or size + entry_size > MAX_BYTES",
        "len(batch) == MAX_ENTRIES",
        RELAYING,
    ),
    Mutant(
        "publish a changed event as if it were a new one",
        "handlers/relay.py",
        'if record["eventName"] != "INSERT":',
        "if False:",
        RELAYING,
    ),
    # Project
    Mutant(
        "replace a row whatever it has become",
        ROWS,
        '                "ConditionExpression": "LastSequence = :seen",\n',
        '                "ConditionExpression": "LastSequence <> :seen OR LastSequence = :seen",\n',
        PROJECTING,
    ),
    Mutant(
        "create a row over another worker's",
        ROWS,
        '{"ConditionExpression": "attribute_not_exists(LastSequence)"}',
        "{}",
        PROJECTING,
    ),
    Mutant(
        "apply whatever was delivered, gap or not",
        PROJECTOR,
        "if event is None or not event.follows(start.sequence, start.hash) or event.hash != event.computed_hash():",
        "if event is None:",
        PROJECTING,
    ),
    Mutant(
        "believe a made-up event",
        PROJECTOR,
        " or event.hash != event.computed_hash():",
        ":",
        PROJECTING,
    ),
    Mutant(
        "apply a duplicate again",
        PROJECTOR,
        "if position.sequence < event.sequence:",
        "if True:",
        PROJECTING,
    ),
    Mutant(
        "believe a caller about when a row was updated",
        "handlers/domain/projections.py",
        'or event.timestamp,\n                    "LastUpdated": event.timestamp,',
        'or event.timestamp,\n                    "LastUpdated": transaction.timestamp or event.timestamp,',
        ("tests/domain/test_projections.py",),
    ),
    Mutant(
        "forget the keys that BatchGetItem left undone",
        ROWS,
        'wanted = [*undone[self._table]["Keys"], *wanted[BATCH_KEYS:]]',
        "wanted = wanted[BATCH_KEYS:]",
        PROJECTING,
    ),
    Mutant(
        "forget what was done of a long gap",
        PROJECTOR,
        "for key, stored in rows.items()) else None",
        "for key, stored in rows.items()) and False else None",
        PROJECTING,
    ),
    Mutant(
        "let an account far behind go first",
        "handlers/projection.py",
        "sorted(pokes.items(), key=lambda each: _behind(each[0], each[1], rows))",
        "pokes.items()",
        PROJECTING,
    ),
    Mutant(
        "swallow a failed projection",
        "handlers/projection.py",
        "        return 0\n",
        "        return max(event.sequence for event in events)\n",
        PROJECTING,
    ),
    Mutant(
        "let one bad message fail its whole batch",
        "handlers/projection.py",
        '            failed.append(record["messageId"])\n',
        "            raise\n",
        PROJECTING,
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
        '        count("Faults", 1, context)\n',
        "",
    ),
    Mutant(
        "answer a fault to nobody, which Lambda takes for a success",
        "handlers/runtime.py",
        "        if not over_http(event):\n",
        "        if False:\n",
    ),
    Mutant(
        "fail where an HTTP request waits for its answer",
        "handlers/runtime.py",
        "not _MADE_OF_HTTP.isdisjoint(context)",
        'context.keys() >= {"http"}',
    ),
    Mutant(
        "learn of a missing bus when the first command is refused",
        "handlers/command.py",
        '_bus_name = setting("EVENT_BUS_NAME")',
        "_bus_name = __import__('os').environ.get('EVENT_BUS_NAME', '')",
        ("tests/handlers/test_settings.py",),
    ),
    Mutant(
        "show the stack trace of a failure",
        "handlers/failure.py",
        "    from awslambdaric.lambda_runtime_exception import FaultException\n",
        "    raise ImportError\n",
        ("tests/handlers/test_failure.py",),
    ),
    Mutant(
        "take a token of another query",
        "handlers/store/tokens.py",
        "if dumps(found) == dumps(subject):",
        "if True:",
        QUERYING,
    ),
    # Schemas and refusals
    Mutant(
        "take an ill-formed extra field for what a newer version means by its name",
        FACTS,
        "            if unusable:\n",
        "            if False:\n",
        EVOLVING,
    ),
    Mutant(
        "read an older event without its upcasters",
        FACTS,
        "data = UPCASTERS[event_type, version](data)",
        "pass",
        EVOLVING,
    ),
    Mutant(
        "read an event of an unknown version as the newest",
        FACTS,
        "    if version > newest:\n",
        "    version = min(version, newest)\n    if False:\n",
        EVOLVING,
    ),
    Mutant(
        "go on from a row that older code wrote",
        PROJECTOR,
        "if _is_sound(stored, projections[key]) else NOTHING",
        "if True else NOTHING",
        EVOLVING,
    ),
    Mutant(
        "make a row of older code again though its stream was rewritten",
        PROJECTOR,
        "if event.sequence == witnesses[key].sequence and",
        "if False and",
        EVOLVING,
    ),
    Mutant(
        "tell of the first violation only",
        ERRORS,
        "every = (Violation(field, problem), *more[: MAX_VIOLATIONS - 1])",
        "every = (Violation(field, problem),)",
        REFUSING,
    ),
    Mutant(
        "announce no refusal",
        "handlers/command.py",
        "            _announce(refusal, request, context)\n",
        "            pass\n",
        REFUSING,
    ),
    Mutant(
        "swallow the news of a refusal uncounted",
        "handlers/command.py",
        '        count("RejectionsNotPublished", 1, context, **place)\n',
        "",
        REFUSING,
    ),
    # Operator's commands
    Mutant(
        "cut a moment's events apart where a batch is full",
        "ops/timeline.py",
        "(item.timestamp != batch[-1].timestamp or len(batch) >= MOST)",
        "len(batch) >= BATCH",
        ("tests/ops/test_republish.py",),
    ),
    Mutant(
        "read the index by type, one type after the other",
        "ops/timeline.py",
        "merged = heapq.merge(*(self._key(key, since, until) for key in keys), key=lambda item: item.timestamp)",
        "merged = (item for key in keys for item in self._key(key, since, until))",
        ("tests/ops/test_republish.py",),
    ),
    Mutant(
        "put a redriven command's id beside a body in base64",
        "handlers/domain/payload.py",
        "    if not _has_body(event):\n        return dict(request)",
        '    if not _has_body(event) or event.get("isBase64Encoded"):\n        return {**event, **request}',
        REDRIVING,
    ),
    Mutant(
        "redrive a command under a new id",
        "ops/dead_letters/invocation.py",
        'payload = same_command(payload, context.get("requestId"))',
        'same_command(payload, context.get("requestId"))',
        REDRIVING,
    ),
    Mutant(
        "call what could be had of a dead letter queue all of it",
        "ops/dead_letters/queues.py",
        "        if not self.hidden:\n            return None",
        "        if self.hidden is not None:\n            return None",
        REDRIVING,
    ),
    Mutant(
        "break off between SQS's answer and the note of it",
        "ops/dead_letters/queues.py",
        "            with uninterrupted():\n                answer = self._receive()",
        "            with suppress():\n                answer = self._receive()",
        REDRIVING,
    ),
    Mutant(
        "end the receiving where letters come again",
        "ops/dead_letters/queues.py",
        "IDLE_RECEIVES = 100",
        "IDLE_RECEIVES = 1",
        REDRIVING,
    ),
    Mutant(
        "let one unreadable letter end the redrive",
        "ops/dead_letters/diagnosis.py",
        '        except MalformedError as error:\n            return Case(letter, f"no invocation record',
        '        except KeyError as error:\n            return Case(letter, f"no invocation record',
        REDRIVING,
    ),
    Mutant(
        "let one unanswered question about a letter end the redrive",
        "ops/dead_letters/diagnosis.py",
        "except (BotoCoreError, ClientError) as error:",
        "except BotoCoreError as error:",
        REDRIVING,
    ),
    Mutant(
        "take an empty id for no id",
        "ops/commands/dead_letters.py",
        '"--aggregate", type=arguments.identifier, metavar="ID", help="only letters',
        '"--aggregate", metavar="ID", help="only letters',
        ARGUING,
    ),
    Mutant(
        "take any float for a period of grace",
        "ops/commands/arguments.py",
        "if not _SECONDS.fullmatch(text) or float(text) > MAX_GRACE:",
        "if float(text) < 0:",
        ARGUING,
    ),
    Mutant(
        "forget the first of two values",
        "ops/commands/arguments.py",
        '        self.register("action", None, Once)\n',
        "",
        ARGUING,
    ),
    Mutant(
        "cut a replay's window to whole seconds",
        "ops/replay.py",
        "end if end == self.end else end + timedelta(seconds=1)",
        "end",
        ("tests/ops/test_replay.py",),
    ),
    # Infrastructure
    Mutant(
        "deliver refusals to the projections",
        "components/projection_feed.py",
        " if args.apart else pattern",
        " if False else pattern",
        DELIVERING,
    ),
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
        "let production lose its roles and logs",
        "components/handler_function.py",
        "        child = pulumi.ResourceOptions(parent=self)\n",
        "        child = pulumi.ResourceOptions(parent=self, protect=False)\n",
        LIVING,
    ),
    Mutant(
        "put the first version of a schema over the newest after a refresh",
        "components/schema_registry.py",
        '                    ignore_changes=["schema_definition"],\n',
        "",
        LIVING,
    ),
    Mutant(
        "move a schema to another registry without a call",
        "components/schema_registry.py",
        '                    replace_on_changes=["registry_arn"],\n',
        "",
        LIVING,
    ),
    Mutant(
        "let a rename of the stack replace the schema registry",
        "components/schema_registry.py",
        'parent=self, ignore_changes=["registry_name"]',
        "parent=self",
        LIVING,
    ),
    Mutant(
        "delete schema versions one by one",
        "components/schema_registry.py",
        ", retain_on_delete=True",
        "",
        LIVING,
    ),
    Mutant(
        "take a schema version that Glue refused for a good one",
        "ops/registered.py",
        '    if registered["Status"] != _ACCEPTED:\n',
        "    if False:\n",
        ("tests/ops/test_schemas.py",),
    ),
    Mutant(
        "take a timeout that is all reserve",
        "components/setting_rules.py",
        "settings.function_timeout > limits.COMMAND_RESERVE_SECONDS",
        "settings.function_timeout >= limits.COMMAND_RESERVE_SECONDS",
        SETTING,
    ),
    Mutant(
        "let the queue drop a message before it is set aside",
        "components/setting_rules.py",
        "        visibility * receives < limits.QUEUE_RETENTION_SECONDS,\n",
        "        visibility < limits.QUEUE_RETENTION_SECONDS,\n",
        SETTING,
    ),
    Mutant(
        "call a stack production whose alarms reach nobody",
        "components/setting_rules.py",
        "            bool(settings.alarm_emails),\n",
        "            True,\n",
        SETTING,
    ),
    Mutant(
        "reserve what the account keeps for the others",
        "components/account_limits.py",
        "> quota - LEFT_UNRESERVED:",
        "> quota:",
        SETTING,
    ),
    Mutant(
        "run on with the settings of a project's old name",
        "components/settings.py",
        "            elif namespace != own and key in self._read:\n",
        "            elif False:\n",
        SETTING,
    ),
    Mutant(
        "let the projection write events",
        "__main__.py",
        "    grants=[event_store.grant_read(), read_model.grant_project()],\n",
        "    grants=[event_store.grant_read(), event_store.grant_append(), read_model.grant_project()],\n",
        INFRASTRUCTURE,
    ),
    Mutant(
        "wait longer for the news of a refusal than the documents say",
        "handlers/command.py",
        "_PUBLISH_SECONDS = 3",
        "_PUBLISH_SECONDS = 4",
        DOCUMENTS,
    ),
    # The embedded AWS
    Mutant(
        "do not tell a new watchdog of the workers that there are",
        "local/engine/watchdog.py",
        'self._tell("".join(f"+{group}\\n" for group in self._groups))',
        "pass",
        WATCHING,
    ),
    Mutant(
        "leave the folder to a watchdog that was killed",
        "local/engine/watchdog.py",
        "if self._process.returncode != 0:",
        "if False:",
        WATCHING,
    ),
    Mutant(
        "let the watchdog die of the signal that stops its engine",
        "local/engine/watchdog.py",
        "signal.signal(number, signal.SIG_IGN)",
        "signal.signal(number, signal.SIG_DFL)",
        WATCHING,
    ),
    Mutant(
        "let a poller of a queue end where it fails",
        "local/engine/queue_poller.py",
        'background.keep(f"queue-',
        'background.spawn(f"queue-',
        RESILIENCE,
    ),
    Mutant(
        "lose an event for a target where the engine fails",
        "local/engine/targets.py",
        'self._failed(delivery, Undeliverable("INTERNAL_ERROR", "The embedded AWS failed", retry=True))',
        "pass",
        RESILIENCE,
    ),
    Mutant(
        "lose the batch of a lane that fails",
        "local/engine/stream_lane.py",
        "self._pending.extendleft(reversed(batch))",
        "pass",
        RESILIENCE,
    ),
    Mutant(
        "call an event from the future in flight",
        "ops/verification/rows.py",
        "if cutoff < first.timestamp <= latest:",
        "if cutoff < first.timestamp:",
        ("tests/ops/test_verify.py",),
    ),
    Mutant(
        "take any Timestamp for one of the past",
        "ops/verification/verifier.py",
        "            stream.finish()\n",
        "",
        ("tests/ops/test_verify.py",),
    ),
    Mutant(
        "answer without the time, as AWS never does",
        "local/engine/server.py",
        '        headers.setdefault("date", formatdate(usegmt=True))  # as every answer of AWS\n',
        "",
        ("tests/local/test_engine_faults.py",),
    ),
)
