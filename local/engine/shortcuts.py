"""What moto works out anew with each call, though it knew it before, or could have it at once.

Names in its own spelling, letter by letter (a tenth of what the engine did for a command, most of it for the attributes
of a queue); what a handler's class can do; identifiers, with a look at the random numbers for each letter; where its
state is, by comparing all of it; the words of a condition, by six patterns made for each; all attributes of a queue, a
policy written out each time, for one of them; whose a key is, by looking through all that each account has.
"""

from __future__ import annotations

import string
from collections import deque
from functools import cache, lru_cache
from typing import Any

from local.engine.api import ACCOUNT
from local.engine.backends import (
    BackendDict,
    ConditionExpressionParser,
    MotoRandom,
    QueueBackend,
    iam_backends,
    iam_models,
    mock_random,
    sqs_models,
)
from local.engine.moto_app import responses

_NAMES = 4096
"""How many are remembered: those of operations and attributes, and what callers make up."""
_HANDLE_LETTERS = 185

_made_or_found = BackendDict.__getitem__
in_python = lru_cache(_NAMES)(sqs_models.camelcase_to_underscores)
"""A name of AWS's in moto's spelling: "VisibilityTimeout" is "visibility_timeout"."""
_methods = cache(responses.method_names_from_class)
_read_words = ConditionExpressionParser._lex_condition_expression
_account_of_key = iam_models.get_account_id_from


def install() -> None:
    """From here on moto takes them. Calling it again changes nothing."""
    responses.camelcase_to_underscores = in_python
    responses.method_names_from_class = _methods
    sqs_models.camelcase_to_underscores = in_python
    sqs_models.generate_receipt_handle = _receipt_handle
    MotoRandom.get_random_string = _random_string
    BackendDict.__getitem__ = _of_account
    ConditionExpressionParser._lex_condition_expression = _words
    QueueBackend.is_message_valid_based_on_retention_period = _is_retained
    iam_models.get_account_id_from = _account


def _receipt_handle() -> str:
    return _drawn(mock_random, string.ascii_lowercase, _HANDLE_LETTERS)


def _random_string(source: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    letters = string.ascii_letters + string.digits if include_digits else string.ascii_letters
    made = _drawn(source, letters, length)
    return made.lower() if lower_case else made


def _drawn(source: Any, letters: str, length: int) -> str:
    """Some letters come up a little more often than others: these are names, and keep no secret."""
    drawn: bytes = source.randbytes(length)
    return drawn.translate(_letter_of_byte(letters)).decode("ascii")


@cache
def _letter_of_byte(letters: str) -> bytes:
    return "".join(letters[byte % len(letters)] for byte in range(256)).encode("ascii")


def _of_account(backends: Any, account: str) -> Any:
    """Moto makes what is missing, and first makes sure that a reset will find it: what is there, is found by it."""
    found = backends.get(account)
    return _made_or_found(backends, account) if found is None else found


def _words(parser: Any) -> deque[Any]:
    return deque(_words_of(parser.condition_expression))


@lru_cache(_NAMES)
def _words_of(expression: str) -> tuple[Any, ...]:
    """Of moto's making, and never changed. Raises: ValueError, as moto does."""
    return tuple(_read_words(ConditionExpressionParser(expression, {}, {})))


def _is_retained(backend: Any, queue_name: str, message: Any) -> bool:
    until = backend.get_queue(queue_name).message_retention_period + message.sent_timestamp / 1000
    return bool(until > sqs_models.unix_time())


def _account(access_key: str) -> str:
    """Where there is but the one account, each key is of that one."""
    return ACCOUNT if iam_backends.keys() <= {ACCOUNT} else str(_account_of_key(access_key))
