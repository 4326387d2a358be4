"""Samples for the engine, memory in multiples of a limit of 1 unless said; many series in one engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from processors.columns import Flags, Floats, Rows
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.samples import Samples


def samples(
    time: Floats,
    memory: Floats,
    *,
    used: Floats | None = None,
    limit: Floats | float = 1.0,
    restarted: Flags | None = None,
    load: Floats | None = None,
    faults: Floats | None = None,
    swap: Floats | None = None,
) -> Samples:
    """Return samples of which all memory counts against the limit; without `restarted` no start is known."""
    limits = np.broadcast_to(np.asarray(limit, dtype=np.float64), time.shape)
    counted = memory if used is None else used
    never = np.zeros(len(time), dtype=np.bool_)
    return Samples(
        time=time,
        memory=memory,
        limit=limits,
        used=counted,
        left=np.maximum(limits - counted, 0.0),
        restarted=never if restarted is None else restarted,
        timed=never if restarted is None else ~never,
        load=load,
        faults=faults,
        swap=swap,
    )


def watch(series: Mapping[str, Samples]) -> dict[str, TrendFindings]:
    """Return the findings of each series, as those of the only instance of a service of its own.

    One engine watches all of them. That costs hardly more than one series, and an instance's findings do not
    depend on its neighbours: test_engine.py has the same findings sample by sample.
    """
    rows, together = side_by_side(list(series.values()))
    found = Evidence(len(series), len(series)).observe(rows, rows, together)
    return {name: _picked(found, rows == row) for row, name in enumerate(series)}


def side_by_side(series: Sequence[Samples]) -> tuple[Rows, Samples]:
    """Return the samples of all series, the n-th of each next to each other, with the row of each."""
    rows = np.repeat(np.arange(len(series)), [len(one.time) for one in series])
    order = np.argsort(np.concatenate([np.arange(len(one.time)) for one in series]), kind="stable")
    columns = {
        field.name: np.concatenate([_column(one, field.name) for one in series])[order]
        for field in fields(Samples)
    }
    return rows[order], Samples(**columns)


def _column(one: Samples, name: str) -> Any:
    column = getattr(one, name)
    return np.full(len(one.time), np.nan) if column is None else column


def _picked(whole: Any, at: Flags) -> Any:
    """Return the same with some samples only, in every array."""
    parts = {field.name: getattr(whole, field.name) for field in fields(whole)}
    return replace(whole, **{name: _picked(x, at) if is_dataclass(x) else x[at] for name, x in parts.items()})
