"""Writing only where nobody else has written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def unchanged(item: Mapping[str, Any], key: Collection[str], *others: str) -> dict[str, Any]:
    """On the condition that an item is as it was read, to the last attribute that it had beside its key.

    Of one that had none: that it has none of these `others`, which whoever writes it would give it.
    """
    names = {f"#{place}": name for place, name in enumerate(sorted(item.keys() - set(key)))}
    if not names:
        return {"ConditionExpression": " AND ".join(f"attribute_not_exists({each})" for each in others)}
    return {
        "ConditionExpression": " AND ".join(f"{short} = :{short[1:]}" for short in names),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {f":{short[1:]}": item[name] for short, name in names.items()},
    }
