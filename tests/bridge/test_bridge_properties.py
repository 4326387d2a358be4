"""Neither cuts of the input nor moves between processes nor the order within the wait change snapshots."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fleetleak.records import Decoder, Reading, Snapshot, encode
from fleetleak.stream import Key, Record
from producers.bridge.index import POINT_LABELS, USES
from tests.bridge.otlp import BEGIN, Point, message
from tests.bridge.readings import in_docker, joined, measured, on_node
from tests.bridge.support import SNAPSHOTS, WAIT, Bridge, assembler, decoded
from tests.stream.journal import Said, said
from tests.unit.strategies import REPEATABLE

# At the edges of what a field may have.
VALUES = st.sampled_from([0.0, 1.0, 1000.0, 2.0**59, 2.0**60])
COUNTS = st.integers(0, 3).map(float)
# Readings within the wait of each other, a minute apart, ten minutes, and more than a day.
STEPS = st.sampled_from([0.0, 0.0, 1.0, 10.0, 60.0, 700.0, 90_000.0])


def some(**fields: st.SearchStrategy[float]) -> st.SearchStrategy[dict[str, float]]:
    """Return some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def inside(time: float, part: str, held: float) -> Reading:
    """Return what the node is told of one instance."""
    return Reading(
        thing="host/node-a", part=part, says="inside", preset="inside", time=time, fields={"held": held}
    )


@st.composite
def readings(draw: st.DrawFn, time: float) -> Reading:
    """Return a reading of any kind."""
    kind = draw(
        st.sampled_from(["container", "container", "cadvisor", "joined", "named", "node", "docker", "inside"])
    )
    part = draw(st.sampled_from(["cart", "proxy"]))
    memory = {"working_set": VALUES, "anon": VALUES, "used": VALUES, "cpu_seconds": COUNTS}
    match kind:
        case "container":
            return measured(time, part, **draw(some(**memory, left=COUNTS, started=COUNTS)))
        case "cadvisor":
            made = measured(time, part, **draw(some(**memory, oom_kills=COUNTS)))
            made.preset = "cadvisor"
            return made
        case "joined":
            return joined(
                time, **draw(some(limit=st.sampled_from([1.0, 2.0]), restarts=COUNTS, oom_reason=COUNTS))
            )
        case "named":
            made = joined(time)
            made.says, made.preset, made.part = "named", "cadvisor", ""
            made.names = {"owner_kind": "ReplicaSet", "owner_name": draw(st.sampled_from(["a", "b"]))}
            return made
        case "node":
            return on_node(time, draw(VALUES), draw(VALUES))
        case "docker":
            return in_docker(time, **draw(some(anon=VALUES, limit=VALUES, restarts=COUNTS)))
    return inside(time, part, draw(VALUES))


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    """Return records of all kinds, appended one after the other; some are late, and some of the future."""
    clock, records = BEGIN, []
    for offset in range(draw(st.integers(1, 20))):
        clock += draw(STEPS)
        late = draw(st.sampled_from([0.0, 0.0, 5.0, 20.0, -200.0, -400.0]))
        reading = draw(readings(clock - late))
        records.append(Record(0, offset, reading.thing.encode(), encode(reading), clock, clock))
    # So that something is published.
    return [*records, _end(len(records), clock)]


def _end(offset: int, clock: float) -> Record:
    reading = inside(clock, "end", 0)
    return Record(0, offset, reading.thing.encode(), encode(reading), clock + 400, clock + 400)


def cut(records: Sequence[Record], sizes: Sequence[int], *, moves: bool) -> Said:
    """Return the outputs of records in batches of these sizes; it `moves` to another process between them."""
    role, outputs, keys, place = assembler(), [], sorted({Key(0, one.key or b"") for one in records}), 0
    for number in range(len(records)):
        batch = records[place : place + sizes[number % len(sizes)]]
        place += len(batch)
        outputs += role.apply(batch).outputs if batch else []
        if moves:
            other = assembler()
            for key, state in zip(keys, role.dump(keys), strict=True):
                if state is not None:
                    other.load(key, state)
            role = other
    return said(outputs)


SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=3)


@REPEATABLE
@given(streams(), SIZES, st.booleans())
def test_batches_of_any_size_and_moves_between_them_give_the_same(
    records: list[Record], sizes: list[int], moves: bool
) -> None:
    assert cut(records, sizes, moves=moves) == cut(records, [len(records)], moves=False)


_DECODE = Decoder(Snapshot).decode


@REPEATABLE
@given(streams())
def test_every_snapshot_is_one_that_roles_can_read(records: list[Record]) -> None:
    for output in assembler().apply(records).outputs:
        if output.topic == SNAPSHOTS:
            assert _DECODE(output.value).service.encode() == output.key


@st.composite
def disordered(draw: st.DrawFn) -> tuple[list[Reading], list[Reading]]:
    """Return what is measured by its times, and in an order in which nothing is later than the wait."""
    times = st.integers(0, 120).map(lambda seconds: BEGIN + seconds)
    every = st.fixed_dictionaries({"anon": VALUES}, optional={"cpu_seconds": COUNTS, "started": COUNTS})
    containers = st.tuples(times, st.sampled_from(["cart", "proxy"]), every)
    some_containers = st.lists(containers, min_size=1, max_size=12, unique_by=lambda one: one[:2])
    ordered = sorted(draw(some_containers), key=lambda one: one[:2])
    delays = [draw(st.floats(0, WAIT, exclude_max=True)) for _ in ordered]
    arrivals = sorted(range(len(ordered)), key=lambda number: ordered[number][0] + delays[number])
    made = [measured(time, part, **fields) for time, part, fields in ordered]
    return made, [made[number] for number in arrivals]


@REPEATABLE
@given(disordered())
def test_what_is_measured_may_come_in_any_order_within_the_wait(
    pair: tuple[list[Reading], list[Reading]],
) -> None:
    ordered, shuffled = (Bridge().tell(*every, at=BEGIN + 200) for every in pair)
    assert _sorted(shuffled) == _sorted(ordered)
    assert shuffled.left == ordered.left == {}
    assert len(ordered.snapshots) == len(pair[0])


def _sorted(bridge: Bridge) -> list[Snapshot]:
    return sorted(bridge.end(), key=lambda one: (one.timestamp, one.instance))


# Names of everything, and texts that few have thought of.
TEXTS = st.sampled_from(
    ["", "a", "/", "a b", "é" * 300, "\0", "\U0001f600" * 257, "\u2028", "latest", "sha256:"]
)
ATTRIBUTED = st.dictionaries(st.sampled_from(sorted(POINT_LABELS)), TEXTS | st.text(max_size=3), max_size=8)
MEASURED = st.tuples(st.sampled_from(sorted(USES)), st.sampled_from([0.0, 1.0, -1.0, 2.0**60]), ATTRIBUTED)


@REPEATABLE
@given(st.lists(st.tuples(ATTRIBUTED, st.lists(MEASURED, max_size=6)), max_size=3))
def test_any_names_make_records_that_roles_can_read(
    resources: list[tuple[dict[str, str], list[tuple[str, float, dict[str, str]]]]],
) -> None:
    every = [
        (own, [Point(name, value, BEGIN, of) for name, value, of in points]) for own, points in resources
    ]
    bridge = Bridge()
    for reading in decoded(message(({}, []), *every)).readings:
        bridge.tell(reading)
    bridge.end()
    assert bridge.rejected == []
