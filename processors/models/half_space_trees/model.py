"""Half-space trees for a whole fleet: two logs of leaves and one table of scores per row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from operator import add
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Flags, Floats, Rows
from processors.kernels import compiled
from processors.kernels.protocol import Arrays, Kernels
from processors.models.base import usable
from processors.models.codec import CorruptState, seal, unseal
from processors.models.half_space_trees import codec
from processors.models.half_space_trees.shape import (
    HalfSpaceTreesShape,
    Leaves,
    Limits,
    leaf_counts,
    least_records,
)

_CHUNK = 16  # rows whose leaves are counted at once: their numbers stay in the processor's cache


def _limits(features: int, given: Limits) -> Limits:
    names = [f"f{i}" for i in range(features)]
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"limits of unknown features {unknown}; there are {names}")
    return {name: given.get(name, (0.0, 1.0)) for name in names}


class HalfSpaceTrees(Columns):
    """Half-space trees [1]_ with the scores of `river.anomaly.HalfSpaceTrees`, bit for bit.

    The score of a record in a tree depends only on its leaf. So each row keeps a table of scores by leaf,
    which is built once per window. Learning appends leaf numbers to the log of the current window. A row
    takes 10.1 KB at the default parameters; all rows share the trees.

    Does not work when the values lie outside the limits (raw bytes always score 0), when anomalies come in
    bursts as long as the window, or for slow growth: a steady leak becomes normal within two windows.
    Half-space trees find odd points, never odd trends.

    Parameters
    ----------
    capacity
        Number of rows at first; a row takes memory from its first use.
    features
        Number of columns of `x`; River's features `f0`, `f1`, ...
    n_trees, height, window_size, limits, seed
        As in River, except that `seed` is always a number, and `height` is at most 15.

    References
    ----------
    .. [1] Tan, Ting and Liu. Fast anomaly detection for streaming data. IJCAI 2011.

    Examples
    --------
    >>> trees = HalfSpaceTrees(1, window_size=3, seed=42)
    >>> rows = np.zeros(4, dtype=np.intp)
    >>> trees.score_learn(rows, np.array([[0.5], [0.45], [0.43], [0.05]])).round(3)
    array([0.   , 0.   , 0.   , 0.995])
    """

    NAME: ClassVar[str] = "half_space_trees"
    VERSION: ClassVar[int] = 1
    SCORE_RANGE: ClassVar[tuple[float, float]] = (0.0, 1.0)
    OBJECT_STATE: ClassVar[bool] = False

    warm_up: int = 0

    def __init__(
        self,
        capacity: int,
        *,
        features: int = 1,
        n_trees: int = 10,
        height: int = 8,
        window_size: int = 250,
        limits: dict[str, tuple[float, float]] | None = None,
        seed: int = 0,
    ) -> None:
        if min(features, n_trees, window_size) < 1:
            raise ValueError("features, n_trees and window_size are at least 1")
        if not 1 <= height <= 15 or window_size * 2 ** (height + 1) > 2**31:
            raise ValueError(f"height {height} with a window of {window_size} overflows leaves or scores")
        self.features = features
        self.window_size = window_size
        self.seed = seed
        self.refused = 0
        self.shape = HalfSpaceTreesShape(n_trees, height, _limits(features, limits or {}), seed)
        self._max_score = n_trees * window_size * (2 ** (height + 1) - 1)
        # leaves of the finished window (the reference) and of the current one: `_current` says which is which
        super().__init__(capacity)
        tree_leaves = (n_trees, self.shape.n_leaves)
        most = window_size * (self.shape.n_leaves - 1)
        table_type = np.uint16 if most < 2**16 else np.uint32
        self._log: NDArray[Any] = self.column("_log", (2, window_size, n_trees), self.shape.dtype)
        self._table: NDArray[Any] = self.column("_table", tree_leaves, table_type)
        self._counter: NDArray[np.int64] = self.column("_counter", (), np.int64)
        self._current: NDArray[np.uint8] = self.column("_current", (), np.uint8)
        self._warm: Flags = self.column("_warm", (), np.bool_)
        self._stale: Flags = self.column("_stale", (), np.bool_)

    @cached_property
    def fingerprint(self) -> str:
        shape = self.shape
        return (
            f"{self.NAME}/{self.VERSION} n_trees={shape.n_trees} height={shape.height} "
            f"window_size={self.window_size} limits={shape.limits} seed={self.seed}"
        )

    def score_learn(self, rows: Rows, x: Floats, learn: Flags | None = None) -> Floats:
        allowed = np.ones(len(rows), dtype=bool) if learn is None else learn
        scores = np.full(len(rows), np.nan)
        good = usable(x)
        self.refused += len(rows) - int(np.count_nonzero(good))
        kernels = compiled()
        if kernels is not None:
            self._one_by_one(kernels, rows, x, good, allowed, scores)
        elif good.any():
            at = np.flatnonzero(good)
            order = at[np.argsort(rows[at], kind="stable")]
            scores[order] = self._run(rows[order], self.shape.leaves(x[order]), allowed[order])
        return scores

    def score(self, rows: Rows, x: Floats) -> Floats:
        scores = np.full(len(rows), np.nan)
        at = np.flatnonzero(usable(x))
        scores[at] = self._lookup(rows[at], self.shape.leaves(x[at]))
        return scores

    def _one_by_one(
        self, kernels: Kernels, rows: Rows, x: Floats, good: Flags, learn: Flags, scores: Floats
    ) -> None:
        """Score and learn records by the kernel, which stops at each table that has to be built first."""
        arrays = (
            np.ascontiguousarray(rows),
            np.ascontiguousarray(x),
            good,
            np.ascontiguousarray(learn),
            self.shape.feature,
            self.shape.threshold,
            self._table,
            self._log,
            self._counter,
            self._current,
            self._warm,
            self._stale,
            scores,
        )
        sizes = self.features, self.shape.height, self.window_size
        begin = 0
        while (begin := kernels.half_space_trees(arrays, begin, *sizes)) < len(rows):
            self._refresh(rows[begin:])

    def _run(self, rows: Rows, leaves: Leaves, learn: Flags) -> Floats:
        """Score and learn records grouped by row, window by window; tables change only in between."""
        starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
        members = rows[starts]
        learned = np.append(0, np.cumsum(learn))
        per_row = np.diff(np.append(starts, len(rows)))
        position = np.repeat(self._counter[members] - learned[starts], per_row) + learned[:-1]
        end = self._counter[members] + np.add.reduceat(learn.astype(np.int64), starts)
        scores = np.empty(len(rows))
        for window in range(int(end.max()) // self.window_size + 1):
            now = position // self.window_size == window
            scores[now] = self._lookup(rows[now], leaves[now])
            now &= learn
            self._log[rows[now], self._current[rows[now]], position[now] % self.window_size] = leaves[now]
            self._swap(members[end >= (window + 1) * self.window_size])
        self._counter[members] = end % self.window_size
        return scores

    def _lookup(self, rows: Rows, leaves: Leaves) -> Floats:
        self._refresh(rows)
        trees, n_leaves = self.shape.n_trees, self.shape.n_leaves
        cells = (rows[:, None] * trees + np.arange(trees)) * n_leaves + leaves
        below = self._table.ravel()[cells].sum(axis=1, dtype=np.int64)
        total = trees * self.window_size + 2 * below
        return np.where(self._warm[rows], 1 - total / self._max_score, 0.0)

    def _swap(self, rows: Rows) -> None:
        self._current[rows] ^= 1
        self._warm[rows] = True
        self._stale[rows] = True

    def _refresh(self, rows: Rows) -> None:
        """Build the tables of rows whose finished window has changed since the last look."""
        stale = np.unique(rows[self._stale[rows]])
        self._stale[stale] = False
        kernels = compiled()
        if kernels is not None:
            arrays = stale, self._log, self._current, self._table
            kernels.half_space_trees_tables(arrays, *self._sizes, least_records(self.window_size))
            return
        for begin in range(0, len(stale), _CHUNK):
            chunk = stale[begin : begin + _CHUNK]
            log = self._log[chunk, 1 - self._current[chunk]]
            counts = leaf_counts(log, np.full(len(chunk), self.window_size), self.shape.n_leaves)
            self._table[chunk] = self.shape.score_table(counts, self.window_size)

    def windows(self, row: int) -> tuple[Leaves, Leaves]:
        """Return the leaves of the finished and of the current window, shape `(records, n_trees)` each."""
        current = int(self._current[row])
        finished = self._log[row, 1 - current, : self.window_size if self._warm[row] else 0]
        return finished, self._log[row, current, : int(self._counter[row])]

    def set_windows(self, row: int, finished: Leaves, current: Leaves) -> None:
        """Put a row into the state that `windows` returned; the order within a window does not matter.

        Raises
        ------
        ValueError
            If a window has too many or too few records.
        """
        if len(finished) not in (0, self.window_size) or len(current) >= self.window_size:
            raise ValueError(
                f"windows of {len(finished)} and {len(current)} records do not fit {self.window_size}"
            )
        self._current[row] = 0
        self._counter[row] = len(current)
        self._log[row, 0, : len(current)] = current
        self._log[row, 1, : len(finished)] = finished
        self._warm[row] = self._stale[row] = len(finished) > 0

    def reset(self, rows: Rows) -> None:
        # Log and table of a row are not read without a window, so they stay as they are.
        self._counter[rows] = 0
        self._current[rows] = 0
        self._warm[rows] = False
        self._stale[rows] = False

    def dump_many(self, rows: Rows) -> list[bytes]:
        kernels = compiled()
        if kernels is not None:
            payloads = kernels.half_space_trees_encode(
                (np.ascontiguousarray(rows), *self._windows()), *self._sizes
            )
        else:
            chunks = (rows[begin : begin + _CHUNK] for begin in range(0, len(rows), _CHUNK))
            payloads = [payload for chunk in chunks for payload in self._encode(chunk)]
        return [seal(payload, self.fingerprint) for payload in payloads]

    def _encode(self, rows: Rows) -> list[bytes]:
        current = self._current[rows]
        reference = np.where(self._warm[rows], self.window_size, 0)
        finished = codec.encode(self._log[rows, 1 - current], reference, self.shape.n_leaves)
        growing = codec.encode(self._log[rows, current], self._counter[rows], self.shape.n_leaves)
        return list(map(add, finished, growing))

    def load_each(self, rows: Rows, states: Sequence[bytes]) -> dict[int, ValueError]:
        self.reset(rows)
        refusals: dict[int, ValueError] = {}
        payloads: dict[int, bytes] = {}
        for at, state in enumerate(states):
            try:
                payloads[at] = unseal(state, self.fingerprint)
            except CorruptState as refusal:
                refusals[at] = refusal
        places = list(payloads)
        refused = self._decode(rows[places], list(payloads.values()))
        return refusals | {places[at]: refusal for at, refusal in refused.items()}

    def _decode(self, rows: Rows, payloads: list[bytes]) -> dict[int, ValueError]:
        """Put payloads into rows that are new; return why one was refused, by its place."""
        kernels = compiled()
        if kernels is not None:
            fits = np.zeros(len(rows), np.bool_)
            kernels.half_space_trees_decode((rows, *self._windows(), fits), payloads, *self._sizes)
            return {at: CorruptState("no windows of such trees") for at in np.flatnonzero(~fits).tolist()}
        refusals: dict[int, ValueError] = {}
        for at, (row, payload) in enumerate(zip(rows.tolist(), payloads, strict=True)):
            try:
                self.set_windows(
                    row, *codec.decode(payload, self.shape.n_trees, self.shape.n_leaves, self.window_size)
                )
            except CorruptState as refusal:
                refusals[at] = refusal
        return refusals

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return self.shape.n_trees, self.shape.height, self.window_size

    def _windows(self) -> Arrays:
        return self._log, self._counter, self._current, self._warm, self._stale
