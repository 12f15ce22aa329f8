"""What a deployment tells while it runs, and what there is afterwards. Whoever shows it need not load Pulumi's SDK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from local.deploy.registry import Created


@dataclass(frozen=True)
class Progress:
    """Something that happened: a resource is being, or was, created or deleted, or the program said something."""

    kind: Literal["creating", "created", "deleting", "deleted", "info", "warning"]
    subject: str  # the resource's logical name, or the text
    type: str = ""  # the resource's type token
    seconds: float = 0.0


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class DeployedResource:
    """One resource that exists at the endpoint."""

    type: str
    name: str
    urn: str
    id: str
    seconds: float
    protected: bool
    retained: bool
    created: Created | None = field(repr=False)
    """How it is deleted; None where another process deployed it."""
