"""How callers are moved from one version of the functions to the next, where they are not all at once."""

from __future__ import annotations

import pulumi

from components.monitoring import Monitoring
from components.traffic_shift import Shifted, TrafficShift, TrafficShiftArgs
from stack.functions import Functions
from stack.shared import Shared

_OF_A_FUNCTION = ("errors", "faults", "throttles")
_OF_AN_API = ("people-api-faults", "people-api-latency", "machine-api-faults", "machine-api-latency")


def shift(shared: Shared, functions: Functions, monitoring: Monitoring) -> dict[str, pulumi.Input[object]]:
    """Declare what moves them, and what an operator's command has to know of it; nothing where all come at once."""
    called = {"query": functions.query, "validate": functions.validate, "command": functions.command}
    if not shared.settings.is_shifted:
        return {}
    moved = TrafficShift(
        "traffic-shift",
        TrafficShiftArgs(
            functions={label: Shifted(function, _brakes(label, monitoring)) for label, function in called.items()},
            deployment=shared.settings.deployment,
        ),
        # Production keeps nothing of it: it comes and goes with the setting.
        pulumi.ResourceOptions.merge(shared.options, pulumi.ResourceOptions(protect=False)),
    )
    releases = {
        label: {"function": function.name, "alias": function.qualifier, "version": function.version, "group": group}
        for (label, function), group in zip(called.items(), moved.groups.values(), strict=True)
    }
    return {"deployApplication": moved.application, "releases": releases}


def _brakes(label: str, monitoring: Monitoring) -> list[pulumi.Output[str]]:
    """The alarms of the function itself, and those of the APIs that it answers."""
    wanted = [*(f"{label}-{kind}" for kind in _OF_A_FUNCTION), *_OF_AN_API]
    return [monitoring.alarm_names[each] for each in wanted if each in monitoring.alarm_names]
