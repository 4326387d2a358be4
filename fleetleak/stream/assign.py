"""Assignment in two steps: partitions are held until it is known where each begins, then they flow."""

from __future__ import annotations

from confluent_kafka import Consumer, TopicPartition


def hold(consumer: Consumer, partitions: list[TopicPartition], incremental: bool) -> None:
    """Assign partitions, paused: nothing of them is delivered before `flow`.

    Parameters
    ----------
    incremental
        Whether partitions are assigned one by one (KIP-848).
    """
    # At any offset: what is fetched from there is outdated once they flow, and librdkafka drops it.
    anywhere = [TopicPartition(p.topic, p.partition, 0) for p in partitions]
    (consumer.incremental_assign if incremental else consumer.assign)(anywhere)
    consumer.pause(anywhere)


def flow(consumer: Consumer, places: list[TopicPartition], incremental: bool) -> None:
    """Let held partitions flow from these offsets.

    With the classic protocol `places` are all that are assigned. They are assigned again, not sought:
    librdkafka refuses a `seek` if the position is out of range or the assignment is not complete, and loses
    one that crosses an answer about the old position.
    """
    # First: librdkafka starts the new assignment in its own thread, after the call, and loses a `resume`
    # that it gets meanwhile (#5591). The partition would stay paused for good.
    consumer.resume(places)
    if incremental:
        consumer.incremental_unassign(places)
        consumer.incremental_assign(places)
    else:
        consumer.assign(places)
