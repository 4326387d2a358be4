"""A recording as input records of the scoring role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import orjson

from fleetleak.records import Snapshot, encode
from fleetleak.stream import Record
from fleetleak_app.reading import Recording

_SCHEMA = str(Snapshot.__struct_config__.tag)


def records(recording: Recording, in_turns: bool = False) -> Iterator[Record]:
    """Yield the input records in order of time, or in turns: the first of each service, then the second, ...

    Both keep the order within each service, so the results are the same. In turns a batch holds more
    services, and vectors are longer. Offsets are those in order of time.
    """
    names = list(recording.columns)
    at, service = names.index("timestamp"), names.index("service")
    rows = sorted(zip(*recording.columns.values(), strict=True), key=lambda row: float(row[at]))
    order = _turns([row[service] for row in rows]) if in_turns else range(len(rows))
    for offset in order:
        row = rows[offset]
        value = {"schema": _SCHEMA} | {n: v for n, v in zip(names, row, strict=True) if v is not None}
        yield Record(0, offset, str(row[service]).encode(), orjson.dumps(value), float(row[at]))


def records_of(snapshots: Iterable[Snapshot]) -> Iterator[Record]:
    """Yield snapshots as input records of the scoring role."""
    for offset, one in enumerate(snapshots):
        yield Record(0, offset, one.service.encode(), encode(one), one.timestamp)


def _turns(services: Sequence[str]) -> list[int]:
    """Return the positions, sorted by how many records of the same service come before each."""
    seen: Counter[str] = Counter()
    turns = []
    for service in services:
        turns.append(seen[service])
        seen[service] += 1
    return sorted(range(len(services)), key=turns.__getitem__)
