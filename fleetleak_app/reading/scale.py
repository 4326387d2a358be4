"""Memory in other units than bytes, such as percentages: scaled up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleetleak_app.reading.notes import Notes, listed

# Numbers that stay below this are not bytes but percentages or similar. They are scaled up by the same
# number, so that rounding to whole numbers keeps their ratios to one in a million.
_LEAST_BYTES = 2**20
# A host or limit with fewer bytes is so rare that a note asks for the unit.
_FEW_BYTES = 2**26


def unit_scale(most: float) -> int:
    """Return the factor that converts the numbers of a service to bytes; `most` is the largest of them."""
    return _LEAST_BYTES if most < _LEAST_BYTES else 1


def scaled(
    columns: Mapping[str, list[Any]], names: Sequence[str], exact: Sequence[bool], notes: Notes
) -> dict[str, list[Any]]:
    """Return the columns of bytes as whole numbers, scaled up for services with another unit.

    Parameters
    ----------
    exact
        For each row, whether the unit is known; such numbers are not scaled.
    """
    most = _most(columns, names)
    inexact = most if not any(exact) else {
        service: most[service]
        for service in {s for s, known in zip(columns["service"], exact, strict=True) if not known}
    }  # fmt: skip
    scales = {service: unit_scale(value) for service, value in inexact.items()}
    small = sorted(service for service, scale in scales.items() if scale > 1)
    if small:
        notes.note(
            f"the numbers of {listed(small[:3])}{f' and {len(small) - 3} more' if len(small) > 3 else ''}"
            " stay below 1,048,576: read as MiB, or as shares such as percent; otherwise use --unit"
        )
    _note_few_bytes(columns, inexact, scales, notes)
    if not small:
        return {name: [None if v is None else round(v) for v in columns[name]] for name in names}
    factors = [1 if known else scales[s] for s, known in zip(columns["service"], exact, strict=True)]
    return {
        name: [None if v is None else round(v * f) for v, f in zip(columns[name], factors, strict=True)]
        for name in names
    }


def _most(columns: Mapping[str, list[Any]], names: Sequence[str]) -> dict[str, float]:
    most = dict.fromkeys(columns["service"], 0.0)
    for name in names:
        for service, value in zip(columns["service"], columns[name], strict=True):
            if value is not None and value > most[service]:
                most[service] = value
    return most


def _note_few_bytes(
    columns: Mapping[str, list[Any]],
    inexact: Mapping[str, float],
    scales: Mapping[str, int],
    notes: Notes,
) -> None:
    """Note the largest amount if it is so small that it may be in another unit."""
    name = next((name for name in ("total", "used", "anon") if name in columns), None)
    whole = [service for service, scale in scales.items() if scale == 1]
    if name is None or not whole or max(inexact[service] for service in whole) >= _FEW_BYTES:
        return
    known = set(whole)
    largest = max(
        (v or 0 for s, v in zip(columns["service"], columns[name], strict=True) if s in known), default=0
    )
    notes.note(f"largest {name} is {largest / 2**20:.1f} MiB: if the column is in KiB, use --unit KiB")
