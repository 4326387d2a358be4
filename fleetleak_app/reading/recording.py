"""From files to one recording: merged, in bytes, without duplicates, with enough usable rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress
from typing import Any

from fleetleak_app.reading.names import BYTE_FIELDS
from fleetleak_app.reading.notes import BadRecording, Notes, listed
from fleetleak_app.reading.part import Options, part
from fleetleak_app.reading.scale import scaled
from fleetleak_app.reading.typed import Part

_LEAST_ROWS = 5
_MEMORY = "rows without used or anon"
_LIMIT = "rows without limit or total"
_NO_LIMIT = "no row has a limit or total: give --limit 4GiB, or name its column with --columns limit=COLUMN"
_NO_MEMORY = "no row has memory: name its column with --columns used=COLUMN"


@dataclass
class Recording:
    """Series as columns by snapshot field, all of one length.

    Parameters
    ----------
    read
        Number of rows in the files, or of memory samples in a wide table.
    usable
        Number of rows with memory and with a limit or total.
    repeated
        Number of rows that are left out because they repeat a time of their instance.
    """

    columns: dict[str, list[Any]]
    read: int = 0
    usable: int = 0
    repeated: int = 0
    notes: Notes = field(default_factory=Notes)

    def __len__(self) -> int:
        return len(self.columns["timestamp"])

    def summary(self) -> str:
        """Return a line that says how many rows were read and were usable, and why others were not."""
        reasons = self.notes.reasons()
        repeated = f", {self.repeated:,} repeated" if self.repeated else ""
        return f"{self.read:,} rows read, {self.usable:,} usable{repeated}{f'; {reasons}' if reasons else ''}"


def read_samples(files: Sequence[str], options: Options, notes: Notes) -> dict[str, list[Any]]:
    """Return files as columns by snapshot field, with memory in the unit of the files, in their order.

    Raises
    ------
    BadRecording
        If a file cannot be read, or times or memory are missing.
    """
    return _merged([part(file, options, notes) for file in files])


def read(files: Sequence[str], options: Options | None = None) -> Recording:
    """Return files as one recording; `judged` checks whether it has enough usable rows.

    Raises
    ------
    BadRecording
        If a file cannot be read, or times or memory are missing.
    """
    options, notes = options or Options(), Notes()
    parts = [part(file, options, notes) for file in files]
    columns = _merged(parts)
    exact = [one.exact for one in parts for _ in one.rows]
    columns |= scaled(columns, [name for name in columns if name in BYTE_FIELDS], exact, notes)
    for name, value in (("limit", options.limit), ("total", options.total)):
        if value is not None:
            columns[name] = [value] * len(exact)
    places = _Places(parts)
    usable = _usable(columns, places, notes)
    new = _new(columns)
    repeated = len(new) - sum(new)
    if repeated:
        _note_repeated(columns, new, repeated, notes)
        columns = {name: list(compress(values, new)) for name, values in columns.items()}
    kept = sum(compress(usable, new)) if repeated else sum(usable)
    return Recording(columns, sum(one.read for one in parts), kept, repeated, notes)


class _Places:
    """The file and row of each row of the merged columns."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(one.rows) for one in parts))

    def __call__(self, at: int) -> str:
        number = bisect_right(self._ends, at)
        one = self._parts[number]
        return f"{one.file} row {one.rows[at - self._ends[number] + len(one.rows)]}"


def _merged(parts: Sequence[Part]) -> dict[str, list[Any]]:
    """Return the columns of all parts, one after the other; None where a part does not have a column."""
    if len(parts) == 1:
        return dict(parts[0].columns)
    names = dict.fromkeys(name for one in parts for name in one.columns)
    merged: dict[str, list[Any]] = {}
    for name in names:
        merged[name] = []
        for one in parts:
            merged[name] += one.columns.get(name) or [None] * len(one.rows)
    return merged


