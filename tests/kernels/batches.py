"""Batches of records for the tests of kernels: rows that return, values of every kind, flags, and cuts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from processors.columns import Flags, Floats, Rows
from tests.models.streams import FINITE

_VALUES = FINITE | st.sampled_from([0.0, -0.0, -1e-12, 1e101, np.nan, np.inf, -np.inf])


@dataclass(frozen=True)
class Batch:
    """Records, and the ends of the pieces that they are cut into."""

    rows: Rows
    x: Floats
    learn: Flags
    fresh: Flags
    ends: tuple[int, ...]

    @property
    def pieces(self) -> list[slice]:
        return [slice(begin, end) for begin, end in pairwise([0, *self.ends])]

    @property
    def uncut(self) -> Batch:
        return replace(self, ends=(len(self.rows),))


@st.composite
def batches(draw: st.DrawFn, rows: int, features: int) -> Batch:
    """Return up to 60 records of a few rows, in which values return."""
    count, used = draw(st.integers(1, 60)), draw(st.integers(1, rows))

    def each(one: st.SearchStrategy[float], times: int = 1) -> list[float]:
        return draw(st.lists(one, min_size=count * times, max_size=count * times))

    some = st.sampled_from(draw(st.lists(_VALUES, min_size=1, max_size=5)))
    return Batch(
        rows=np.array(each(st.integers(0, used - 1)), dtype=np.intp),
        x=np.array(each(some | _VALUES, features)).reshape(count, features),
        learn=np.array(each(st.booleans()), dtype=np.bool_),
        fresh=np.array(each(st.sampled_from([False, False, True])), dtype=np.bool_),
        ends=tuple(sorted(draw(st.sets(st.integers(1, count), max_size=6)) | {count})),
    )


def heavy(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return values of heavy tails around a level that steps."""
    level = 0.3 + 0.3 * (np.arange(shape[0]) // 250 % 2)[:, None]
    return level + 0.02 * rng.standard_t(2, shape)


def bounded(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return few different values, and now and then one far outside them."""
    return np.where(rng.random(shape) < 0.05, 1e6, rng.choice([0.25, 0.5, 0.5625], shape))


def huge(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return values of both signs and all magnitudes, whose sums of squares may overflow."""
    return rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-200, 100, shape)


KINDS = {kind.__name__: kind for kind in (heavy, bounded, huge)}


def long_batch(kind: str, rows: int, features: int) -> Batch:
    """Return many records of a kind, cut in half."""
    rng, count = np.random.default_rng(1), 1_500
    return Batch(
        rows=rng.integers(0, rows, count).astype(np.intp),
        x=KINDS[kind](rng, (count, features)),
        learn=rng.random(count) < 0.95,
        fresh=rng.random(count) < 0.005,
        ends=(count // 2, count),
    )
