"""Decodes a batch of records at once; bad records fall out one by one, with their reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import astuple

from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak.stream import Rejected
from fleetleak.stream.records import Records
from processors.decode.identities import Identities, names_of
from processors.decode.prefix import Names
from processors.decode.row import FLOATS, INTS, KERNEL_FIELDS, NAMES, TAG, Row, values_of
from processors.decode.snapshots import Ints, RowValues, Snapshots, columns
from processors.kernels import compiled
from processors.kernels.protocol import Kernels

_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)
_SERVICE_AT = NAMES.index("service")
_UNKNOWN, _NOT_SURE = -1, -2


class Stranger(NamedTuple):
    """An identity that is not known.

    Parameters
    ----------
    names
        Its names.
    written
        How they are written in the record, where the kernel can find them by that.
    """

    names: Names
    written: bytes | None = None


@dataclass(frozen=True)
class Decoded:
    """The readable snapshots of a batch.

    Parameters
    ----------
    snapshots
        Their numbers.
    identities
        The number of the identity of each, shape `(B,)`; -1 where it is not known.
    strangers
        Those, by place.
    """

    snapshots: Snapshots
    identities: Ints
    strangers: dict[int, Stranger]

    def without(self, places: set[int]) -> Decoded:
        """Return the snapshots that are not at these places."""
        kept = np.array([at for at in range(len(self.identities)) if at not in places], dtype=np.intp)
        moved = {old: new for new, old in enumerate(kept.tolist())}
        strangers = {moved[at]: one for at, one in self.strangers.items() if at in moved}
        return Decoded(self.snapshots.take(kept), self.identities.take(kept), strangers)


class SnapshotDecoder:
    """Decodes records to columns of snapshots.

    Parameters
    ----------
    identities
        The identities that were met.
    future_seconds
        A snapshot is unreadable if its time is further ahead of the broker's.
    """

    def __init__(self, identities: Identities, future_seconds: float) -> None:
        self._identities = identities
        self._future = future_seconds
        self._row = msgspec.json.Decoder(Row).decode
        self._snapshot = Decoder(Snapshot).decode

    def decode(self, records: Records, rejected: list[Rejected]) -> Decoded:
        """Return the readable snapshots; add the unreadable records to `rejected`, in their order."""
        bad: dict[int, Unreadable] = {}
        kernels = compiled()
        read = self._read(records, bad) if kernels is None else self._read_compiled(kernels, records, bad)
        self._check_time(read.snapshots, bad)
        rejected += [Rejected(records[at], bad[at].reason, str(bad[at])) for at in sorted(bad)]
        return read.without(set(bad)) if bad else read

    def snapshot(self, value: bytes | None) -> Snapshot:
        """Return the whole snapshot of a record that was readable."""
        return self._snapshot(value)

    def _read_compiled(self, kernels: Kernels, records: Records, bad: dict[int, Unreadable]) -> Decoded:
        """Read as `_read` does, by the kernel; what it is not sure of is read here."""
        size = len(records)
        partitions, numbers = np.array(records.partitions, dtype=np.int64), np.empty(size, np.int64)
        floats, ints = np.full((len(FLOATS), size), np.nan), np.full((len(INTS), size), -1, np.int64)
        arrays = (KERNEL_FIELDS, partitions, numbers, floats, ints)
        known = self._identities.written
        kernels.read_snapshots(arrays, TAG, records.keys, records.values, known)
        left = np.flatnonzero(numbers < 0)
        if not len(left):
            return Decoded(Snapshots(records, floats, ints), numbers, {})
        sure = numbers[left] == _UNKNOWN
        part = records.take(left.tolist())
        bad_here: dict[int, Unreadable] = {}
        read = self._read(part, bad_here)
        bad |= {left.item(at): error for at, error in bad_here.items()}
        numbers[left], floats[:, left], ints[:, left] = (
            read.identities,
            read.snapshots.floats,
            read.snapshots.ints,
        )
        for at in np.flatnonzero(sure).tolist():
            one, number = part[at], read.identities.item(at)
            text = kernels.snapshot_texts((KERNEL_FIELDS,), TAG, one.partition, one.key, one.value)
            if at in read.strangers:
                read.strangers[at] = read.strangers[at]._replace(written=text)
            elif text is not None and number >= 0:
                self._identities.add_written(number, text)
        strangers = {left.item(at): one for at, one in read.strangers.items()}
        return Decoded(Snapshots(records, floats, ints), numbers, strangers)

    def _read(self, records: Records, bad: dict[int, Unreadable]) -> Decoded:
        """Return all snapshots; those at the places in `bad` mean nothing."""
        rows = self._rows(records, bad)
        names = [names_of(row) for row in rows]
        for at, (key, named) in enumerate(zip(records.keys, names, strict=True)):
            if at not in bad and key != named[_SERVICE_AT].encode():
                service = named[_SERVICE_AT]
                bad[at] = Unreadable("wrong-key", f"the record's key must be its service, {service!r}")
        numbers = self._identities.look_up(np.array(records.partitions, dtype=np.int64), names)
        strangers = {at: Stranger(names[at]) for at in np.flatnonzero(numbers < 0).tolist() if at not in bad}
        return Decoded(Snapshots(records, *columns(rows)), numbers, strangers)

    def _rows(self, records: Records, bad: dict[int, Unreadable]) -> list[RowValues]:
        values: list[Any] = records.values  # without a value it is a TypeError
        try:
            rows = list(map(astuple, map(self._row, values)))
            # msgspec accepts a record without its tag.
            if all(value.startswith(TAG) for value in values):
                return rows
        except _REFUSED:
            pass
        return [self._one(value, at, bad) for at, value in enumerate(records.values)]

    def _one(self, value: bytes | None, at: int, bad: dict[int, Unreadable]) -> RowValues:
        """Return the values of a row. The slow way gives the reason, and takes what is written oddly."""
        if value is not None and value.startswith(TAG):
            try:
                return astuple(self._row(value))
            except _REFUSED:
                pass
        try:
            return values_of(self._snapshot(value))
        except Unreadable as error:
            bad[at] = error
            return _NOTHING

    def _check_time(self, snapshots: Snapshots, bad: dict[int, Unreadable]) -> None:
        """Refuse snapshots from the future."""
        time, appended = snapshots.real("timestamp"), np.array(snapshots.records.appended)
        for at in np.flatnonzero(time > appended + self._future).tolist():
            if at not in bad:
                ahead = f"its time is {time[at] - appended[at]:.0f} s ahead of the broker's"
                bad[at] = Unreadable("future", f"{ahead}: set the host's clock")


_NOTHING = values_of(Snapshot(service="", instance="", timestamp=0.0))
