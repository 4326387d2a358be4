"""Numbers that are no bytes: percentages and the like, scaled up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleetleak_app.reading.findings import Findings, listed

# Numbers that stay below this are no bytes but percentages and the like: scaled up by as much, their ratios
# are kept to one in a million.
_LEAST_BYTES = 2**20
# A host or limit of fewer bytes is rare enough to ask.
_FEW_BYTES = 2**26


def unit_scale(most: float) -> int:
    """Give the factor that makes bytes of a service's numbers, the largest of which is `most`."""
    return _LEAST_BYTES if most < _LEAST_BYTES else 1


def scaled(
    columns: Mapping[str, list[Any]], names: Sequence[str], exact: Sequence[bool], findings: Findings
) -> dict[str, list[Any]]:
    """Give the columns of bytes as whole numbers, scaled up for services that have another unit.

    Parameters
    ----------
    exact
        For each row, whether the unit is known: such numbers stay as they are.
    """
    most = _most(columns, names)
    inexact = most if not any(exact) else {
        service: most[service]
        for service in {s for s, known in zip(columns["service"], exact, strict=True) if not known}
    }  # fmt: skip
    scales = {service: unit_scale(value) for service, value in inexact.items()}
    small = sorted(service for service, scale in scales.items() if scale > 1)
    if small:
        findings.note(
            f"the numbers of {listed(small[:3])}{f' and {len(small) - 3} more' if len(small) > 3 else ''}"
            " stay below 1,048,576: read as MiB, or as shares such as percent; otherwise use --unit"
        )
    _ask(columns, inexact, scales, findings)
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


def _ask(
    columns: Mapping[str, list[Any]],
    inexact: Mapping[str, float],
    scales: Mapping[str, int],
    findings: Findings,
) -> None:
    """Say so where the largest amount is so small that it may be in another unit."""
    name = next((name for name in ("total", "used", "anon") if name in columns), None)
    whole = [service for service, scale in scales.items() if scale == 1]
    if name is None or not whole or max(inexact[service] for service in whole) >= _FEW_BYTES:
        return
    known = set(whole)
    largest = max(
        (v or 0 for s, v in zip(columns["service"], columns[name], strict=True) if s in known), default=0
    )
    findings.note(f"largest {name} is {largest / 2**20:.1f} MiB: if the column is in KiB, use --unit KiB")
