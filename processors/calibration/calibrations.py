"""The calibrations of all methods of a service, in one table: a batch needs one pass for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from processors.calibration.model import Calibration
from processors.columns import Flags, Floats, Rows, StoredRows
from processors.models.codec import CorruptState

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class Calibrations(StoredRows):
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
        rows, learned = self._places(services), np.repeat(learn, len(self.names))
        flat = self._table.score_learn(rows, scores.reshape(-1, 1), learned)
        return flat.reshape(scores.shape)

    def dump_many(self, rows: Rows) -> list[bytes]:
        """Return the exact state of each service, by method."""
        states, width = self._table.dump_many(self._places(rows)), len(self.names)
        return [
            _encode(dict(zip(self.names, states[at * width : (at + 1) * width], strict=True)))
            for at in range(len(rows))
        ]

    def load_each(self, rows: Rows, states: Sequence[bytes]) -> dict[int, ValueError]:
        """Put dumped states back; a method that a state does not contain starts new.

        Returns
        -------
        Why a state was refused, by its place in `states`. Its row is then new.
        """
        self.reset(rows)
        refusals: dict[int, ValueError] = {}
        stored: list[tuple[int, int, bytes]] = []
        for at, (row, state) in enumerate(zip(rows.tolist(), states, strict=True)):
            try:
                stored += [(at, place, one) for place, one in self._stored(row, state)]
            except CorruptState as error:
                refusals[at] = error
        owners, places, ones = zip(*stored, strict=True) if stored else ((), (), ())
        for at, refusal in self._table.load_each(np.array(places, np.intp), ones).items():
            refusals[owners[at]] = refusal
        self.reset(rows[list(refusals)])
        return refusals

    def _stored(self, row: int, state: bytes) -> list[tuple[int, bytes]]:
        """Return the dumped calibrations of a service, each with its row in the table."""
        try:
            stored = _decode(state)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CorruptState(f"no calibrations: {error}") from None
        first = row * len(self.names)
        return [(first + at, stored[name]) for at, name in enumerate(self.names) if name in stored]

    def reset(self, rows: Rows) -> None:
        """Make these services new."""
        self._table.reset(self._places(rows))

    def grow(self, capacity: int) -> None:
        """Extend to `capacity` services; existing ones keep their state."""
        self._table.grow(max(1, capacity * len(self.names)))

    def nbytes(self) -> int:
        """Return the size of all rows, used or not, in bytes."""
        return self._table.nbytes() if self.names else 0

    def _places(self, services: Rows) -> Rows:
        """Return the rows of the table of each service, those of one service in the order of the names."""
        places: Rows = (services[:, None] * len(self.names) + np.arange(len(self.names))).ravel()
        return places
