"""Sorting: from a polled batch of messages to the input and side records that are to be applied."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import groupby, repeat

from confluent_kafka import KafkaError, Message

from fleetleak.stream.errors import Aborted
from fleetleak.stream.messages import judge, record_of
from fleetleak.stream.partition import Partition
from fleetleak.stream.records import Records
from fleetleak.stream.role import Record


def sort(messages: list[Message], owned: Mapping[int, Partition], topic: str) -> tuple[Records, list[Record]]:
    """Return the input records and the side records of a batch, without those that were applied before.

    Parameters
    ----------
    topic
        The input topic.

    Raises
    ------
    Aborted
        If the consumer's position is gone: what is owned must be restored.
    """
    records, side = Records.empty(), []
    for place, run in _runs(_without_errors(messages, owned)):
        partition = owned.get(place[1])
        if partition is None or not partition.flowing:
            continue
        if place[0] == topic:
            _add(records, run, partition, topic)
        else:
            next_offset = partition.positions.side[place[0]]
            side += [record for record in map(record_of, run) if record.offset >= next_offset]
    return records, side


def _without_errors(messages: list[Message], owned: Mapping[int, Partition]) -> list[Message]:
    errors = [message.error() for message in messages]
    if all(error is None for error in errors):
        return messages
    for message, error in zip(messages, errors, strict=True):
        if error is not None:
            partition = owned.get(message.partition() or 0)
            _on_error(error, partition is not None and partition.flowing)
    return [message for message, error in zip(messages, errors, strict=True) if error is None]


def _runs(messages: list[Message]) -> Iterator[tuple[tuple[str, int], list[Message]]]:
    """Yield the stretches of one topic and partition."""
    places = [(message.topic() or "", message.partition() or 0) for message in messages]
    for place, stretch in groupby(range(len(messages)), places.__getitem__):
        at = list(stretch)
        yield place, messages[at[0] : at[-1] + 1]


def _add(records: Records, run: list[Message], partition: Partition, topic: str) -> None:
    offsets = [message.offset() or 0 for message in run]
    begin = bisect_left(offsets, partition.positions.input)
    run, offsets = run[begin:], offsets[begin:]
    appended = [message.timestamp()[1] / 1000 for message in run]
    records.partitions.extend(repeat(partition.number, len(run)))
    records.offsets.extend(offsets)
    records.keys.extend([message.key() for message in run])
    records.values.extend([message.value() for message in run])
    records.appended.extend(appended)
    records.clocks.extend(partition.positions.see(offsets, appended))
    records.topics.extend(repeat(topic, len(run)))


def _on_error(error: KafkaError, flowing: bool) -> None:
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        if not flowing:
            return
        # The position is gone: retention passed it, or the topic was recreated. The restore finds out which.
        raise Aborted(error.str())
    judge(error)
