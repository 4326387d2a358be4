"""Decodes a batch of records at once; bad records fall out one by one, with their reason."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak.stream import Rejected
from fleetleak.stream.records import Records
from processors.decode.row import Row, values_of
from processors.decode.snapshots import Snapshots

_TAG = b'{"schema":"%s"' % str(Snapshot.__struct_config__.tag).encode()
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)

_Bad = dict[int, Unreadable]


class SnapshotDecoder:
    """Decodes records to columns of snapshots.

    Parameters
    ----------
    future_seconds
        A snapshot is unreadable if its time is further ahead of the broker's.
    """

    def __init__(self, future_seconds: float) -> None:
        self._future = future_seconds
        self._row = msgspec.json.Decoder(Row).decode
        self._snapshot = Decoder(Snapshot).decode

    def decode(self, records: Records, rejected: list[Rejected]) -> Snapshots:
        """Return the readable snapshots; add the unreadable records to `rejected`, in their order."""
        bad: _Bad = {}
        rows = self._rows(records, bad)
        snapshots = Snapshots.of_rows(_without(records, bad), rows)
        later: _Bad = {}
        self._check(snapshots, later)
        if bad or later:
            snapshots = _reject(records, bad, snapshots, later, rejected)
        return snapshots

    def snapshot(self, value: bytes | None) -> Snapshot:
        """Return the whole snapshot of a record that was readable."""
        return self._snapshot(value)

    def _rows(self, records: Records, bad: _Bad) -> list[tuple[Any, ...]]:
        values: list[Any] = records.values  # without a value it is a TypeError
        try:
            rows = list(map(astuple, map(self._row, values)))
            # msgspec accepts a record without its tag.
            if all(value.startswith(_TAG) for value in values):
                return rows
        except _REFUSED:
            pass
        return self._one_by_one(records, bad)

    def _one_by_one(self, records: Records, bad: _Bad) -> list[tuple[Any, ...]]:
        rows = []
        for at, value in enumerate(records.values):
            try:
                rows.append(self._values(value))
            except Unreadable as error:
                bad[at] = error
        return rows

    def _values(self, value: bytes | None) -> tuple[Any, ...]:
        """Return the values of a row. The slow way gives the reason, and takes what is written oddly."""
        if value is not None and value.startswith(_TAG):
            try:
                return astuple(self._row(value))
            except _REFUSED:
                pass
        return values_of(self._snapshot(value))

    def _check(self, snapshots: Snapshots, bad: _Bad) -> None:
        """Refuse snapshots under another key, and snapshots from the future."""
        keys, names = snapshots.records.keys, snapshots.names
        time, appended = snapshots.real("timestamp"), np.array(snapshots.records.appended)
        for at in np.flatnonzero(time > appended + self._future).tolist():
            ahead = float(time[at] - appended[at])
            bad[at] = Unreadable(
                "future", f"its time is {ahead:.0f} s ahead of the broker's: set the host's clock"
            )
        for at, (key, named) in enumerate(zip(keys, names, strict=True)):
            if key != named[0].encode():
                bad[at] = Unreadable("wrong-key", f"the record's key must be its service, {named[0]!r}")


def _without(records: Records, bad: _Bad) -> Records:
    return records.take([at for at in range(len(records)) if at not in bad]) if bad else records


def _reject(
    records: Records, bad: _Bad, snapshots: Snapshots, later: _Bad, rejected: list[Rejected]
) -> Snapshots:
    """Add all bad records in their order to `rejected`; return the snapshots without the later ones."""
    decoded = [at for at in range(len(records)) if at not in bad]
    every = bad | {decoded[at]: error for at, error in later.items()}
    rejected += [Rejected(records[at], error.reason, str(error)) for at, error in sorted(every.items())]
    if not later:
        return snapshots
    return snapshots.take(np.array([at for at in range(len(snapshots)) if at not in later], dtype=np.intp))
