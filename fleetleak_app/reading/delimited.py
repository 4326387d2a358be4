"""CSV and its dialects: from text to a table."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from fleetleak_app.reading.notes import BadRecording, Notes, listed, shortened
from fleetleak_app.reading.table import Table

_DELIMITERS = ",;\t|"
_NAMED = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "|"}
_HEAD_CHARACTERS = 2**16
_HEAD_LINES = 50
_EXAMPLE = ("service", "timestamp", "used", "total")
_BATCH_ROWS = 10_000
_QUOTED = re.compile('"[^"]*"')
_VALUE = re.compile(r"[+-]?[\d.,]+([eE][+-]?\d+)?\s?[A-Za-z%]{0,3}|\d{4}[-/]\d\d?[-/]\d\d?.*")


class _Start(NamedTuple):
    """Where the header begins, the delimiter of a line `sep=`, and the last comment before the header."""

    offset: int
    delimiter: str | None
    comment: str | None


def table(text: str, file: str, notes: Notes, is_known: Callable[[str], bool]) -> Table:
    """Read delimited text.

    Parameters
    ----------
    is_known
        Returns whether the name of a column is known; this tells a header from a line of values.

    Raises
    ------
    BadRecording
        If there are no rows or no header, or if a row has more values than the header has names.
    """
    start = _start(text)
    delimiter = start.delimiter or _delimiter(text[start.offset : start.offset + _HEAD_CHARACTERS])
    rows = _Rows(text[start.offset :], delimiter, file)
    header = [_clean(name) for name in rows.first]
    if _is_value_row(header, is_known):
        commented = [_clean(name) for name in (start.comment or "").split(delimiter)]
        if len(commented) != len(header) or _is_value_row(commented, is_known):
            raise BadRecording(_no_header(file, header, delimiter))
        header = commented
        rows.first_is_data()
    while header and not header[-1]:
        header.pop()
    return rows.table(header, notes)


def _start(text: str) -> _Start:
    offset, delimiter, comment = 0, None, None
    while offset < len(text):
        end = text.find("\n", offset)
        line = text[offset : end if end >= 0 else len(text)]
        if delimiter is None and line[:4].lower() == "sep=" and len(line) == 5:
            delimiter = line[4]
        elif line.lstrip().startswith("#"):
            comment = line.lstrip().lstrip("#")
        elif line.strip():
            break
        offset += len(line) + 1
    return _Start(offset, delimiter, comment)


def _delimiter(head: str) -> str:
    """Return the delimiter: the sign with the same count in most lines, the header among them."""
    lines = [line for line in head.split("\n")[:_HEAD_LINES] if line.strip()]
    bare = [_QUOTED.sub("", line) for line in lines]
    best, delimiter = (0.0, 0), ","
    for sign in _DELIMITERS if lines else "":
        counts = [line.count(sign) for line in bare]
        usual, times = Counter(counts[1:] or counts).most_common(1)[0]
        if counts[0] and usual and (share := (times / len(counts), usual)) > best:
            best, delimiter = share, sign
    return delimiter


def _clean(name: str) -> str:
    return name.strip().strip("\ufeff\"'").strip()


def _is_value_row(names: Sequence[str], is_known: Callable[[str], bool]) -> bool:
    return not any(map(is_known, names)) and any(_VALUE.fullmatch(name) for name in names)


def _no_header(file: str, names: Sequence[str], delimiter: str) -> str:
    return (
        f"{file} has no header: its first line is {shortened(delimiter.join(names))}."
        f" Put the names of the columns there, such as {delimiter.join(_EXAMPLE)}"
    )


class _Rows:
    """The rows of a text, read in batches, so that only the columns are kept in memory.

    Raises
    ------
    BadRecording
        If there are no rows, or the delimiter cannot separate values.
    """

    def __init__(self, text: str, delimiter: str, file: str) -> None:
        self._file = file
        self._delimiter = delimiter
        self._count = 0
        self._read = 0
        self._numbers: list[int] | None = None
        try:
            lines = io.StringIO(text, newline="\n")
            quote = "'" if text.startswith("'") else '"'
            self._reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True)
        except (TypeError, ValueError):
            raise BadRecording(f"{file}: {delimiter!r} separates no columns: change its line sep=") from None
        self._pending: list[list[str]] = []
        first = self._batch(1)
        if not first:
            raise BadRecording(f"{file} holds no rows")
        self.first = first[0]

    def first_is_data(self) -> None:
        """Take the first row as a row of values."""
        self._pending = [self.first]

    def table(self, header: list[str], notes: Notes) -> Table:
        """Return all rows as a table.

        Raises
        ------
        BadRecording
            If there are no rows, or one has more values than the header has names.
        """
        columns: list[list[str]] = [[] for _ in header]
        last: list[str] = []
        while batch := self._batch(_BATCH_ROWS):
            last = batch[-1]
            for column, values in zip(
                columns, zip(*self._even(header, batch, notes), strict=True), strict=False
            ):
                column.extend(values)
        if not columns or not columns[0]:
            raise BadRecording(f"{self._file} holds no rows below its header")
        self._check_quotes(last, notes)
        rows = self._numbers or range(1, self._count + 1)
        return Table(self._file, header, list(columns), rows)

    def _check_quotes(self, last: list[str], notes: Notes) -> None:
        """Check whether an open quote has swallowed rows."""
        if "\n" in "".join(last).rstrip("\n"):
            raise BadRecording(f"{self._file}: a quote in row {self._count} is not closed")
        swallowed = self._reader.line_num - self._read
        if swallowed > self._read:
            raise BadRecording(
                f"{self._file}: {swallowed:,} line ends stand inside quotes: one is not closed"
            )
        if swallowed:
            notes.note(f"{self._file}: {swallowed:,} line ends stand inside quotes: is one not closed?")

    def _batch(self, most: int) -> list[list[str]]:
        """Return the next rows, without blank lines; an empty list at the end."""
        if self._pending:
            batch, self._pending = self._pending, []
            return batch
        batch = []
        try:
            while not batch and (read := list(islice(self._reader, most))):
                self._read += len(read)
                batch = [row for row in read if row] if [] in read else read
        except csv.Error as error:
            line = self._reader.line_num
            raise BadRecording(f"{self._file} line {line}: {error}: is a quote not closed?") from None
        return batch

    def _even(self, header: list[str], batch: list[list[str]], notes: Notes) -> list[list[str]]:
        """Make every row as long as the header; leave out comments, blank rows and repeated headers."""
        before = self._count
        self._count += len(batch)
        if set(map(len, batch)) == {len(header)} and header not in batch and any(batch[-1]):
            if self._numbers is not None:
                self._numbers.extend(range(before + 1, self._count + 1))
            return batch
        if self._numbers is None:
            self._numbers = list(range(1, before + 1))
        kept = []
        for number, row in enumerate(batch, before + 1):
            if self._is_row(header, row, number, notes):
                self._numbers.append(number)
                kept.append(row[: len(header)] + [""] * (len(header) - len(row)))
        return kept

    def _is_row(self, header: list[str], row: list[str], number: int, notes: Notes) -> bool:
        width = len(header)
        if row[:width] == header or row[0].startswith("#"):
            notes.leave("repeated headers or comments", 1, f"{self._file} row {number}")
            return False
        if any(map(str.strip, row[width:])):
            raise BadRecording(
                f"{self._file} row {number} has {len(row)} values, the header {width} names"
                f" ({listed(header)}): a value that holds"
                f" {_NAMED.get(self._delimiter, self._delimiter)} must stand in quotes"
            )
        return any(row)
