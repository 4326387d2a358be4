"""Seals: a few bytes in front of a dumped row, which keep damaged or foreign bytes from being loaded."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_CHECKSUM_BYTES = 4


class Seal(NamedTuple):
    """The seal of all rows of one layout: a CRC-32 of the row, little-endian, between bytes that are fixed.

    Parameters
    ----------
    before, after
        The fixed bytes around the checksum.
    start
        The checksum of bytes that must agree, before those of the row.
    """

    before: bytes
    after: bytes
    start: int

    @property
    def size(self) -> int:
        """Size of the seal, in bytes."""
        return len(self.before) + _CHECKSUM_BYTES + len(self.after)

    def close(self, states: Bytes) -> None:
        """Write the seal in front of each row; `states`, shape `(rows, bytes)`, has a place for it."""
        states[:, : self.size] = self._of(states)

    def fits(self, states: Bytes) -> NDArray[np.bool_]:
        """Return which of these states, shape `(rows, bytes)`, have the right seal."""
        flags: NDArray[np.bool_] = (states[:, : self.size] == self._of(states)).all(axis=1)
        return flags

    def _of(self, states: Bytes) -> Bytes:
        """Return the right seal of each state, shape `(rows, size)`."""
        before, after, start = self
        seals = b"".join(
            [
                before + crc32(row, start).to_bytes(_CHECKSUM_BYTES, "little") + after
                for row in states[:, self.size :]
            ]
        )
        return np.frombuffer(seals, np.uint8).reshape(len(states), self.size)
