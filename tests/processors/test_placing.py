"""Placing in columns does what its definition does record by record, however records are cut into batches."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.observe import metrics
from fleetleak.stream import Applied, Key, Record, Rejected
from fleetleak.stream.records import Records
from processors import kernels
from processors.decode.decoder import SnapshotDecoder
from processors.decode.row import FLOATS, INTS
from processors.decode.sizes import Sizes, limit_name
from processors.place.placed import Placed
from processors.place.placing import Placing
from processors.place.services import Services
from tests.processors.front import Front
from tests.processors.odd_streams import CUTS, FORGET, FUTURE, Event, events, random_records, records
from tests.processors.placing_reference import Admitted, Instance, Reference
from tests.processors.series import MIB, START, pieces, record, role, snapshot
from tests.unit.strategies import REPEATABLE


class Placer(Front):
    """Decodes and places, and notes what was admitted."""

    def __init__(self) -> None:
        super().__init__(FORGET)
        self.admitted: list[Admitted] = []

    def take(self, batch: Sequence[Record]) -> None:
        """Place a batch of records."""
        for placed in self.place(batch):
            self.admitted += _admitted(self.services, placed)

    @property
    def late(self) -> Counter[str]:
        """How many records were late or duplicates."""
        counts = self.applied.counts
        return Counter(
            {why: counts[metrics.LATE, why] for why in ("late", "duplicate") if counts[metrics.LATE, why]}
        )

    @property
    def memory(self) -> dict[Key, tuple[Any, ...]]:
        """What is in memory of each service."""
        times = self.services.times
        return {
            key: (
                times.begun.item(one.row), times.newest.item(one.row), times.pruned.item(one.row),
                [(name, self._instance(row)) for name, row in one.instances.items()],
            )
            for key, one in self.services.in_memory.items()
        }  # fmt: skip

    def _instance(self, row: int) -> Instance:
        one = self.services.instances
        counters = (one.started, one.cpu_seconds, one.pressure)
        started, cpu_seconds, pressure = (or_none(column.item(row)) for column in counters)
        faults = one.faults.item(row)
        limit, unit = one.limit.item(row), one.unit.item(row)
        return Instance(
            one.time.item(row), started, cpu_seconds, None if faults < 0 else faults, pressure, limit, unit
        )


def _admitted(services: Services, placed: Placed) -> list[Admitted]:
    """Return placed snapshots as the reference has them."""
    keys = {one.row: key for key, one in services.in_memory.items()}
    names = {row: name for one in services.in_memory.values() for name, row in one.instances.items()}
    met, size, snapshots = services.identities, placed.sizes, placed.snapshots
    admitted = []
    for at, one in enumerate(snapshots.records):
        number, key = placed.identities.item(at), keys[placed.services.item(at)]
        assert (one.partition, one.key) == key
        assert met.instance_name(number) == names[placed.instances.item(at)]
        admitted.append(
            Admitted(
                one.offset,
                key,
                texts=met.names[number],
                numbers={name: or_none(snapshots.real(name).item(at)) for name in FLOATS}
                | {name: or_none(snapshots.whole(name).item(at)) for name in INTS},
                sizes=_sizes(size, at, met.limit_name(number)),
                gap=placed.gap.item(at),
                restarted=placed.restarted.item(at),
                unit=placed.units.item(at) if size.known.item(at) else None,
                load=or_none(placed.load.item(at)),
                faults=or_none(placed.faults.item(at)),
                stalled=placed.stalled.item(at),
            )
        )
    return admitted


def _sizes(size: Sizes, at: int, own: str | None) -> tuple[int, int, int, int, str] | None:
    memory, limit, used, left, name = (
        column.item(at) for column in (size.memory, size.limit, size.used, size.left, size.name)
    )
    return (memory, limit, used, left, limit_name(name, own)) if size.known.item(at) else None


def or_none(number: float) -> float | None:
    """Return a number of a column as the reference has it."""
    return None if number != number or number == -1 else number


def placed(stream: Sequence[Record], size: int) -> Placer:
    """Place a stream in batches of a size; 0 is all at once."""
    placer = Placer()
    for batch in pieces(stream, itertools.repeat(size or len(stream))):
        placer.take(batch)
    return placer


def defined(stream: Sequence[Record]) -> Reference:
    return Reference(FORGET, FUTURE).take(stream)


def assert_as_defined(stream: Sequence[Record], wanted: Reference, size: int) -> None:
    placer = placed(stream, size)
    assert placer.rejected == wanted.rejected
    assert placer.late == wanted.late
    for one, other in itertools.zip_longest(placer.admitted, wanted.admitted):
        assert one == other
    assert placer.memory == memory_of(wanted)
    instances = sum(len(service.instances) for service in wanted.services.values())
    assert placer.services.instances_in_memory == instances


def memory_of(reference: Reference) -> dict[Key, Any]:
    return {
        key: (one.begun, one.newest, one.pruned, list(one.instances.items()))
        for key, one in reference.services.items()
    }


@given(st.lists(events(), max_size=50), st.sampled_from([START, START, 0.0]))
@REPEATABLE
def test_any_stream_is_placed_as_defined(stream: list[Event], start: float) -> None:
    made = records(stream, start)
    wanted = defined(made)
    for size in CUTS:
        assert_as_defined(made, wanted, size)


@given(st.lists(events(changes=False), max_size=50), st.integers(1, 50))
@REPEATABLE
def test_any_cut_is_placed_as_defined(stream: list[Event], size: int) -> None:
    made = records(stream)
    assert_as_defined(made, defined(made), size)


@pytest.fixture(scope="module", params=range(4))
def long_stream(request: pytest.FixtureRequest) -> list[Record]:
    return random_records(request.param, 1500)


@pytest.mark.parametrize("size", CUTS)
@pytest.mark.parametrize("with_kernels", [True, False])
def test_a_long_stream_is_placed_as_defined(long_stream: list[Record], size: int, with_kernels: bool) -> None:
    wanted = defined(long_stream)
    with nullcontext() if with_kernels else kernels.without():
        assert_as_defined(long_stream, wanted, size)


def test_long_streams_have_everything_that_happens(long_stream: list[Record]) -> None:
    whole = defined(long_stream)
    assert min(whole.late["late"], whole.late["duplicate"], whole.pruned) > 20
    assert {one.reason for one in whole.rejected} == {"wrong-key", "future", "malformed", "empty"}
    admitted = whole.admitted
    assert sum(one.restarted for one in admitted) > 20
    assert 50 < sum(one.sizes is None for one in admitted) < len(admitted) / 2
    assert {one.sizes[4] for one in admitted if one.sizes} >= {"limit", "total", "host_available", "limit-1"}
    assert len({(one.texts[1], one.texts) for one in admitted if one.key == (0, b"s")}) > 3 * 16
    assert {one.key for one in admitted} == {(0, b"s"), (1, b"s"), (0, b"t"), (1, b"t")}
    for rates in ([one.load for one in admitted], [one.faults for one in admitted]):
        assert (
            min(sum(rate is None for rate in rates), sum(rate is not None and rate > 0 for rate in rates))
            > 50
        )
    units = [one.unit == one.sizes[1] for one in admitted if one.sizes]
    assert 20 < sum(units) < len(units) - 20
    assert {one.stalled for one in admitted} > {0.0}


# What was once placed otherwise.


def test_a_batch_without_a_readable_record_is_placed() -> None:
    bad = Record(0, 0, b"s", b"{", START)
    for size in (1, 2):
        placer = placed([bad] * size, 0)
        assert (placer.admitted, len(placer.rejected), placer.memory) == ([], size, {})
    applied = role().apply([bad])
    assert (applied.outputs, [one.reason for one in applied.rejected]) == ([], ["malformed"])


def test_an_instance_that_was_pruned_comes_before_those_met_after_it() -> None:
    """`x` is pruned by the third record, and met again before `y` is met."""
    ticks = [(0, "x"), (1, "a"), (25, "a"), (26, "x"), (27, "y")]
    stream = [record(snapshot("s", tick, MIB, instance=name), at) for at, (tick, name) in enumerate(ticks)]
    for size in CUTS:
        assert list(placed(stream, size).services.in_memory[Key(0, b"s")].instances) == ["a", "x", "y"]


def test_the_first_record_that_needs_new_rows_may_be_of_a_new_instance() -> None:
    ticks = [(0, "x"), (1, "a"), (25, "b"), (26, "b")]
    stream = [record(snapshot("s", tick, MIB, instance=name), at) for at, (tick, name) in enumerate(ticks)]
    for size in CUTS:
        assert_as_defined(stream, defined(stream), size)


@pytest.mark.parametrize("others", [(), ("y",)])
def test_an_instance_that_was_silent_begins_anew_also_where_it_is_not_pruned(others: Sequence[str]) -> None:
    """The service looks for silent instances 30 s before `x` comes back."""
    ticks = [
        (0, "x"),
        *((tick, "a") for tick in range(2, 21, 3)),
        *((21, one) for one in others),
        (21, "x"),
        (22, "x"),
    ]
    stream = [
        record(snapshot("s", tick, MIB, instance=name, limit=MIB * (2 + tick)), at)
        for at, (tick, name) in enumerate(ticks)
    ]
    wanted = defined(stream)
    assert (wanted.forgotten, wanted.pruned) == (1, 0)
    for size in (*CUTS, 8, 9):
        assert_as_defined(stream, wanted, size)


def test_an_instance_of_many_identities_keeps_one_row() -> None:
    stream = [
        record(snapshot("s", tick, MIB, instance="i", version=f"{tick % 40}"), tick) for tick in range(200)
    ]
    for size in (1, 7, 50, 0):
        placer = placed(stream, size)
        assert placer.services.instances_in_memory == 1
        placer.services.identities.trim()
        assert sum(map(bool, placer.services.identities.names)) == 16
        assert [one.texts[5] for one in placer.admitted] == [f"{tick % 40}" for tick in range(200)]
        assert placer.admitted == defined(stream).admitted


# The whole role.


def outcome(stream: Sequence[Record], size: int) -> tuple[Any, ...]:
    """Return everything that the scoring role makes of a stream in batches of a size."""
    scoring = role(forget_seconds=FORGET)
    outputs: list[Any] = []
    rejected: list[Rejected] = []
    counts: Counter[Any] = Counter()
    for batch in pieces(stream, itertools.repeat(size or len(stream))):
        applied = scoring.apply(batch)
        outputs += [(one.key, one.value, one.partition) for one in applied.outputs]
        rejected += applied.rejected
        counts += applied.counts
    keys = sorted({Key(one.partition, one.key or b"") for one in stream})
    return outputs, rejected, counts, scoring.dump(keys)


@pytest.fixture(scope="module")
def leaking() -> tuple[list[Record], tuple[Any, ...]]:
    """A stream of everything with a leak in it, and what the role makes of it record by record."""
    stream = random_records(1, 500, leak=True)
    return stream, outcome(stream, 1)


def test_the_stream_has_a_leak(leaking: tuple[list[Record], tuple[Any, ...]]) -> None:
    _, (outputs, rejected, counts, _) = leaking
    assert sum(b'"siblings":' in value for _, value, _ in outputs) > 10
    assert rejected
    assert counts[metrics.RESTARTS,] > 5


@pytest.mark.parametrize(
    ("size", "with_kernels"), [(7, True), (100, True), (0, True), (7, False), (0, False)]
)
def test_the_role_is_the_same_in_all_cuts(
    leaking: tuple[list[Record], tuple[Any, ...]], size: int, with_kernels: bool
) -> None:
    stream, wanted = leaking
    with nullcontext() if with_kernels else kernels.without():
        made = outcome(stream, size)
    for one, other in zip(made, wanted, strict=True):
        assert one == other


def test_a_fleet_that_comes_back_after_a_long_silence_is_placed_at_once() -> None:
    services = Services({}, {}, 1e12, FORGET)
    decoder, placing = SnapshotDecoder(services.identities, FUTURE), Placing(services)
    silence = int(2 * FORGET / 30)
    for tick in (0, 1, 2 + silence):
        batch = [record(snapshot(f"s{n}", tick, MIB, cpu_seconds=float(tick)), n) for n in range(50)]
        placed, rest = placing.place(decoder.decode(Records.of(batch), []), Applied())
        assert (len(placed), len(rest)) == (50, 0)
    assert (placed.load != placed.load).all(), "every instance starts new: its rates are not known"
