"""The stored state of a service as readable values, and as River objects where River has a counterpart."""

from __future__ import annotations

from typing import Any, NamedTuple

from fleetleak.settings.tree import ProcessorSettings
from processors.evidence.engine import Evidence
from processors.methods.ensemble import Methods
from processors.models.column_model import ColumnModel
from processors.models.conversion import converts, to_river
from processors.place.stored import decode
from processors.place.table import Part


def describe(settings: ProcessorSettings, state: bytes) -> dict[str, Any]:
    """Return the stored state of one service as plain values.

    Raises
    ------
    ValueError
        If the bytes are not a stored service.
    """
    stored = decode(state)
    methods, visible = Methods(settings), slowest_visible(state)
    return {
        "newest": stored.newest,
        "service": _parts(methods.service_parts(), stored.parts),
        "instances": {
            one.name: {
                "time": one.time,
                "started": one.started,
                "version": one.version,
                "growing": one.suspected,
                "slowest_visible": visible[one.name]._asdict() if one.name in visible else None,
                "models": _parts(methods.instance_parts(), one.parts),
            }
            for one in stored.instances
        },
    }


_MIB = 2**20


class Visible(NamedTuple):
    """The slowest leak that could be seen in one instance, how long it takes, and what hides slower ones."""

    mib_per_hour: float
    days: float
    noise_mib: float


def slowest_visible(state: bytes) -> dict[str, Visible]:
    """Return the slowest leak that could be seen in each instance of a stored service, by instance.

    Instances without a known limit, or without readable state of the trend, are left out.

    Raises
    ------
    ValueError
        If the bytes are not a stored service.
    """
    stored, engine = decode(state), Evidence(1, 1)
    visible: dict[str, Visible] = {}
    for one in stored.instances:
        try:
            engine.instances.load(0, one.parts["evidence"])
            engine.services.load(0, stored.parts["normal"])
        except (KeyError, ValueError):
            continue
        if one.limit:
            edge = engine.slowest_visible(0, 0, one.time, one.limit)
            visible[one.name] = Visible(3600.0 * edge.growth / _MIB, edge.window / 86400.0, edge.noise / _MIB)
    return visible


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
    if converts(part):
        shown["river"] = " ".join(repr(to_river(part, 0)).split())
    if isinstance(part, ColumnModel):
        shown["numbers"] = [round(number, 9) for number in part.numbers(0)]
    return shown
