"""From the life of an instance to what a host agent would have measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fleetleak.records import Snapshot
from fleetleak_app.evaluation.cases import Case, Floats, Leak
from fleetleak_app.evaluation.synthetic.instance import KERNEL, Life

EPOCH = 1_749_427_200.0  # a Monday's midnight, UTC
PAGE = 4096
RESIDENT = 0.8  # of the limit: what anonymous memory beyond it is swapped, where there is swap


@dataclass(frozen=True, eq=False, slots=True)
class Telemetry:
    """The samples of one instance: `columns` by the snapshot's field names, each of shape `(n,)`."""

    service: str
    instance: str
    tag: str
    limit: int
    columns: dict[str, Any]
    leaks: tuple[Leak, ...]
    ambiguous: tuple[tuple[float, float], ...]

    def case(self) -> Case:
        """Return the labelled series, as the scorer and the rivals use it."""
        times = np.asarray(self.columns["timestamp"], dtype=float)
        return Case(
            series=f"{self.service}/{self.instance}",
            times=times,
            used=np.asarray(self.columns["used"], dtype=float),
            total=np.full(len(times), float(self.limit)),
            group="synthetic" if self.leaks else "clean",
            tag=self.tag,
            leaks=self.leaks,
            ambiguous=self.ambiguous,
            t0=float(times[0]),
            t1=float(times[-1]),
        )

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield the snapshots, in order of time."""
        fixed: dict[str, Any] = {"service": self.service, "instance": self.instance, "scope": "pod"}
        fixed |= {"host": f"host-of-{self.instance}", "environment": "synthetic"}
        fixed |= {"total": self.limit, "limit": self.limit, "limit_name": "memory.max"}
        names = list(self.columns)
        plain = [column if isinstance(column, list) else column.tolist() for column in self.columns.values()]
        for values in zip(*plain, strict=True):
            yield Snapshot(**fixed, **dict(zip(names, values, strict=True)))


def observe(life: Life, *, limit: int, swap: float, quantum: int) -> dict[str, Any]:
    """Return the measured columns of a life, shapes `(n,)`: bytes, seconds, and counters since it began.

    Memory comes in multiples of `quantum` bytes (an allocator's arenas). Files' pages give way to
    anonymous memory; beyond 80 % of the limit that is swapped, where `swap` is not 0.
    """
    held = np.floor(life.anon * limit / quantum) * quantum / limit
    anon = np.minimum(held, RESIDENT) if swap else held
    file = np.clip(np.minimum(life.file + 0.01, 1.0 - KERNEL - anon), 0.0, None)
    squeeze = np.clip((0.08 - (1.0 - KERNEL - anon)) / 0.08, 0.0, 1.0)
    seconds = np.diff(life.hours * 3600.0, prepend=life.hours[0] * 3600.0)
    shares = {
        "used": anon + file + KERNEL,
        "active": 0.7 * anon + 0.3 * file,
        "anon": anon,
        "file": file,
        "slab_unreclaimable": np.full(len(anon), 0.6 * KERNEL),
        "page_tables": np.full(len(anon), 0.4 * KERNEL),
        "working_set": anon + 0.3 * file + KERNEL,
        "limit_used": anon + 0.3 * file + KERNEL,
    }
    if swap:
        shares |= {"swap_total": np.full(len(anon), swap), "swap_used": held - anon}
    times = {"timestamp": life.hours, "started": life.started}
    columns: dict[str, Any] = {name: EPOCH + hours * 3600.0 for name, hours in times.items()}
    columns |= {name: np.minimum(_pages(share, limit), limit) for name, share in shares.items()}
    return columns | _counters(life, held, squeeze, seconds, limit) | {"version": life.versions}


def _pages(share: Floats, limit: int) -> NDArray[np.int64]:
    return np.floor(share * limit / PAGE).astype(np.int64) * PAGE


def _counters(life: Life, held: Floats, squeeze: Floats, seconds: Floats, limit: int) -> dict[str, Any]:
    """Count CPU with the load, minor faults with fresh pages, major faults and stalls with the squeeze."""
    fresh = np.maximum(np.diff(held, prepend=held[0]), 0.0) * limit / PAGE
    cores = 0.05 + 0.4 * life.load + 0.5 * squeeze
    faults = fresh + 150 * life.load * seconds
    return {
        "cpu_seconds": np.cumsum(cores * seconds),
        "faults_minor": np.floor(np.cumsum(faults)).astype(np.int64),
        "faults_major": np.floor(np.cumsum(40 * squeeze**2 * seconds)).astype(np.int64),
        "pressure_some": np.cumsum(0.4 * squeeze**2 * seconds),
        "pressure_full": np.cumsum(0.2 * squeeze**2 * seconds),
        "oom_kills": life.kills.astype(np.int64),
    }
