"""The kernel that joins pieces refuses what does not fit, and never reads outside an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from processors import kernels
from processors.kernels.protocol import Kernels

pytestmark = pytest.mark.skipif(not kernels.available(), reason="installed without a C compiler")

NOTHING = np.empty(0)
TEXT, EACH, CHOICE, WHOLE, DECIMAL, REAL, FLAG = range(7)


def compiled() -> Kernels:
    module = kernels.compiled()
    assert module is not None
    return module


def _join(kind: Any, text: Any, values: Any = NOTHING, digits: Any = 0, size: int = 2) -> list[bytes | None]:
    return compiled().join_pieces([(kind, text, values, digits)], size)


def test_the_arguments_of_pieces_are_taken() -> None:
    whole, real = np.array([1, 2]), np.array([0.5, 0.25])
    assert _join(TEXT, b"x") == [b"x", b"x"]
    assert _join(EACH, [b"x", b"y"]) == [b"x", b"y"]
    assert _join(CHOICE, [b"x", b"y", b"z"], whole) == [b"y", b"z"]
    assert _join(WHOLE, b"x", whole) == [b"x1", b"x2"]
    assert _join(DECIMAL, b"x", real, 1) == [b"x0.5", b"x0.2"]
    assert _join(REAL, b"x", real) == [b"x0.5", b"x0.25"]
    assert _join(FLAG, b"x", real > 0.3) == [b"x", b""]


_TYPES: dict[int, type] = {
    CHOICE: np.int64,
    WHOLE: np.int64,
    DECIMAL: np.float64,
    REAL: np.float64,
    FLAG: np.bool_,
}


@pytest.mark.parametrize("kind", _TYPES)
def test_values_that_do_not_fit_are_refused(kind: int) -> None:
    text: Any = [b"x", b"y"] if kind == CHOICE else b"x"
    right: NDArray[Any] = np.zeros(2, _TYPES[kind])
    assert len(_join(kind, text, right, 3)) == 2
    for other in (np.float32, np.int32, np.uint64, np.int8, ">i8", ">f8", "S8", "S1", "M8[s]"):
        with pytest.raises((TypeError, ValueError)):
            _join(kind, text, np.zeros(2, other), 3)
    for wrong in (
        right[:1].copy(),
        np.zeros(3, right.dtype),
        np.zeros(0, right.dtype),
        np.zeros(4, right.dtype)[::2],
    ):
        with pytest.raises((TypeError, ValueError)):
            _join(kind, text, wrong, 3)
    for odd in (None, [0, 0], 1, "xx"):
        with pytest.raises((TypeError, ValueError)):
            _join(kind, text, odd, 3)


@pytest.mark.parametrize("kind", [-1, 7, 2**31 - 1, -(2**31), 2**31, 2**70, None, "1", 1.0])
def test_a_kind_that_does_not_exist_is_refused(kind: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _join(kind, b"x")


@pytest.mark.parametrize("digits", [0, -1, 10, 2**31 - 1, 2**31, None, 1.0])
def test_digits_that_are_not_there_are_refused(digits: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _join(DECIMAL, b"x", np.zeros(2), digits)


@pytest.mark.parametrize("kind", [TEXT, WHOLE, DECIMAL, REAL, FLAG])
@pytest.mark.parametrize("text", [None, "x", 1, [b"x", b"y"], bytearray(b"x")])
def test_a_text_that_is_no_bytes_is_refused(kind: int, text: Any) -> None:
    with pytest.raises(TypeError):
        _join(kind, text, np.zeros(2, _TYPES.get(kind, np.float64)), 3)


@pytest.mark.parametrize(
    "texts", [None, b"xy", (b"x", b"y"), [b"x"], [b"x"] * 3, [], [b"x", None], ["x", "y"], [1, 2]]
)
def test_texts_that_do_not_fit_are_refused(texts: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _join(EACH, texts)


@pytest.mark.parametrize("which", [[0, 2], [-1, 0], [0, 2**62], [-(2**63), 0]])
def test_a_choice_that_does_not_exist_is_refused(which: list[int]) -> None:
    with pytest.raises(IndexError):
        _join(CHOICE, [b"x", b"y"], np.array(which))
    with pytest.raises((TypeError, ValueError)):
        _join(CHOICE, (b"x", b"y"), np.array([0, 1]))


@pytest.mark.parametrize(
    "pieces", [None, (), [None], [()], [(TEXT,)], [[TEXT, b"x", NOTHING, 0]], [(TEXT, b"x", NOTHING, 0, 0)]]
)
def test_what_is_no_piece_is_refused(pieces: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        compiled().join_pieces(pieces, 2)


def test_sizes_and_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="records"):
        _join(TEXT, b"x", size=-1)
    assert compiled().join_pieces([(TEXT, b"x", NOTHING, 0)] * 300, 1) == [b"x" * 300]
    with pytest.raises(MemoryError):
        _join(TEXT, b"x", size=2**62)
    assert compiled().join_pieces([], 2) == [b"", b""]
    # A piece that is refused after others: their arrays are let go.
    values = np.zeros(2)
    with pytest.raises(ValueError, match="no such piece"):
        compiled().join_pieces([(REAL, b"", values, 0), (9, b"", values, 0)], 2)
    values.resize(3, refcheck=False)
