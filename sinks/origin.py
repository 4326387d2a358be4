"""The fields that a record takes over from its score."""

from __future__ import annotations

from typing import Any

from fleetleak.records import Score


def origin(score: Score) -> dict[str, Any]:
    """Return the fields of a record that say which snapshot it follows from."""
    return {
        "service": score.service,
        "instance": score.instance,
        "time": score.time,
        "host": score.host,
        "scope": score.scope,
        "version": score.version,
        "input_partition": score.input_partition,
        "input_offset": score.input_offset,
    }
