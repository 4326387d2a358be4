"""What is stored of a service, for people: readable values, and River's objects where one exists."""

from __future__ import annotations

from typing import Any

from fleetleak.settings.tree import Processor
from processors.methods import Methods
from processors.services import Part, decode


def describe(settings: Processor, state: bytes) -> dict[str, Any]:
    """Describe the stored state of one service.

    Raises
    ------
    ValueError
        If the bytes are not one.
    """
    stored = decode(state)
    methods = Methods(settings)
    return {
        "newest": stored.newest,
        "service": _parts(methods.service_parts(), stored.parts),
        "instances": {
            one.name: {
                "time": one.time,
                "started": one.started,
                "models": _parts(methods.instance_parts(), one.parts),
            }
            for one in stored.instances
        },
    }


def _parts(parts: dict[str, Part], stored: dict[str, bytes]) -> dict[str, Any]:
    return {name: _part(parts.get(name), value) for name, value in stored.items()}


def _part(part: Part | None, value: bytes) -> dict[str, Any]:
    shown: dict[str, Any] = {"bytes": len(value)}
    if part is None:
        return shown
    try:
        part.load(0, value)
    except ValueError as error:
        return shown | {"problem": str(error)}
    if (to_river := getattr(part, "to_river", None)) is not None:
        shown["river"] = " ".join(repr(to_river(0)).split())
    if (numbers := getattr(part, "state", None)) is not None:
        shown["numbers"] = [round(float(x), 9) for x in numbers[0]]
    return shown
