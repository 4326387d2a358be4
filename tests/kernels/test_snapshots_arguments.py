"""The kernel that reads snapshots refuses what does not fit, and never reads or writes outside an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fleetleak.records import Snapshot, encode
from processors import kernels
from processors.decode.row import FLOATS, INTS, KERNEL_FIELDS, TAG
from processors.kernels.protocol import Kernels
from tests.kernels.snapshot_records import NOW

pytestmark = pytest.mark.skipif(not kernels.available(), reason="installed without a C compiler")

_VALUE = encode(Snapshot(service="s", instance="i", timestamp=NOW, cpu_seconds=3.5, total=12))
_FIELD = np.dtype(
    [("name", "S24"), ("length", "i4"), ("kind", "i4"), ("column", "i4"), ("service", "i4"), ("most", "f8")]
)


def compiled() -> Kernels:
    module = kernels.compiled()
    assert module is not None
    return module


def _arrays(size: int = 2) -> dict[str, NDArray[Any]]:
    return {
        "fields": KERNEL_FIELDS.copy(),
        "partitions": np.zeros(size, np.int64),
        "numbers": np.zeros(size, np.int64),
        "floats": np.zeros((len(FLOATS), size)),
        "ints": np.zeros((len(INTS), size), np.int64),
    }


def _call(
    keys: Any = None, values: Any = None, known: Any = None, tag: Any = TAG, **arrays: Any
) -> list[int]:
    """Read two equal records; some arguments may be others. Return the numbers."""
    all_arrays = _arrays() | arrays
    keys = [b"s"] * 2 if keys is None else keys
    values = [_VALUE] * 2 if values is None else values
    compiled().read_snapshots(tuple(all_arrays.values()), tag, keys, values, {} if known is None else known)
    numbers: list[int] = all_arrays["numbers"].tolist()
    return numbers


def _text() -> bytes:
    text = compiled().snapshot_texts((KERNEL_FIELDS,), TAG, 0, b"s", _VALUE)
    assert text is not None
    return text


def test_the_arguments_of_the_decoder_are_taken() -> None:
    assert _call() == [-1, -1]
    assert _call(known={_text(): 5}) == [5, 5]
    assert _call(known={_text(): 5}, partitions=np.array([0, 1])) == [5, -1]


@pytest.mark.parametrize("name", list(_arrays()))
def test_an_array_of_another_type_is_refused(name: str) -> None:
    array = _arrays()[name]
    for other in (np.float32, np.int32, np.uint64, np.int8, np.bool_, ">i8", ">f8", "S8", "M8[s]"):
        with pytest.raises((TypeError, ValueError)):
            _call(**{name: np.zeros(array.shape, other)})
    for wrong in (None, [0, 0], 1.0):
        with pytest.raises(TypeError):
            _call(**{name: wrong})


@pytest.mark.parametrize("name", list(_arrays()))
def test_an_array_of_another_length_is_refused(name: str) -> None:
    array = _arrays()[name]
    with pytest.raises(ValueError, match=r"length|fewer|fields"):
        _call(**{name: array[:-1].copy()})
    with pytest.raises(ValueError, match=r"length|fewer|fields"):
        _call(**{name: array[:0].copy()})


@pytest.mark.parametrize("name", list(_arrays()))
def test_an_array_with_gaps_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="contiguous"):
        _call(**{name: np.repeat(_arrays()[name], 2, axis=-1)[..., ::2]})


@pytest.mark.parametrize("name", ["numbers", "floats", "ints"])
def test_what_is_written_must_be_writable(name: str) -> None:
    array = _arrays()[name]
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _call(**{name: array})


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": [b"s"]}, {"keys": [b"s"] * 3}, {"keys": (b"s", b"s")}, {"values": [_VALUE]}, {"values": []},
        {"values": (_VALUE, _VALUE)}, {"known": []}, {"tag": None}, {"tag": "x"},
    ],
)  # fmt: skip
def test_other_arguments_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        _call(**wrong)


@pytest.mark.parametrize("number", [-1, -2, -(2**63), 2**63, "1", None])
def test_what_is_no_number_of_an_identity_is_refused(number: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _call(known={_text(): number})


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        *(("length", at, value) for at in (0, 3) for value in (0, -1, 25, 2**31 - 1, -(2**31))),
        *(("kind", at, value) for at in (0, 3) for value in (-1, 3, 2**31 - 1)),
        *(("column", 2, value) for value in (-2, -(2**31), len(FLOATS), 2**31 - 1)),
        *(("column", 9, value) for value in (-2, -(2**31), len(INTS), 2**31 - 1)),
    ],
)
def test_fields_that_are_no_table_are_refused(name: str, at: int, value: int) -> None:
    fields = KERNEL_FIELDS.view(_FIELD).copy()
    fields[name][at] = value
    with pytest.raises(ValueError, match=r"fields"):
        _call(fields=fields.view(np.uint8))


def test_fields_of_any_bytes_are_refused_or_read_within_bounds() -> None:
    rng = np.random.default_rng(1)
    for size in (0, 1, _FIELD.itemsize * 2, _FIELD.itemsize * 65, len(KERNEL_FIELDS) - 1):
        with pytest.raises(ValueError, match="fields"):
            _call(fields=np.zeros(size, np.uint8))
    for _ in range(500):
        fields = KERNEL_FIELDS.copy()
        at = rng.integers(0, len(fields), rng.integers(1, 5))
        fields[at] = rng.integers(0, 256, len(at))
        try:
            _call(fields=fields)
        except ValueError as error:
            assert "fields" in str(error)  # noqa: PT017


def test_too_few_arrays_are_refused() -> None:
    arrays = tuple(_arrays().values())
    for wrong in (arrays[:-1], (), list(arrays), None):
        with pytest.raises((TypeError, IndexError)):
            compiled().read_snapshots(wrong, TAG, [b"s"] * 2, [_VALUE] * 2, {})  # type: ignore[arg-type]
    for wrong in ((), [KERNEL_FIELDS], (KERNEL_FIELDS.view(np.int8),)):
        with pytest.raises((TypeError, IndexError)):
            compiled().snapshot_texts(wrong, TAG, 0, b"s", _VALUE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fields"):
        compiled().snapshot_texts((KERNEL_FIELDS[:-1],), TAG, 0, b"s", _VALUE)


_ODD: list[Any] = [
    None,
    b"",
    b"{",
    TAG,
    TAG + b",",
    TAG + b"}",
    _VALUE[:-1],
    "text",
    5,
    bytearray(_VALUE),
    [_VALUE],
    b"\0",
]


@pytest.mark.parametrize("odd", _ODD)
def test_odd_values_and_keys_are_left_to_the_twin(odd: Any) -> None:
    assert _call(values=[odd, _VALUE], known={_text(): 5}) == [-2, 5]
    assert _call(keys=[odd, b"s"], known={_text(): 5}) == [-2, 5]
    assert compiled().snapshot_texts((KERNEL_FIELDS,), TAG, 0, b"s", odd) is None
    assert compiled().snapshot_texts((KERNEL_FIELDS,), TAG, 0, odd, _VALUE) is None


def test_a_record_that_ends_anywhere_is_left_to_the_twin() -> None:
    values = [_VALUE[:at] for at in range(len(_VALUE))]
    size = len(values)
    assert _call(keys=[b"s"] * size, values=values, **_arrays(size)) == [-2] * size


def test_no_records_are_read() -> None:
    assert _call(keys=[], values=[], **_arrays(0)) == []
