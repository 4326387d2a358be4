"""Random streams of snapshots with everything that happens to a service, for tests of how batches are cut."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fleetleak.records import Snapshot, encode
from fleetleak.stream import Record
from tests.processors.series import MIB, START

FORGET = 600.0
"""`forget_seconds` of the tests: a service looks for silent instances every 75 s."""
FUTURE = 300.0
CUTS = (1, 7, 100, 0)
"""Sizes of batches; 0 is all records at once."""
_GAPS = (0.0, 1.0, 5.0, 30.0, 74.0, 75.0, 80.0, 299.0, 300.0, 310.0, 599.0, 600.0, 601.0, 1300.0)
_LATE = (0.0, 1.0, 30.0, 300.0, 700.0)
_LONG = 1e6
_STARTS = (None, 0.0, 3.0, 10.0, 70.0, _LONG)


class Event(NamedTuple):
    """One record, relative to the record before it.

    Parameters
    ----------
    gap, late
        Seconds by which the stream moves on, and by which the snapshot is behind it.
    place
        The partition, the service and the instance.
    identity
        Which version, host or labels it has.
    started
        Seconds that the run is old; None where no start is given, `_LONG` if it began before the stream.
    counters
        Growth of the counters per second; -1 where they begin anew, None where they are not given.
    memory
        Which sizes are given.
    fault
        What is wrong with the record.
    """

    gap: float
    late: float
    place: tuple[int, str, str]
    identity: int
    started: float | None
    counters: int | None
    memory: int
    fault: int


_LEAKS = 10
_LEAK = Event(15.0, 0.0, (0, "s", "leak"), 0, _LONG, 1, _LEAKS, 0)


def events(*, changes: bool = True) -> st.SearchStrategy[Event]:
    """Return events; without `changes` an instance keeps its identity."""
    often, rare = st.just(0), st.integers(0, 30)
    return st.builds(
        Event,
        gap=st.sampled_from((0.0, 5.0, 30.0)) | st.sampled_from(_GAPS),
        late=st.just(0.0) | st.just(0.0) | st.sampled_from(_LATE),
        place=st.tuples(st.sampled_from([0, 0, 1]), st.sampled_from("ssst"), st.sampled_from("aabc")),
        identity=often | rare if changes else often,
        started=st.sampled_from(_STARTS),
        counters=st.sampled_from([0, 1, 1, 2, -1, None]),
        memory=st.integers(0, 9),
        fault=st.integers(0, 40),
    )


def random_records(seed: int, size: int, *, leak: bool = False) -> list[Record]:
    """Return the records of a long stream; with `leak`, one instance leaks, and no gap interrupts it."""
    rng = random.Random(seed)
    stream = []
    for at in range(size):
        if leak and at % 3:
            stream.append(_LEAK)
            continue
        rare = rng.random() < 0.03 and not leak
        event = Event(
            gap=rng.choice(_GAPS) if rare else rng.choice([0.0, 1.0, 5.0, 30.0]),
            late=rng.choice(_LATE) if rng.random() < 0.1 else 0.0,
            place=(rng.choice([0, 0, 1]), rng.choice("ssst"), rng.choice("aaabbc")),
            identity=rng.randint(0, 30) if rng.random() < 0.3 else 0,
            started=rng.choice(_STARTS) if rng.random() < 0.2 else _LONG,
            counters=rng.choice([0, 1, 2, -1, None]) if rng.random() < 0.2 else 1,
            memory=rng.randint(0, 9) if rng.random() < 0.5 else 9,
            fault=rng.randint(0, 100),
        )
        stream.append(event)
    return records(stream)


def records(stream: Sequence[Event], start: float = START) -> list[Record]:
    """Return the records of a stream."""
    made: list[Record] = []
    now, counted = start, 0.0
    for offset, event in enumerate(stream):
        now += event.gap
        counted = 0.0 if event.counters == -1 else counted + (event.counters or 0) * event.gap
        made.append(_record(event, offset, now, counted))
    return made


def _record(event: Event, offset: int, now: float, counted: float) -> Record:
    partition, service, instance = event.place
    time = max(0.0, now - event.late)
    began = START - _LONG if event.started == _LONG else time - (event.started or 0.0)
    snapshot = Snapshot(
        service=service,
        instance=instance,
        timestamp=time + (1000.0 if event.fault == 1 else 0.0),
        started=None if event.started is None else max(0.0, began),
        **_identity(event.identity),
        **({} if event.counters is None else _counters(counted)),
        **_memory(event.memory, offset),
    )
    value: bytes | None = encode(snapshot)
    key = b"other" if event.fault == 2 else service.encode()
    if event.fault in (3, 4):
        value = b"{" if event.fault == 3 else None
    return Record(partition, offset, key, value, now, now)


def _identity(number: int) -> dict[str, Any]:
    """Return one of 31 identities: one is usual; some differ in the labels or the host only."""
    if number == 0:
        return {"version": "1", "scope": "container"}
    scope = "container" if number % 5 else "process"
    forms: list[dict[str, Any]] = [
        {"version": f"{number % 4}", "scope": scope},
        {"version": "1", "scope": scope, "host": f"h{number}"},
        {"scope": scope, "labels": {"a": f"{number}", "b": "ü"}, "limit_name": f"limit-{number % 2}"},
    ]
    return forms[number % 3]


def _counters(counted: float) -> dict[str, Any]:
    return {"cpu_seconds": 0.3 * counted, "faults_minor": int(counted * 7), "pressure_some": 0.02 * counted}


def _memory(which: int, offset: int) -> dict[str, Any]:
    used = 300 * MIB + offset * (MIB if which == _LEAKS else 997)
    whole = {"used": used, "total": 2**34, "limit": 2**30, "limit_used": used}
    forms: list[dict[str, Any]] = [
        {},
        {"used": used},
        {"total": 2**34, "limit": 2**30},
        {"used": used, "total": 2**34},
        {**whole, "limit": 2**35},
        {**whole, "limit": 2**29, "available": MIB},
        {**whole, "anon": used, "swap_used": 5 * MIB, "file": 7, "oom_kills": 1},
    ]
    return forms[which] if which < len(forms) else whole
