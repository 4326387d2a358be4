"""Writes many records of one form: every record is a row of pieces, and every piece is a column."""

from __future__ import annotations

from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Rows
from processors.kernels import compiled

_TEXT, _EACH, _CHOICE, _WHOLE, _DECIMAL, _REAL, _FLAG = range(7)
_NO_VALUES = np.empty(0)


class _Piece(NamedTuple):
    """A column, as the kernel takes it (kernels/pieces.c)."""

    kind: int
    text: Any
    """Of all records, or in front of a number; or a list of texts."""
    values: NDArray[Any] = _NO_VALUES
    digits: int = 0


class Pieces:
    """Collects the pieces of records in their order, then joins them.

    Numbers are written as orjson writes them. A piece may be absent in some records.

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
        self._pieces: list[_Piece] = []

    def text(self, text: bytes) -> None:
        """Add the same text to every record."""
        self._pieces.append(_Piece(_TEXT, text))

    def each(self, texts: list[bytes]) -> None:
        """Add a text of its own to each record."""
        self._pieces.append(_Piece(_EACH, texts))

    def choice(self, texts: list[bytes], which: Rows) -> None:
        """Add to each record one of some texts, by its place among them."""
        self._pieces.append(_Piece(_CHOICE, texts, which))

    def whole(self, lead: bytes, values: NDArray[np.int64]) -> None:
        """Add whole numbers behind `lead`; nothing where they are below 0."""
        self._pieces.append(_Piece(_WHOLE, lead, np.ascontiguousarray(values)))

    def decimal(self, lead: bytes, values: Floats, digits: int) -> None:
        """Add numbers with 1 to 9 digits after the point behind `lead`; nothing where NaN."""
        self._pieces.append(_Piece(_DECIMAL, lead, np.ascontiguousarray(values), digits))

    def real(self, lead: bytes, values: Floats) -> None:
        """Add numbers with all their digits behind `lead`; nothing where NaN."""
        self._pieces.append(_Piece(_REAL, lead, np.ascontiguousarray(values)))

    def flag(self, text: bytes, flags: Flags) -> None:
        """Add a text where a flag is set."""
        self._pieces.append(_Piece(_FLAG, text, flags))

    def join(self) -> list[bytes]:
        """Return the records."""
        kernels = compiled()
        if kernels is None:
            return self._join(self._pieces, self._size)
        records: list[Any] = kernels.join_pieces(self._pieces, self._size)
        left = [at for at, record in enumerate(records) if record is None]
        for at, record in zip(left, self._join_some(left) if left else [], strict=True):
            records[at] = record
        return records

    def _join_some(self, places: list[int]) -> list[bytes]:
        """Return the records at these places: what the kernel leaves."""
        some = [
            piece._replace(
                text=[piece.text[at] for at in places] if piece.kind == _EACH else piece.text,
                values=piece.values[places] if len(piece.values) else piece.values,
            )
            for piece in self._pieces
        ]
        return self._join(some, len(places))

    @staticmethod
    def _join(pieces: list[_Piece], size: int) -> list[bytes]:
        return list(map(b"".join, zip(*(_column(piece, size) for piece in pieces), strict=True)))


def _column(piece: _Piece, size: int) -> Any:
    """Return the texts of a piece, one for each record."""
    kind, text, values, digits = piece
    if kind == _TEXT:
        return repeat(text, size)
    if kind == _EACH:
        return text
    if kind == _CHOICE:
        return [text[at] for at in values.tolist()]
    if kind == _FLAG:
        return [text if flag else b"" for flag in values.tolist()]
    if kind == _WHOLE:
        return _present(text, values, values >= 0)
    return _present(text, values if kind == _REAL else np.round(values, digits), values == values)


def _present(lead: bytes, values: NDArray[Any], there: Flags) -> list[bytes]:
    """Return numbers as texts behind `lead`; nothing where they are not there."""
    texts = _texts(values)
    if there.all():
        return [lead + text for text in texts] if lead else texts
    return [lead + text if known else b"" for text, known in zip(texts, there.tolist(), strict=True)]


def _texts(values: NDArray[Any]) -> list[bytes]:
    written = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return written.split(b",") if written else []
