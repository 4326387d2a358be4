"""Streams of records for parity tests, and what parity means on this platform."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from processors.columns import Floats, Rows
from processors.models.base import LARGEST

Batch = tuple[Rows, Floats]
CutBatch = tuple[Rows, Floats, list[slice]]
Stream = Callable[[np.random.Generator, int, int, int], Batch]

_PROBE = np.random.default_rng(0).random(2_000)
EXACT = np.float_power(_PROBE, 0.5).tolist() == [v**0.5 for v in _PROBE.tolist()]
"""Whether numpy's power is the libm of this Python: then scores must be equal to the last bit."""

PARITY = "bit-equal" if EXACT else "within-1e-9"


def assert_same(ours: NDArray[np.float64], rivers: NDArray[np.float64]) -> None:
    if EXACT:
        np.testing.assert_array_equal(ours, rivers)
        np.testing.assert_array_equal(np.signbit(ours), np.signbit(rivers))  # 0.0 == -0.0
    else:
        np.testing.assert_allclose(ours, rivers, rtol=1e-9, atol=1e-9)


def _even(rng: np.random.Generator, records: int, rows: int) -> Rows:
    return rng.integers(0, rows, records).astype(np.intp)


def random(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    return _even(rng, records, rows), rng.random((records, features))


def drifting(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    level = np.linspace(0.2, 0.8, records)[:, None]
    return _even(rng, records, rows), level + rng.normal(0, 0.03, (records, features))


def quiet_then_step(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    level = np.where(np.arange(records) < records // 2, 0.2, 0.6)[:, None]
    return _even(rng, records, rows), level + rng.normal(0, 1e-4, (records, features))


def spiky(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    x = rng.normal(0.3, 1e-3, (records, features))
    return _even(rng, records, rows), np.where(rng.random((records, 1)) < 0.02, 5.0, x)


def not_finite(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    x = rng.random((records, features))
    x[rng.random(x.shape) < 0.05] = np.nan
    x[rng.random(x.shape) < 0.02] = np.inf
    return _even(rng, records, rows), x


def zipf(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    keys = np.minimum(rng.zipf(1.5, records) - 1, rows - 1)
    return keys.astype(np.intp), rng.random((records, features))


def hot_key(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    keys = np.where(rng.random(records) < 0.9, 0, rng.integers(0, rows, records))
    return keys.astype(np.intp), rng.random((records, features))


def constant(rng: np.random.Generator, records: int, rows: int, features: int) -> Batch:
    return _even(rng, records, rows), np.full((records, features), 0.25)


STREAMS: dict[str, Stream] = {
    f"{stream.__name__}-{PARITY}": stream
    for stream in (random, drifting, quiet_then_step, spiky, not_finite, zipf, hot_key, constant)
}


def slices(ends: list[int]) -> list[slice]:
    return [slice(begin, end) for begin, end in pairwise([0, *ends])]


def pieces(rng: np.random.Generator, records: int) -> list[slice]:
    """Cut a stream into batches of very different sizes."""
    ends = np.cumsum(rng.choice([1, 3, 17, 60, 150], size=records))
    return slices([*ends[ends < records].tolist(), records])


FINITE = st.one_of(
    st.floats(0, 1), st.floats(-LARGEST, LARGEST), st.sampled_from([5e-324, 1e-300, 1e-12, 0.25, LARGEST])
)
"""Tiny, usual and huge values, as far as models accept them."""


@st.composite
def cut_batches(draw: st.DrawFn, rows: int, features: int, values: st.SearchStrategy[float]) -> CutBatch:
    """Return records of a few keys in which values return, and where to cut them into batches."""
    records, used = draw(st.integers(1, 60)), draw(st.integers(1, rows))
    some = st.sampled_from(draw(st.lists(values, min_size=1, max_size=5)))
    x = draw(st.lists(some | values, min_size=records * features, max_size=records * features))
    keys = draw(st.lists(st.integers(0, used - 1), min_size=records, max_size=records))
    ends = draw(st.sets(st.integers(1, records), max_size=6))
    # no -0.0: of equal zeros a minimum may keep either
    batch = np.array(x).reshape(records, features) + 0.0
    return np.array(keys, dtype=np.intp), batch, slices(sorted(ends | {records}))
