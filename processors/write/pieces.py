"""Writes many records of one form: every record is a row of pieces, and every piece is a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Rows

Texts = Iterable[bytes]


class Pieces:
    """Collects the pieces of records in their order, then joins them.

    Numbers have the digits that orjson gives them. A piece may be absent in some records.

    Parameters
    ----------
    size
        Number of records.

    Examples
    --------
    >>> pieces = Pieces(2)
    >>> pieces.text(b"{")
    >>> pieces.whole(b'"used":', np.array([7, -1]))
    >>> pieces.decimal(b',"p":', np.array([0.1234, 2.0]), 3)
    >>> pieces.text(b"}")
    >>> pieces.join()
    [b'{"used":7,"p":0.123}', b'{,"p":2.0}']
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._columns: list[Texts] = []

    def text(self, text: bytes) -> None:
        """Add the same text to every record."""
        self._columns.append(repeat(text, self._size))

    def each(self, texts: Sequence[bytes]) -> None:
        """Add a text of its own to each record."""
        self._columns.append(texts)

    def choice(self, texts: Sequence[bytes], which: Rows | NDArray[np.int8]) -> None:
        """Add to each record one of some texts, by its place among them."""
        self._columns.append([texts[at] for at in which.tolist()])

    def whole(self, lead: bytes, values: NDArray[np.int64]) -> None:
        """Add whole numbers behind `lead`; nothing where they are below 0."""
        self._present(lead, values, values >= 0)

    def decimal(self, lead: bytes, values: Floats, digits: int | None = None) -> None:
        """Add numbers with so many digits after the point behind `lead`, or with all; nothing where NaN."""
        there = values == values
        self._present(lead, values if digits is None else np.round(values, digits), there)

    def flag(self, text: bytes, flags: Flags) -> None:
        """Add a text where a flag is set."""
        if flags.all():
            self.text(text)
        elif flags.any():
            self._columns.append([text if flag else b"" for flag in flags.tolist()])

    def join(self) -> list[bytes]:
        """Return the records."""
        return list(map(b"".join, zip(*self._columns, strict=True)))

    def _present(self, lead: bytes, values: NDArray[Any], there: Flags) -> None:
        if there.all():
            self.text(lead)
            self.each(_texts(values))
        elif there.any():
            texts = zip(_texts(values), there.tolist(), strict=True)
            self.each([lead + text if known else b"" for text, known in texts])


def _texts(values: NDArray[Any]) -> list[bytes]:
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