def _usable(columns: Mapping[str, list[Any]], places: _Places, notes: Notes) -> list[bool]:
    """Return for each row whether it can be judged; note how many cannot, and the first of them."""
    rows = len(columns["timestamp"])
    memory = _some(columns, ("used", "anon"), rows, (None,))
    limit = _some(columns, ("limit", "total"), rows, (None, 0))
    for reason, present, column in ((_MEMORY, memory, "used"), (_LIMIT, limit, "limit")):
        if not all(present):
            notes.leave(reason, present.count(False), f"{places(present.index(False))}, column {column}")
    usable = [one and other for one, other in zip(memory, limit, strict=True)]
    if not all(usable):
        services = columns["service"]
        without = sorted(set(services) - set(compress(services, usable)))
        if without and any(usable):
            notes.note(f"nothing can be judged of {listed(without)}")
    return usable


def _some(
    columns: Mapping[str, list[Any]], names: Iterable[str], rows: int, nothing: tuple[Any, ...]
) -> list[bool]:
    """Return for each row whether one of the columns has a value other than those in `nothing`."""
    some = [False] * rows
    for name in names:
        if name not in columns:
            continue
        if not any(nought in columns[name] for nought in nothing):
            return [True] * rows
        some = [one or value not in nothing for one, value in zip(some, columns[name], strict=True)]
    return some


def _new(columns: Mapping[str, list[Any]]) -> list[bool]:
    """Return for each row whether its time is the first of its kind in its instance."""
    who = [columns["service"], columns["instance"], columns["timestamp"]]
    keys = list(zip(*(who if who[0] is not who[1] else who[1:]), strict=True))
    if len(set(keys)) == len(keys):
        return [True] * len(keys)
    seen: set[tuple[Any, ...]] = set()
    return [not (key in seen or seen.add(key)) for key in keys]  # type: ignore[func-returns-value]


def _note_repeated(
    columns: Mapping[str, list[Any]], new: Sequence[bool], repeated: int, notes: Notes
) -> None:
    first = new.index(False)
    notes.note(
        f"{repeated:,} of {len(new):,} rows repeat a time of their instance and are left out"
        f" (first: {columns['instance'][first]} at {columns['timestamp'][first]:.0f}):"
        " is there a column that tells instances apart? Name it with --columns instance=COLUMN"
    )


def judged(recording: Recording) -> Recording:
    """Return the recording, if enough of it can be judged.

    Raises
    ------
    BadRecording
        If fewer than half of its rows or fewer than five are usable, or if most rows repeat others.
    """
    usable, rows = recording.usable, recording.read
    if usable == 0:
        raise BadRecording(f"nothing can be judged: {_why_nothing(recording)}")
    if 2 * recording.repeated > rows:
        raise BadRecording(
            f"{recording.repeated:,} of {rows:,} rows repeat a time of their instance:"
            " name the column that tells instances apart with --columns instance=COLUMN"
        )
    if usable < _LEAST_ROWS or 2 * usable < rows:
        least = f", at least {_LEAST_ROWS} are needed" if usable < _LEAST_ROWS else ""
        reasons = recording.notes.reasons()
        raise BadRecording(
            f"too little can be judged: {usable:,} of {rows:,} rows are usable{least}"
            f"{f': {reasons}' if reasons else ''}{_hint(recording.notes.left)}"
        )
    return recording


def _why_nothing(recording: Recording) -> str:
    left = recording.notes.left
    for reason, hint in ((_MEMORY, _NO_MEMORY), (_LIMIT, _NO_LIMIT)):
        if reason in left and left[reason].count == len(recording) + recording.repeated:
            return hint + (f" ({recording.notes.reasons()})" if len(left) > 1 else "")
    return recording.summary()


def _hint(left: Mapping[str, Any]) -> str:
    most = max(left, key=lambda reason: left[reason].count, default=None)
    return {
        _MEMORY: "; name the column with --columns used=COLUMN",
        _LIMIT: "; give --limit 4GiB, or name its column with --columns limit=COLUMN",
        "rows without a time": "; name the column with --columns timestamp=COLUMN",
    }.get(most or "", "")
