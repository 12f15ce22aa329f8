"""Texts with wildcards, as IAM reads them: `*` is any number of characters, whichever they are, and `?` is one."""

from __future__ import annotations

import re
from functools import lru_cache

_ARN_PARTS = 6


def like(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


def arn_like(pattern: str, value: str) -> bool:
    """As the Arn operators of conditions compare: each of the six parts by itself."""
    parts, actual = pattern.split(":", _ARN_PARTS - 1), value.split(":", _ARN_PARTS - 1)
    return len(parts) == len(actual) == _ARN_PARTS and all(map(like, parts, actual))


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", pattern)
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.compile(expression, re.DOTALL)
