"""Reading one file: from bytes of any format to columns by field."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fleetleak_app.reading import delimited, jsons, parquet, text
from fleetleak_app.reading.columns import dated, is_known, match
from fleetleak_app.reading.notes import BadRecording, Notes
from fleetleak_app.reading.shapes import joined, melted
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.typed import Part, typed
from fleetleak_app.reading.units import BYTES, Unit


@dataclass
class Options:
    """The options of the user for reading files.

    Parameters
    ----------
    columns
        Column by field, where the name of the column is not known.
    unit
        Unit of the columns of bytes without their own, such as `KiB`.
    limit, total
        Value for every row, in bytes.
    """

    columns: dict[str, str] = field(default_factory=dict)
    unit: str | None = None
    limit: int | None = None
    total: int | None = None


def part(file: str, options: Options, notes: Notes) -> Part:
    """Read one file.

    Raises
    ------
    BadRecording
        If the file cannot be read, or times or memory are missing.
    """
    try:
        data = text.unpacked(Path(file).read_bytes(), file)
    except OSError as error:
        raise BadRecording(f"{file}: {error.strerror}") from None
    unit = BYTES[options.unit.lower()] if options.unit else None
    if data.startswith(parquet.MAGIC):
        return _of_table(parquet.table(data, file, notes), options, unit, notes)
    words = text.to_text(data, file, notes)
    if not words.strip():
        raise BadRecording(f"{file} is empty")
    if not jsons.is_json(words):
        return _of_table(_delimited(words, file, options, notes), options, unit, notes)
    if (snapshots := jsons.snapshots(words.encode(), file, notes)) is not None:
        _note_unused(file, "snapshots", options, notes)
        return Part(file, jsons.fields_of(snapshots.good), snapshots.rows, snapshots.read, exact=True)
    if (series := jsons.series(words, file, notes)) is not None:
        _note_unused(file, "an answer of Prometheus", options, notes)
        return typed(*joined(file, series, unit, notes), unit, options.total or options.limit, notes)
    return _of_table(jsons.table(words, file, notes), options, unit, notes)


def _of_table(table: Table, options: Options, unit: Unit | None, notes: Notes) -> Part:
    table = dated(table) if "timestamp" not in options.columns else table
    columns = match(table, options.columns, notes)
    if columns.series:
        table, columns = melted(table, columns, unit, notes)
    return typed(table, columns, unit, options.total or options.limit, notes)


def _note_unused(file: str, what: str, options: Options, notes: Notes) -> None:
    if options.columns:
        notes.note(f"{file} holds {what}: --columns says nothing of it")


def _delimited(words: str, file: str, options: Options, notes: Notes) -> Table:
    chosen = {column.strip().casefold() for column in options.columns.values()}
    return delimited.table(words, file, notes, lambda name: name.casefold() in chosen or is_known(name))
