"""Scores as columns of a Parquet file; the schema comes from the record types alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from msgspec import Struct, inspect
from pyarrow.parquet import ParquetFile, ParquetWriter

from fleetleak.records import Decoder, Method, Score
from fleetleak.records.types import bare
from fleetleak_app.replay.write import Write

METHODS = ("half_space_trees", "snarimax", "deviation", "river", "trend", "snarimax_ahead")
"""Every name that `Score.methods` can have: a column of a method that did not run is empty."""
_ROW_GROUP = 50_000
# Rows that are dictionaries at the same time: more take much memory and save no time.
_BATCH_ROWS = 1000
_NUMBERS = {inspect.IntType: pa.int64(), inspect.FloatType: pa.float64(), inspect.BoolType: pa.bool_()}


class _Part(NamedTuple):
    """One struct of a score: the prefix of its columns, its fields, and how to take it from a score."""

    prefix: str
    fields: dict[str, Any]
    take: Callable[[Score], Struct | None]


def _arrow(info: inspect.Type) -> Any:
    kind = bare(info)
    if isinstance(kind, inspect.ListType):
        return pa.list_(_arrow(kind.item_type))
    return _NUMBERS.get(type(kind), pa.string())


def _fields(struct: type[Struct]) -> dict[str, inspect.Type]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - always true for the type of a struct
    return {field.name: bare(field.type) for field in info.fields}


def _plain(struct: type[Struct]) -> dict[str, Any]:
    nested = (inspect.StructType, inspect.DictType)
    return {name: _arrow(info) for name, info in _fields(struct).items() if not isinstance(info, nested)}


def _method(name: str, score: Score) -> Method | None:
    return score.methods.get(name)


def _parts() -> Iterator[_Part]:
    yield _Part("", _plain(Score), lambda score: score)
    for name in METHODS:
        yield _Part(f"method_{name}_", _plain(Method), partial(_method, name))
    for name, info in _fields(Score).items():
        if isinstance(info, inspect.StructType):
            yield _Part(f"{name}_", _plain(info.cls), attrgetter(name))


PARTS = tuple(_parts())
SCHEMA = pa.schema(
    [(part.prefix + name, type_) for part in PARTS for name, type_ in part.fields.items()],
    metadata={"schema": str(Score.__struct_config__.tag)},
)


def batch(scores: Sequence[Score]) -> Any:
    """Return scores as a record batch of `SCHEMA`."""
    columns = []
    for part in PARTS:
        structs = [part.take(score) for score in scores]
        for name, type_ in part.fields.items():
            values = [None if struct is None else getattr(struct, name) for struct in structs]
            columns.append(pa.array(values, type_))
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def from_parquet(name: str) -> Iterator[Score]:
    """Yield the scores of a file that `to_parquet` wrote. It has no labels: none of them come back.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such file.
    """
    with ParquetFile(name) as file:
        if not {"service", "instance", "time"} <= set(file.schema_arrow.names):
            raise ValueError("it has no scores")
        for rows in file.iter_batches(batch_size=_BATCH_ROWS):
            yield from (msgspec.convert(_nested(row), Score) for row in rows.to_pylist())


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of one score from its columns; a struct without any value is absent."""
    score: dict[str, Any] = {"methods": {}}
    for part in PARTS:
        columns = {name: row.get(part.prefix + name) for name in part.fields}
        values = {name: value for name, value in columns.items() if value is not None}
        method = part.prefix.removeprefix("method_")
        if not part.prefix:
            score |= values
        elif values and method != part.prefix:
            score["methods"][method.removesuffix("_")] = values
        elif values:
            score[part.prefix.removesuffix("_")] = values
    return score


@contextlib.contextmanager
def to_parquet(name: str) -> Iterator[Write]:
    """Yield a function that takes JSON scores and writes them to a Parquet file, one row group at a time.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    decode = Decoder(Score).decode
    waiting: list[Any] = []

    def flush() -> None:
        writer.write_table(pa.Table.from_batches(waiting, SCHEMA))
        waiting.clear()

    def write(values: list[bytes]) -> None:
        waiting.append(batch([decode(value) for value in values]))
        if sum(part.num_rows for part in waiting) >= _ROW_GROUP:
            flush()

    with open(name, "wb") as file, ParquetWriter(file, SCHEMA) as writer:
        yield write
        flush()
