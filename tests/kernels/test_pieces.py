"""The kernel that joins pieces writes the same bytes as the way in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import kernels
from processors.columns import Floats
from processors.kernels.protocol import Kernels
from processors.write.pieces import Pieces
from tests.unit.strategies import REPEATABLE

pytestmark = pytest.mark.skipif(not kernels.available(), reason="installed without a C compiler")

Add = Callable[[Pieces], None]
LINE = 16_384
"""Bytes of the longest record that the kernel writes."""
DIGITS = range(1, 10)
EDGES = [
    edge
    for at in (
        1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 0.5, 1.0, 1e3, 1e6, 1e12, 1e14, 1e15, 1e16, 1e22, 2.0**52, 2.0**53,
        2.0**63,
    )
    for edge in (at, np.nextafter(at, 0.0), np.nextafter(at, np.inf))
]  # fmt: skip
ODD = [0.0, math.nan, math.inf, 5e-324, 2.2250738585072014e-308, 1e300]


def joined(size: int, adds: Sequence[Add]) -> list[bytes]:
    pieces = Pieces(size)
    for add in adds:
        add(pieces)
    return pieces.join()


@np.errstate(over="ignore")  # 1e300 has no nine decimals
def assert_same(size: int, adds: Sequence[Add]) -> list[bytes]:
    """Join with and without the kernel; return the records."""
    records = joined(size, adds)
    with kernels.without():
        wanted = joined(size, adds)
    for at, (record, other) in enumerate(zip(records, wanted, strict=True)):
        assert record == other, at
    return records


def compiled() -> Kernels:
    module = kernels.compiled()
    assert module is not None
    return module


def left(size: int, adds: Sequence[Add]) -> int:
    """Return how many records the kernel leaves."""
    seen: list[Any] = []

    class Spy:
        def join_pieces(self, pieces: Sequence[Any], size: int) -> list[bytes | None]:
            seen.extend(compiled().join_pieces(pieces, size))
            return list(seen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("processors.write.pieces.compiled", Spy)
        with np.errstate(over="ignore"):
            joined(size, adds)
    return sum(record is None for record in seen)


def decimals(values: Floats, digits: int, lead: bytes = b"") -> Add:
    return lambda pieces: pieces.decimal(lead, values, digits)


def reals(values: Floats, lead: bytes = b"") -> Add:
    return lambda pieces: pieces.real(lead, values)


FLOATS = (
    st.floats()
    | st.floats(-2.0, 2.0)
    | st.sampled_from([sign * x for x in [*EDGES, *ODD] for sign in (1, -1)])
    | st.integers(-(10**16), 10**16).map(float)
    | st.integers(-(10**6), 10**6).map(lambda n: n + 0.5)
    | st.builds(lambda n, digits: n / 10.0**digits, st.integers(-(10**15), 10**15), st.integers(0, 12))
    # Halfway between two decimals, as near as a float comes.
    | st.builds(lambda n, digits: (n + 0.5) / 10.0**digits, st.integers(-(10**9), 10**9), st.integers(0, 9))
)
TEXTS = st.sampled_from(
    [b"", b"a", b'","b":', "ü".encode(), b"\0", b"x" * (LINE - 40), b"x" * LINE, b"y" * 20_000]
)


def _pieces(size: int) -> st.SearchStrategy[Add]:
    """Return strategies of one piece of any kind."""

    def each(one: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(one, min_size=size, max_size=size)

    floats, lead = each(FLOATS).map(lambda x: np.array(x, np.float64)), st.binary(max_size=10)
    wholes = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-1, 0, 9, 10, 2**53 + 1, 2**63 - 1])
    return st.one_of(
        TEXTS.map(lambda text: lambda pieces: pieces.text(text)),
        each(TEXTS).map(lambda texts: lambda pieces: pieces.each(texts)),
        st.builds(
            lambda texts, which: lambda pieces: pieces.choice(texts, np.array(which, np.intp) % len(texts)),
            st.lists(TEXTS, min_size=1, max_size=5),
            each(st.integers(0, 59)),
        ),
        st.builds(
            lambda lead, values: lambda pieces: pieces.whole(lead, np.array(values, np.int64)),
            lead,
            each(wholes),
        ),
        st.builds(decimals, floats, st.integers(1, 9), lead),
        st.builds(reals, floats, lead),
        st.builds(
            lambda text, flags: lambda pieces: pieces.flag(text, np.array(flags, np.bool_)),
            lead,
            each(st.booleans()),
        ),
    )


FORMS = st.integers(0, 12).flatmap(
    lambda size: st.tuples(st.just(size), st.lists(_pieces(size), min_size=1, max_size=8))
)


@given(FORMS)
@REPEATABLE
def test_records_of_any_pieces_are_the_same_bytes(form: tuple[int, list[Add]]) -> None:
    size, adds = form
    assert len(assert_same(size, adds)) == size


@pytest.mark.parametrize("size", [0, 1, 2])
def test_few_records_of_all_pieces_are_the_same_bytes(size: int) -> None:
    values, wholes = np.array([0.5, 0.25])[:size], np.array([1, 0])[:size]
    adds: list[Add] = [
        lambda pieces: pieces.text(b"{"),
        lambda pieces: pieces.each([b"a", b"b"][:size]),
        lambda pieces: pieces.choice([b"c", b"d"], wholes),
        lambda pieces: pieces.whole(b"=", wholes),
        decimals(values, 1, b","),
        reals(values, b";"),
        lambda pieces: pieces.flag(b"}", wholes == 1),
    ]
    assert assert_same(size, adds) == [b"{ad=1,0.5;0.5}", b"{bc=0,0.2;0.25"][:size]


@given(st.lists(FLOATS, min_size=1, max_size=200))
@REPEATABLE
def test_floats_are_the_same_bytes_with_any_digits(values: list[float]) -> None:
    column = np.array(values)
    for digits in DIGITS:
        assert_same(len(column), [decimals(column, digits)])
    assert_same(len(column), [reals(column)])


def many(seed: int) -> Floats:
    """Return 200,000 floats of every size, with as many decimals as scores have, and as they come."""
    rng = np.random.default_rng(seed)
    size = 20_000
    parts = [
        rng.random(size),
        rng.random(size) * 10.0 ** rng.uniform(-12, 18, size),
        -rng.random(size) * 10.0 ** rng.uniform(-12, 18, size),
        rng.integers(-(10**15), 10**15, size) / 10.0 ** rng.integers(0, 12, size),
        (rng.integers(0, 10**9, size) + 0.5) / 10.0 ** rng.integers(0, 10, size),
        rng.integers(0, 2**63 - 1, size).astype(np.float64),
        1.79e9 + np.round(rng.random(size) * 1e6, 3),
        rng.integers(0, 2000, size) / 10.0 ** rng.integers(5, 10, size),
        rng.normal(0.0, 1e-5, size),
        np.ldexp(rng.random(size) - 0.5, rng.integers(-1074, 1024, size)),
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("digits", DIGITS)
def test_many_floats_are_the_same_bytes(digits: int) -> None:
    values = many(digits)
    records = assert_same(len(values), [decimals(values, digits)])
    with np.errstate(over="ignore"):
        rounded = np.round(values, digits)
    assert records[:1000] == [orjson.dumps(value) for value in rounded[:1000].tolist()]
    assert left(len(values), [decimals(values, digits)]) < len(values) / 2


def test_many_floats_with_all_their_digits_are_the_same_bytes() -> None:
    values = many(0)
    records = assert_same(len(values), [reals(values)])
    finite = np.flatnonzero(np.isfinite(values))
    assert [records[at] for at in finite] == [orjson.dumps(value) for value in values[finite].tolist()]
    assert left(len(values), [reals(values)]) < len(values) / 2


@pytest.mark.parametrize("length", range(LINE - 40, LINE + 3))
def test_a_text_that_is_too_long_is_left_and_the_same(length: int) -> None:
    texts = [b"a", b"b" * length, b""]
    numbers = np.array([0.5, 1 / 3, np.nan])
    whole = np.array([1, 2**63 - 1, -1])
    assert_same(
        3,
        [
            lambda pieces: pieces.each(texts),
            lambda pieces: pieces.whole(b",", whole),
            decimals(numbers, 9, b";"),
            lambda pieces: pieces.text(b"}"),
        ],
    )
    assert left(3, [lambda pieces: pieces.each(texts)]) == (length > LINE)


def test_what_is_not_contiguous_is_the_same() -> None:
    values, wholes = np.linspace(0, 1, 20)[::2], np.arange(20)[::2]
    assert_same(10, [decimals(values, 3), reals(values), lambda pieces: pieces.whole(b",", wholes)])
