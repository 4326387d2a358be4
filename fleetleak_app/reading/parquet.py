"""From Parquet to a table, by the types of its columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from fleetleak.extras import hint
from fleetleak_app.reading.notes import BadRecording, Notes
from fleetleak_app.reading.table import Table

MAGIC = b"PAR1"
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def table(data: bytes, file: str, notes: Notes) -> Table:
    """Return Parquet data as a table.

    Raises
    ------
    BadRecording
        If the data are damaged or have no rows, or if pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise BadRecording(f"{file}: Parquet needs more: {hint('replay')}") from None
    try:
        content = parquet.read_table(io.BytesIO(data), use_pandas_metadata=False)
        heads = content.column_names
    except (ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise BadRecording(f"{file} is damaged Parquet: {_line(error)}") from None
    if not content.num_rows:
        raise BadRecording(f"{file} holds no rows")
    names: list[str] = []
    columns: list[Sequence[Any]] = []
    moments = set()
    for name, column in zip(heads, content.columns, strict=True):
        try:
            values, is_moment = _values(column)
        except (ArrowException, ValueError, TypeError, OverflowError, NotImplementedError):
            notes.note(f"column `{name}` of {file} is not read: its type is {_line(column.type)}")
            continue
        if is_moment:
            moments.add(len(names))
        names.append(name)
        columns.append(values)
    return Table(file, names, columns, range(1, content.num_rows + 1), frozenset(moments))


def _values(column: Any) -> tuple[list[Any], bool]:
    """Return the values of a column, and whether they are unix seconds."""
    import pyarrow

    types, kind = pyarrow.types, column.type
    if types.is_dictionary(kind):
        return _values(column.cast(kind.value_type))
    if types.is_date(kind):
        return _values(column.cast(pyarrow.timestamp("ms")))
    if types.is_timestamp(kind):
        ticks = _A_SECOND[kind.unit]
        return [None if v is None else v / ticks for v in _list(column.cast(pyarrow.int64()))], True
    if types.is_decimal(kind):
        return _list(column.cast(pyarrow.float64())), False
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return [None if v is None else v.decode() for v in column.to_pylist()], False
    if types.is_nested(kind) or types.is_temporal(kind):
        raise TypeError(kind)
    return _list(column), False


def _list(column: Any) -> list[Any]:
    import pyarrow

    kind = column.type
    if column.null_count or not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)):
        values: list[Any] = column.to_pylist()
        return values
    numbers: list[Any] = column.to_numpy().tolist()
    return numbers


def _line(words: object) -> str:
    return " ".join(str(words).split())[:200]
