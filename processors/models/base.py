"""The protocol of the models of a fleet: one row per key, batches in, scores out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np

from processors.columns import Flags, Floats, Rows

LARGEST = 1e100
"""Larger values are refused like non-finite ones, because sums of their squares would overflow."""


def usable(x: Floats) -> Flags:
    """Return which records (rows of `x`) have only finite values within `LARGEST`, shape `(B,)`."""
    flags: Flags = np.logical_and.reduce(np.abs(x) <= LARGEST, axis=1)
    return flags


class Model(Protocol):
    """A fleet of equal models in columns: row `r` is the model of one service or instance.

    A batch is `rows`, shape `(B,)`, and `x`, shape `(B, features)`. Rows may repeat; their records are
    handled in order. Results do not depend on how the input is cut into batches: no BLAS, and no reduction
    whose order depends on the layout (docs/adr/0004).

    A record with a non-finite value is refused: its score is NaN, the model learns nothing from it, and
    `refused` grows by one.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    SCORE_RANGE: ClassVar[tuple[float, float]]
    OBJECT_STATE: ClassVar[bool]
    """Whether a stored row is a whole object of another library: it is large, and equal rows may differ."""

    features: int
    warm_up: int
    """Records of a row that get NaN before its first score."""
    refused: int

    @property
    def fingerprint(self) -> str:
        """The parameters that must agree before stored state may be loaded, as readable text."""

    def score_learn(self, rows: Rows, x: Floats, learn: Flags | None = None) -> Floats:
        """Return the score of each record by the state before it; then learn it where `learn` allows."""

    def score(self, rows: Rows, x: Floats) -> Floats:
        """Return the score of each record without learning; nothing changes."""

    def grow(self, capacity: int) -> None:
        """Extend to `capacity` rows; existing rows keep their state."""

    def reset(self, rows: Rows) -> None:
        """Make the models of these rows new."""

    def dump_many(self, rows: Rows) -> list[bytes]:
        """Return the exact state of each row, without pickle."""

    def load_many(self, rows: Rows, states: Sequence[bytes]) -> int:
        """Put dumped states into rows, of which none repeats; return how many were refused.

        The row of a state that is refused is new.
        """

    def dump(self, row: int) -> bytes:
        """Return the exact state of one row, without pickle."""

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state into a row.

        Raises
        ------
        processors.models.codec.CorruptState
            If the bytes are not a whole state of this model; the row is then new. The subclass
            `FingerprintMismatch` says that they are whole, but of other parameters or another version.
        """

    def nbytes(self) -> int:
        """Return the size of all rows, used or not, in bytes."""
