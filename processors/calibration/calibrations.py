"""The calibrations of all methods of a service, in one table: a batch needs one pass for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from processors.calibration.model import Calibration
from processors.columns import Flags, Floats, Rows
from processors.models.codec import CorruptState

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class Calibrations:
    """One `Calibration` row per service and method.

    Parameters
    ----------
    capacity
        Number of services at first.
    names
        Names of the methods. Stored state is by name, so a method can come or go and the others keep theirs.
    """

    def __init__(self, capacity: int, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._table = Calibration(max(1, capacity * len(names)))

    def score_learn(self, services: Rows, scores: Floats, learn: Flags) -> Floats:
        """Return tail probabilities, shape `(B, methods)` like `scores`; then learn where `learn` allows."""
        if not self.names:
            return np.empty_like(scores)
        rows = (services[:, None] * len(self.names) + np.arange(len(self.names))).ravel()
        flat = self._table.score_learn(rows, scores.reshape(-1, 1), np.repeat(learn, len(self.names)))
        return flat.reshape(scores.shape)

    def dump(self, row: int) -> bytes:
        """Return the exact state of one service, by method."""
        return _encode({name: self._table.dump(at) for name, at in self._places(row)})

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state back; a method that it does not contain starts new.

        Raises
        ------
        ValueError
            If the bytes are not a state; the row is then new.
        """
        self.reset(np.array([row]))
        try:
            stored = _decode(state)
        except msgspec.MsgspecError as error:
            raise CorruptState(f"no calibrations: {error}") from None
        for name, at in self._places(row):
            if name in stored:
                self._table.load(at, stored[name])

    def reset(self, rows: Rows) -> None:
        """Make these services new."""
        width = len(self.names)
        self._table.reset((np.asarray(rows)[:, None] * width + np.arange(width)).ravel())

    def grow(self, capacity: int) -> None:
        """Extend to `capacity` services; existing ones keep their state."""
        self._table.grow(max(1, capacity * len(self.names)))

    def nbytes(self) -> int:
        """Return the size of all rows, used or not, in bytes."""
        return self._table.nbytes() if self.names else 0

    def _places(self, row: int) -> list[tuple[str, int]]:
        return [(name, row * len(self.names) + at) for at, name in enumerate(self.names)]
