"""The base of models whose state is a few numbers: one row of float64 per key, all zero when new."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows
from processors.kernels import compiled
from processors.kernels.protocol import Arrays, Kernels
from processors.models.base import usable
from processors.models.codec import CorruptState, seal_of, unseal
from processors.rounds import rounds
from processors.seals import Bytes, Seal

_NOT_WANTED: Floats = np.empty(0)


class ColumnModel(Columns, ABC):
    """A model whose step is a pure function of one row of numbers and one record.

    A subclass implements `_step` in columns. A model that a method uses also has a kernel with the same
    arithmetic (`_compiled`), which takes the records of a batch one by one. This class refuses records that
    are not finite, keeps the rows, and cuts batches into rounds where there is no kernel.

    Parameters
    ----------
    capacity
        Number of rows at first; a row takes memory from its first use.
    features
        Number of columns of `x`.
    width
        Number of state numbers per row.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1
    SCORE_RANGE: ClassVar[tuple[float, float]]
    OBJECT_STATE: ClassVar[bool] = False
    SCORES_FEATURES: ClassVar[bool] = False
    """Whether scores have the shape `(B, features)`, one per feature, instead of `(B,)`."""
    COUNTS: ClassVar[tuple[int, ...]] = (0,)
    """Columns of the state that count records, and so are never negative."""

    warm_up: int = 0

    def __init__(self, capacity: int, features: int, width: int) -> None:
        if features < 1:
            raise ValueError("a model has at least 1 feature")
        super().__init__(capacity)
        self.features = features
        self.refused = 0
        self.state: Floats = self.column("state", (width,), np.float64)

    @cached_property
    def fingerprint(self) -> str:
        return " ".join([f"{self.NAME}/{self.VERSION}", f"features={self.features}", self._parameters()])

    @abstractmethod
    def _parameters(self) -> str:
        """Return the parameters that the state depends on, as readable text."""

    @abstractmethod
    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Return the scores of one record per row, and the state after learning it.

        `state` is `(width, B)` and `x` is `(features, B)`. Both are contiguous, and must not be changed.
        Scores are `(B,)` or `(features, B)`.
        """

    def _compiled(self, kernels: Kernels, records: Arrays) -> bool:
        """Score and learn records by the kernel of this model; return False if it has none.

        `records` is what kernels of models take (`kernels/records.h`).
        """
        return False

    def score_learn(
        self,
        rows: Rows,
        x: Floats,
        learn: Flags | None = None,
        *,
        fresh: Flags | None = None,
        before: Floats | None = None,
        after: Floats | None = None,
    ) -> Floats:
        """Return the score of each record by the state before it; then learn it where `learn` allows.

        Parameters
        ----------
        rows, x, learn
            As in `processors.models.base.Model`.
        fresh
            Where the row is made new just before the record, shape `(B,)`.
        before, after
            Filled with the state of the row before and after each record, shape `(B, width)`.
        """
        good = usable(x)
        self.refused += len(rows) - int(np.count_nonzero(good))
        scores = self._unknown(len(rows))
        arrays = (
            np.ascontiguousarray(rows),
            np.ascontiguousarray(x),
            good,
            np.ones(len(rows), np.bool_) if learn is None else np.ascontiguousarray(learn),
            np.zeros(len(rows), np.bool_) if fresh is None else np.ascontiguousarray(fresh),
            self.state,
            scores,
            _NOT_WANTED if before is None else before,
            _NOT_WANTED if after is None else after,
        )
        kernels = compiled()
        if kernels is None or not self._compiled(kernels, arrays):
            self._in_rounds(*arrays)
        return scores

    def score(self, rows: Rows, x: Floats) -> Floats:
        scores = self._unknown(len(rows))
        at = np.flatnonzero(usable(x))
        scores[at] = self._step(self._columns(rows[at]), np.ascontiguousarray(x[at].T))[0].T
        return scores

    def _in_rounds(
        self,
        rows: Rows,
        x: Floats,
        good: Flags,
        learn: Flags,
        fresh: Flags,
        state: Floats,
        scores: Floats,
        before: Floats,
        after: Floats,
    ) -> None:
        """Score and learn records in columns, in rounds in which no row appears twice."""
        for part in rounds(rows):
            self.reset(rows[part[fresh[part]]])
            if len(before):
                before[part] = state[rows[part]]
            at = part[good[part]]
            said, learned = self._step(self._columns(rows[at]), np.ascontiguousarray(x[at].T))
            scores[at] = said.T
            state[rows[at[learn[at]]]] = learned.T[learn[at]]
            if len(after):
                after[part] = state[rows[part]]

    def _columns(self, rows: Rows) -> Floats:
        return np.ascontiguousarray(self.state[rows].T)

    def _unknown(self, records: int) -> Floats:
        return np.full((records, self.features) if self.SCORES_FEATURES else records, np.nan)

    @cached_property
    def seal(self) -> Seal:
        return seal_of(self.fingerprint)

    def whole(self, states: Bytes) -> Flags:
        whole = super().whole(states)
        numbers = self.body(states)["state"]
        counts = numbers[:, list(self.COUNTS)]
        fit: Flags = whole & np.isfinite(numbers).all(axis=1) & (counts >= 0).all(axis=1)
        return fit

    def refusal(self, state: bytes) -> ValueError:
        try:
            row = unseal(state, self.fingerprint)
        except CorruptState as error:
            return error
        if len(row) != self.row_bytes():
            return CorruptState(f"a row of {len(row)} bytes, where {self.row_bytes()} are expected")
        return CorruptState("the state has numbers that are not finite, or negative counts")

    def empty_states(self, records: int) -> Floats:
        """Return an array that `score_learn` can fill with states, shape `(records, width)`."""
        return np.empty((records, self.state.shape[1]))

    @staticmethod
    def seen(states: Floats) -> Flags:
        """Return whether each of these states has learned anything, shape `(B,)`."""
        seen: Flags = states[:, 0] > 0
        return seen

    def numbers(self, row: int) -> list[float]:
        """Return the state of one row, `width` numbers."""
        numbers: list[float] = self.state[row].tolist()
        return numbers

    def set_numbers(self, row: int, numbers: Sequence[float]) -> None:
        """Put a row into the state given by `numbers`."""
        self.state[row] = numbers
