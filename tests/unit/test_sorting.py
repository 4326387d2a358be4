"""Sorting a polled batch: against records made one by one, in random order and from random positions."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, Message
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetleak.stream.errors import Aborted
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.messages import record_of
from fleetleak.stream.partition import Partition
from fleetleak.stream.records import Records
from fleetleak.stream.role import Record, Topics
from fleetleak.stream.sorting import sort

TOPICS = Topics("in", "state", "letters", ("side",))
PLACES = st.tuples(st.sampled_from(["in", "side"]), st.integers(0, 3))


def message(topic: str, partition: int, offset: int, error: KafkaError | None = None) -> Message:
    return Message(
        topic=topic, partition=partition, offset=offset, key=b"k%d" % (offset % 3), value=b"v", error=error,
        timestamp=(1, 1000 * (offset * 7 % 5)),
    )  # fmt: skip


def owned(*live: int, position: int = 2) -> dict[int, Partition]:
    partitions = {number: Partition(number, FloodGate(100, 0.5), TOPICS) for number in range(3)}
    for number in live:
        partitions[number].positions.start("id", 3, {"in": position, "side": position})
        partitions[number].replay()
    return partitions


@given(st.lists(PLACES, max_size=40), st.integers(0, 5))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_batch_is_sorted_as_its_records_one_by_one(places: list[tuple[str, int]], position: int) -> None:
    offsets: dict[tuple[str, int], int] = {}
    messages = []
    for place in places:
        offsets[place] = offsets.get(place, -1) + 1
        messages.append(message(*place, offsets[place]))
    records, side = sort(messages, owned(0, 1, position=position), "in")
    wanted = [r for r in map(record_of, messages) if r.partition < 2 and r.offset >= position]
    assert side == [r for r in wanted if r.topic == "side"]
    clocks: dict[int, float] = {}
    inputs: list[Record] = []
    for record in (r for r in wanted if r.topic == "in"):
        record.clock = clocks[record.partition] = max(clocks.get(record.partition, 0.0), record.appended)
        inputs.append(record)
    assert list(records) == inputs
    assert list(Records.of(inputs)) == inputs
    assert [records[at] for at in range(len(records))] == inputs
    assert list(records[1:3]) == inputs[1:3]


def test_a_lost_position_aborts_only_a_partition_that_flows() -> None:
    gone = message("in", 0, 5, KafkaError(KafkaError._AUTO_OFFSET_RESET))
    assert len(sort([gone, message("in", 1, 5)], owned(1), "in")[0]) == 1
    with pytest.raises(Aborted):
        sort([gone], owned(0), "in")
