"""What moto works out anew with each call, though it knew it before, or could have it at once.

Names in its own spelling, letter by letter (a tenth of what the engine did for a command, most of it for the attributes
of a queue); what a handler's class can do; identifiers, with a look at the random numbers for each letter; where its
state is, by comparing all of it.
"""

from __future__ import annotations

import string
from functools import cache, lru_cache
from typing import Any

from local.engine.backends import BackendDict, MotoRandom, mock_random, sqs_models
from local.engine.moto_app import responses

_NAMES = 4096
"""How many are remembered: those of operations and attributes, and what callers make up."""
_HANDLE_LETTERS = 185

_made_or_found = BackendDict.__getitem__
in_python = lru_cache(_NAMES)(sqs_models.camelcase_to_underscores)
"""A name of AWS's in moto's spelling: "VisibilityTimeout" is "visibility_timeout"."""
_methods = cache(responses.method_names_from_class)


def install() -> None:
    """From here on moto takes them. Calling it again changes nothing."""
    responses.camelcase_to_underscores = in_python
    responses.method_names_from_class = _methods
    sqs_models.camelcase_to_underscores = in_python
    sqs_models.generate_receipt_handle = _receipt_handle
    MotoRandom.get_random_string = _random_string
    BackendDict.__getitem__ = _of_account


def _receipt_handle() -> str:
    return "".join(mock_random.choices(string.ascii_lowercase, k=_HANDLE_LETTERS))


def _random_string(source: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    letters = string.ascii_letters + string.digits if include_digits else string.ascii_letters
    made = "".join(source.choices(letters, k=length))
    return made.lower() if lower_case else made


def _of_account(backends: Any, account: str) -> Any:
    """Moto makes what is missing, and first makes sure that a reset will find it: what is there, is found by it."""
    found = backends.get(account)
    return _made_or_found(backends, account) if found is None else found
