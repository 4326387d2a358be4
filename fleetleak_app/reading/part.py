"""One file: its bytes to columns by field, whatever form they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fleetleak_app.reading import delimited, jsons, parquet, text
from fleetleak_app.reading.columns import dated, is_known, match
from fleetleak_app.reading.findings import BadRecording, Findings
from fleetleak_app.reading.shapes import joined, melted
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.typed import Part, typed
from fleetleak_app.reading.units import BYTES, Unit


@dataclass
class Options:
    """What the user says of the files.

    Parameters
    ----------
    columns
        Column by field, where the names do not tell.
    unit
        Of the columns of bytes that do not tell their own, such as `KiB`.
    limit, total
        For every row, in bytes.
    """

    columns: dict[str, str] = field(default_factory=dict)
    unit: str | None = None
    limit: int | None = None
    total: int | None = None


def part(file: str, options: Options, findings: Findings) -> Part:
    """Read one file.

    Raises
    ------
    BadRecording
        If it cannot be read, or times or memory are missing.
    """
    try:
        data = text.unpacked(Path(file).read_bytes(), file)
    except OSError as error:
        raise BadRecording(f"{file}: {error.strerror}") from None
    unit = BYTES[options.unit.lower()] if options.unit else None
    if data.startswith(parquet.MAGIC):
        return _of_table(parquet.table(data, file, findings), options, unit, findings)
    words = text.to_text(data, file, findings)
    if not words.strip():
        raise BadRecording(f"{file} is empty")
    if not jsons.is_json(words):
        return _of_table(_delimited(words, file, options, findings), options, unit, findings)
    if (found := jsons.snapshots(words.encode(), file, findings)) is not None:
        _say_unused(file, "snapshots", options, findings)
        return Part(file, jsons.fields_of(found.found), found.rows, found.read, exact=True)
    if (series := jsons.series(words, file, findings)) is not None:
        _say_unused(file, "an answer of Prometheus", options, findings)
        return typed(*joined(file, series, unit, findings), unit, options.total or options.limit, findings)
    return _of_table(jsons.table(words, file, findings), options, unit, findings)


def _of_table(table: Table, options: Options, unit: Unit | None, findings: Findings) -> Part:
    table = dated(table) if "timestamp" not in options.columns else table
    columns = match(table, options.columns, findings)
    if columns.series:
        table, columns = melted(table, columns, unit, findings)
    return typed(table, columns, unit, options.total or options.limit, findings)


def _say_unused(file: str, what: str, options: Options, findings: Findings) -> None:
    if options.columns:
        findings.note(f"{file} holds {what}: --columns says nothing of it")


def _delimited(words: str, file: str, options: Options, findings: Findings) -> Table:
    given = {column.strip().casefold() for column in options.columns.values()}
    return delimited.table(words, file, findings, lambda name: name.casefold() in given or is_known(name))
