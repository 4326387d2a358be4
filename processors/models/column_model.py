"""The base of models whose state is a few numbers: one row of float64 per key, all zero when new."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows
from processors.models.base import usable
from processors.models.codec import CorruptState, FingerprintSeal
from processors.rounds import rounds

_ONE_BY_ONE_BELOW = 10  # records in a round; from there on columns are cheaper (benchmarks/models.py)


class ColumnModel(Columns, ABC):
    """A model whose step is a pure function of one row of numbers and one record.

    A subclass implements the step twice, with the same arithmetic: `_step` in columns, and `_one` in plain
    Python. The second is cheaper for small batches, and for a key that fills a batch. This class cuts
    batches into rounds, refuses records that are not finite, and keeps the rows.

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

    @abstractmethod
    def _one(self, state: list[float], x: list[float]) -> float | list[float]:
        """Return the score of one record of one row, and learn the record into `state` in place."""

    def score_learn(self, rows: Rows, x: Floats, learn: Flags | None = None) -> Floats:
        scores = self._unknown(len(rows))
        at = np.flatnonzero(usable(x))
        self.refused += len(rows) - len(at)
        few = []
        for part in rounds(rows[at]):
            index = at[part]
            if len(part) < _ONE_BY_ONE_BELOW:  # so are all rounds that follow
                few.append(index)
            else:
                scores[index] = self._round(rows[index], x[index], None if learn is None else learn[index])
        if few:
            self._one_by_one(np.concatenate(few), rows, x, learn, scores)
        return scores

    def score(self, rows: Rows, x: Floats) -> Floats:
        scores = self._unknown(len(rows))
        at = np.flatnonzero(usable(x))
        scores[at] = self._step(self._columns(rows[at]), np.ascontiguousarray(x[at].T))[0].T
        return scores

    def _round(self, rows: Rows, x: Floats, learn: Flags | None) -> Floats:
        """Score and learn records of different rows."""
        scores, state = self._step(self._columns(rows), np.ascontiguousarray(x.T))
        if learn is None:
            self.state[rows] = state.T
        else:
            self.state[rows[learn]] = state.T[learn]
        return scores.T

    def _one_by_one(self, index: Rows, rows: Rows, x: Floats, learn: Flags | None, scores: Floats) -> None:
        held: dict[int, list[float]] = {}
        allowed = [True] * len(index) if learn is None else learn[index].tolist()
        records = zip(index.tolist(), rows[index].tolist(), x[index].tolist(), allowed, strict=True)
        for i, row, record, learned in records:
            if row not in held:
                held[row] = self.state[row].tolist()
            scores[i] = self._one(held[row] if learned else held[row].copy(), record)
        for row, state in held.items():
            self.state[row] = state

    def _columns(self, rows: Rows) -> Floats:
        return np.ascontiguousarray(self.state[rows].T)

    def _unknown(self, records: int) -> Floats:
        return np.full((records, self.features) if self.SCORES_FEATURES else records, np.nan)

    @cached_property
    def seal(self) -> FingerprintSeal:
        return FingerprintSeal(self.fingerprint)

    def load(self, row: int, state: bytes) -> None:
        super().load(row, state)
        values = self.numbers(row)
        if not all(map(math.isfinite, values)) or min(values[column] for column in self.COUNTS) < 0:
            self.state[row] = 0.0
            raise CorruptState("the state has numbers that are not finite, or negative counts")

    def seen(self, rows: Rows) -> Flags:
        """Return whether each row has learned anything, `(B,)`."""
        seen: Flags = self.state[rows, 0] > 0
        return seen

    def numbers(self, row: int) -> list[float]:
        """Return the state of one row, `width` numbers."""
        numbers: list[float] = self.state[row].tolist()
        return numbers

    def set_numbers(self, row: int, numbers: Sequence[float]) -> None:
        """Put a row into the state given by `numbers`."""
        self.state[row] = numbers
