"""`python -m handlers.http_api`: what the handlers' own code says of the API, as JSON, for who describes it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from handlers.domain import KINDS
from handlers.sourcing import errors
from handlers.sourcing.projection import DueQuery

from .routes import ROUTES


def description() -> dict[str, Any]:
    """The routes, the kinds that they are about, what lists are filtered by, and the errors that may be answered."""
    return {
        "routes": [asdict(route) for route in ROUTES.values()],
        "kinds": {
            kind.name: {"commands": list(kind.commands), "state": list(kind.state().describe())}
            for kind in KINDS.all
            if kind.collection is not None
        },
        "filters": {
            query.name: {
                name: {"description": each.description, "form": each.form, "words": each.words}
                for name, each in query.filters.items()
            }
            for kind in KINDS.all
            for query in kind.queries
            if isinstance(query, DueQuery)
        },
        "errors": [
            {
                "status": each.status,
                "code": each.code,
                "meaning": (inspect.getdoc(each) or "").split("\n\n")[0],
                "forOperators": each.for_operators,
            }
            for each in _told(errors.LedgerError)
        ],
    }


def _told(base: type[errors.LedgerError]) -> Iterator[type[errors.LedgerError]]:
    yield base
    for each in base.__subclasses__():
        yield from _told(each)


if __name__ == "__main__":
    print(json.dumps(description()))  # noqa: T201 -- a command line
