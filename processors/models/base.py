"""What every model of the fleet offers: one row per key, batches in, scores out."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from processors.columns import Flags, Floats, Rows

LARGEST = 1e100
"""Values beyond this are refused like non-finite ones: their squares' sums would overflow."""


def usable(x: Floats) -> Flags:
    """Tell which records (rows of `x`) hold only finite values of sane size."""
    flags: Flags = np.logical_and.reduce(np.abs(x) <= LARGEST, axis=1)
    return flags


class Model(Protocol):
    """A fleet of equal models in columns: row `r` is the model of one service or instance.

    A batch is `rows` (shape `(B,)`, duplicates allowed: they are handled in order) and `x` (shape
    `(B, features)`). Results do not depend on how the same input was cut into batches: no BLAS, no
    reduction whose order depends on layout (docs/adr/0004).

    A record with a non-finite value is refused: its score is NaN, nothing is learned from it, and
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
        """Parameters that must agree before stored state may be loaded, as readable text."""

    def score_learn(self, rows: Rows, x: Floats, learn: Flags | None = None) -> Floats:
        """Score each record with what was known before it, then learn it where `learn` allows."""

    def score(self, rows: Rows, x: Floats) -> Floats:
        """Score without learning; changes nothing."""

    def grow(self, capacity: int) -> None:
        """Hold `capacity` rows; the rows that are there keep their state."""

    def reset(self, rows: Rows) -> None:
        """Make the models of these rows new."""

    def dump(self, row: int) -> bytes:
        """Exact state of one row, without pickle."""

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state into a row.

        Raises
        ------
        processors.models.codec.CorruptState
            If the bytes are not a whole state of this model; the row is then new. Its subclass
            `FingerprintMismatch` if they are whole but of other parameters or another version.
        """

    def nbytes(self) -> int:
        """Bytes of all arrays, used rows or not."""
